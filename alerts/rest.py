"""Who was spoken to lately, who died: what past contacts mean for tonight's queue."""

import polars as pl

from alerts.bands import Band
from signals.answers import last_told as last_told
from signals.outcomes import OUTCOMES

CONTACT_CODES = [code for code, outcome in OUTCOMES.items() if outcome.is_contact]
NEED_CODES = [code for code, outcome in OUTCOMES.items() if outcome.teaches == "need"]
REMOVING_CODES = [code for code, outcome in OUTCOMES.items() if outcome.effect == "removes"]


def last_talks(contacts: pl.DataFrame, bands_then: pl.DataFrame | None) -> pl.DataFrame:
    """household_key, talked_on, band_then, found_need: each household's newest completed contact.

    "Not reached" is none, so it never gives rest. `bands_then` (alert_id, band) tells the band of past alerts; rounds
    before our own have none, and there only a new signal can end the rest.
    """
    talks = (
        contacts.filter(pl.col("outcome").is_in(CONTACT_CODES))
        .select(
            "household_key",
            "alert",
            talked_on=pl.coalesce("contacted_on", "selected_on"),
            found_need=pl.col("outcome").is_in(NEED_CODES),
        )
        .sort("household_key", "talked_on", "alert")
        .unique("household_key", keep="last", maintain_order=True)
    )
    known = pl.DataFrame(schema={"alert_id": pl.String, "band": Band}) if bands_then is None else bands_then
    bands = known.select(alert=pl.col("alert_id"), band_then=pl.col("band").cast(Band)).unique("alert")
    return talks.join(bands, on="alert", how="left").select("household_key", "talked_on", "band_then", "found_need")


def households_removed(contacts: pl.DataFrame) -> pl.Series:
    return contacts.filter(pl.col("outcome").is_in(REMOVING_CODES))["household_key"].unique()


def times_in_vain(contacts: pl.DataFrame, alerts: pl.DataFrame) -> pl.DataFrame:
    """alert_id, in_vain: how often the household was selected before, with nobody spoken to since.

    `contacts`: one row per household and alert. A selection nobody has worked counts: the household was listed again
    and nobody came.
    """
    before = contacts.join(alerts.select("household_key", "alert_id"), on="household_key", how="inner").filter(
        pl.col("alert") != pl.col("alert_id")
    )
    is_talk = pl.col("outcome").is_in(CONTACT_CODES).fill_null(False)
    acted_on = pl.coalesce("contacted_on", "selected_on")
    talked_on = acted_on.filter(is_talk).max()
    since = talked_on.is_null() | (acted_on > talked_on)
    return before.group_by("alert_id").agg(in_vain=(~is_talk & since).sum().cast(pl.Int64))


def told_besides(contacts: pl.DataFrame, alerts: pl.DataFrame) -> pl.DataFrame:
    """Of alerts that were answered themselves: alert_id, and prior_selections, last_outcome, last_contacted_on without
    those answers. Without this an officer would read his own call of yesterday as an earlier selection.
    """
    answered = alerts.select("household_key", "alert_id").join(
        contacts.select(alert_id="alert"), on="alert_id", how="semi"
    )
    before = contacts.join(answered, on="household_key").filter(pl.col("alert") != pl.col("alert_id"))
    told = (
        before.sort("alert_id", pl.coalesce("contacted_on", "selected_on"), "selected_on", "alert")
        .group_by("alert_id", maintain_order=True)
        .agg(
            prior_selections=pl.len().cast(pl.Int64),
            last_outcome=pl.col("outcome").drop_nulls().last(),
            last_contacted_on=pl.col("contacted_on").max(),
        )
    )
    return (
        answered.select("alert_id")
        .join(told, on="alert_id", how="left", maintain_order="left")
        .with_columns(pl.col("prior_selections").fill_null(0))
    )
