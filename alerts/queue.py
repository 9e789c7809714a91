"""Per office: who joins tonight, in which lane, within the work the office has free."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from alerts.bands import band
from alerts.carrying import carried_alerts
from alerts.criteria import meets
from alerts.draw import Claim, place
from alerts.lanes import LANES, WORKS_AS
from alerts.live import EVIDENCE, live_warnings
from alerts.opening import alert_id as alert_id
from alerts.opening import new_alerts
from alerts.rest import households_removed, last_talks, last_told, times_in_vain, told_besides
from alerts.settings import QueueSettings
from alerts.tables import ALERTS, CONSIDERED, OPEN_ALERTS, TOLD_FACTS, Decision, take
from signals.catalogue import SIGNALS
from signals.signal import Signal
from signals.tables import CONTACTS

FACTS = pl.Schema({"household_key": pl.Int64(), "office": pl.String(), "relieved": pl.List(pl.String()), **TOLD_FACTS})
SCORES = pl.Schema({"household_key": pl.Int64(), "probability": pl.Float64()})


@dataclass(frozen=True, slots=True)
class Filled:
    alerts: pl.DataFrame  # tables.ALERTS: every open alert, carried and new
    considered: pl.DataFrame  # tables.CONSIDERED: every household, exactly once


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
    facts = take(facts, FACTS, "facts")
    opened = _one_per_household(take(open_alerts, OPEN_ALERTS, "open_alerts"))
    known = last_told(take(contacts, CONTACTS, "contacts").filter(pl.col("received_on") <= as_of))
    talks = last_talks(known, bands_then)
    warnings = live_warnings(take(evidence, EVIDENCE, "evidence"), signals)

    households = _households(take(scores, SCORES, "scores"), facts, opened, settings)
    fresh_from = as_of - timedelta(days=settings.urgent_for_days)
    households = _with_warnings(households, warnings, facts, talks, fresh_from)
    households = _with_history(households, known, talks, settings, as_of)
    decided = households.with_columns(is_stopped=_is_among(stopped)).with_columns(decision=_decision())
    claims = _claims(decided, facts, warnings, settings, signals)
    placed = _place(decided, claims, settings, rng)
    decided = decided.join(placed, on="household_key", how="left").with_columns(
        decision=pl.coalesce("placed", "decision").cast(Decision)
    )
    alerts = _alerts(decided, opened, facts, warnings, known, settings, as_of)
    queued = alerts.select("household_key", "works_as", "escalation")
    decided = decided.join(queued, on="household_key", how="left", validate="1:1")
    return Filled(alerts, take(decided, CONSIDERED, "considered").sort("household_key"))


def _is_among(households: pl.Series | None) -> pl.Expr:
    return pl.lit(False) if households is None else pl.col("household_key").is_in(households.implode())


def _one_per_household(opened: pl.DataFrame) -> pl.DataFrame:
    return opened.sort("opened_on", "alert_id").unique("household_key", keep="first", maintain_order=True)


def _households(
    scores: pl.DataFrame, facts: pl.DataFrame, opened: pl.DataFrame, settings: QueueSettings
) -> pl.DataFrame:
    """Everybody in the registers, and open alerts whose household has left them: only an officer ends those."""
    known = facts.select("household_key", "office", "members")
    if known["household_key"].is_duplicated().any():
        raise ValueError("facts hold a household twice")
    gone = opened.select("household_key", "office").join(known, on="household_key", how="anti")
    gone = gone.with_columns(members=pl.lit(None, pl.Int64))
    was = opened.select("household_key", is_open=pl.lit(True), opened_in="office")
    return (
        pl.concat([known, gone])
        .join(was, on="household_key", how="left", validate="1:1")
        .join(scores, on="household_key", how="left", validate="1:1")
        .with_columns(
            pl.col("is_open").fill_null(False),
            pl.coalesce("office", "opened_in"),  # an alert follows its household to the new office
            pl.col("probability").fill_nan(None),
        )
        .with_columns(band=band(pl.col("probability"), settings))
        .sort("household_key")
    )


def _with_warnings(
    households: pl.DataFrame, warnings: pl.DataFrame, facts: pl.DataFrame, talks: pl.DataFrame, fresh_from: date
) -> pl.DataFrame:
    """points, is_urgent, urgent_known_on, is_report, has_warning, has_new (a kind of signal nobody has talked about),
    is_uncovered. Urgent is what became known on `fresh_from` or later."""
    relieved = facts.select("household_key", domain="relieved").explode("domain").drop_nulls().unique()
    is_new = pl.col("talked_on").is_null() | (pl.col("first_known_on") > pl.col("talked_on"))
    calls = pl.col("is_urgent") & pl.col("is_new") & (pl.col("first_known_on") >= fresh_from)
    summed = (
        warnings.join(talks, on="household_key", how="left")
        .join(relieved.with_columns(is_covered=True), on=["household_key", "domain"], how="left")
        .with_columns(is_new=is_new, is_covered=pl.col("is_covered").fill_null(False))
        .group_by("household_key")
        .agg(
            pl.col("points").sum(),
            is_urgent=calls.any(),
            urgent_known_on=pl.col("first_known_on").filter(calls).max(),
            is_report=(calls & (pl.col("domain") == "reports")).any(),
            has_new=pl.col("is_new").any(),
            is_uncovered=(~pl.col("is_covered")).any(),
            has_warning=pl.lit(True),
        )
    )
    flags = pl.col("is_urgent", "is_report", "has_new", "is_uncovered", "has_warning").fill_null(False)
    return households.join(summed, on="household_key", how="left").with_columns(flags, pl.col("points").fill_null(0))


def _with_history(
    households: pl.DataFrame,
    contacts: pl.DataFrame,
    talks: pl.DataFrame,
    settings: QueueSettings,
    as_of: date,
) -> pl.DataFrame:
    """is_removed, is_resting."""
    found_need = pl.col("found_need").fill_null(False)
    rests = pl.when(found_need).then(settings.need_rest_days).otherwise(settings.cool_down_days)
    rests_until = pl.col("talked_on") + pl.duration(days=rests)
    # Need that was found raises the band by itself: that must not end the rest it begins.
    has_risen = (pl.col("band") > pl.col("band_then")).fill_null(False) & ~found_need
    return (
        households.join(talks, on="household_key", how="left")
        .with_columns(
            # One of several died: the others may be worse off than before.
            is_removed=pl.col("household_key").is_in(households_removed(contacts).implode())
            & (pl.col("members").fill_null(1) <= 1),
            is_resting=(rests_until > as_of).fill_null(False) & ~pl.col("has_new") & ~has_risen,
        )
        .drop("talked_on", "band_then", "found_need")
    )


def _decision() -> pl.Expr:
    """In the order of tables.DECISIONS; null: waits for a place."""
    return (
        pl.when("is_removed")
        .then(pl.lit("removed"))
        .when("is_stopped")
        .then(pl.lit("stopped"))
        .when("is_open")
        .then(pl.lit("carried"))
        .when(pl.col("office").is_null())
        .then(pl.lit("no_office"))
        .when("is_urgent")
        .then(pl.lit("queued_urgent"))
        .when(~pl.col("has_warning"))
        .then(pl.lit("no_signal"))
        .when(~pl.col("is_uncovered"))
        .then(pl.lit("already_relieved"))
        .when("is_resting")
        .then(pl.lit("cooling_down"))
        .when(pl.col("probability").is_null())
        .then(pl.lit("not_scored"))
    )


def _claims(
    decided: pl.DataFrame,
    facts: pl.DataFrame,
    warnings: pl.DataFrame,
    settings: QueueSettings,
    signals: Mapping[str, Signal],
) -> list[Claim]:
    """Which of the waiting meet which of the district's own criteria."""
    named = {name for criterion in settings.criteria for name in criterion.any_signal}
    if unknown := named - set(signals):
        raise ValueError(f"criteria name signals the catalogue does not: {', '.join(sorted(unknown))}")
    if not settings.criteria:
        return []
    waiting = decided.filter(pl.col("decision").is_null()).select("household_key", "office", "points")
    # Most of the country waits: only what the criteria name is joined.
    told = _with_told(waiting, facts, warnings.filter(pl.col("signal").is_in(list(named))))
    return [Claim(c.name_ko, c.offices, c.share, told.filter(meets(c))["household_key"]) for c in settings.criteria]


def _place(
    decided: pl.DataFrame, claims: list[Claim], settings: QueueSettings, rng: np.random.Generator
) -> pl.DataFrame:
    """household_key, placed, criterion, inclusion, told_over of the households that wait for a place."""
    waiting = decided.filter(pl.col("decision").is_null()).select("household_key", "office", "probability", "points")
    placed = place(waiting, _free(decided, settings), settings.explore_share, rng, claims)
    return placed.rename({"decision": "placed"})


def _free(decided: pl.DataFrame, settings: QueueSettings) -> pl.DataFrame:
    """office, free: what is left of its capacity for those chosen by criteria, by risk or at random.

    reports_share of the capacity, rounded up, is kept for reports: open and new ones fill those places first, and what
    they leave of them stays empty. Urgent alerts and those that moved in may exceed the capacity: then nothing is free.
    """
    holds = pl.col("decision").is_in(["carried", "queued_urgent"]).fill_null(False)
    held = decided.drop_nulls("office").group_by("office").agg(
        held=holds.sum().cast(pl.Int64), reports=(holds & pl.col("is_report")).sum().cast(pl.Int64)
    )  # fmt: skip
    capacity = pl.DataFrame(
        {"office": list(settings.capacity_by_office), "capacity": list(settings.capacity_by_office.values())},
        schema={"office": pl.String, "capacity": pl.Int64},
    )
    reserved = (pl.col("capacity") * settings.reports_share).round(9).ceil().cast(pl.Int64)
    kept = (reserved - pl.col("reports")).clip(lower_bound=0)
    return (
        held.join(capacity, on="office", how="left")
        .with_columns(pl.col("capacity").fill_null(settings.capacity))
        .select("office", free=(pl.col("capacity") - pl.col("held") - kept).clip(lower_bound=0))
    )


def _alerts(
    decided: pl.DataFrame,
    opened: pl.DataFrame,
    facts: pl.DataFrame,
    warnings: pl.DataFrame,
    known: pl.DataFrame,
    settings: QueueSettings,
    as_of: date,
) -> pl.DataFrame:
    """tables.ALERTS, in the order of the sheet: office, lane as worked, band, repeats first, due day, id."""
    is_joining = pl.col("decision").cast(pl.String).str.starts_with("queued_")
    in_queue = _with_told(decided.filter(is_joining | (pl.col("decision") == "carried")), facts, warnings)
    joining, carried = in_queue.filter(is_joining), in_queue.filter(~is_joining)
    both = pl.concat(
        [new_alerts(joining, settings, as_of), carried_alerts(carried, opened, settings, as_of)], how="diagonal_relaxed"
    )
    is_late = pl.col("due_on") < as_of
    is_very_late = pl.col("due_on") + timedelta(days=settings.escalate_after_days) < as_of
    both = both.join(
        told_besides(known, both).with_columns(is_besides=True), on="alert_id", how="left", suffix="_besides"
    )
    both = both.with_columns(
        pl.when("is_besides").then(f"{name}_besides").otherwise(name).alias(name)
        for name in ("prior_selections", "last_outcome", "last_contacted_on")
    )
    complete = both.join(times_in_vain(known, both), on="alert_id", how="left").with_columns(
        is_overdue=is_late,
        escalation=is_late.cast(pl.Int64) + is_very_late.cast(pl.Int64),
        is_repeat=pl.col("in_vain").fill_null(0) >= settings.repeat_from,
        as_of=pl.lit(as_of),
        rank=pl.col("works_as").replace_strict({code: LANES[code].rank for code in WORKS_AS}, return_dtype=pl.Int64),
    )
    ordered = complete.sort(
        "office",
        "rank",
        pl.col("band").to_physical(),
        "is_repeat",
        "due_on",
        "alert_id",
        descending=[False, False, True, True, False, False],
        nulls_last=True,
    )
    return take(ordered, ALERTS, "alerts")


def _with_told(households: pl.DataFrame, facts: pl.DataFrame, warnings: pl.DataFrame) -> pl.DataFrame:
    """Their live warning signals by name, and their facts; a household that has left the registers has none."""
    kinds = (
        warnings.join(households, on="household_key", how="semi")
        .group_by("household_key")
        .agg(signals=pl.col("signal").unique().sort())
    )
    return (
        households.join(kinds, on="household_key", how="left")
        .join(facts.select("household_key", "relieved", *TOLD_FACTS), on="household_key", how="left", suffix="_told")
        .with_columns(pl.col("signals").fill_null([]))
    )
