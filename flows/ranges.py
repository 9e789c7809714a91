"""What was known on a day, arranged by households: every step works one range of keys and forgets it again.

Observations are of persons, addresses or households; who lives where hangs on whole persons, whole households and whole
addresses. So each step hands its rows on by the key that the next one asks for (store.shuffle).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

import polars as pl

from features import Prepared
from features.attach import Keyed, attach
from features.feeds import Feed, read_feeds
from features.known import address_spells, resident_spells
from features.links import Counts, enrol, house, shared_addresses
from features.prepared import Gathered, calendar, gather, within_horizon
from flows.desk import Desk
from flows.workers import Workers
from signals.catalogue import SIGNALS
from signals.tables import ADDRESSES, CONTACTS, OBSERVATIONS, RESIDENTS
from store import deliveries
from store.lake import Lake, Table
from store.shuffle import Shuffle


@dataclass(frozen=True, slots=True)
class Day:
    """All that a worker is told, here or elsewhere: places and versions, no key and no database."""

    as_of: date
    lake: str
    versions: Mapping[str, int]
    superseded: tuple[str, ...]
    scratch: str
    parts: int

    def rows(self, table: Table, part: int, schema: pl.Schema) -> pl.DataFrame:
        columns = [name for name in schema if name != "delivery" or table == "contacts"]
        lake, version = Lake(self.lake), self.versions[table]
        return lake.range_known_on(table, self.as_of, self.superseded, (part, self.parts), version, columns)

    @property
    def shuffle(self) -> Shuffle:
        return Shuffle(self.scratch)

    @property
    def sources(self) -> range:
        return range(self.parts)


@dataclass(frozen=True, slots=True)
class Arranged:
    """Every household of a day, range by range."""

    day: Day
    feeds: tuple[Feed, ...]
    counts: Counts

    def prepared(self, part: int) -> tuple[Prepared, pl.DataFrame]:
        """One range ready for features.build, and its contacts as signals.tables has them."""
        day, shuffle = self.day, self.day.shuffle
        contacts = day.rows("contacts", part, CONTACTS)
        found = Gathered(
            households=shuffle.kept("households", part),
            observations=shuffle.gather("observations", part, day.sources),
            notices=shuffle.gather("notices", part, day.sources),
            shared=shuffle.gather("shared", part, day.sources),
            contacts=contacts,
        )
        return gather(found, tuple(SIGNALS.values()), self.feeds, {}, day.as_of), contacts

    def roll(self, part: int) -> pl.DataFrame:
        """features.links.Enrolled.roll of one range of households."""
        return self.day.shuffle.gather("roll", part, self.day.sources)


def open_day(desk: Desk, as_of: date) -> Day:
    versions = desk.lake.versions()
    households = max(desk.lake.about("household_key", "addresses", versions["addresses"]), 1)
    return Day(
        as_of=as_of,
        lake=desk.lake.place,
        versions=versions,
        superseded=tuple(sorted(deliveries.superseded_on(desk.engine, as_of))),
        scratch=f"{desk.scratch}/night",
        parts=-(-households // desk.settings.night.households_per_part),
    )


def arrange(day: Day, workers: Workers) -> Arranged:
    """Persons to households, households to addresses, observations to households: three steps over all ranges."""
    day.shuffle.clear()
    signals = tuple(SIGNALS.values())
    told = Lake(day.lake).scan("observations", day.versions["observations"], day.superseded)
    feeds = read_feeds(calendar(told, signals, day.as_of), signals, day.as_of)
    steps = (
        (partial(enrol_range, day), "Who lives with whom"),
        (partial(house_range, day), "Who lives where"),
        (partial(attach_range, day, feeds), "Whose household is told of"),
    )
    counts: Counter[str] = Counter()
    for step, what in steps:
        for counted in workers.map(step, day.parts, what):
            counts.update(counted)
    return Arranged(day, feeds, dict(counts))


def enrol_range(day: Day, part: int) -> Counts:
    enrolled = enrol(resident_spells(day.rows("residents", part, RESIDENTS), day.as_of), day.as_of)
    day.shuffle.keep("persons", part, enrolled.persons)
    day.shuffle.scatter("roll", part, enrolled.roll, "household_key", day.parts)
    return enrolled.counts


def house_range(day: Day, part: int) -> Counts:
    shuffle = day.shuffle
    addresses = address_spells(day.rows("addresses", part, ADDRESSES), day.as_of)
    housed = house(shuffle.gather("roll", part, day.sources), addresses, day.as_of)
    shuffle.keep("households", part, housed.households)
    shuffle.keep("known", part, housed.known_households.to_frame("household_key"))
    shuffle.scatter("holders", part, housed.holders, "key", day.parts)
    return housed.counts


def attach_range(day: Day, feeds: tuple[Feed, ...], part: int) -> Counts:
    shuffle = day.shuffle
    observations = day.rows("observations", part, OBSERVATIONS)
    told, counts = within_horizon(observations, tuple(SIGNALS.values()), feeds, day.as_of)
    del observations
    keyed = Keyed(
        persons=shuffle.kept("persons", part),
        holders=shuffle.gather("holders", part, day.sources),
        households=shuffle.kept("households", part)["household_key"],
        known_households=shuffle.kept("known", part)["household_key"],
    )
    attached = attach(told, keyed)
    shuffle.scatter("observations", part, attached.observations, "household_key", day.parts)
    shuffle.scatter("notices", part, attached.notices, "household_key", day.parts)
    shuffle.scatter("shared", part, shared_addresses(keyed.holders), "household_key", day.parts)
    return counts | attached.counts
