"""Per office: who joins tonight, in which lane, within the work the office has free."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from alerts import draw
from alerts.carrying import carried_alerts
from alerts.considered import add_up, tally
from alerts.draw import Claim, draw_salt, likeliest_and_luckiest, place
from alerts.lanes import LANES, WORKS_AS
from alerts.live import EVIDENCE, live_warnings
from alerts.opening import alert_id as alert_id
from alerts.opening import new_alerts
from alerts.rest import last_told, times_in_vain, told_besides
from alerts.settings import QueueSettings
from alerts.sift import FACTS as FACTS
from alerts.sift import SCORES as SCORES
from alerts.sift import one_per_household, sift, with_told
from alerts.tables import ALERTS, CONSIDERED, OPEN_ALERTS, Decision, take
from signals.catalogue import SIGNALS
from signals.signal import Signal
from signals.tables import CONTACTS


@dataclass(frozen=True, slots=True)
class Filled:
    alerts: pl.DataFrame  # tables.ALERTS: every open alert, carried and new
    considered: pl.DataFrame  # tables.CONSIDERED: every household, exactly once


@dataclass(frozen=True, slots=True)
class Sifted:
    """A share of the country's households, of which only those are kept that may stand in a queue tonight."""

    kept: pl.DataFrame  # sift.sift
    everyone: pl.DataFrame  # considered.TALLY of all of them; a null decision waits for a place


def fill_queues(
    scores: pl.DataFrame,
    facts: pl.DataFrame,
    evidence: pl.DataFrame,
    open_alerts: pl.DataFrame,
    contacts: pl.DataFrame,
    settings: QueueSettings,
    as_of: date,
    rng: np.random.Generator,
    *,
    signals: Mapping[str, Signal] = SIGNALS,
    bands_then: pl.DataFrame | None = None,
    stopped: pl.Series | None = None,
) -> Filled:
    """Urgent households join at once; criteria, risk and explore share what the office has free.

    `bands_then` (alert_id, band) are the true bands of our own past alerts: without it a higher band cannot end a
    household's rest. `stopped`: keys of households that asked not to be processed; they are on no sheet, and an open
    alert of theirs stays open, is not handed out and holds no place.
    """
    decided = sift(
        scores, facts, evidence, open_alerts, contacts, settings, as_of, draw_salt(rng),
        signals=signals, bands_then=bands_then, stopped=stopped,
    )  # fmt: skip
    chosen = choose(Sifted(decided, tally_sifted(decided)), settings, rng)
    alerts = open_queue(chosen, facts, evidence, open_alerts, contacts, settings, as_of, signals=signals)
    return Filled(alerts, considered(chosen, alerts))


# Of sift.sift's columns those that are counted.
COUNTED = ("household_key", "office", "decision", "band", "is_urgent")


def tally_sifted(decided: pl.DataFrame) -> pl.DataFrame:
    """considered.TALLY of sift.sift's households, whose places are not given yet."""
    return tally(decided.with_columns(works_as=pl.lit(None, pl.String), escalation=pl.lit(None, pl.Int64)))


def narrow(sifted: Sequence[Sifted], settings: QueueSettings, bars: pl.DataFrame | None = None) -> Sifted:
    """Together, and of the waiting only as many of each office as could be given its places, whatever the rest is.

    `bars`: bars_of others who wait for the same places.
    """
    households = pl.concat([s.kept for s in sifted])
    waiting = within(households.filter(pl.col("decision").is_null()), bars, settings)
    waiting = waiting.filter(likeliest_and_luckiest(waiting, _capacity(settings), _criteria(settings)))
    kept = pl.concat([households.filter(pl.col("decision").is_in(["carried", "queued_urgent"])), waiting])
    return Sifted(kept, add_up(s.everyone for s in sifted))


def bars_of(households: pl.DataFrame, settings: QueueSettings) -> pl.DataFrame:
    """draw.bars of those of them (sift.sift) who wait."""
    return draw.bars(households.filter(pl.col("decision").is_null()), _capacity(settings), _criteria(settings))


def standing(sifted: Sifted, changed: pl.Series, settings: QueueSettings) -> tuple[Sifted, pl.DataFrame]:
    """Of a whole country `sifted` before some households changed: those who have a place all the same, everybody still
    counted as before, and the bars of all others who wait."""
    others = sifted.kept.filter(~pl.col("household_key").is_in(changed.implode()))
    return Sifted(others.filter(pl.col("decision").is_not_null()), sifted.everyone), bars_of(others, settings)


def sift_anew(
    decided: pl.DataFrame,
    before: pl.DataFrame,
    waiting: Iterable[pl.DataFrame],
    bars: pl.DataFrame,
    settings: QueueSettings,
) -> Sifted:
    """To be brought together with `standing`: households `decided` anew (sift.sift), counted in the place of what they
    were `before` (COUNTED), and of those who were `waiting` beside them whoever may be given a place."""
    others = (
        within(some, bars, settings).join(before, on="household_key", how="anti", maintain_order="left")
        for some in waiting
    )
    everyone = add_up([tally_sifted(decided)], less=[tally_sifted(before)])
    return narrow([Sifted(pl.concat([decided, *others]), everyone)], settings, bars)


def within(waiting: pl.DataFrame, bars: pl.DataFrame | None, settings: QueueSettings) -> pl.DataFrame:
    """Those of them (sift.sift) whom not all others of their office's `bars` stand before."""
    return waiting if bars is None else draw.within_bars(waiting, bars, _criteria(settings))


def choose(sifted: Sifted, settings: QueueSettings, rng: np.random.Generator) -> pl.DataFrame:
    """`sifted.kept` with a decision each, criterion, inclusion and told_over."""
    kept = sifted.kept
    waiting = kept.filter(pl.col("decision").is_null())
    meeting = {c: waiting.filter(pl.col("criteria").list.contains(c.name_ko)) for c in settings.criteria}
    claims = [Claim(c.name_ko, c.offices, c.share, told["household_key"]) for c, told in meeting.items()]
    candidates = waiting.select("household_key", "office", "probability", "points", "lot")
    placed = place(candidates, _free(sifted, settings), settings.explore_share, rng, claims)
    placed = placed.rename({"decision": "placed"})
    return kept.join(placed, on="household_key", how="left").with_columns(
        decision=pl.coalesce("placed", "decision").cast(Decision)
    )


def count(chosen: pl.DataFrame, alerts: pl.DataFrame, sifted: Sifted) -> pl.DataFrame:
    """considered.TALLY of everybody: those chosen among, and all others, of whom who waited has no place tonight."""
    others = add_up([sifted.everyone], less=[tally_sifted(sifted.kept)])
    below = pl.col("decision").fill_null(pl.lit("below_cut", Decision))
    return pl.concat([tally(considered(chosen, alerts)), others.with_columns(below)])


def considered(chosen: pl.DataFrame, alerts: pl.DataFrame) -> pl.DataFrame:
    """tables.CONSIDERED of the households that were chosen among."""
    queued = alerts.select("household_key", "works_as", "escalation")
    decided = chosen.join(queued, on="household_key", how="left", validate="1:1")
    return take(decided, CONSIDERED, "considered").sort("household_key")


def _free(sifted: Sifted, settings: QueueSettings) -> pl.DataFrame:
    """office, waiting, free of offices for which somebody waits. free: what is left of the capacity for those chosen by
    criteria, by risk or at random.

    reports_share of the capacity, rounded up, is kept for reports: open and new ones fill those places first, and what
    they leave of them stays empty. Urgent alerts and those that moved in may exceed the capacity: then nothing is free.
    """
    holds = pl.col("decision").is_in(["carried", "queued_urgent"]).fill_null(False)
    held = sifted.kept.group_by("office").agg(
        held=holds.sum().cast(pl.Int64), reports=(holds & pl.col("is_report")).sum().cast(pl.Int64)
    )
    waiting = (
        sifted.everyone.filter(pl.col("decision").is_null()).group_by("office").agg(waiting=pl.col("households").sum())
    )
    reserved = (pl.col("capacity") * settings.reports_share).round(9).ceil().cast(pl.Int64)
    kept = (reserved - pl.col("reports")).clip(lower_bound=0)
    return (
        waiting.join(held, on="office", how="left")
        .join(_capacity(settings), on="office", how="left")
        .with_columns(pl.col("held", "reports").fill_null(0), pl.col("capacity").fill_null(settings.capacity))
        .select("office", "waiting", free=(pl.col("capacity") - pl.col("held") - kept).clip(lower_bound=0))
    )


def _criteria(settings: QueueSettings) -> list[str]:
    return [criterion.name_ko for criterion in settings.criteria]


def _capacity(settings: QueueSettings) -> pl.DataFrame:
    return pl.DataFrame(
        {"office": list(settings.capacity_by_office), "capacity": list(settings.capacity_by_office.values())},
        schema={"office": pl.String, "capacity": pl.Int64},
    )


def open_queue(
    chosen: pl.DataFrame,
    facts: pl.DataFrame,
    evidence: pl.DataFrame,
    open_alerts: pl.DataFrame,
    contacts: pl.DataFrame,
    settings: QueueSettings,
    as_of: date,
    *,
    signals: Mapping[str, Signal] = SIGNALS,
) -> pl.DataFrame:
    """tables.ALERTS, in_order.

    `chosen`: as `choose` gives it; the other tables hold at least the households that were given a place or have one.
    """
    opened = one_per_household(take(open_alerts, OPEN_ALERTS, "open_alerts"))
    known = last_told(take(contacts, CONTACTS, "contacts").filter(pl.col("received_on") <= as_of))
    warnings = live_warnings(take(evidence, EVIDENCE, "evidence"), signals)
    is_joining = pl.col("decision").cast(pl.String).str.starts_with("queued_")
    in_queue = chosen.filter(is_joining | (pl.col("decision") == "carried"))
    in_queue = with_told(in_queue, take(facts, FACTS, "facts"), warnings)
    joining, carried = in_queue.filter(is_joining), in_queue.filter(~is_joining)
    both = pl.concat(
        [new_alerts(joining, settings, as_of), carried_alerts(carried, opened, settings, as_of)], how="diagonal_relaxed"
    )
    complete = _with_past(both, known).with_columns(
        is_repeat=pl.col("in_vain").fill_null(0) >= settings.repeat_from,
        as_of=pl.lit(as_of),
        **_lateness(settings, as_of),
    )
    return in_order(take(complete, ALERTS, "alerts"))


def in_order(alerts: pl.DataFrame) -> pl.DataFrame:
    """Office, lane as worked, band, repeats first, due day, id."""
    ranks = {code: LANES[code].rank for code in WORKS_AS}
    return alerts.sort(
        "office",
        pl.col("works_as").replace_strict(ranks, return_dtype=pl.Int64),
        pl.col("band").to_physical(),
        "is_repeat",
        "due_on",
        "alert_id",
        descending=[False, False, True, True, False, False],
        nulls_last=True,
    )


def _with_past(alerts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """in_vain, and what earlier selections say without the alert's own answers."""
    besides = told_besides(known, alerts).with_columns(is_besides=True)
    told = alerts.join(besides, on="alert_id", how="left", suffix="_besides")
    return told.with_columns(
        pl.when("is_besides").then(f"{name}_besides").otherwise(name).alias(name)
        for name in ("prior_selections", "last_outcome", "last_contacted_on")
    ).join(times_in_vain(known, alerts), on="alert_id", how="left")


def _lateness(settings: QueueSettings, as_of: date) -> dict[str, pl.Expr]:
    is_late = pl.col("due_on") < as_of
    is_very_late = pl.col("due_on") + timedelta(days=settings.escalate_after_days) < as_of
    return {"is_overdue": is_late, "escalation": is_late.cast(pl.Int64) + is_very_late.cast(pl.Int64)}
