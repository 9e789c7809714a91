"""One model learned here, and in two parts by two workers: as good on households that neither saw, and as monotone.

Every seed draws other rows and columns for each tree. The number of trees and the calibration come from here, as they
do in a training. Then workers are killed while they learn, and a whole training goes through gate and report.
"""

import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.cluster_parts import Cluster
from features import feature_list
from flows import boosting
from flows.desk import Desk
from flows.parts import Parts
from flows.retrain import build_matrix, learn
from flows.run import Run
from models import calibration
from models.bundle import public_key_of, read_passport, unpack
from models.columns import columns_of, matrix_of, without_extremes
from models.evaluate import average_precision, roc_auc
from models.folds import hashed
from models.learner import Learner
from models.model import Model, read_model
from models.monotone import violations
from models.train import Fitted, TrainSettings, fit
from signals.catalogue import SIGNALS
from store import models
from store.shuffle import Shuffle

PAIRS: Final = 20_000
QUARTERS: Final = 4
KILLS: Final = 4
LONG: Final = 600  # trees, so that a worker can be killed over them
# Of the means over the seeds.
WORST: Final = {"roc_auc": 0.01, "average_precision": 0.02, "calibration_error": 0.01}


@dataclass(frozen=True)
class Quality:
    """On households held out."""

    roc_auc: float
    average_precision: float
    calibration_error: float
    violations: int


def train_whole(desk: Desk, run: Run) -> list[str]:
    """A training as it is ordered, but in two parts; returns what is wrong."""
    told = learn(desk, run)
    stored = models.find(desk.engine, told.model)
    assert stored is not None
    key = public_key_of(desk.keys.sign)
    files = models.load_files(desk.work / "models", stored)
    unpack(files, key, feature_list(SIGNALS))
    training = read_passport(files, key)["training"]
    print(f"a whole training, {told.rows} rows: {training['boosted']}; gate: {told.is_deployed}, {told.why}")
    wrong = [] if training["boosted"]["parts"] == 2 else ["the training was not in two parts"]
    if training["violations"]["found"]:
        wrong.append(f"a whole training: {training['violations']}")
    if Shuffle(f"{desk.scratch}/training").clear():
        wrong.append("rows were left in scratch")
    return wrong


@dataclass(frozen=True)
class Pair:
    here: Quality
    together: Quality
    wrong: list[str]


def compare(desk: Desk, night: date, seeds: int, cluster: Cluster) -> list[str]:
    """Prints what it finds; returns what is wrong."""
    rows = build_matrix(desk, night)
    pairs = [_one_seed(desk, rows, seed) for seed in range(seeds)]
    return [*(line for pair in pairs for line in pair.wrong), *_apart(pairs), *_killed(desk, rows, cluster)]


def _parts(desk: Desk, rows: pl.DataFrame) -> Parts:
    """Two, of all rounds."""
    halves = desk.settings.model.model_copy(update={"rows_per_part": -(-rows.height // 2)})
    parts = Parts(replace(desk, settings=desk.settings.model_copy(update={"model": halves})), rows.height)
    Shuffle(parts.place).clear()
    for part in rows.partition_by("selected_on", maintain_order=True):
        parts.keep(part)
    return parts


def _one_seed(desk: Desk, rows: pl.DataFrame, seed: int) -> Pair:
    """Every seed holds other households out."""
    held_out = pl.Series(hashed(rows["household_key"].to_numpy(), QUARTERS) == seed % QUARTERS)
    rows, asked = rows.filter(~held_out), rows.filter(held_out)
    parts = _parts(desk, rows)
    fitted = fit(rows, feature_list(SIGNALS), TrainSettings(), seed)
    text = parts.boosted().fit(fitted.learner, fitted.trees)
    columns, chances = fitted.model.columns, fitted.model.calibration
    together = read_model("new", without_extremes(text), columns, chances)
    here, there = _quality(fitted.model, asked), _quality(together, asked)
    for name, told in (("here", here), ("two parts", there)):
        about = f"seed {seed}, {fitted.trees} trees of {rows.height} rows, {asked.height} held out"
        print(f"{about}, {name:>9}: {asdict(told)}", flush=True)
    return Pair(here, there, [*_wrong(fitted, text, rows.height), *_not_monotone(there)])


def _quality(model: Model, asked: pl.DataFrame) -> Quality:
    values, label = matrix_of(asked, model.columns), asked["label"].cast(pl.Int64).to_numpy()
    margin, needs = model.margin(values), label.astype(np.float64)
    error = calibration.expected_error(calibration.table(model.calibration.probability(margin), label))
    found = violations(model, values, PAIRS, np.random.default_rng(1))
    return Quality(round(roc_auc(needs, margin), 4), round(average_precision(needs, margin), 4), round(error, 4), found)


def _wrong(fitted: Fitted, text: str, rows: int) -> list[str]:
    """What the model's text tells against: every row was drawn from, and the recipe is the one of here."""
    roots = [int(n) for n in re.findall(r"^internal_count=(\d+)", text, re.MULTILINE)]
    drawn, wanted = sum(roots) / len(roots), fitted.learner.settings.row_share * rows
    wrong = [] if abs(drawn / wanted - 1) < 0.01 else [f"trees saw {drawn:.0f} rows, not {wanted:.0f}"]
    told, ours = _recipe(text), _recipe(fitted.text)
    others = {name for name in told | ours if told.get(name) != ours.get(name)}
    return wrong + [f"{name} is {told.get(name)}, here {ours.get(name)}" for name in sorted(others - EXPECTED)]


# What growing together changes (models.learner.Peers).
EXPECTED: Final = {"tree_learner", "monotone_constraints_method", "feature_pre_filter", "pre_partition", "num_machines",
                   "machines", "local_listen_port", "time_out"}  # fmt: skip


def _recipe(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\[(\w+): (.*)\]$", text, re.MULTILINE))


def _not_monotone(told: Quality) -> list[str]:
    return [f"{told.violations} of {PAIRS} pairs are not monotone"] if told.violations else []


def _apart(told: list[Pair]) -> list[str]:
    wrong = []
    for name, worst in WORST.items():
        here, there = np.array([(getattr(pair.here, name), getattr(pair.together, name)) for pair in told]).T
        apart = float(there.mean() - here.mean())
        spread = f"{here.mean():.4f} (seeds {here.min():.4f} to {here.max():.4f})"
        print(f"{name}: here {spread}, two parts {there.mean():.4f}, apart {apart:+.4f}, bound {worst}", flush=True)
        if (apart if name == "calibration_error" else -apart) > worst:
            wrong.append(f"{name} is worse by {abs(apart):.4f}")
    return wrong


def _killed(desk: Desk, rows: pl.DataFrame, cluster: Cluster) -> list[str]:
    """A worker dies (SIGKILL) while both learn: the model is the one of an undisturbed training, to the byte."""
    parts, columns, draw = _parts(desk, rows), columns_of(feature_list(SIGNALS)), random.Random(1)
    learner = Learner(matrix_of(rows[:1], columns), np.zeros(1, np.int64), columns, TrainSettings(), 7)
    whole = parts.boosted().fit(learner, LONG)
    wrong = []
    for number in range(KILLS):
        which, with_nanny, after = draw.randrange(2), number % 2 == 1, draw.uniform(0.1, 1.5)
        with _as_learning_begins(after, partial(_kill, cluster, which, with_nanny)) as attempts:
            same = parts.boosted().fit(learner, LONG) == whole
        told = f"worker {which} killed after {after:.1f} s of learning{', with its nanny' if with_nanny else ''}"
        print(f"{told}: {len(attempts)} attempts, {'the same model' if same else 'ANOTHER MODEL'}", flush=True)
        if not same or len(attempts) < 2:
            wrong.append(f"{told}: {len(attempts)} attempts, the same model: {same}")
    return wrong


def _kill(cluster: Cluster, which: int, with_nanny: bool) -> None:
    cluster.kill(which, with_nanny)
    cluster.mend()


@contextmanager
def _as_learning_begins(after: float, then: Callable[[], None]) -> Iterator[list[int]]:
    """Yields a list that grows with each attempt; `then` follows the first."""
    real, attempts = boosting._spots, list[int]()

    def spots(*told: Any) -> Any:
        found = real(*told)
        attempts.append(len(found))
        if len(attempts) == 1:
            killer.start()
        return found

    killer = threading.Timer(after, then)
    setattr(boosting, "_spots", spots)  # noqa: B010  mypy keeps functions from being replaced
    try:
        yield attempts
    finally:
        setattr(boosting, "_spots", real)  # noqa: B010
        killer.join()
