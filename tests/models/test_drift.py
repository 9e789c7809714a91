from datetime import date

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


def test_a_signal_that_falls_silent_in_one_area_is_told() -> None:
    notices = [
        (
            signal,
            "kepco",
            area,
            date(2026, month, 1),
            0 if (signal, area, month) == ("power_cut", "26", 7) else 60 + month,
        )
        for signal in ("power_cut", "power_arrears")
        for area in ("11", "26")
        for month in range(1, 8)
    ]
    columns = ["signal", "agency", "area", "month", "notices"]
    frame = pl.DataFrame([n for n in notices if n[-1]], schema=columns, orient="row")
    told = arrival_rates(frame, ["area"])
    assert told.height == 2 * 2 * 7
    assert told.filter("is_unusual").select("signal", "area", "month", "notices", "usual").rows() == [
        ("power_cut", "26", date(2026, 7, 1), 0, 63.5)
    ]
    # Told over all areas together, half of the notices are still there.
    assert not arrival_rates(frame, []).get_column("is_unusual").any()


def test_a_month_not_told_of_yet_is_no_silence() -> None:
    """One agency tells every month, the other every third."""
    months = [("a", "monthly", date(2026, m, 1), 50) for m in range(1, 10)]
    quarters = [("b", "quarterly", date(2026, m, 1), 150) for m in (1, 4, 7)]
    frame = pl.DataFrame(months + quarters, schema=["signal", "agency", "month", "notices"], orient="row")
    told = arrival_rates(frame, [])
    assert not told["is_unusual"].any()
    assert told.filter(signal="b")["notices"].to_list() == [150, 150, 150]


@pytest.mark.parametrize(("now", "unusual"), [(24, True), (25, False), (100, False), (101, True)])
def test_twice_or_half_is_usual_still(now: int, unusual: bool) -> None:
    counts = [50, 50, 50, now]
    rows = [("a", "x", date(2026, m + 1, 1), n) for m, n in enumerate(counts)]
    frame = pl.DataFrame(rows, schema=["signal", "agency", "month", "notices"], orient="row")
    assert arrival_rates(frame, [])["is_unusual"][-1] == unusual


def test_expected_precision_holds_what_is_found() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        chance = rng.beta(2, 6, 4_000)
        need = rng.random(chance.size) < chance
        best = np.argsort(-chance)[:200]
        told = expected_precision(chance[best], (400, 160), rng)
        assert told is not None
        found = need[best].mean()
        held += told["low"] <= found <= told["high"]
    assert held >= 190
    assert expected_precision(np.zeros(0), (1, 1), rng) is None
