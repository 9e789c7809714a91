"""When each signal was told of: what separates "nothing happened" from "nobody told us"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from signals.signal import Signal

HORIZON_MONTHS = 24  # no feature looks further back than this from a feed's latest month
HORIZON_DAYS = 730
NEVER_DAYS = 731  # "days since" of what did not happen within the horizon


@dataclass(frozen=True, slots=True)
class Feed:
    """One signal's calendar, known on a day. Lag 0 is the latest month its agency has told of."""

    is_open: bool  # it existed on that day and has been told of: otherwise every feature is NaN
    latest_month: int  # months since year 0; -1 when never told
    first_received: date | None
    lags: npt.NDArray[np.int64]  # months told of, as lags, newest first: 0, 1, 2 ... or 0, 2, 4 ...
    days_ago: npt.NDArray[np.int64]  # (HORIZON_MONTHS,) days from the end of the month at each lag, 0 to HORIZON_DAYS

    def told_within(self, months: int) -> npt.NDArray[np.int64]:
        return self.lags[self.lags < months]


def month_index(column: str) -> pl.Expr:
    return pl.col(column).dt.year().cast(pl.Int32) * 12 + pl.col(column).dt.month().cast(pl.Int32) - 1


def read_feeds(told: pl.DataFrame, signals: Sequence[Signal], as_of: date) -> tuple[Feed, ...]:
    """`told`: one row per signal (number) and month it was told of, with first_received."""
    months: dict[int, set[int]] = {}
    received: dict[int, date] = {}
    for number, month, first in told.select("signal", "month", "first_received").iter_rows():
        months.setdefault(number, set()).add(month)
        received[number] = min(first, received.get(number, first))
    by_agency = _months_of_agencies(months, signals)
    return tuple(
        _feed(signal, months.get(number), received.get(number), by_agency, as_of)
        for number, signal in enumerate(signals)
    )


def _months_of_agencies(months: Mapping[int, set[int]], signals: Sequence[Signal]) -> dict[str, set[int]]:
    # One file carries all of an agency's signals: a month in which nobody had the rare one was told of all the same.
    # Events have days of their own, within a month that the file may tell of late: they say nothing about it.
    found: dict[str, set[int]] = {}
    for number, signal in enumerate(signals):
        if signal.kind != "event" and number in months:
            found.setdefault(signal.agency, set()).update(months[number])
    return found


def _feed(
    signal: Signal, own: set[int] | None, received: date | None, by_agency: Mapping[str, set[int]], as_of: date
) -> Feed:
    if own is None or as_of < signal.available_from:
        nothing = np.empty(0, np.int64)
        return Feed(False, -1, None, nothing, nothing)
    # Before its own first month a younger signal was in no file of its agency.
    months = own if signal.kind == "event" else {m for m in by_agency[signal.agency] if m >= min(own)}
    latest = max(months)
    lags = np.array(sorted(latest - m for m in months if latest - m < HORIZON_MONTHS), np.int64)
    days_ago = [(as_of - _month_end(latest - lag)).days for lag in range(HORIZON_MONTHS)]
    # The oldest month of a feed that lags behind is older than the horizon, but it did happen: less than NEVER_DAYS.
    return Feed(True, latest, received, lags, np.clip(np.array(days_ago, np.int64), 0, HORIZON_DAYS))


def _month_end(month: int) -> date:
    following = month + 1
    return date(following // 12, following % 12 + 1, 1) - timedelta(days=1)
