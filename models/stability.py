"""Would another throw of the dice have told a household other reasons?"""

from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from models.columns import groups_of
from models.learner import Learner
from models.pushes import Engine

SAMPLE: Final = 300


def reasons_under_another_seed(learner: Learner, booster: object, trees: int) -> dict[str, float]:
    """Mean rank correlation, over households, of the pushes of all signals, between the model that goes out and one
    that differs by its seed alone; and the share of households whose strongest reason stays the same."""
    groups = groups_of(learner.columns)
    group_of = [groups.index(c.group) for c in learner.columns]
    other = replace(learner, seed=learner.seed + 1).fit(trees)
    rows = learner.values[:: max(1, len(learner.values) // SAMPLE)]
    ours, theirs = (Engine(model, group_of).pushes(rows) for model in (booster, other))
    ranks = [np.stack([pl.Series(c).rank().to_numpy() for c in pushes.T]) for pushes in (ours, theirs)]
    centred = [r - r.mean(axis=1, keepdims=True) for r in ranks]
    norm = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    correlation = (centred[0] * centred[1]).sum(axis=1) / np.where(norm > 0, norm, 1.0)
    same = ours.argmax(axis=0) == theirs.argmax(axis=0)
    return {"rank_correlation": float(correlation.mean()), "same_strongest": float(same.mean())}
