"""What each household's own facts decide, before offices' places are given: one whole household needs no other."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from alerts.bands import band
from alerts.criteria import meets
from alerts.draw import lots
from alerts.live import EVIDENCE, live_warnings
from alerts.rest import households_removed, last_talks, last_told
from alerts.settings import QueueSettings
from alerts.tables import OPEN_ALERTS, TOLD_FACTS, take
from signals.catalogue import SIGNALS
from signals.signal import Signal
from signals.tables import CONTACTS

FACTS = pl.Schema({"household_key": pl.Int64(), "office": pl.String(), "relieved": pl.List(pl.String()), **TOLD_FACTS})
SCORES = pl.Schema({"household_key": pl.Int64(), "probability": pl.Float64()})


def sift(
    scores: pl.DataFrame,
    facts: pl.DataFrame,
    evidence: pl.DataFrame,
    open_alerts: pl.DataFrame,
    contacts: pl.DataFrame,
    settings: QueueSettings,
    as_of: date,
    salt: int,
    *,
    signals: Mapping[str, Signal] = SIGNALS,
    bands_then: pl.DataFrame | None = None,
    stopped: pl.Series | None = None,
) -> pl.DataFrame:
    """One row per household: office, decision (null: waits for a place), band, probability, points, what its warnings
    say, criteria (names of the district's own that it meets) and lot (its number in the night's draw, by `salt`)."""
    facts = take(facts, FACTS, "facts")
    known = last_told(take(contacts, CONTACTS, "contacts").filter(pl.col("received_on") <= as_of))
    talks = last_talks(known, bands_then)
    warnings = live_warnings(take(evidence, EVIDENCE, "evidence"), signals)

    opened = one_per_household(take(open_alerts, OPEN_ALERTS, "open_alerts"))
    households = _households(take(scores, SCORES, "scores"), facts, opened, settings)
    fresh_from = as_of - timedelta(days=settings.urgent_for_days)
    households = _with_warnings(households, warnings, facts, talks, fresh_from)
    households = _with_history(households, known, talks, settings, as_of)
    decided = households.with_columns(is_stopped=_is_among(stopped)).with_columns(decision=_decision())
    criteria = _criteria(decided, facts, warnings, settings, signals)
    return decided.join(criteria, on="household_key", how="left").with_columns(
        pl.col("criteria").fill_null([]), lots(decided["household_key"], salt)
    )


def one_per_household(opened: pl.DataFrame) -> pl.DataFrame:
    return opened.sort("opened_on", "alert_id").unique("household_key", keep="first", maintain_order=True)


def _is_among(households: pl.Series | None) -> pl.Expr:
    return pl.lit(False) if households is None else pl.col("household_key").is_in(households.implode())


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


def _criteria(
    decided: pl.DataFrame,
    facts: pl.DataFrame,
    warnings: pl.DataFrame,
    settings: QueueSettings,
    signals: Mapping[str, Signal],
) -> pl.DataFrame:
    """household_key, criteria of the waiting that meet any of the district's own."""
    named = {name for criterion in settings.criteria for name in criterion.any_signal}
    if unknown := named - set(signals):
        raise ValueError(f"criteria name signals the catalogue does not: {', '.join(sorted(unknown))}")
    none = pl.DataFrame(schema={"household_key": pl.Int64, "criteria": pl.List(pl.String)})
    if not settings.criteria:
        return none
    waiting = decided.filter(pl.col("decision").is_null()).select("household_key", "office", "points")
    # Most of the country waits: only what the criteria name is joined.
    told = with_told(waiting, facts, warnings.filter(pl.col("signal").is_in(list(named))))
    met = [
        pl.when(meets(c) & pl.col("office").is_in(list(c.offices))).then(pl.lit(c.name_ko)) for c in settings.criteria
    ]
    found = told.select("household_key", criteria=pl.concat_list(met).list.drop_nulls())
    return pl.concat([none, found.filter(pl.col("criteria").list.len() > 0)])


def with_told(households: pl.DataFrame, facts: pl.DataFrame, warnings: pl.DataFrame) -> pl.DataFrame:
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
