"""What was told of a household month by month, and for which signals silence means something."""

import numpy as np
import polars as pl

from features.feeds import Feed
from features.pairs import Told, told_of
from features.prepared import Prepared
from signals.signal import Signal

HISTORY = pl.Schema(
    {
        "household_key": pl.Int64(),
        "signal": pl.String(),
        "observed_on": pl.Date(),  # month end; of an event, its day
        "received_on": pl.Date(),  # of the telling whose figures these are
        "months": pl.Int64(),  # overdue (0: billed, nothing overdue) or length of the spell; null: not told
        "amount_won": pl.Int64(),  # arrears: owed by the overdue members together; null: not told, or nothing owed
    }
)
COVERED = pl.Schema(
    {
        "household_key": pl.Int64(),
        "signal": pl.String(),
        "told_until": pl.Date(),  # last day of the newest month its agency has told of
    }
)


def history(prepared: Prepared, households: pl.Series, months: int = 24) -> pl.DataFrame:
    """HISTORY of the last `months` calendar months, sorted by household, signal, observed_on.

    One row per household, signal and month (or event day): the figures that evidence and features are made of.
    """
    keys = households.unique().sort()
    places = keys.to_frame("household_key").with_row_index("row")
    observations = prepared.observations.join(places, on="household_key")
    told = told_of(observations, keys.len(), len(prepared.signals))
    first = pl.lit(prepared.as_of).dt.month_start().dt.offset_by(f"-{months - 1}mo")
    frames = [_figures(signal, of_signal, keys) for signal, of_signal in zip(prepared.signals, told, strict=True)]
    return (
        pl.concat([pl.DataFrame(schema=HISTORY), *frames])
        .filter(pl.col("observed_on") >= first)
        .sort("household_key", "signal", "observed_on")
    )


def _figures(signal: Signal, told: Told, keys: pl.Series) -> pl.DataFrame:
    is_arrears = signal.kind == "arrears"
    amount = told.owed_won if is_arrears else told.amount_won
    has_amount = told.has_amount & (amount > 0) if is_arrears else told.has_amount
    return pl.DataFrame(
        {
            "household_key": keys.gather(pl.Series(told.row.astype(np.uint32))),
            "signal": pl.Series([signal.name]).new_from_index(0, len(told.row)),
            "observed_on": pl.Series(told.observed_on).cast(pl.Int32).cast(pl.Date),
            "received_on": pl.Series(told.received_on).cast(pl.Int32).cast(pl.Date),
            "months": pl.Series(told.months).set(pl.Series(told.months < 0), None),
            "amount_won": pl.Series(amount).set(pl.Series(~has_amount), None),
        },
        schema=HISTORY,
    )


def covered(prepared: Prepared, households: pl.Series) -> pl.DataFrame:
    """COVERED: pairs of which an agency that had something to tell would have told, and to this very household.

    Left out where it might have been lost on the way: a kind of housing the feed does not know, an address that is
    missing, shared, without its unit or moved into since, notices that may be another's, no registered resident.
    """
    homes = prepared.households.filter(pl.col("household_key").is_in(households.implode()))
    told_of = [
        _told_until(signal, feed) for signal, feed in zip(prepared.signals, prepared.feeds, strict=True) if feed.is_open
    ]
    told = homes.select("household_key", *told_of)
    long = told.unpivot(index="household_key", variable_name="signal", value_name="told_until").drop_nulls()
    return pl.concat([pl.DataFrame(schema=COVERED), long]).sort("household_key", "signal")


def _told_until(signal: Signal, feed: Feed) -> pl.Expr:
    until = pl.date(feed.latest_month // 12, feed.latest_month % 12 + 1, 1).dt.month_end()
    return pl.when(_is_reached(signal, until)).then(until).alias(signal.name)


def _is_reached(signal: Signal, told_until: pl.Expr) -> pl.Expr:
    reached = pl.lit(True)
    if signal.covers_housing is not None:
        reached &= pl.col("housing").cast(pl.String).is_in(sorted(signal.covers_housing)).fill_null(False)
    match signal.key_kind:
        case "person":
            return reached & (pl.col("members") > 0).fill_null(False)
        case "household":
            return reached
        case "address":
            sure = pl.col("has_unit") & ~pl.col("is_shared") & (pl.col("valid_from") <= told_until)
            return reached & sure.fill_null(False) & (pl.col("notices").fill_null(0) == 0)
