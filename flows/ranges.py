"""What was known on a day, arranged by households: every step works one range of keys and forgets it again.

Observations are of persons, addresses or households; who lives where hangs on whole persons, whole households and whole
addresses. So each step hands its rows on by the key that the next one asks for (store.shuffle).
"""

import hashlib
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
from signals.signal import KeyKind
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
    part_size: int  # households in each, about

    def rows(self, table: Table, part: int | range, schema: pl.Schema, mine: pl.Expr | None = None) -> pl.DataFrame:
        columns = [name for name in schema if name != "delivery" or table == "contacts"]
        lake, version = Lake(self.lake), self.versions[table]
        return lake.range_known_on(table, self.as_of, self.superseded, (part, self.parts), version, columns, mine)

    @property
    def shuffle(self) -> Shuffle:
        """What a whole night arranged and worked: other nights of the day build on it and change nothing in it."""
        return Shuffle(self.scratch)

    @property
    def news(self) -> Shuffle:
        """What such a night adds to it."""
        return Shuffle(f"{self.scratch}/news")

    @property
    def sources(self) -> range:
        return range(self.parts)

    def pieces(self, rows: int, at_once: int) -> int:
        """Work on few `rows` of all ranges is cut into as few pieces as hold `at_once` each: every piece costs what a
        range costs, however little there is to do."""
        return min(self.parts, max(1, -(-rows // at_once)))

    def ranges(self, pieces: int, piece: int) -> range:
        """Those of one piece, side by side."""
        return range(self.parts * piece // pieces, self.parts * (piece + 1) // pieces)


@dataclass(frozen=True, slots=True)
class Arranged:
    """Every household of a day, range by range."""

    day: Day
    feeds: tuple[Feed, ...]
    counts: Counts
    since: Mapping[str, int] | None = (
        None  # the lake's versions that a whole night of the day has read: more came since
    )

    @property
    def here(self) -> Shuffle:
        """What this night hands to its workers, and has back from them."""
        return self.day.shuffle if self.since is None else self.day.news

    def prepared(self, part: int | range, contacts: pl.DataFrame, mine: pl.Expr | None = None) -> Prepared:
        """Ranges ready for features.build, or `mine` of their households. `contacts`: of the same households."""
        shuffle = self.day.shuffle
        found = Gathered(
            households=shuffle.kept("households", part, mine),
            observations=self._told("observations", part, mine),
            notices=self._told("notices", part, mine),
            shared=shuffle.gather("shared", part, self.day.sources, mine),
            contacts=contacts,
        )
        return gather(found, tuple(SIGNALS.values()), self.feeds, {}, self.day.as_of)

    def _told(self, name: str, part: int | range, mine: pl.Expr | None) -> pl.DataFrame:
        told = self.day.shuffle.gather(name, part, self.day.sources, mine)
        return told if self.since is None else pl.concat([told, self.day.news.gather(name, part, [0], mine)])

    def roll(self, part: int | range, mine: pl.Expr | None = None) -> pl.DataFrame:
        """features.links.Enrolled.roll of ranges of households."""
        return self.day.shuffle.gather("roll", part, self.day.sources, mine)


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
        part_size=desk.settings.night.households_per_part,
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
    day.shuffle.keep("counts", 0, pl.DataFrame([dict(counts)]))
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


def _keyed(day: Day, part: int | range, told: pl.DataFrame | None = None) -> Keyed:
    """`told`: only keys of these observations."""
    shuffle = day.shuffle

    def mine(column: str, kind: KeyKind) -> pl.Expr | None:
        return None if told is None else among(column, told.filter(pl.col("key_kind") == kind)["key"])

    household = mine("household_key", "household")
    return Keyed(
        persons=shuffle.kept("persons", part, mine("person_key", "person")),
        holders=shuffle.gather("holders", part, day.sources, mine("key", "address")),
        households=shuffle.kept("households", part, household)["household_key"],
        known_households=shuffle.kept("known", part, household)["household_key"],
    )


def among(column: str, keys: pl.Series) -> pl.Expr:
    return pl.col(column).is_in(keys.unique().implode())


@dataclass(frozen=True, slots=True)
class Kept:
    """A day arranged and worked before, and what has come since."""

    feeds: tuple[Feed, ...]
    since: Mapping[str, int]
    told: pl.DataFrame  # signals.tables.OBSERVATIONS
    answered: pl.DataFrame  # signals.tables.CONTACTS


def leave(arranged: Arranged, ground: str) -> None:
    """For another night of the same day. The last thing a night does: a killed one leaves nothing to build on."""
    since = arranged.since or {table: arranged.day.versions[table] for table in ("observations", "contacts")}
    arranged.day.shuffle.keep("ground", 0, pl.DataFrame([{"ground": ground, **since}]))


def kept_on(day: Day, ground: str) -> Kept | None:
    """None: nothing to build on. So it is when registers, settings, model or code are others; when more was done to the
    observations and contacts than appending; and when a feed has told of a new month, which concerns all its
    households."""
    shuffle, signals = day.shuffle, tuple(SIGNALS.values())
    if not shuffle.has("ground", 0):
        return None
    try:
        since = shuffle.kept("ground", 0).row(0, named=True)
    except StoreError:  # cut off: by a power cut, or by a disk that was full
        return None
    # Should something else be cut off, the next night is a whole one.
    shuffle.drop("ground", 0)
    if since.pop("ground") != ground:
        return None
    told, answered = (_added(day, table, since[table]) for table in ("observations", "contacts"))
    if told is None or answered is None:
        return None
    days = shuffle.kept("calendar", 0)
    with_new = pl.concat([days, calendar(told.lazy(), signals, day.as_of)])
    together = with_new.group_by("signal", "month").agg(pl.col("first_received").min()).sort("signal", "month")
    if not together.equals(days.sort("signal", "month")):
        return None
    return Kept(read_feeds(days, signals, day.as_of), since, told, answered)


def _added(day: Day, table: Table, since: int) -> pl.DataFrame | None:
    return Lake(day.lake).added(table, day.as_of, day.superseded, since, day.versions[table])


def _add(day: Day, kept: Kept, workers: Workers) -> Arranged:
    """Whatever an earlier such night added comes anew: all of them build on the one whole night."""
    news = day.news
    news.clear()
    news.keep("answered", 0, kept.answered)
    news.scatter("told", 0, kept.told, "key", day.parts)
    pieces = day.pieces(kept.told.height, 4 * day.part_size)
    found = list(workers.map(partial(attach_news, day, kept.feeds, pieces), pieces, "Whose household is told of"))
    counts = Counter(day.shuffle.kept("counts", 0).row(0, named=True))
    for attached in found:
        counts.update(attached.counts)
    news.scatter("observations", 0, pl.concat(a.observations for a in found), "household_key", day.parts)
    news.scatter("notices", 0, pl.concat(a.notices for a in found), "household_key", day.parts)
    return Arranged(day, kept.feeds, dict(counts), kept.since)


def attach_news(day: Day, feeds: tuple[Feed, ...], pieces: int, piece: int) -> Attached:
    ranges = day.ranges(pieces, piece)
    new = day.news.gather("told", ranges, [0])
    told, counts = within_horizon(new, tuple(SIGNALS.values()), feeds, day.as_of)
    attached = attach(told, _keyed(day, ranges, told))
    return attached._replace(counts=counts | attached.counts)
