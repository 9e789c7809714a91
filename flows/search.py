"""A search for a better recipe, for as many minutes as somebody is willing to wait; resumed when stopped."""

import hashlib
import time
from dataclasses import asdict

import polars as pl
from rich.console import Console

from features import feature_list
from flows.desk import Desk
from flows.run import code_digest
from models.columns import columns_of, matrix_of
from models.folds import split
from models.labels import features_digest, label_digest
from models.learner import Learner, TrainSettings
from models.search import new_study, search
from signals.catalogue import SIGNALS
from store.studies import open_studies


def lines_of(usual: TrainSettings, found: TrainSettings) -> tuple[str, ...]:
    """What to write under `model` in config.yaml for later trainings to use the recipe; nothing: it is the usual."""
    before = asdict(usual)
    return tuple(f"  {name}: {value:.6g}" for name, value in asdict(found).items() if value != before[name])


def search_recipe(desk: Desk, matrix: pl.DataFrame, usual: TrainSettings, minutes: float) -> TrainSettings:
    """The best recipe found. The same rows, columns, definitions and code go on where they stopped."""
    rows = matrix.sort("selected_on", "household_key")
    features = feature_list(SIGNALS)
    columns, label = columns_of(features), rows.get_column("label").cast(pl.Int64).to_numpy()
    learner = Learner(matrix_of(rows, columns), label, columns, usual, desk.settings.model.seed)
    data = hashlib.sha256(learner.values.tobytes() + label.tobytes()).hexdigest()[:16]
    name = "-".join((code_digest()[:12], features_digest(features), label_digest(), data))
    study = new_study(learner.seed, open_studies(desk.work / "models"), name)
    ends = time.monotonic() + 60 * minutes
    with Console(stderr=True).status(f"Searching for {minutes:g} minutes") as status:

        def tell(done: int, newest: float, best: float) -> None:
            left = max(0.0, ends - time.monotonic()) / 60
            told = f"recipe {done}: average precision {newest:.4f}, best so far {best:.4f}"
            status.update(f"{told}; {left:.1f} minutes left")

        return search(learner, split(rows, usual.gap_days), study, lambda: time.monotonic() < ends, tell)
