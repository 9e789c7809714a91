"""The learner: small monotone trees over one matrix, fitted to all of it or window by window."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.boosting import lightgbm as lgb
from models.columns import Column, Matrix
from models.falls import falls
from models.folds import Fold, Folds

Numbers = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

FIXED: Final[dict[str, Any]] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "bagging_freq": 1,
    "deterministic": True,
    # The same trees as by rows, to the last digit, for less than half of the CPU (60,000 rows, 300 filled columns).
    "force_col_wise": True,
    "verbosity": -1,
}
STRICT: Final[dict[str, Any]] = {"monotone_constraints_method": "basic"}
FEWEST_TREES: Final = 20
PEER_MINUTES: Final = 5  # without a word from a peer that has begun, until it is given up
# What a model's text tells of the machines that it was learned on.
_PLACES: Final = re.compile(r"^\[(machines|local_listen_port|time_out): .*\]\n", re.MULTILINE)


@dataclass(frozen=True)
class TrainSettings:
    """Chosen on three made-up countries (8,400 reviewed rows x 390 columns each; precision at capacity 1.45 times the
    best general rule's, mean of three seeds) and by cross-validation on real card arrears (7,500 people, ROC-AUC 0.77).
    Flat around these values on both. The mean of three seeds' models gained nothing."""

    trees: int = 200  # at most; the judged rounds choose
    leaves: int = 16
    depth: int = 5
    learning_rate: float = 0.05
    gap_days: int = 60
    min_positives: int = 50
    # 10,000 rows keep one core busy for a second; two threads on a busy 2-core machine took 40, waiting for each other.
    # The bytes are the same for any number.
    threads: int = 1
    leaf_rows: int = 40  # at least so many households in a leaf
    column_share: float = 0.3  # of the columns, drawn for each tree
    row_share: float = 0.8
    ridge: float = 10.0


def settings_of(parameters: Mapping[str, Any]) -> TrainSettings:
    """The recipe as a passport tells it. What a passport of an older version does not tell has its usual value."""
    return TrainSettings(**{f.name: parameters[f.name] for f in fields(TrainSettings) if f.name in parameters})


@dataclass(frozen=True)
class Peers:
    """Learners that grow one model together, each over a part of the rows: the sums over its part go to the others."""

    machines: tuple[str, ...]  # ip:port of each, in the order of the parts
    port: int  # of this one

    def parameters(self) -> dict[str, Any]:
        return {
            "tree_learner": "data",
            "pre_partition": True,
            "machines": ",".join(self.machines),
            "num_machines": len(self.machines),
            "local_listen_port": self.port,
            "time_out": PEER_MINUTES,
            # A column that few rows of one part fill may be filled by enough of all rows.
            "feature_pre_filter": False,
            # LightGBM's learners know no other together: no learner has the sums of all columns.
            **STRICT,
        }


@dataclass(frozen=True)
class Learner:
    values: Matrix
    label: Labels
    columns: tuple[Column, ...]
    settings: TrainSettings
    seed: int

    def parameters(self) -> dict[str, Any]:
        told = self.settings
        return {
            **FIXED,
            "num_leaves": told.leaves,
            "max_depth": told.depth,
            "learning_rate": told.learning_rate,
            "min_data_in_leaf": told.leaf_rows,
            "feature_fraction": told.column_share,
            "bagging_fraction": told.row_share,
            "lambda_l2": told.ridge,
            "num_threads": told.threads,
            "seed": self.seed,
            "monotone_constraints": [c.monotone for c in self.columns],
            # "basic" forbids good splits below a constrained one; "advanced" costs twice the time for the same ranking.
            "monotone_constraints_method": "intermediate",
        }

    def dataset(self, rows: npt.NDArray[np.int64] | slice, reference: Any = None) -> Any:
        names = [c.name for c in self.columns]
        return lgb.Dataset(self.values[rows], self.label[rows], feature_name=names, reference=reference)

    def fit(self, trees: int, rows: npt.NDArray[np.int64] | slice = slice(None)) -> Any:
        """Where LightGBM let a tree fall, all are grown anew the strict way."""
        booster = lgb.train(self.parameters(), self.dataset(rows), trees)
        if not falls(booster, [c.monotone for c in self.columns]):
            return booster
        return lgb.train(self.parameters() | STRICT, self.dataset(rows), trees)

    def fit_with(self, peers: Peers, trees: int) -> str:
        """The model's text, the same from every peer. LightGBMError: a peer was lost."""
        booster = lgb.train(self.parameters() | peers.parameters(), self.dataset(slice(None)), trees)
        try:
            return _PLACES.sub("", booster.model_to_string(num_iteration=trees))
        finally:
            booster.free_network()

    def fit_and_judge(self, fold: Fold) -> tuple[Any, Numbers]:
        """The booster, and its mean loss on the judged rows after each tree."""
        told: dict[str, dict[str, list[float]]] = {}
        train = self.dataset(fold.train)
        booster = lgb.train(
            self.parameters(), train, self.settings.trees,
            valid_sets=[self.dataset(fold.test, train)], valid_names=["judged"],
            callbacks=[lgb.record_evaluation(told)],
        )  # fmt: skip
        return booster, np.array(told["judged"]["binary_logloss"])


def try_out(learner: Learner, folds: Folds) -> tuple[int, Numbers]:
    """Number of trees with the least loss over all judged rows, and each row's margin from a model that had not seen it
    (NaN: never judged)."""
    tried = [(fold, *learner.fit_and_judge(fold)) for fold in folds.folds]
    loss = np.sum([curve * len(fold.test) for fold, _, curve in tried], axis=0)
    trees = max(int(loss.argmin()) + 1, min(FEWEST_TREES, learner.settings.trees))
    margin = np.full(len(learner.label), np.nan)
    for fold, booster, _ in tried:
        margin[fold.test] = booster.predict(learner.values[fold.test], raw_score=True, num_iteration=trees)
    return trees, margin
