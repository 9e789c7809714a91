"""Places given, and for every household that has one: what raised its score, in words, and whom to ask for."""

from dataclasses import dataclass, fields
from datetime import date
from functools import partial

import polars as pl

from alerts.bands import told_band
from alerts.benefits import point_to
from alerts.data_dates import mark_late
from alerts.draw import draw_salt
from alerts.eases import ease
from alerts.opening import with_chances
from alerts.queue import choose, count, in_order, open_queue
from alerts.reasons import tell
from alerts.settings import QueueSettings
from alerts.tables import TOLD_FACTS
from features import Built, Prepared, build
from features.history import covered, history
from flows.desk import Desk
from flows.draw import seeded
from flows.freshness import told_until
from flows.ranges import Arranged, among
from flows.residences import residences
from flows.scoring import Deployed, Offices, Scored
from flows.sheets import benefit_table
from flows.workers import Workers
from models.explain import explain
from signals.catalogue import SIGNALS
from signals.tables import CONTACTS

QUEUED = pl.col("decision").cast(pl.String).str.starts_with("queued_") | (pl.col("decision") == "carried")


@dataclass(frozen=True, slots=True)
class Told:
    """Of the households in a queue."""

    alerts: pl.DataFrame  # alerts.tables.ALERTS with reasons, what lowered the score, and benefits
    pushes: pl.DataFrame  # models.explain; of those in the registers
    history: pl.DataFrame  # features.history
    people: pl.DataFrame  # flows.residences
    contacts: pl.DataFrame  # signals.tables.CONTACTS


TOLD = tuple(field.name for field in fields(Told))


@dataclass(frozen=True, slots=True)
class Filled:
    """The offices' queues, what is told of them still where the workers left it."""

    chosen: pl.DataFrame
    stands: pl.Series  # households of which what the day's whole night told is told again
    pieces: int


@dataclass(frozen=True, slots=True)
class Queues:
    told: Told
    tally: pl.DataFrame  # alerts.considered.TALLY of every household


def fill_office_queues(
    desk: Desk, arranged: Arranged, scored: Scored, deployed: Deployed, offices: Offices, workers: Workers
) -> Filled:
    """Within each office's capacity, with reasons."""
    day = arranged.day
    rng = seeded(desk.settings.model.seed, day.as_of)
    draw_salt(rng)  # the first number of the night is that of the lots
    chosen = choose(scored.sifted, offices.settings, rng)
    queued = chosen.filter(QUEUED)
    stands = (
        queued["household_key"].clear() if arranged.since is None else as_before(arranged, queued, offices.settings)
    )
    anew = queued.filter(~among("household_key", stands))
    arranged.here.scatter("chosen", 0, anew, "household_key", day.parts)
    pieces = day.parts if arranged.since is None else day.pieces(anew.height, -(-day.part_size // 10))
    for _ in workers.map(partial(tell_range, arranged, deployed, offices, pieces), pieces, "Explaining alerts"):
        pass
    return Filled(chosen, stands, pieces)


def gather_queues(desk: Desk, arranged: Arranged, scored: Scored, filled: Filled) -> Queues:
    """All of it in one place: for when no worker holds memory any more."""
    told = {name: _told(arranged, name, filled.stands, filled.pieces) for name in TOLD}
    if arranged.since is not None:
        told["alerts"] = with_chances(told["alerts"], filled.chosen.filter(QUEUED))
    # Last: what is told of a household stands until something of it is new, which source is late does not.
    alerts = mark_late(in_order(told["alerts"]), told_until(desk, arranged.day.as_of), SIGNALS)
    queue = Told(**told | {"alerts": alerts})
    return Queues(queue, count(filled.chosen, queue.alerts, scored.sifted))


def as_before(arranged: Arranged, queued: pl.DataFrame, settings: QueueSettings) -> pl.Series:
    """Households of which nothing is new, and which stand in the queue as after the day's whole night: what was told of
    them stands, but for the chance they had."""
    day = arranged.day
    # Whoever joins or leaves an office's queue moves the line above which bands are told, but hardly ever a band.
    band = told_band(pl.col("band"), pl.col("told_over"), settings)
    now, before = (
        frame.with_columns(pl.col("criteria").list.join("\0"), told_over=band).drop("inclusion")
        for frame in (queued, day.shuffle.gather("chosen", day.sources, [0]))
    )
    same = now.join(before, on=now.columns, how="semi", nulls_equal=True)
    return same.join(arranged.here.kept("changed", 0), on="household_key", how="anti")["household_key"]


def _told(arranged: Arranged, name: str, stands: pl.Series, pieces: int) -> pl.DataFrame:
    anew = arranged.here.kept(f"told-{name}", range(pieces))
    if arranged.since is None:
        return anew
    stood = arranged.day.shuffle.kept(f"told-{name}", arranged.day.sources, among("household_key", stands))
    return pl.concat([stood, anew]).sort("household_key", maintain_order=True)


def tell_range(arranged: Arranged, deployed: Deployed, offices: Offices, pieces: int, piece: int) -> None:
    """Keeps what is told of some ranges' alerts."""
    told = _tell(arranged, deployed, offices, arranged.day.ranges(pieces, piece))
    for name in TOLD:
        arranged.here.keep(f"told-{name}", piece, getattr(told, name).sort("household_key", maintain_order=True))


def _tell(arranged: Arranged, deployed: Deployed, offices: Offices, ranges: range) -> Told:
    day, here = arranged.day, arranged.here
    chosen = here.gather("chosen", ranges, [0])
    keys = chosen["household_key"]
    mine = among("household_key", keys)
    if arranged.since is None:
        contacts = here.kept("contacts", ranges, mine)
    else:
        contacts = day.rows("contacts", ranges, CONTACTS, mine)
    prepared = arranged.prepared(ranges, contacts, mine)
    built = build(prepared)
    opened = here.gather("opened", ranges, [0], mine)
    facts = offices.assign(built.facts)
    alerts = open_queue(chosen, facts, built.evidence, opened, contacts, offices.settings, day.as_of)
    pushes = explain(deployed.load(), built.features)
    return Told(
        alerts=_in_words(alerts, pushes, built, prepared, day.as_of),
        pushes=pushes,
        history=history(prepared, keys),
        people=residences(arranged.roll(ranges, mine), prepared.households, keys),
        contacts=contacts,
    )


def _in_words(
    alerts: pl.DataFrame, pushes: pl.DataFrame, built: Built, prepared: Prepared, as_of: date
) -> pl.DataFrame:
    """What raised the score, what lowered it, what to check, which benefits to look at."""
    facts = alerts.select("household_key", *TOLD_FACTS)
    told = tell(alerts, pushes, built.evidence, facts, SIGNALS)
    silent = covered(prepared, alerts["household_key"])
    told = ease(told, pushes, built.evidence, facts, silent, SIGNALS)
    return point_to(told, facts, built.evidence, benefit_table(), as_of)
