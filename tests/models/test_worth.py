"""The figures about the model's worth are only as good as the counting behind them."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.explore_estimates import counted, truths
from benchmarks.worth import gaps_of, mean_of, pooled
from models.reach import Estimate, Reach


def test_means_over_countries_carry_students_interval() -> None:
    told = mean_of([1.0, 2.0, 3.0])
    half = 4.30265 / np.sqrt(3)  # Student's 97.5 % with two degrees of freedom; the spread is 1
    assert (told["value"], told["low"], told["high"]) == pytest.approx((2.0, 2.0 - half, 2.0 + half), abs=1e-4)


def test_ratios_are_of_all_need_found_and_draw_offices_together() -> None:
    country: dict[str, Any] = {
        "best_rule": "one",
        "found": {"model": [3.0, 6.0], "points": [2.0, 4.0], "one": [3.0, 3.0]},
        "over": {"points": {"value": 1.5}, "one": {"value": 1.5}},
    }
    told = pooled([country, country], "points")
    # Three for two in every office: whatever is drawn, the ratio stays.
    assert (told["value"], told["low"], told["high"]) == pytest.approx((1.5, 1.5, 1.5))
    best = pooled([country], "best_rule")
    assert (
        best["value"] == pytest.approx(1.5) and best["low"] == pytest.approx(1.0) and best["high"] == pytest.approx(2)
    )


def test_gaps_are_told_apart_for_visits_and_truth() -> None:
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.05, 0.6, 8_000)
    found = (rng.random(chance.size) < chance).astype(np.int8)
    need = (rng.random(chance.size) < chance / 2).astype(np.int8)
    judged = pl.DataFrame({"probability": chance, "label": need})
    reached = rng.random(chance.size) < 0.8
    visits = pl.DataFrame({"found": found, "is_reached": reached}).select(pl.when("is_reached").then("found"))
    gaps = gaps_of(judged, visits.to_series(), seed=1)
    assert gaps["visits"]["value"] < 0.03 and gaps["visits"]["told"] == pytest.approx(chance[reached].mean())
    assert gaps["truth"]["value"] == pytest.approx(chance.mean() / 2, abs=0.02)


EVERYBODY = pl.DataFrame(
    {
        "night": [date(2026, 11, 2)] * 8,
        "is_certain": [True] * 2 + [False] * 6,
        "stratum": ["1 high"] * 2 + ["1 rest"] * 4 + ["2 high"] * 2,
        "need": [1, 0, 0, 0, 0, 1, 1, 1],
        "answer": [1, None, 0, None, None, 1, None, 1],
    }
)


def test_truth_is_of_all_who_wait() -> None:
    assert truths(EVERYBODY, "truth") == pytest.approx({"base_rate": 0.5, "precision": 0.5, "reach": 0.25})
    # Officers find 1 of the 1 who answers among the certain, 1 of 2 in `rest`, 1 of 1 in `high`.
    found = truths(EVERYBODY, "officers")
    assert found == pytest.approx({"base_rate": (4 * 0.5 + 2) / 6, "precision": 1.0, "reach": 2 / 6})


def test_who_is_inside_is_counted() -> None:
    def estimate(low: float, high: float) -> Reach:
        one = Estimate((low + high) / 2, low, high, 10, 8, 7.0)
        return Reach(one, one, one, 0.0)

    truth = SimpleNamespace(base_rate=0.5, precision=0.1, reach=0.9)
    told = counted([estimate(0.4, 0.6), estimate(0.2, 0.4), estimate(0.05, 0.95)], vars(truth))
    assert [told[name]["inside"] for name in vars(truth)] == pytest.approx([2 / 3, 1 / 3, 1 / 3])
    assert (told["base_rate"]["above"], told["precision"]["below"]) == pytest.approx((1 / 3, 2 / 3))
    assert (told["drawn"], told["answered"], told["effective"]) == (10, 8, 7)
