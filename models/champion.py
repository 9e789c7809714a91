"""The deployed model on the challenger's windows, so that both are judged by what neither had seen.

Rounds newer than the last one the champion learned from: the champion itself, as deployed. It is older there than the
challenger's models, and that is the question: would offices have found more with the newer one? If there are too few
such rows, it has seen what the challenger is judged on; then its recipe is fitted again, window by window, to the rows
the challenger's models learned from, and the recipes are compared. The same recipe is the same model with fewer
answers: nothing speaks against the newer one, and there is nothing to measure.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from models.bundle import read_passport, unpack
from models.columns import columns_of, matrix_of
from models.errors import ModelRefused
from models.evidence import Bundle, Case
from models.folds import split
from models.gate_texts import Said, say
from models.learner import Learner, Numbers, TrainSettings, settings_of, try_out
from models.model import Model
from models.pushes import Engine

# Fewer rows, or needs among them, of newer rounds cannot tell two orders apart.
FEWEST_ROWS: Final = 300
FEWEST_NEEDS: Final = 30


@dataclass(frozen=True)
class Compared:
    how: Said
    rows: npt.NDArray[np.bool_]  # of the judged rows: which are compared
    margin: Numbers  # the champion's, NaN elsewhere
    work: int | None  # what explaining it costs; None: it cannot read today's features


def champion_on(champion: Bundle, case: Case, judged: pl.DataFrame, rows: pl.DataFrame) -> Compared | None:
    """`judged`, `rows`: margins and features of the same households, in one order. None: its files do not hold."""
    try:
        passport = read_passport(champion.files, champion.public_key)
    except ModelRefused:
        return None
    model = _readable(champion, case)
    work = None if model is None else work_of(model)
    newest = max(date.fromisoformat(told["selected_on"]) for told in passport["training"]["rounds"])
    is_newer = judged.select(pl.col("selected_on") > newest).to_series().to_numpy()
    if model is not None and _suffice(judged.get_column("label").to_numpy()[is_newer]):
        margin = np.full(judged.height, np.nan)
        margin[is_newer] = model.margin(matrix_of(rows.filter(pl.Series(is_newer)), model.columns))
        days = judged.filter(pl.Series(is_newer)).get_column("selected_on").n_unique()
        return Compared(say("deployed", days=days, newest=newest), is_newer, margin, work)
    why = say("no_newer_round" if model is not None else "other_columns")
    recipe = settings_of(passport["training"]["parameters"]), int(passport["training"]["seed"])
    if model is not None and recipe == case.recipe:
        own = judged.get_column("margin").to_numpy()
        return Compared(say("same_recipe", why=why), np.ones(judged.height, dtype=np.bool_), own, work)
    margin = _again(*recipe, case, judged)
    return Compared(say("fitted_again", why=why), np.isfinite(margin), margin, work)


def work_of(model: Model) -> int:
    return Engine(model.booster, range(len(model.columns))).work


def _readable(champion: Bundle, case: Case) -> Model | None:
    try:
        return unpack(champion.files, champion.public_key, case.features)
    except ModelRefused:
        return None


def _suffice(label: npt.NDArray[np.int64]) -> bool:
    needs = int(label.sum())
    return len(label) >= FEWEST_ROWS and min(needs, len(label) - needs) >= FEWEST_NEEDS


def _again(settings: TrainSettings, seed: int, case: Case, judged: pl.DataFrame) -> Numbers:
    rows = case.rows.sort("selected_on", "household_key")
    columns, label = columns_of(case.features), rows.get_column("label").cast(pl.Int64).to_numpy()
    learner = Learner(matrix_of(rows, columns), label, columns, settings, seed)
    _, margin = try_out(learner, split(rows, case.recipe[0].gap_days))
    told = rows.select("household_key", "selected_on").with_columns(theirs=margin)
    joined = judged.join(told, on=["household_key", "selected_on"], how="left", maintain_order="left")
    return joined.get_column("theirs").fill_null(np.nan).to_numpy()
