"""The numbers behind the shapes: one signal's lattice (or event days) -> one array per shape."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from features.feeds import NEVER_DAYS, Feed
from features.pairs import Bools, Floats, Ints, Lattice, Told, lattice
from features.shapes import BILL_LAGS, EVENT_LIVE_DAYS, EVENT_WINDOWS, tells_bills
from signals.signal import Signal

Values = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Measured:
    """One signal in one part: a value per shape for each household told of, and what the rest needs of it."""

    rows: Ints
    values: Values
    is_live: Bools  # known and not resolved
    months_now: Floats  # months overdue now (arrears), else 0
    months_before: Floats  # months overdue three months earlier, else 0
    spell: Floats  # months the present spell has lasted (arrears, status), else 0
    count: Ints  # events within the live window; months told within 12 (arrears: overdue)


def measure(signal: Signal, feed: Feed, told: Told) -> Measured:
    match signal.kind:
        case "arrears":
            return _arrears(signal, feed, lattice(told))
        case "event":
            return _events(told)
        case "amount":
            return _levels(lattice(told.only(told.has_amount)))
        case "status":
            return _status(feed, lattice(told))
        case other:
            assert_never(other)


def _arrears(signal: Signal, feed: Feed, grid: Lattice) -> Measured:
    # Told as overdue without saying how long: at least what the agency tells from.
    months = np.where(grid.months < 0, max(signal.min_months, 1), grid.months)
    is_over = months > 0
    owed = grid.owed_won
    streak = _streak(is_over, feed)
    year = len(feed.told_within(12))
    over_12m = is_over[:12].sum(0)
    values: Values = {
        "months_now": months[0],
        "owed_now": owed[0],
        "overdue_3m": is_over[:3].sum(0).astype(float),
        "overdue_12m": over_12m.astype(float),
        "overdue_24m": is_over.sum(0).astype(float),
        "months_max_24m": months.max(0),
        "owed_mean_6m": owed[:6].sum(0) / len(feed.told_within(6)),
        "owed_max_12m": owed[:12].max(0),
        "owed_trend": _trend(owed, feed),
        "streak": streak,
        "days_since_first": _days_since(is_over[::-1], feed.days_ago[::-1]),
        "days_since_last": _days_since(is_over, feed.days_ago),
        "resolved": (is_over.any(0) & ~is_over[0]).astype(float),
        "clear_share_12m": (year - over_12m) / year,
    }
    if tells_bills(signal):
        values |= _bills(months, grid.amount_won, feed)
    spell = np.where(is_over[0], np.maximum(streak, months[0]), 0.0)
    return Measured(grid.rows, values, is_over[0], months[0], months[3], spell, over_12m)


def _bills(months: Floats, billed: Floats, feed: Feed) -> Values:
    quarter, half = billed[feed.told_within(3)], billed[feed.told_within(6)]
    changes = np.abs(np.diff(half, axis=0))
    values: Values = {
        "billed_now": billed[0],
        "billed_mean_3m": quarter.sum(0) / len(quarter),
        "billed_mean_6m": half.sum(0) / len(half),
        "billed_min_6m": half.min(0),
        "billed_max_6m": half.max(0),
        "billed_trend": _trend(billed, feed),
        "billed_swing_6m": changes.sum(0) / max(len(changes), 1),
    }
    unknown = np.full(billed.shape[1], np.nan)
    for k in BILL_LAGS:
        was_told = k < len(feed.lags)
        values[f"months_lag{k}"] = months[feed.lags[k]] if was_told else unknown
        values[f"billed_lag{k}"] = billed[feed.lags[k]] if was_told else unknown
    return values


def _events(told: Told) -> Measured:
    starts = np.flatnonzero(told.is_first())
    rows = told.row[starts]
    # Sorted by days ago within the household: the first is the last that happened.
    days_since = told.bucket[starts]
    counts = {days: _sum_of(np.where(told.bucket <= days, told.times, 0), starts) for days in EVENT_WINDOWS}
    values: Values = {f"count_{days}d": count.astype(float) for days, count in counts.items()}
    values["days_since_last"] = days_since.astype(float)
    none = np.zeros(len(rows))
    return Measured(rows, values, days_since <= EVENT_LIVE_DAYS, none, none, none, counts[EVENT_LIVE_DAYS])


def _levels(grid: Lattice) -> Measured:
    year = np.where(grid.is_told[:12], grid.amount_won[:12], np.nan)
    is_known = grid.is_told[:12].any(0)
    now = _latest_level(grid, 0)
    values: Values = {
        "level_now": now,
        "change_3m": now - _latest_level(grid, 3),
        "change_12m": now - _latest_level(grid, 12),
        "min_12m": np.where(is_known, np.fmin.reduce(year, axis=0), np.nan),
        "max_12m": np.where(is_known, np.fmax.reduce(year, axis=0), np.nan),
    }
    none = np.zeros(len(grid.rows))
    return Measured(grid.rows, values, grid.is_told[0], none, none, none, grid.is_told[:12].sum(0))


def _status(feed: Feed, grid: Lattice) -> Measured:
    is_on = grid.is_told
    streak = _streak(is_on, feed)
    months_on = np.where(is_on[0], np.maximum(streak, grid.months[0]), 0.0)
    values: Values = {
        "on_now": is_on[0].astype(float),
        "months_on": months_on,
        "ended_3m": (is_on[1:4].any(0) & ~is_on[0]).astype(float),
    }
    none = np.zeros(len(grid.rows))
    return Measured(grid.rows, values, is_on[0], none, none, months_on, is_on[:12].sum(0))


def _streak(is_on: Bools, feed: Feed) -> Floats:
    """Told months in a row up to the latest. A month that nobody was told of does not break it."""
    rounds: Ints = np.logical_and.accumulate(is_on[feed.lags], axis=0).sum(0)
    return rounds.astype(float)


def _trend(won: Floats, feed: Feed) -> Floats:
    before = won[feed.lags[1:4]]
    return won[0] - before.sum(0) / len(before) if len(before) else np.zeros(won.shape[1])


def _days_since(is_on: Bools, days_ago: Ints) -> Floats:
    return np.where(is_on.any(0), days_ago[is_on.argmax(0)], NEVER_DAYS).astype(float)


def _latest_level(grid: Lattice, from_lag: int) -> Floats:
    """The newest level told at least `from_lag` months before the feed's latest month."""
    is_told = grid.is_told[from_lag:]
    at = is_told.argmax(0)
    level = np.take_along_axis(grid.amount_won[from_lag:], at[None], axis=0)[0]
    return np.where(is_told.any(0), level, np.nan)


def _sum_of(figures: Ints, starts: Ints) -> Ints:
    return np.add.reduceat(figures, starts) if len(starts) else figures
