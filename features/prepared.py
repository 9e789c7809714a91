"""Known -> Prepared: everything that is worked out once, before numbers are made of it.

A whole frame of each table may be handed in (`prepare`), or the same steps are taken range by range of their keys, and
what each yields is brought together by household (`Gathered`): a country does not fit into memory at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from features.attach import Keyed, attach
from features.feeds import HORIZON_DAYS, HORIZON_MONTHS, Feed, month_index, read_feeds
from features.known import Known, address_spells, contacts_told, resident_spells
from features.links import Counts, enrol, house, shared_addresses
from signals.catalogue import SIGNALS
from signals.signal import Signal

TOLD = ("key", "key_kind", "observed_on", "received_on", "months", "amount_won")


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

    @property
    def catalogue(self) -> dict[str, Signal]:
        return {signal.name: signal for signal in self.signals}


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that is known of some whole households."""

    households: pl.DataFrame  # links.Housed.households
    observations: pl.DataFrame  # attach.Attached.observations; of other households too
    notices: pl.DataFrame  # attach.Attached.notices, some told more than once
    shared: pl.DataFrame  # links.shared_addresses
    contacts: pl.DataFrame  # signals.tables.CONTACTS


def prepare(known: Known, signals: Mapping[str, Signal] = SIGNALS) -> Prepared:
    as_of, entries = known.as_of, tuple(signals.values())
    residents = resident_spells(known.residents, as_of)
    addresses, contacts = address_spells(known.addresses, as_of), known.contacts
    observations = known.observations
    # Ours are a third of what was handed in: a caller who keeps no hold on it gets the rest back here.
    del known
    feeds = read_feeds(calendar(observations.lazy(), entries, as_of), entries, as_of)
    told, counts = within_horizon(observations, entries, feeds, as_of)
    del observations
    enrolled = enrol(residents, as_of)
    housed = house(enrolled.roll, addresses, as_of)
    keyed = Keyed(enrolled.persons, housed.holders, housed.households["household_key"], housed.known_households)
    attached = attach(told, keyed)
    shared = shared_addresses(housed.holders)
    gathered = Gathered(housed.households, attached.observations, attached.notices, shared, contacts)
    counted = housed.counts | enrolled.counts | counts | attached.counts
    return gather(gathered, entries, feeds, counted, as_of)


def gather(
    found: Gathered, signals: tuple[Signal, ...], feeds: tuple[Feed, ...], counts: Mapping[str, int], as_of: date
) -> Prepared:
    # Told again by another delivery: one notice all the same.
    notices = found.notices.unique().group_by("household_key").agg(notices=pl.len())
    households = (
        found.households.join(found.shared.unique("household_key"), on="household_key", how="left")
        .with_columns(pl.col("is_shared").fill_null(False))
        .join(notices, on="household_key", how="left")
        .sort("household_key")
    )
    of_living, others = contacts_of(households, found.contacts, as_of)
    return Prepared(as_of, signals, feeds, households, found.observations, of_living, dict(counts) | others)


def contacts_of(households: pl.DataFrame, contacts: pl.DataFrame, as_of: date) -> tuple[pl.DataFrame, Counts]:
    told = contacts_told(contacts, as_of)
    theirs = told.join(households, on="household_key", how="semi")
    return theirs, {"contacts_of_others": told.height - theirs.height}


def calendar(observations: pl.LazyFrame, signals: tuple[Signal, ...], as_of: date) -> pl.DataFrame:
    """signal (number), month, first_received: what feeds are read from. `observations`: signals.tables.OBSERVATIONS."""
    known = observations.filter((pl.col("received_on") <= as_of) & (pl.col("observed_on") <= as_of))
    by_day = known.group_by("signal", "observed_on").agg(first_received=pl.col("received_on").min())
    numbered = by_day.collect(engine="streaming").with_columns(signal=_number(signals)).drop_nulls("signal")
    months = numbered.group_by("signal", month=month_index("observed_on")).agg(pl.col("first_received").min())
    return months.sort("signal", "month")


def within_horizon(
    observations: pl.DataFrame, signals: tuple[Signal, ...], feeds: tuple[Feed, ...], as_of: date
) -> tuple[pl.DataFrame, Counts]:
    """Observations of signals in the catalogue, received and observed by `as_of` and not too old, as small columns.

    Adds days_ago, and bucket: lag behind the feed's latest month; of an event, days ago.
    """
    of_feed = pl.DataFrame(
        {
            "signal": pl.Series(range(len(signals)), dtype=pl.Int16),
            "is_event": [signal.kind == "event" for signal in signals],
            "is_open": [feed.is_open for feed in feeds],
            "latest": pl.Series([feed.latest_month for feed in feeds], dtype=pl.Int32),
        }
    )
    days_ago = (pl.lit(as_of) - pl.col("observed_on")).dt.total_days().cast(pl.Int32)
    known_by_then = observations.lazy().filter(pl.col("received_on") <= as_of)
    told = known_by_then.select(*TOLD, signal=_number(signals), days_ago=days_ago).collect()
    in_catalogue = told.filter(pl.col("signal").is_not_null())
    past = in_catalogue.filter(pl.col("days_ago") >= 0)
    lag = pl.col("latest") - month_index("observed_on")
    limit = pl.when("is_event").then(HORIZON_DAYS).otherwise(HORIZON_MONTHS - 1)
    recent = (
        past.lazy()
        .join(of_feed.lazy(), on="signal", how="left")
        .with_columns(bucket=pl.when("is_event").then("days_ago").otherwise(lag).cast(pl.Int16))
        .filter(pl.col("is_open") & (pl.col("bucket") <= limit))
        .drop("is_event", "is_open", "latest")
        .collect()
    )
    return recent, {
        "observations": told.height,
        "unknown_signal": told.height - in_catalogue.height,
        "observed_after_as_of": in_catalogue.height - past.height,
        "outside_horizon": past.height - recent.height,
    }


def _number(signals: tuple[Signal, ...]) -> pl.Expr:
    names = pl.Enum([signal.name for signal in signals])
    return pl.col("signal").cast(names, strict=False).to_physical().cast(pl.Int16)
