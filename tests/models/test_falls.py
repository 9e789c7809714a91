"""A tree that falls where it must not is found wherever it falls; the learner then keeps to the strict way."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models import learner as room
from models.boosting import lightgbm as lgb
from models.columns import Column
from models.falls import falls
from models.learner import Learner, TrainSettings

COLUMNS = tuple(Column(name, "g", sign) for name, sign in (("up", 1), ("free", 0), ("down", -1)))
SIGNS = [column.monotone for column in COLUMNS]


def drawn(seed: int, rows: int = 400) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Few values, some unknown, and no order at all in what they say."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-3, 4, (rows, 3)).astype(np.float32)
    label = (rng.random(rows) < 0.2 + 0.6 * rng.random((7, 7, 7))[tuple((values.astype(int) + 3).T)]).astype(np.int64)
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, label


def every_household() -> npt.NDArray[np.float64]:
    told = [*np.arange(-3.5, 4.5, 0.5), np.nan]
    return np.stack(np.meshgrid(told, told, told, indexing="ij"), axis=-1)


def fall_somewhere(booster: Any) -> int:
    """By asking each tree about everybody."""
    grid, found = every_household(), 0
    for tree in range(booster.num_trees()):
        asked = booster.predict(grid.reshape(-1, 3), raw_score=True, start_iteration=tree, num_iteration=1)
        value = asked.reshape(grid.shape[:3])
        known = slice(0, -1)
        rising, falling = np.diff(value[known], axis=0), np.diff(value[:, :, known], axis=2)
        found += bool((rising < 0).any() or (falling > 0).any())
    return found


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("signs", [[0, 0, 0], SIGNS])
def test_trees_that_fall_are_those_that_fall_for_somebody(seed: int, signs: list[int]) -> None:
    values, label = drawn(seed)
    told = {"objective": "binary", "num_leaves": 8, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    told |= {"monotone_constraints": signs, "monotone_constraints_method": "basic", "seed": seed}
    booster = lgb.train(told, lgb.Dataset(values, label), 6)
    assert falls(booster, SIGNS) == fall_somewhere(booster)
    assert (falls(booster, SIGNS) == 0) is (signs == SIGNS)


def test_the_learner_then_keeps_to_the_strict_way(monkeypatch: pytest.MonkeyPatch) -> None:
    values, label = drawn(1)
    learner = Learner(values, label, COLUMNS, TrainSettings(leaf_rows=5), seed=1)
    assert "[monotone_constraints_method: intermediate]" in learner.fit(3).model_to_string()
    monkeypatch.setattr(room, "falls", lambda booster, signs: signs == SIGNS)
    assert "[monotone_constraints_method: basic]" in learner.fit(3).model_to_string()


def test_leaves_that_meet_in_the_unknown_alone_meet() -> None:
    def split(column: int, at: float, left: Any, right: Any, unknown_left: bool = True) -> dict[str, Any]:
        told = {"split_feature": column, "threshold": at, "missing_type": "NaN", "default_left": unknown_left}
        return {**told, "left_child": left, "right_child": right}

    five, none, nine, one = ({"leaf_value": value} for value in (5.0, 0.0, 9.0, 1.0))
    little = split(1, -1, five, none)
    for unknown_left, found in ((True, 0), (False, 1)):
        much = split(1, -1, nine, one, unknown_left)
        tree = {"tree_structure": split(1, 0, split(0, 0, little, much), none)}
        assert falls(type("Told", (), {"dump_model": lambda _, tree=tree: {"tree_info": [tree]}})(), SIGNS) == found
