"""The night's summary, and what the ledger keeps of it."""

from datetime import date
from pathlib import Path

import polars as pl

from flows.desk import Desk
from flows.freshness import late_since_last_night
from flows.queue_settings import capacity_on
from flows.run import Run
from flows.scoring import Scored
from flows.summary import NightSummary, OfficeQueue, Taken
from flows.telling import Queues

NOT_JOINED = ("unknown_person", "unknown_address", "unknown_household", "ambiguous", "person_in_two_households")


def count_night(run: Run, scored: Scored, queues: Queues) -> None:
    """Before anything is published: a night that is killed later is closed with these."""
    counted = queues.tally.group_by("decision").agg(pl.col("households").sum()).sort("decision")
    alerts = queues.told.alerts
    run.counts |= {
        "households": scored.households, "open": alerts.height, "new": int(alerts["is_new"].sum()),
        "decisions": dict(counted.cast({"decision": pl.String}).iter_rows()), "not_used": dict(scored.counts),
    }  # fmt: skip


def close_night(
    desk: Desk, run: Run, taken: tuple[Taken, ...], scored: Scored, queues: Queues, offices: pl.DataFrame, outbox: Path
) -> NightSummary:
    return NightSummary(
        as_of=run.as_of, run=run.id, model=run.model, taken=taken, households=scored.households,
        decisions=run.counts["decisions"], not_joined={name: scored.counts[name] for name in NOT_JOINED},
        offices=_offices(desk, run.as_of, queues, offices), outbox=outbox, replies=desk.replies, seconds=run.seconds,
        repaired=desk.repaired, late=late_since_last_night(desk, run.as_of),
    )  # fmt: skip


def _offices(desk: Desk, as_of: date, queues: Queues, offices: pl.DataFrame) -> tuple[OfficeQueue, ...]:
    places = capacity_on(desk, offices, as_of)
    held = queues.told.alerts.group_by("office").agg(open=pl.len(), new=pl.col("is_new").sum())
    below = (
        queues.tally.filter(pl.col("decision") == "below_cut").group_by("office").agg(below=pl.col("households").sum())
    )
    told = offices.join(held, on="office", how="left").join(below, on="office", how="left")
    counts = pl.col("open", "new", "below").fill_null(0).cast(pl.Int64)
    rows = told.with_columns(counts).sort("office").select("office", "name_ko", "open", "new", "below").iter_rows()
    return tuple(OfficeQueue(office, name, places[office], held, new, below) for office, name, held, new, below in rows)
