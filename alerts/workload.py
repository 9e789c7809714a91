"""What managers of a district see of its offices: how much is open, how late, and what came of it. No household."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from alerts.considered import OFFICES
from alerts.tables import ALERTS, take
from signals.outcomes import OUTCOMES

PERIOD_DAYS = 90
WORKED_AS = ("urgent", "risk", "trace", "partial")

WORKLOAD = pl.Schema(
    {
        **OFFICES,
        "capacity": pl.Int64(),  # open alerts it can hold at once
        "open": pl.Int64(),  # in the queue tonight, new ones among them
        "new": pl.Int64(),
        **dict.fromkeys(WORKED_AS, pl.Int64()),  # open, by how they are worked
        "overdue": pl.Int64(),  # past the due date, long overdue ones among them
        "long_overdue": pl.Int64(),
        "repeats": pl.Int64(),
        "transferred_in": pl.Int64(),  # came from another office, not answered here yet
        "due_contacts": pl.Int64(),  # cases of the period whose first contact was due by now
        "contacted_in_time": pl.Int64(),  # ... and made by then
    }
)
# One row per alert opened or answered within the period, open or closed. No key and no alert id.
CASES = pl.Schema(
    {
        "office": pl.String(),
        "due_on": pl.Date(),
        "first_contacted_on": pl.Date(),  # contact date of the first answer; null: none yet
        "outcome": pl.String(),  # of the answer that stands; null: none yet
        "answered_on": pl.Date(),  # its contact date
    }
)
RESULTS = pl.Schema({"office": pl.String(), "outcome": pl.String(), "teaches": pl.String(), "count": pl.Int64()})
ESCALATED = pl.Schema(
    {"alert_id": pl.String(), "office": pl.String(), "works_as": pl.String(), "days_overdue": pl.Int64()}
)


def workload(
    alerts: pl.DataFrame, offices: pl.DataFrame, capacities: Mapping[str, int], cases: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """WORKLOAD, one row per office, also for those with nothing to do. `alerts`: ALERTS; `cases`: CASES."""
    listed = take(offices, OFFICES, "offices")
    if unknown := [office for office in listed["office"] if office not in capacities]:
        raise ValueError(f"no capacity is told for office {unknown[0]}")
    counted = pl.len().cast(pl.Int64)
    late, moved = pl.col("escalation"), pl.col("moved_from").is_not_null()
    now = (
        take(alerts, ALERTS, "alerts")
        .group_by("office")
        .agg(
            counted.alias("open"),
            pl.col("is_new").sum().cast(pl.Int64).alias("new"),
            *((pl.col("works_as") == code).sum().cast(pl.Int64).alias(code) for code in WORKED_AS),
            (late >= 1).sum().cast(pl.Int64).alias("overdue"),
            (late >= 2).sum().cast(pl.Int64).alias("long_overdue"),
            pl.col("is_repeat").sum().cast(pl.Int64).alias("repeats"),
            moved.sum().cast(pl.Int64).alias("transferred_in"),
        )
    )
    joined = listed.with_columns(
        pl.col("office").replace_strict(dict(capacities), return_dtype=pl.Int64).alias("capacity")
    )
    for counts in (now, _in_time(take(cases, CASES, "cases"), as_of)):
        joined = joined.join(counts, on="office", how="left")
    return joined.with_columns(pl.col(pl.Int64).fill_null(0)).select(WORKLOAD.names()).sort("office")


def _in_time(cases: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """A contact that came before its day counts at once; one that is still due counts as neither."""
    in_time = (pl.col("first_contacted_on") <= pl.col("due_on")).fill_null(False)
    within = pl.col("due_on") > as_of - timedelta(days=PERIOD_DAYS)
    decided = cases.filter(within & (in_time | (pl.col("due_on") < as_of)))
    return decided.group_by("office").agg(
        pl.len().cast(pl.Int64).alias("due_contacts"),
        in_time.sum().cast(pl.Int64).alias("contacted_in_time"),
    )


def results(cases: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """RESULTS of the last PERIOD_DAYS, by office and outcome, in the order of OUTCOMES."""
    recent = take(cases, CASES, "cases").filter(
        pl.col("outcome").is_not_null(),
        pl.col("answered_on") > as_of - timedelta(days=PERIOD_DAYS),
        pl.col("answered_on") <= as_of,
    )
    order = pl.col("outcome").cast(pl.Enum(list(OUTCOMES)))
    counted = recent.group_by("office", order).agg(pl.len().cast(pl.Int64).alias("count")).sort("office", "outcome")
    teaches = {code: outcome.teaches for code, outcome in OUTCOMES.items()}
    text = counted.with_columns(pl.col("outcome").cast(pl.String))
    return text.with_columns(teaches=pl.col("outcome").replace_strict(teaches, return_dtype=pl.String)).select(
        RESULTS.names()
    )


def escalated(alerts: pl.DataFrame) -> pl.DataFrame:
    """ESCALATED: alerts overdue for so long that the district is told, the longest first."""
    late = take(alerts, ALERTS, "alerts").filter(pl.col("escalation") >= 2)
    days = (pl.col("as_of") - pl.col("due_on")).dt.total_days()
    return late.select("alert_id", "office", "works_as", days.alias("days_overdue")).sort(
        "days_overdue", "alert_id", descending=[True, False]
    )
