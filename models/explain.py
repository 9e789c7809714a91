"""What raised or lowered a score, exactly, summed per signal.

`shap.TreeExplainer` and LightGBM's own contributions walk every tree for every row: about 3,000 rows/s for 200 trees of
16 leaves and 390 columns. Looking whole paths up in tables gives the same values at many times the rate.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.columns import Matrix, groups_of, matrix_of
from models.errors import ExplanationRefused
from models.model import Model
from models.pushes import Engine

Numbers = npt.NDArray[np.float64]

ROWS_AT_A_TIME = 50_000
# Sums of a few thousand doubles stay far below this; float32 would not.
TOLERANCE = 1e-6


def explain(model: Model, features: pl.DataFrame) -> pl.DataFrame:
    """Pushes on the margin (log-odds): household_key, base, one column per group, Float64, sorted by household_key.
    base + all groups = margin on every row, or ExplanationRefused."""
    rows = features.sort("household_key")
    groups = groups_of(model.columns)
    base = model.expected_margin
    parts = [np.zeros((len(groups), 0))]
    for part in rows.iter_slices(ROWS_AT_A_TIME):
        matrix = matrix_of(part, model.columns)
        pushes = model.engine.pushes(matrix)
        _check_sums(pushes.sum(axis=0) + base, model.margin(matrix))
        parts.append(pushes)
    told = dict(zip(groups, np.concatenate(parts, axis=1), strict=True))
    return rows.select("household_key", pl.lit(base, dtype=pl.Float64).alias("base")).with_columns(
        pl.Series(group, values) for group, values in told.items()
    )


def _check_sums(told: Numbers, margin: Numbers) -> None:
    scale = max(1.0, float(np.abs(margin).max(initial=0.0)))
    worst = float(np.abs(told - margin).max(initial=0.0))
    if not worst <= TOLERANCE * scale:
        raise ExplanationRefused(
            f"pushes miss the score by up to {worst:.1e}",
            "report this as a bug, with requirements.lock: no reasons were told",
        )


def check_against_shap(model: Model, sample: pl.DataFrame, tolerance: float = 1e-4) -> float:
    """Largest difference to shap.TreeExplainer over all columns and rows of the sample; ExplanationRefused if above."""
    matrix = matrix_of(sample, model.columns)
    ours = Engine(model.booster, range(len(model.columns))).pushes(matrix)
    worst = float(np.abs(ours.T - shap_values(model.booster, matrix)).max(initial=0.0))
    if not worst <= tolerance:
        raise ExplanationRefused(
            f"pushes differ from shap by up to {worst:.1e} (allowed {tolerance:.0e})",
            "install exactly what requirements.lock names, then train again",
        )
    return worst


def shap_values(booster: Any, matrix: Matrix) -> Numbers:
    import warnings

    import shap  # a second to import, needed only when a model is trained

    with warnings.catch_warnings():
        # It announces on every call that binary models give one array; that is the shape relied on here.
        warnings.filterwarnings("ignore", message="LightGBM binary classifier", category=UserWarning)
        values: Numbers = shap.TreeExplainer(booster).shap_values(matrix)
    return values
