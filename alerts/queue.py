"""Per office: who joins tonight, in which lane, within the work the office has free."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from alerts.bands import Band, band
from alerts.draw import place
from alerts.lanes import LANES
from alerts.live import EVIDENCE, live_warnings
from alerts.rest import households_removed, last_talks, last_told
from alerts.settings import QueueSettings
from alerts.tables import ALERTS, ANSWERED, CONSIDERED, OPEN_ALERTS, TOLD_FACTS, Decision, take
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
    """Urgent households join at once; risk and explore share what the office has free.

    `bands_then` (alert_id, band) are our own past alerts: without it a higher band cannot end a household's rest.
    """
    facts = take(facts, FACTS, "facts")
    opened = _one_per_household(take(_with_new_columns(open_alerts), OPEN_ALERTS, "open_alerts"))
    known = last_told(take(contacts, CONTACTS, "contacts").filter(pl.col("received_on") <= as_of))
    talks = last_talks(known, bands_then)
    warnings = live_warnings(take(evidence, EVIDENCE, "evidence"), signals)

    households = _households(take(scores, SCORES, "scores"), facts, opened, settings)
    households = _with_warnings(households, warnings, facts, talks)
    households = _with_history(households, known, talks, settings, as_of)
    is_stopped = pl.col("household_key").is_in(
        (pl.Series([], dtype=pl.Int64) if stopped is None else stopped).implode()
    )
    decided = households.with_columns(is_stopped=is_stopped).with_columns(decision=_decision())
    placed = _place(decided, settings, rng)
    decided = decided.join(placed, on="household_key", how="left").with_columns(
        decision=pl.coalesce("placed", "decision").cast(Decision)
    )
    alerts = _alerts(decided, opened, facts, warnings, settings, as_of)
    queued = alerts.select("household_key", "works_as", "escalation")
    decided = decided.join(queued, on="household_key", how="left", validate="1:1")
    return Filled(alerts, take(decided, CONSIDERED, "considered").sort("household_key"))


def _with_new_columns(open_alerts: pl.DataFrame) -> pl.DataFrame:
    """Until the store tells them all."""
    told = {name: pl.lit(None, dtype) for name, dtype in OPEN_ALERTS.items() if name not in open_alerts.columns}
    told |= {"attempts": pl.lit(0, pl.Int64)} if "attempts" in told else {}
    told |= {"works_as": pl.col("lane").replace("explore", "risk")} if "works_as" in told else {}
    told |= {"true_band": pl.col("band")} if "true_band" in told else {}
    return open_alerts.with_columns(**told)


def alert_id(household_key: int, opened_on: date) -> str:
    """Says nothing of the household; the same on every run of the night. 65 bits."""
    digest = hashlib.sha256(f"alert|{household_key}|{opened_on.isoformat()}".encode()).digest()
    return "A" + base64.b32encode(digest).decode("ascii")[:13]


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
    households: pl.DataFrame, warnings: pl.DataFrame, facts: pl.DataFrame, talks: pl.DataFrame
) -> pl.DataFrame:
    """points, is_urgent, has_warning, has_new (a kind of signal nobody has talked about), is_uncovered."""
    relieved = facts.select("household_key", domain="relieved").explode("domain").drop_nulls().unique()
    is_new = pl.col("talked_on").is_null() | (pl.col("first_known_on") > pl.col("talked_on"))
    summed = (
        warnings.join(talks, on="household_key", how="left")
        .join(relieved.with_columns(is_covered=True), on=["household_key", "domain"], how="left")
        .with_columns(is_new=is_new, is_covered=pl.col("is_covered").fill_null(False))
        .group_by("household_key")
        .agg(
            pl.col("points").sum(),
            is_urgent=(pl.col("is_urgent") & pl.col("is_new")).any(),
            has_new=pl.col("is_new").any(),
            is_uncovered=(~pl.col("is_covered")).any(),
            has_warning=pl.lit(True),
        )
    )
    flags = pl.col("is_urgent", "has_new", "is_uncovered", "has_warning").fill_null(False)
    return households.join(summed, on="household_key", how="left").with_columns(flags, pl.col("points").fill_null(0))


def _with_history(
    households: pl.DataFrame,
    contacts: pl.DataFrame,
    talks: pl.DataFrame,
    settings: QueueSettings,
    as_of: date,
) -> pl.DataFrame:
    """is_removed, is_resting."""
    rests_until = pl.col("talked_on") + timedelta(days=settings.cool_down_days)
    has_risen = (pl.col("band") > pl.col("band_then")).fill_null(False)
    return (
        households.join(talks, on="household_key", how="left")
        .with_columns(
            # One of several died: the others may be worse off than before.
            is_removed=pl.col("household_key").is_in(households_removed(contacts).implode())
            & (pl.col("members").fill_null(1) <= 1),
            is_resting=(rests_until > as_of).fill_null(False) & ~pl.col("has_new") & ~has_risen,
        )
        .drop("talked_on", "band_then")
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


def _place(decided: pl.DataFrame, settings: QueueSettings, rng: np.random.Generator) -> pl.DataFrame:
    """household_key, placed, inclusion of the households that wait for a place."""
    held = pl.col("decision").is_in(["carried", "queued_urgent"])
    offices = decided.drop_nulls("office").group_by("office").agg(held=held.fill_null(False).sum().cast(pl.Int64))
    capacity = pl.DataFrame(
        {"office": list(settings.capacity_by_office), "capacity": list(settings.capacity_by_office.values())},
        schema={"office": pl.String, "capacity": pl.Int64},
    )
    room = pl.col("capacity").fill_null(settings.capacity) - pl.col("held")
    free = offices.join(capacity, on="office", how="left").select("office", free=room.clip(lower_bound=0))
    waiting = decided.filter(pl.col("decision").is_null())
    placed = place(
        waiting.select("household_key", "office", "probability", "points"), free, settings.explore_share, rng
    )
    return placed.rename({"decision": "placed"})


def _alerts(
    decided: pl.DataFrame,
    opened: pl.DataFrame,
    facts: pl.DataFrame,
    warnings: pl.DataFrame,
    settings: QueueSettings,
    as_of: date,
) -> pl.DataFrame:
    joining = decided.filter(pl.col("decision").cast(pl.String).str.starts_with("queued_"))
    carried = decided.filter(pl.col("decision") == "carried")
    both = pl.concat(
        [_new(joining, settings, as_of), _carried(carried, opened, settings, as_of)], how="diagonal_relaxed"
    )
    kinds = (
        warnings.join(both, on="household_key", how="semi")
        .group_by("household_key")
        .agg(signals=pl.col("signal").unique().sort())
    )
    complete = (
        both.join(kinds, on="household_key", how="left")
        .join(facts.drop("office", "relieved"), on="household_key", how="left")
        .with_columns(
            pl.col("signals").fill_null([]),
            is_overdue=pl.col("due_on") < as_of,
            escalation=(pl.col("due_on") < as_of).cast(pl.Int64)
            + (pl.col("due_on") + timedelta(days=settings.escalate_after_days) < as_of).cast(pl.Int64),
            is_repeat=pl.lit(False),
            as_of=pl.lit(as_of),
        )
    )
    rank = pl.col("lane").replace_strict({lane.code: lane.rank for lane in LANES.values()}, return_dtype=pl.Int64)
    return take(complete.sort("office", rank, "alert_id"), ALERTS, "alerts")


def _new(joining: pl.DataFrame, settings: QueueSettings, as_of: date) -> pl.DataFrame:
    due_days = {lane: settings.days_until_due(lane) for lane in LANES}
    lane = pl.col("decision").cast(pl.String).str.strip_prefix("queued_")
    return joining.with_columns(
        lane=lane,
        works_as=lane.replace("explore", "risk"),
        true_band="band",
        criterion=pl.lit(None, pl.String),
        moved_from=pl.lit(None, pl.String),
        moved_on=pl.lit(None, pl.Date),
        attempts=pl.lit(0, pl.Int64),
        outcome=pl.lit(None, pl.String),
        answered_on=pl.lit(None, pl.Date),
        next_on=pl.lit(None, pl.Date),
        alert_id=pl.Series([alert_id(key, as_of) for key in joining["household_key"]], dtype=pl.String),
        opened_on=pl.lit(as_of),
        due_on=as_of + pl.duration(days=lane.replace_strict(due_days, return_dtype=pl.Int64)),
        inclusion=pl.col("inclusion").fill_null(1.0),
        is_new=pl.lit(True),
    )


def _carried(carried: pl.DataFrame, opened: pl.DataFrame, settings: QueueSettings, as_of: date) -> pl.DataFrame:
    """An open alert keeps its id and day. A new urgent signal moves it up; nothing ever moves it down."""
    then = opened.select(
        "household_key",
        "alert_id",
        "lane",
        "opened_on",
        "due_on",
        "inclusion",
        "works_as",
        "criterion",
        "moved_from",
        "moved_on",
        *ANSWERED,
        then=pl.col("band").cast(Band),
    )
    urgent_due = pl.lit(as_of) + timedelta(days=settings.days_until_due("urgent"))
    was_higher = pl.col("band").is_null() | (pl.col("then") > pl.col("band"))
    is_raised = pl.col("is_urgent") & (pl.col("lane") != "urgent")
    return (
        carried.drop("inclusion")
        .join(then, on="household_key", how="left", validate="1:1")
        .with_columns(
            band=pl.when(was_higher).then("then").otherwise("band"),
            due_on=pl.when(is_raised).then(pl.min_horizontal("due_on", urgent_due)).otherwise("due_on"),
            lane=pl.when(is_raised).then(pl.lit("urgent")).otherwise("lane"),
            works_as=pl.when(is_raised).then(pl.lit("urgent")).otherwise("works_as"),
            is_new=pl.lit(False),
        )
        .with_columns(true_band="band")
    )
