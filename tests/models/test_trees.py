"""The margins are LightGBM's own, to the last bit: on values it learned from, on its thresholds, and on absurd ones."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from models.columns import CAP
from models.trees import MOST_LEAVES, ROWS_AT_A_TIME, Trees

COLUMNS = 12


def _values(rng: np.random.Generator, rows: int, unknown: float) -> Any:
    values = rng.gamma(1.0, 50.0, (rows, COLUMNS)).astype(np.float32) - 20
    values[rng.random(values.shape) < 0.4] = 0.0
    values[rng.random(values.shape) < unknown] = np.nan
    return values


def _booster(unknown: float, **told: Any) -> Any:
    rng = np.random.default_rng(3)
    values = _values(rng, 4000, unknown)
    label = np.nan_to_num(values[:, :4]).sum(1) + rng.normal(0, 40, 4000) > 60
    parameters = {"objective": "binary", "verbosity": -1, "num_leaves": 16, "max_depth": 5, "seed": 1, **told}
    return lgb.train(parameters, lgb.Dataset(values, label), 40)


def _of_lightgbm(booster: Any, values: Any) -> Any:
    return booster.predict(np.clip(values, -CAP, CAP), raw_score=True)


def _of_ours(booster: Any, values: Any) -> Any:
    trees = Trees(booster)
    return trees.margin([np.ascontiguousarray(values[:, place]) for place in trees.asked])


@pytest.mark.parametrize("unknown", [0.0, 0.2])
@pytest.mark.parametrize(("leaves", "depth"), [(2, 2), (16, 5), (MOST_LEAVES, 8)])
def test_the_same_margins_to_the_last_bit(unknown: float, leaves: int, depth: int) -> None:
    booster = _booster(unknown, num_leaves=leaves, max_depth=depth)
    values = _values(np.random.default_rng(5), 3 * ROWS_AT_A_TIME + 17, 0.15)
    assert np.array_equal(_of_ours(booster, values), _of_lightgbm(booster, values))


def test_at_the_thresholds_and_far_beyond_them() -> None:
    booster = _booster(0.2)
    at = booster.trees_to_dataframe().dropna(subset=["threshold"])["threshold"].to_numpy()
    below = np.nextafter(at.astype(np.float32), np.float32(-np.inf))
    near = np.r_[at, below, at + 1e-9, CAP, -CAP, 1e30, -1e30, np.inf, 1e-36, -1e-36, 1e-35, -1e-35, 2e-35, -2e-35]
    values = np.repeat(near.astype(np.float32)[:, None], COLUMNS, axis=1)
    assert np.array_equal(_of_ours(booster, values), _of_lightgbm(booster, values))


def test_trees_that_learned_nothing() -> None:
    values, label = np.zeros((50, COLUMNS), np.float32), np.arange(50) % 3 == 0
    booster = lgb.train({"objective": "binary", "verbosity": -1}, lgb.Dataset(values, label), 3)
    assert Trees(booster).asked == ()
    assert len(_of_ours(booster, values)) == 0


def test_more_leaves_than_a_mask_has_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 32"):
        Trees(_booster(0.0, num_leaves=40, max_depth=8))
