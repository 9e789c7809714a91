"""Features -> margin and chance, one row a household."""

import numpy as np
import polars as pl

from models.columns import matrix_of
from models.errors import ScoresRefused
from models.model import Model

ROWS_AT_A_TIME = 100_000
# A part may hold a few households about whom nothing is known; a hundred with one score: broken model or features.
ENOUGH_TO_JUDGE = 100

_CURE = "compare tonight's feature counts with yesterday's (`blindspot status`); yesterday's queue stays"


def score(model: Model, features: pl.DataFrame) -> pl.DataFrame:
    """household_key, margin (log-odds), probability (chance that a visit finds need), sorted by household_key."""
    rows = features.sort("household_key")
    keys = rows.get_column("household_key")
    if keys.null_count() or keys.n_unique() != len(keys):
        raise ScoresRefused("a household without a key, or twice in the features", "report this as a bug")
    parts = [model.margin(matrix_of(part, model.columns)) for part in rows.iter_slices(ROWS_AT_A_TIME)]
    margin = np.concatenate([np.zeros(0), *parts])
    scores = pl.DataFrame(
        {"household_key": keys, "margin": margin, "probability": model.calibration.probability(margin)}
    )
    if scores.height >= ENOUGH_TO_JUDGE:
        refuse_constant(scores)
    return scores


def refuse_constant(scores: pl.DataFrame) -> None:
    """For a whole night's scores: an order must exist."""
    margin = scores.get_column("margin")
    if not margin.is_finite().all():
        raise ScoresRefused("a score is not a number", _CURE)
    if len(margin) > 1 and margin.n_unique() == 1:
        raise ScoresRefused(f"all {len(margin)} households have the same score", _CURE)
