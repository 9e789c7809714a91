"""Other learners on the same windows: what a statistician and what an unconfigured LightGBM would have reached."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.boosting import lightgbm as lgb
from models.columns import Matrix
from models.folds import Folds
from models.learner import Labels, Learner, Numbers

# The newest rows of a window: more change a yardstick by less than its interval, and cost as much as the model itself.
MOST_ROWS: Final = 20_000
BARE_TREES: Final = 100
SHRINKAGE: Final = 0.05  # scikit-learn's C on standardised columns
CLIP: Final = 5.0  # standard deviations; amounts have long tails


@dataclass(frozen=True)
class Contender:
    code: str
    name_ko: str
    fit: Callable[[Matrix, Labels, int, int], Callable[[Matrix], Numbers]]  # rows, labels, seed, threads -> scorer


def judge_contenders(learner: Learner, folds: Folds) -> Mapping[str, Numbers]:
    """Each contender's margin for every judged row, from rows its window allowed; NaN: never judged."""
    told = {}
    for contender in CONTENDERS:
        margin = np.full(len(learner.label), np.nan)
        for fold in folds.folds:
            train = fold.train[-MOST_ROWS:]
            scorer = contender.fit(learner.values[train], learner.label[train], learner.seed, learner.settings.threads)
            margin[fold.test] = scorer(learner.values[fold.test])
        told[contender.code] = margin
    return told


def _logistic(values: Matrix, label: Labels, seed: int, threads: int) -> Callable[[Matrix], Numbers]:
    """Standardised by the rows learned from; what is unknown is put at their mean."""
    from sklearn.linear_model import LogisticRegression  # a second to import, needed only when a model is trained
    from threadpoolctl import threadpool_limits

    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, values, 0.0).astype(np.float64)
    mean = filled.sum(axis=0) / count
    variance = np.where(known, (filled - mean) ** 2, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(variance > 0, variance, 1.0))

    def standardised(rows: Matrix) -> Numbers:
        told: Numbers = (rows.astype(np.float64) - mean) / spread
        np.clip(np.nan_to_num(told, copy=False, nan=0.0), -CLIP, CLIP, out=told)
        return told

    fitted = LogisticRegression(C=SHRINKAGE, solver="newton-cholesky", max_iter=50, tol=1e-3, random_state=seed)
    # Linear algebra's own threads wait for each other on a busy machine: four times the time for the same numbers.
    with threadpool_limits(threads):
        fitted.fit(standardised(values), label)

    def score(rows: Matrix) -> Numbers:
        margin: Numbers = fitted.decision_function(standardised(rows))
        return margin

    return score


def _bare(values: Matrix, label: Labels, seed: int, threads: int) -> Callable[[Matrix], Numbers]:
    """LightGBM as it comes: 31 leaves, 100 trees, no constraints."""
    parameters: dict[str, Any] = {
        "objective": "binary", "verbosity": -1, "seed": seed, "num_threads": threads, "deterministic": True,
        "force_col_wise": True,
    }  # fmt: skip
    booster = lgb.train(parameters, lgb.Dataset(values, label), BARE_TREES)

    def score(rows: Matrix) -> Numbers:
        return np.asarray(booster.predict(rows, raw_score=True), dtype=np.float64)

    return score


CONTENDERS: Final = (
    Contender("logistic", "로지스틱 회귀", _logistic),
    Contender("lightgbm", "LightGBM 기본 설정", _bare),
)
