"""Known -> Prepared: everything that is worked out once, before households are worked in parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from features.attach import attach
from features.feeds import HORIZON_DAYS, HORIZON_MONTHS, Feed, month_index, read_feeds
from features.known import Known, address_spells, contacts_told, resident_spells
from features.links import Counts, link
from signals.catalogue import SIGNALS
from signals.signal import Signal


@dataclass(frozen=True, slots=True)
class Prepared:
    as_of: date
    signals: tuple[Signal, ...]
    feeds: tuple[Feed, ...]  # one per signal, in the same order
    households: pl.DataFrame  # household_key, members, current address, ambiguous notices; sorted by key
    observations: (
        pl.DataFrame
    )  # household_key, signal (number), bucket (lag in months, or days ago), key, dates, months, won
    contacts: pl.DataFrame  # of living households
    counts: Mapping[str, int]  # what could not be used, and why: never silently dropped


def prepare(known: Known, signals: Mapping[str, Signal] = SIGNALS) -> Prepared:
    as_of, entries = known.as_of, tuple(signals.values())
    told, counts = _told(known, entries)
    residents, addresses, contacts = resident_spells(known), address_spells(known), contacts_told(known)
    # Ours are a third of what was handed in: a caller who keeps no hold on it gets the rest back here.
    del known
    links = link(residents, addresses, as_of)
    feeds = read_feeds(_calendar(told), entries, as_of)
    recent = _within_horizon(told, entries, feeds)
    counts["outside_horizon"] = told.height - recent.height
    del told
    attached = attach(recent, links)
    households = links.households.join(attached.ambiguous, on="household_key", how="left").sort("household_key")
    of_living = contacts.join(households, on="household_key", how="semi")
    counts["contacts_of_others"] = contacts.height - of_living.height
    counted = links.counts | counts | attached.counts
    return Prepared(as_of, entries, feeds, households, attached.observations, of_living, counted)


def _told(known: Known, signals: tuple[Signal, ...]) -> tuple[pl.DataFrame, Counts]:
    """Observations received and observed by `as_of`, of signals in the catalogue, as small columns."""
    known_by_then = known.observations.lazy().filter(pl.col("received_on") <= known.as_of)
    number = pl.col("signal").cast(pl.Enum([signal.name for signal in signals]), strict=False).to_physical()
    told = known_by_then.select(
        "key",
        "key_kind",
        "observed_on",
        "received_on",
        "months",
        "amount_won",
        signal=number.cast(pl.Int16),
        days_ago=(pl.lit(known.as_of) - pl.col("observed_on")).dt.total_days().cast(pl.Int32),
    ).collect()
    in_catalogue = told.filter(pl.col("signal").is_not_null())
    past = in_catalogue.filter(pl.col("days_ago") >= 0)
    counts = {
        "observations": told.height,
        "unknown_signal": told.height - in_catalogue.height,
        "observed_after_as_of": in_catalogue.height - past.height,
    }
    return past, counts


def _calendar(told: pl.DataFrame) -> pl.DataFrame:
    by_day = told.group_by("signal", "observed_on").agg(first_received=pl.col("received_on").min())
    months = by_day.group_by("signal", month=month_index("observed_on")).agg(pl.col("first_received").min())
    return months.sort("signal", "month")


def _within_horizon(told: pl.DataFrame, signals: tuple[Signal, ...], feeds: tuple[Feed, ...]) -> pl.DataFrame:
    """Adds bucket: lag behind the feed's latest month; of an event, days ago."""
    of_feed = pl.DataFrame(
        {
            "signal": pl.Series(range(len(signals)), dtype=pl.Int16),
            "is_event": [signal.kind == "event" for signal in signals],
            "is_open": [feed.is_open for feed in feeds],
            "latest": pl.Series([feed.latest_month for feed in feeds], dtype=pl.Int32),
        }
    )
    lag = pl.col("latest") - month_index("observed_on")
    bucket = pl.when("is_event").then("days_ago").otherwise(lag)
    limit = pl.when("is_event").then(HORIZON_DAYS).otherwise(HORIZON_MONTHS - 1)
    return (
        told.lazy()
        .join(of_feed.lazy(), on="signal", how="left")
        .with_columns(bucket=bucket)
        .filter(pl.col("is_open") & (pl.col("bucket") <= limit))
        .drop("is_event", "is_open", "latest")
        .collect()
    )
