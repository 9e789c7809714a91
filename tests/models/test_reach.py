"""Countries whose whole truth is known: the interval must hold it as often as it says."""

import numpy as np
import polars as pl
import pytest

from models.reach import Reach, estimate_reach, weights_of

OFFICES = 12


def draw_country(rng: np.random.Generator, chance_reached: float) -> tuple[pl.DataFrame, int, dict[str, float]]:
    """6,000 households wait in 12 offices; each takes the 25 highest by an imperfect order and draws some below, with
    another chance in every office. Some are never reached, the more so where need is higher."""
    office = rng.integers(0, OFFICES, 6_000)
    risk = rng.beta(1.2, 8, office.size) * rng.uniform(0.6, 1.4, OFFICES)[office]
    need = (rng.random(office.size) < np.clip(risk, 0, 1)).astype(np.int8)
    order = np.argsort(np.argsort(-(risk + rng.normal(0, 0.05, office.size)) + office * 100)) - np.searchsorted(
        np.sort(office), office
    )
    taken = order < 25
    share = rng.uniform(0.02, 0.08, OFFICES)[office]
    drawn = ~taken & (rng.random(office.size) < share)
    band = np.where(risk > 0.15, "high", "low")
    reached = rng.random(office.size) < np.where(band == "high", chance_reached - 0.15, chance_reached)
    frame = pl.DataFrame(
        {
            "is_explore": drawn, "chance": np.where(taken, 1.0, share), "stratum": band, "label": need,
            "has_place": taken | drawn, "reached": reached,
        }
    )  # fmt: skip
    selected = frame.filter("has_place").with_columns(label=pl.when("reached").then("label"))
    truth = {
        "base_rate": float(need[~taken].mean()), "precision": float(need[taken].mean()),
        "reach": float(need[taken].sum() / need.sum()),
    }  # fmt: skip
    return selected, int((~taken).sum()), truth


def figures(told: Reach) -> dict[str, tuple[float, float, float]]:
    return {n: (e.value, e.low, e.high) for n in ("base_rate", "precision", "reach") for e in [getattr(told, n)]}


@pytest.mark.parametrize("chance_reached", [1.15, 0.75], ids=["nearly-all-reached", "a-third-unreached"])
def test_intervals_hold_the_truth(chance_reached: float) -> None:
    rng = np.random.default_rng(1)
    repeats = 120
    inside = dict.fromkeys(("base_rate", "precision", "reach"), 0)
    errors: dict[str, list[float]] = {name: [] for name in inside}
    for _ in range(repeats):
        selected, waiting, truth = draw_country(rng, chance_reached)
        for name, (value, low, high) in figures(estimate_reach(selected, waiting, rng)).items():
            inside[name] += low <= truth[name] <= high
            errors[name].append(value - truth[name])
    assert {name: count / repeats >= 0.90 for name, count in inside.items()} == dict.fromkeys(inside, True), inside
    for name, missed in errors.items():
        assert abs(np.mean(missed)) < 0.01, f"{name} is off by {np.mean(missed):.3f} on average"


def draw_nights(rng: np.random.Generator) -> tuple[pl.DataFrame, int, dict[str, float]]:
    """Four nights of the queue's own design: in each office one of those below the cut is drawn in six nights of ten,
    else the household at the cut keeps its place. The larger the office, the rarer a draw and the rarer need."""
    nights, cell = 4, rng.integers(60, 400, 100)
    office = np.repeat(np.arange(cell.size), cell)
    need = (rng.random(office.size) < 8 / cell[office]).astype(np.int8)
    at_cut = np.cumsum(cell) - cell
    rows, chances = [], []
    for _ in range(nights):
        is_drawn = rng.random(cell.size) < 0.6
        drawn = at_cut + rng.integers(0, cell)
        rows.append(np.where(is_drawn, drawn, at_cut))
        chances.append(np.where(rows[-1] == at_cut, 0.4 + 0.6 / cell, 0.6 / cell))
    here, chance = np.concatenate(rows), np.concatenate(chances)
    explored = pl.DataFrame({"is_explore": True, "chance": chance, "label": need[here]})
    ordered = pl.DataFrame({"is_explore": False, "chance": 1.0, "label": np.repeat([1, 0], 300).astype(np.int8)})
    selected = pl.concat([explored, ordered]).with_columns(stratum=pl.lit("all"))
    waiting = nights * office.size
    truth = {"base_rate": float(need.mean()), "precision": 0.5, "reach": 300 / (300 + nights * float(need.sum()))}
    return selected, waiting, truth


def test_intervals_hold_the_truth_when_an_office_draws_one_or_none() -> None:
    rng = np.random.default_rng(2)
    repeats = 150
    inside = dict.fromkeys(("base_rate", "precision", "reach"), 0)
    for _ in range(repeats):
        selected, waiting, truth = draw_nights(rng)
        for name, (_, low, high) in figures(estimate_reach(selected, waiting, rng)).items():
            inside[name] += low <= truth[name] <= high
    assert min(inside.values()) / repeats >= 0.90, inside


def test_chances_are_undone() -> None:
    """Half of the strata are drawn ten times as often and need nothing: unweighted, need would seem rare."""
    selected = pl.DataFrame(
        {
            "is_explore": [True] * 220 + [False] * 10, "chance": [0.5] * 200 + [0.05] * 20 + [1.0] * 10,
            "stratum": ["a"] * 200 + ["b"] * 20 + ["c"] * 10, "label": [0] * 200 + [1] * 20 + [1] * 10,
        },
    )  # fmt: skip
    told = estimate_reach(selected, 800, np.random.default_rng(0))
    assert told.base_rate.value == pytest.approx(0.5)
    assert told.base_rate.effective == pytest.approx(800**2 / (200 * 4 + 20 * 400))
    assert told.needs_waiting == pytest.approx(400)
    assert told.reach.value == pytest.approx(10 / 410)


def test_those_not_reached_weigh_through_their_own_stratum() -> None:
    lane = pl.DataFrame(
        {
            "chance": [0.1] * 60, "stratum": ["high"] * 30 + ["low"] * 30,
            "label": [1] * 10 + [None] * 20 + [0] * 30,
        },
        schema={"chance": pl.Float64, "stratum": pl.String, "label": pl.Int8},
    )  # fmt: skip
    told = weights_of(lane)
    assert told.group_by("stratum").agg(pl.col("weight").sum()).sort("stratum")["weight"].to_list() == pytest.approx(
        [300.0, 300.0]
    )


def test_nobody_answered_is_anything() -> None:
    nothing = pl.DataFrame(
        {"is_explore": [True, False], "chance": [0.1, 1.0], "stratum": ["a", "a"], "label": [None, 1]},
        schema_overrides={"label": pl.Int8},
    )
    told = estimate_reach(nothing, 100, np.random.default_rng(0))
    assert (told.base_rate.low, told.base_rate.high, told.base_rate.answered) == (0.0, 1.0, 0)
    with pytest.raises(ValueError, match="both lanes"):
        estimate_reach(nothing.filter("is_explore"), 100, np.random.default_rng(0))
