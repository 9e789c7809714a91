"""Tonight's new alerts: how each is worked, when it is due, and the one band that officers may be told."""

import base64
import hashlib
from datetime import date

import polars as pl

from alerts.bands import told_band
from alerts.lanes import WORKS_AS, works_as_if_chosen
from alerts.settings import QueueSettings
from alerts.tables import ANSWERED


def alert_id(household_key: int, opened_on: date) -> str:
    """Says nothing of the household; the same on every run of the night. 65 bits."""
    digest = hashlib.sha256(f"alert|{household_key}|{opened_on.isoformat()}".encode()).digest()
    return "A" + base64.b32encode(digest).decode("ascii")[:13]


def new_alerts(joining: pl.DataFrame, settings: QueueSettings, as_of: date) -> pl.DataFrame:
    """`joining`: households that were given a place, with decision, band, inclusion, criterion, told_over and their
    facts -> the same rows with the columns of tables.ALERTS that tell of the alert itself."""
    due_days = {lane: settings.days_until_due(lane) for lane in WORKS_AS}
    is_urgent = pl.col("decision") == "queued_urgent"
    works_as = pl.when(is_urgent).then(pl.lit("urgent")).otherwise(works_as_if_chosen())
    nothing_yet = {name: pl.lit(None, dtype) for name, dtype in ANSWERED.items()} | {"attempts": pl.lit(0, pl.Int64)}
    ids = [alert_id(key, as_of) for key in joining["household_key"]]
    return joining.with_columns(
        works_as=works_as,
        true_band="band",
        # An urgent household joins whatever its score: its band tells nothing of how it was chosen.
        band=pl.when(is_urgent).then("band").otherwise(told_band(pl.col("band"), pl.col("told_over"), settings)),
        inclusion=_chance(),
    ).with_columns(
        lane=pl.when(pl.col("decision") == "queued_explore").then(pl.lit("explore")).otherwise("works_as"),
        alert_id=pl.Series(ids, dtype=pl.String),
        opened_on=pl.lit(as_of),
        due_on=as_of + pl.duration(days=pl.col("works_as").replace_strict(due_days, return_dtype=pl.Int64)),
        is_new=pl.lit(True),
        moved_from=pl.lit(None, pl.String),
        moved_on=pl.lit(None, pl.Date),
        **nothing_yet,
    )


def with_chances(alerts: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """tables.ALERTS told earlier, the new ones with the chance that they are `chosen` with now."""
    now = chosen.select("household_key", now=_chance())
    joined = alerts.join(now, on="household_key", how="left", maintain_order="left")
    return joined.with_columns(inclusion=pl.when("is_new").then("now").otherwise("inclusion")).drop("now")


def _chance() -> pl.Expr:
    return pl.col("inclusion").fill_null(1.0)
