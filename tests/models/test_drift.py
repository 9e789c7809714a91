from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from models.drift import DRIFTED, WATCH, arrival_rates, drift_of_features, expected_precision, psi, summary


def test_alike_is_near_zero_and_shifted_is_not() -> None:
    rng = np.random.default_rng(0)
    then = rng.normal(size=5_000)
    assert psi(then, rng.normal(size=5_000)) < 0.02
    assert WATCH < psi(then, rng.normal(0.4, 1, 5_000)) < DRIFTED < psi(then, rng.normal(1, 1, 5_000))


def test_psi_is_its_own_sum() -> None:
    then, now = np.array([0.0] * 60 + [1.0] * 40), np.array([0.0] * 20 + [1.0] * 80)
    # Up to 0, up to 1, above, unknown: half a row more in each.
    a, b = np.array([60.5, 40.5, 0.5, 0.5]) / 102, np.array([20.5, 80.5, 0.5, 0.5]) / 102
    assert psi(then, now) == pytest.approx(float(((b - a) * np.log(b / a)).sum()))


def test_what_stops_arriving_is_a_shift() -> None:
    then = np.arange(1_000.0)
    assert psi(then, np.where(np.arange(1_000) % 2, np.nan, then)) > DRIFTED
    assert psi(np.full(100, np.nan), np.full(100, np.nan)) == 0.0
    assert psi(np.full(100, np.nan), then) > DRIFTED


def test_the_most_shifted_feature_comes_first() -> None:
    rng = np.random.default_rng(1)
    then = pl.DataFrame({"a": rng.normal(size=2_000), "b": rng.normal(size=2_000)})
    now = pl.DataFrame({"a": rng.normal(size=2_000), "b": rng.normal(2, 1, 2_000)})
    told = drift_of_features(then, now, ["a", "b"])
    assert [d.name for d in told] == ["b", "a"]
    assert summary(told) | {"worst": None} == {"features": 2, "watch": 1, "drifted": 1, "worst": None}


def test_a_feed_that_falls_silent_in_one_area_is_told() -> None:
    notices = [
        (signal, "kepco", area, date(2026, month, 10) + timedelta(days=n % 5))
        for signal in ("power_cut", "gas_cut")
        for area in (1, 2)
        for month in range(1, 8)
        for n in range(0 if (signal, area, month) == ("power_cut", 2, 7) else 60 + month)
    ]
    frame = pl.DataFrame(notices, schema=["signal", "agency", "household_key", "received_on"], orient="row")
    areas = pl.DataFrame({"household_key": [1, 2], "area": ["11", "26"]})
    told = arrival_rates(frame, areas, ["agency", "area"])
    assert told.height == 2 * 2 * 7
    assert told.filter("is_unusual").select("signal", "area", "month", "notices").rows() == [
        ("power_cut", "26", date(2026, 7, 1), 0)
    ]
    # Told over all areas together, half of the notices are still there.
    assert not arrival_rates(frame, areas, ["agency"]).get_column("is_unusual").any()


def test_expected_precision_holds_what_is_found() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        chance = rng.beta(2, 6, 4_000)
        need = rng.random(chance.size) < chance
        told = expected_precision(chance, 200, (400, 160), rng)
        assert told is not None
        found = need[np.argsort(-chance)[:200]].mean()
        held += told["low"] <= found <= told["high"]
    assert held >= 190
    assert expected_precision(np.zeros(0), 10, (1, 1), rng) is None
