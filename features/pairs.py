"""Observations of a part -> one figure per household, signal and month (or day): the last telling, members added up."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import polars as pl

from features.feeds import HORIZON_MONTHS
from features.known import is_last

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_NO_MONTHS = -1
_BUCKETS = 1024  # more than HORIZON_DAYS


@dataclass(frozen=True, slots=True)
class Told:
    """One signal's figures, sorted by household row and bucket. All arrays have the same length."""

    row: Ints
    bucket: Ints  # lag in months; of an event, days ago
    months: Ints  # the most any member was told of; -1: not told
    amount_won: Ints  # of all members together; 0 when not told
    owed_won: Ints  # of the members told as overdue: another's bill is no arrears
    has_amount: Bools
    times: Ints  # members, or events of the day
    observed_on: Ints  # days since 1970
    received_on: Ints

    def only(self, wanted: Bools) -> "Told":
        return Told(*(getattr(self, field.name)[wanted] for field in fields(self)))

    def is_first(self) -> Bools:
        """Marks each household's newest figure."""
        is_first: Bools = np.diff(self.row, prepend=-1) != 0
        return is_first


def told_of(observations: pl.DataFrame, households: int, signals: int) -> list[Told]:
    """One entry per signal.

    `observations`: row (below `households`), signal (below `signals`), bucket, key, dates, months, amount_won.
    """
    latest = _last_telling_of_each_key(observations, households)
    code = latest["code"].to_numpy()
    starts = np.flatnonzero(np.diff(code, prepend=-1))
    figures = _figures(latest, starts)
    first = code[starts]
    signal = first // (max(households, 1) * _BUCKETS)
    cuts = np.searchsorted(signal, np.arange(signals + 1))
    row, bucket = first // _BUCKETS % max(households, 1), first % _BUCKETS
    return [Told(*(part[cuts[s] : cuts[s + 1]] for part in (row, bucket, *figures))) for s in range(signals)]


def _last_telling_of_each_key(observations: pl.DataFrame, households: int) -> pl.DataFrame:
    """Two members' arrears add up; one member's month told twice is told once: the last telling counts.

    Told twice on one day: the most that was told, never the sum, for a file can come twice.
    """
    place = pl.col("signal").cast(pl.Int64) * households + pl.col("row").cast(pl.Int64)
    code = place * _BUCKETS + pl.col("bucket").cast(pl.Int64)
    ordered = observations.select(
        "key",
        pl.col("received_on").to_physical(),
        pl.col("observed_on").to_physical(),
        pl.col("months").fill_null(_NO_MONTHS),
        "amount_won",
        code=code,
    ).sort("code", "key", "received_on", "months", "amount_won", "observed_on")
    return ordered.filter(is_last("code", "key"))


def _figures(latest: pl.DataFrame, starts: Ints) -> tuple[npt.NDArray[np.generic], ...]:
    if not len(starts):
        nothing = np.empty(0, np.int64)
        return nothing, nothing, nothing, np.empty(0, np.bool_), nothing, nothing, nothing
    amount, is_over = latest["amount_won"], latest["months"] != 0
    return (
        np.maximum.reduceat(latest["months"].cast(pl.Int64).to_numpy(), starts),
        np.add.reduceat(amount.fill_null(0).to_numpy(), starts),
        np.add.reduceat((amount.fill_null(0) * is_over).to_numpy(), starts),
        np.maximum.reduceat(amount.is_not_null().to_numpy(), starts),
        np.diff(np.r_[starts, latest.height]),
        np.maximum.reduceat(latest["observed_on"].cast(pl.Int64).to_numpy(), starts),
        np.maximum.reduceat(latest["received_on"].cast(pl.Int64).to_numpy(), starts),
    )


@dataclass(frozen=True, slots=True)
class Lattice:
    """One signal's months, newest first: arrays of shape (HORIZON_MONTHS, households told of)."""

    rows: Ints  # households told of, ascending
    is_told: Bools
    months: Floats  # 0 where not told; -1 where told without months
    amount_won: Floats  # 0 where not told. Whole numbers below 2**53: sums are exact in any order
    owed_won: Floats


def lattice(told: Told) -> Lattice:
    is_new = told.is_first()
    pair = np.cumsum(is_new) - 1
    shape = (HORIZON_MONTHS, int(is_new.sum()))
    at = (told.bucket, pair)
    is_told, months, amount, owed = np.zeros(shape, np.bool_), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    is_told[at], months[at], amount[at], owed[at] = True, told.months, told.amount_won, told.owed_won
    return Lattice(told.row[is_new], is_told, months, amount, owed)
