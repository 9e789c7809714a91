"""Places given, and for every household that has one: what raised its score, in words, and whom to ask for."""

from dataclasses import dataclass, fields
from datetime import date
from functools import partial

import polars as pl

from alerts.benefits import point_to
from alerts.data_dates import mark_late
from alerts.draw import draw_salt
from alerts.eases import ease
from alerts.queue import choose, count, in_order, open_queue
from alerts.reasons import tell
from alerts.tables import TOLD_FACTS
from features import Built, Prepared, build
from features.history import covered, history
from flows.desk import Desk
from flows.draw import seeded
from flows.freshness import told_until
from flows.ranges import Arranged
from flows.residences import residences
from flows.scoring import Deployed, Offices, Scored, kept_as
from flows.sheets import benefit_table
from flows.workers import Workers
from models.explain import explain
from signals.catalogue import SIGNALS

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
class Queues:
    told: Told
    tally: pl.DataFrame  # alerts.considered.TALLY of every household


def fill_office_queues(
    desk: Desk, arranged: Arranged, scored: Scored, deployed: Deployed, offices: Offices, workers: Workers
) -> Queues:
    """Within each office's capacity, with reasons."""
    day, update = arranged.day, arranged.updates
    rng = seeded(desk.settings.model.seed, day.as_of)
    draw_salt(rng)  # the first number of the night is that of the lots
    chosen = choose(scored.sifted, offices.settings, rng)
    day.shuffle.scatter("chosen", update, chosen.filter(QUEUED), "household_key", day.parts)
    work = partial(tell_range, arranged, deployed, offices)
    for _ in workers.map(work, day.parts, "Explaining alerts"):
        pass
    told = {name: pl.concat([day.shuffle.kept(_told_as(name, update), part) for part in day.sources]) for name in TOLD}
    # Last: what is told of a household stands until something of it is new, which source is late does not.
    alerts = mark_late(in_order(told["alerts"]), told_until(desk, day.as_of), SIGNALS)
    queue = Told(**told | {"alerts": alerts})
    return Queues(queue, count(chosen, queue.alerts, scored.sifted.others))


def tell_range(arranged: Arranged, deployed: Deployed, offices: Offices, part: int) -> None:
    """Keeps what is told of a range's alerts. What was told on the same day of households of which nothing is new, and
    which stand in the queue as they did, stands."""
    shuffle, update = arranged.day.shuffle, arranged.updates
    chosen = shuffle.gather("chosen", part, [update])
    stands = as_before(arranged, chosen, part) if update else chosen["household_key"].clear()
    is_told = pl.col("household_key").is_in(stands.implode())
    told = _tell(arranged, deployed, offices, chosen.filter(~is_told), part)
    for name in TOLD:
        frame = getattr(told, name)
        if update:
            frame = pl.concat([shuffle.kept(_told_as(name, update - 1), part).filter(is_told), frame])
        shuffle.keep(_told_as(name, update), part, frame.sort("household_key", maintain_order=True))


def _told_as(name: str, update: int) -> str:
    return kept_as(f"told-{name}", update)


def as_before(arranged: Arranged, chosen: pl.DataFrame, part: int) -> pl.Series:
    shuffle, update = arranged.day.shuffle, arranged.updates
    now, before = (
        frame.with_columns(pl.col("criteria").list.join("\0"))
        for frame in (chosen, shuffle.gather("chosen", part, [update - 1]))
    )
    same = now.join(before, on=now.columns, how="semi", nulls_equal=True)
    return same.join(shuffle.kept(kept_as("changed", update), part), on="household_key", how="anti")["household_key"]


def _tell(arranged: Arranged, deployed: Deployed, offices: Offices, chosen: pl.DataFrame, part: int) -> Told:
    day, shuffle, keys = arranged.day, arranged.day.shuffle, chosen["household_key"]
    contacts = shuffle.kept(kept_as("contacts", arranged.updates), part)
    contacts = contacts.filter(pl.col("household_key").is_in(keys.implode()))
    prepared = arranged.prepared(part, contacts, keys)
    built = build(prepared)
    opened = shuffle.gather("opened", part, [arranged.updates])
    facts = offices.assign(built.facts)
    alerts = open_queue(chosen, facts, built.evidence, opened, contacts, offices.settings, day.as_of)
    pushes = explain(deployed.load(), built.features)
    return Told(
        alerts=_in_words(alerts, pushes, built, prepared, day.as_of),
        pushes=pushes,
        history=history(prepared, keys),
        people=residences(arranged.roll(part), shuffle.kept("households", part), keys),
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
