"""Signals month by month, reckoned for the few they can begin or end for: the same as reckoned for everybody."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from signals.catalogue import SIGNALS
from synthetic import Country
from synthetic.feeds import BEYOND, ENDS_SLOWER, HABIT_ENDS, HABIT_STARTS, MUCH, Feed, Now, Rows, make_feeds
from synthetic.hardship import DRIVERS

MONTHS = 4


def months_of(number: int, country: Country) -> Now:
    """Strains far beyond what anybody has, for some."""
    count = country.world.life.households
    rng = np.random.default_rng(number)
    strain = rng.standard_normal((6, count)).astype(np.float32) * rng.choice([0.5, 1, 3], (6, count)).astype(np.float32)
    active, in_need = rng.random(count) < 0.95, rng.random(count) < 0.06
    return Now(strain, in_need, rng.integers(0, 7, count), active, 20_000 + 30 * number, 20_029 + 30 * number, {})


def felt(feed: Feed, now: Now) -> np.ndarray:
    if feed.signal.made_up.driver == "chance":
        return np.zeros(now.strain.shape[1], dtype=np.float32)
    strain = now.strain[DRIVERS.index(feed.signal.made_up.driver)]
    return np.asarray(strain - BEYOND * np.maximum(strain - MUCH, 0))


def oracle(feed: Feed, now: Now, months: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(months from now on, households of events): plain arrays over all households, one draw each."""
    made, draw = feed.signal.made_up, feed.rng.random(len(months), dtype=np.float32)
    habit = feed.habit if feed.signal.kind == "arrears" else np.zeros_like(feed.habit)
    odds = np.exp(feed.log_odds + np.float32(made.lift) * felt(feed, now) + np.float32(HABIT_STARTS) * habit)
    can = feed.eligible & now.active & feed.covers[now.housing]
    if made.who == "severe_strain":
        can &= now.in_need
    if feed.is_bill:
        can &= feed.holds
    starts = can & (draw < odds / (1 + odds))
    if feed.signal.kind == "event":
        household = np.flatnonzero(starts)
        feed.rng.random(len(household))  # the days they fall on
        return months, household
    slower = ENDS_SLOWER * made.lift * np.clip(felt(feed, now), -3, 3) - HABIT_ENDS * habit
    stays = (months > 0) & can & (draw >= made.end * np.exp(-slower))
    return np.where(stays, months + 1, (months == 0) & starts), np.zeros(0)


@pytest.mark.parametrize("kind", ["arrears", "status", "event"])
def test_nobody_begins_or_ends_otherwise_than_if_all_were_reckoned(country: Country, kind: str) -> None:
    world = country.world
    signals = [signal for signal in SIGNALS.values() if signal.kind == kind]
    # One more that falls where strain rises: no bound holds for it.
    odd = replace(signals[0], name=f"{kind}_of_the_rich", made_up=replace(signals[0].made_up, lift=-1.0, base=0.01))
    made = ([*signals, odd], world.agencies, world.members, world.homes.is_renter, 3)
    begun = 0
    for ours, slow in zip(make_feeds(*made), make_feeds(*made), strict=True):
        for feed in (ours, slow):
            feed.begin(months_of(0, country))
        months = slow.months
        for number in range(1, 1 + MONTHS):
            now = months_of(number, country)
            rows = ours.step(now)
            months, household = oracle(slow, now, months)
            assert np.array_equal(ours.months, months), ours.signal.name
            if rows is not None:
                assert np.array_equal(rows.household, household), ours.signal.name
                begun += len(household)
        begun += int((months > 0).sum())
    assert begun > 500


def test_context_is_told_only_where_warning_signs_add_up(country: Country) -> None:
    """The same months lived again, with and without the rule."""
    world = country.world
    told = pl.concat(frame for frames in world.record.observations.values() for frame in frames)
    month = int(told["month"].max())  # type: ignore[arg-type]
    rows = told.filter(month=month)
    signals = [feed.signal for feed in world.feeds]
    assert rows.height
    points = pl.lit(pl.Series([signal.points for signal in signals])).gather(pl.col("signal"))
    is_arrears = pl.lit(pl.Series([signal.kind == "arrears" for signal in signals])).gather(pl.col("signal"))
    rows = rows.with_columns(warns=(points > 0) & (~is_arrears | (pl.col("months") > 0)))
    least = 2
    signs = rows.group_by("household").agg(signs=pl.col("warns").sum())
    expected = rows.join(signs, on="household").filter(pl.col("warns") | (pl.col("signs") >= least))
    strict = replace(world, settings=replace(world.settings, context_from=least))
    kept = strict.asked_for(_as_rows(world.feeds, rows))
    found = pl.concat(
        pl.DataFrame({"signal": np.full(len(r.household), order, np.int16), "household": r.household})
        for order, r, _ in kept
    )
    columns = ["signal", "household"]
    assert found.sort(columns).equals(expected.select(columns).sort(columns))
    assert 0 < found.height < rows.height


def _as_rows(feeds: list[Feed], rows: pl.DataFrame) -> list[tuple[int, Rows, int]]:
    return [
        (order, Rows(*(part[name].to_numpy() for name in ("household", "day", "months", "won"))), 0)
        for order in range(len(feeds))
        if (part := rows.filter(signal=order)).height
    ]
