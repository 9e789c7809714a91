"""Places given, and for every household that has one: what raised its score, in words, and whom to ask for."""

from dataclasses import dataclass, fields
from datetime import date
from functools import partial

import polars as pl

from alerts.benefits import point_to
from alerts.eases import ease
from alerts.queue import choose, count, in_order, open_queue
from alerts.reasons import tell
from alerts.tables import TOLD_FACTS
from features import Built, Prepared, build
from features.history import covered, history
from flows.desk import Desk
from flows.draw import seeded
from flows.ranges import Arranged, only
from flows.residences import residences
from flows.scoring import Deployed, Offices, Scored
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


@dataclass(frozen=True, slots=True)
class Queues:
    told: Told
    tally: pl.DataFrame  # alerts.considered.TALLY of every household


def fill_office_queues(
    desk: Desk, arranged: Arranged, scored: Scored, deployed: Deployed, offices: Offices, workers: Workers
) -> Queues:
    """Within each office's capacity, with reasons."""
    day = arranged.day
    rng = seeded(desk.settings.model.seed, day.as_of)
    chosen = choose(scored.sifted, offices.settings, rng)
    day.shuffle.scatter("chosen", arranged.updates, chosen.filter(QUEUED), "household_key", day.parts)
    work = partial(tell_range, arranged, deployed, offices)
    told = list(workers.map(work, day.parts, "Explaining alerts"))
    together = {field.name: pl.concat([getattr(t, field.name) for t in told]) for field in fields(Told)}
    queue = Told(**together | {"alerts": in_order(together["alerts"])})
    return Queues(queue, count(chosen, queue.alerts, scored.sifted.others))


def tell_range(arranged: Arranged, deployed: Deployed, offices: Offices, part: int) -> Told:
    day, shuffle = arranged.day, arranged.day.shuffle
    chosen = shuffle.gather("chosen", part, [arranged.updates])
    keys = chosen["household_key"]
    mine = pl.col("household_key").is_in(keys.implode())
    prepared, contacts = arranged.prepared(part)
    prepared, contacts = only(prepared, mine), contacts.filter(mine)
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
