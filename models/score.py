"""Features -> margin and chance, one row a household."""

import numpy as np
import polars as pl

from models.columns import require
from models.errors import ScoresRefused
from models.model import Model

# A part may hold a few households about whom nothing is known; a hundred with one score: broken model or features.
ENOUGH_TO_JUDGE = 100

_CURE = "compare tonight's feature counts with yesterday's (`blindspot status`); yesterday's queue stays"


def score(model: Model, features: pl.DataFrame) -> pl.DataFrame:
    """household_key, margin (log-odds), probability (chance that a visit finds need), sorted by household_key."""
    is_sorted = features.get_column("household_key").is_sorted()
    rows = features if is_sorted else features.sort("household_key")
    keys = rows.get_column("household_key")
    if keys.null_count() or keys.n_unique() != len(keys):
        raise ScoresRefused("a household without a key, or twice in the features", "report this as a bug")
    require([model.columns[place] for place in model.trees.asked], rows.columns)
    asked = [rows.get_column(model.columns[place].name) for place in model.trees.asked]
    margin = model.trees.margin([values.cast(pl.Float32).fill_null(np.nan).to_numpy() for values in asked])
    if not asked:
        margin = model.margin(np.zeros((rows.height, len(model.columns)), np.float32))
    scores = pl.DataFrame(
        {"household_key": keys, "margin": margin, "probability": model.calibration.probability(margin)}
    )
    if scores.height >= ENOUGH_TO_JUDGE:
        refuse_constant(scores)
    return scores


def refuse_constant(scores: pl.DataFrame) -> None:
    margin = scores.get_column("margin")
    if not margin.is_finite().all():
        raise ScoresRefused("a score is not a number", _CURE)
    if len(margin):
        refuse_one_score(len(margin), margin.to_numpy().min(), margin.to_numpy().max())


def refuse_one_score(households: int, lowest: float, highest: float) -> None:
    """For a whole night's scores: an order must exist."""
    if households > 1 and lowest == highest:
        raise ScoresRefused(f"all {households} households have the same score", _CURE)
