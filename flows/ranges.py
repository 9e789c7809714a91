"""What was known on a day, arranged by households: every step works one range of keys and forgets it again.

Observations are of persons, addresses or households; who lives where hangs on whole persons, whole households and whole
addresses. So each step hands its rows on by the key that the next one asks for (store.shuffle).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

import polars as pl

from features import Prepared
from features.attach import Attached, Keyed, attach
from features.feeds import Feed, read_feeds
from features.known import address_spells, resident_spells
from features.links import Counts, enrol, house, shared_addresses
from features.prepared import Gathered, calendar, gather, within_horizon
from flows.desk import Desk
from flows.run import PLACES, Run, code_digest
from flows.workers import Workers
from signals.catalogue import SIGNALS
from signals.tables import ADDRESSES, OBSERVATIONS, RESIDENTS
from store import deliveries
from store.faults import StoreError
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
    updates: int = 0  # how often more observations came since all of them were arranged

    @property
    def sources(self) -> range:
        """Of observations: every range's, then those that came since."""
        return range(self.day.parts + self.updates)

    def prepared(self, part: int, contacts: pl.DataFrame, only: pl.Series | None = None) -> Prepared:
        """One range ready for features.build, or some households of it. `contacts`: of the same households."""
        day, shuffle = self.day, self.day.shuffle
        mine = pl.lit(True) if only is None else pl.col("household_key").is_in(only.implode())
        found = Gathered(
            households=shuffle.kept("households", part).filter(mine),
            observations=shuffle.gather("observations", part, self.sources).filter(mine),
            notices=shuffle.gather("notices", part, self.sources).filter(mine),
            shared=shuffle.gather("shared", part, day.sources).filter(mine),
            contacts=contacts,
        )
        return gather(found, tuple(SIGNALS.values()), self.feeds, {}, day.as_of)

    def roll(self, part: int) -> pl.DataFrame:
        """features.links.Enrolled.roll of one range of households."""
        return self.day.shuffle.gather("roll", part, self.day.sources)


def tidy_lake(desk: Desk) -> None:
    """Every delivery adds files, and a range looks into all that can hold its keys: after months they are merged."""
    desk.lake.tidy(desk.scratch)


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


def ground_of(desk: Desk, run: Run, day: Day, capacity: Mapping[str, int]) -> str:
    """Digest of all that a night hangs on besides observations, contacts, answers and stops.

    `capacity`: of every office that is listed.
    """
    registers = {table: day.versions[table] for table in ("residents", "addresses")}
    settings = desk.settings.model_dump_json(exclude=PLACES)
    told = (
        day.as_of,
        desk.lake.ids(),
        day.parts,
        day.superseded,
        registers,
        settings,
        run.model,
        code_digest(),
        sorted(capacity.items()),
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()


def arrange(day: Day, ground: str, workers: Workers) -> Arranged:
    """Where the day was arranged before on the same `ground`, only what came since is added; else everything anew."""
    kept = kept_on(day, ground)
    if kept is None:
        return _arrange_all(day, workers)
    return _add(day, kept, workers)


def _arrange_all(day: Day, workers: Workers) -> Arranged:
    """Persons to households, households to addresses, observations to households: three steps over all ranges."""
    day.shuffle.clear()
    signals = tuple(SIGNALS.values())
    told = Lake(day.lake).scan("observations", day.versions["observations"], day.superseded)
    days = calendar(told, signals, day.as_of)
    day.shuffle.keep("calendar", 0, days)
    feeds = read_feeds(days, signals, day.as_of)
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
    keyed = _keyed(day, part)
    attached = attach(told, keyed)
    shuffle.scatter("observations", part, attached.observations, "household_key", day.parts)
    shuffle.scatter("notices", part, attached.notices, "household_key", day.parts)
    shuffle.scatter("shared", part, shared_addresses(keyed.holders), "household_key", day.parts)
    return counts | attached.counts


def _keyed(day: Day, part: int) -> Keyed:
    shuffle = day.shuffle
    return Keyed(
        persons=shuffle.kept("persons", part),
        holders=shuffle.gather("holders", part, day.sources),
        households=shuffle.kept("households", part)["household_key"],
        known_households=shuffle.kept("known", part)["household_key"],
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """A day arranged and worked before, and what has come since."""

    feeds: tuple[Feed, ...]
    counts: Counts
    updates: int
    new: pl.DataFrame  # signals.tables.OBSERVATIONS


def leave(arranged: Arranged, ground: str) -> None:
    """For another night of the same day. The last thing a night does: a killed one leaves nothing to build on."""
    told = {"ground": ground, "counts": json.dumps(arranged.counts), "updates": arranged.updates}
    versions = {"observations": arranged.day.versions["observations"]}
    arranged.day.shuffle.keep("ground", 0, pl.DataFrame([told | versions]))


def kept_on(day: Day, ground: str) -> Kept | None:
    """None: nothing to build on. So it is when registers, settings, model or code are others; when more was done to the
    observations than appending; and when a feed has told of a new month, which concerns all its households."""
    shuffle, signals = day.shuffle, tuple(SIGNALS.values())
    if not shuffle.has("ground", 0):
        return None
    try:
        told = shuffle.kept("ground", 0).row(0, named=True)
    except StoreError:  # cut off: by a power cut, or by a disk that was full
        return None
    # Whatever follows changes what is there.
    shuffle.drop("ground", 0)
    since, version = told["observations"], day.versions["observations"]
    new = Lake(day.lake).added("observations", day.as_of, day.superseded, since, version)
    if told["ground"] != ground or new is None:
        return None
    days = shuffle.kept("calendar", 0)
    with_new = pl.concat([days, calendar(new.lazy(), signals, day.as_of)])
    together = with_new.group_by("signal", "month").agg(pl.col("first_received").min()).sort("signal", "month")
    if not together.equals(days.sort("signal", "month")):
        return None
    return Kept(read_feeds(days, signals, day.as_of), json.loads(told["counts"]), told["updates"] + 1, new)


def _add(day: Day, kept: Kept, workers: Workers) -> Arranged:
    shuffle = day.shuffle
    shuffle.scatter("new", kept.updates, kept.new, "key", day.parts)
    counts = Counter(kept.counts)
    observations, notices = [], []
    work = partial(attach_new_range, day, kept.feeds, kept.updates)
    for attached in workers.map(work, day.parts, "Whose household is told of"):
        observations.append(attached.observations)
        notices.append(attached.notices)
        counts.update(attached.counts)
    source = day.parts + kept.updates - 1
    shuffle.scatter("observations", source, pl.concat(observations), "household_key", day.parts)
    shuffle.scatter("notices", source, pl.concat(notices), "household_key", day.parts)
    return Arranged(day, kept.feeds, dict(counts), kept.updates)


def attach_new_range(day: Day, feeds: tuple[Feed, ...], update: int, part: int) -> Attached:
    new = day.shuffle.gather("new", part, [update])
    told, counts = within_horizon(new, tuple(SIGNALS.values()), feeds, day.as_of)
    attached = attach(told, _keyed(day, part))
    return attached._replace(counts=counts | attached.counts)
