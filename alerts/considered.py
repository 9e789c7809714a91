"""What was considered and what became of it, per office: the cut and all that fell below it."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from alerts.bands import BANDS
from alerts.cells import csv_bytes
from alerts.lanes import LANES, WORKS_AS
from alerts.tables import CONSIDERED, DECISIONS, take

OFFICES = pl.Schema(
    {"office": pl.String(), "name_ko": pl.String(), "district": pl.String(), "district_ko": pl.String()}
)
UNASSIGNED = "관할 미확인"

# Left to right. Both lanes that look alike to officers share a word, and so a column.
_SHOWN = (
    "queued_urgent",
    "queued_risk",
    "carried",
    "below_cut",
    "cooling_down",
    "already_relieved",
    "no_signal",
    "not_scored",
    "removed",
    "stopped",
    "no_office",
)
COUNTED: Mapping[str, tuple[str, ...]] = {
    DECISIONS[shown]: tuple(code for code, word in DECISIONS.items() if word == DECISIONS[shown]) for shown in _SHOWN
}
# Of the alerts now open, new and carried. By the lane as worked: nothing here tells which are explore.
OPEN: Mapping[str, str] = {
    "open": "현재 알림",
    **{f"open_{code}": f"현재 {LANES[code].label_ko}" for code in WORKS_AS},
    "overdue": "기한 지남",
    "escalated": "기한 크게 지남",
}


# Households counted by all that a summary asks of them.
_TOLD = {name: kind for name, kind in CONSIDERED.items() if name != "household_key"}
TALLY = pl.Schema({**_TOLD, "households": pl.Int64()})


def tally(considered: pl.DataFrame) -> pl.DataFrame:
    """tables.CONSIDERED -> TALLY."""
    told = considered.select(pl.col(name).cast(kind) for name, kind in _TOLD.items())
    return told.group_by(list(_TOLD)).agg(households=pl.len().cast(pl.Int64)).select(TALLY.names())


def summarise(counted: pl.DataFrame, offices: pl.DataFrame) -> pl.DataFrame:
    """TALLY -> one row per office: office, name_ko, district, district_ko, considered, one count per decision, urgent,
    cut_band, and of the alerts now open: open, open_{works_as} for each, overdue (the escalated too), escalated.

    `offices`: office, name_ko, district, district_ko; each appears, also with nothing to do. Households without an
    office, or in one nobody listed, are counted under district "". The counts add up to `considered`.
    """
    households = take(counted, TALLY, "counted").with_columns(pl.col("office").fill_null(""))
    by_office = households.group_by("office").agg(
        pl.col("households").sum().alias("considered"),
        *(_sum_where(pl.col("decision") == code).alias(code) for code in DECISIONS),
        _sum_where(pl.col("is_urgent")).alias("urgent"),
        # The band of the last household that joined by risk; null where nobody did.
        pl.col("band").filter(pl.col("decision") == "queued_risk").min().alias("cut_band"),
        _sum_where(pl.col("works_as").is_not_null()).alias("open"),
        *(_sum_where(pl.col("works_as") == code).alias(f"open_{code}") for code in WORKS_AS),
        _sum_where(pl.col("escalation") >= 1).alias("overdue"),
        _sum_where(pl.col("escalation") >= 2).alias("escalated"),
    )
    listed = take(offices, OFFICES, "offices")
    figures = pl.col("considered", "urgent", *DECISIONS, *OPEN).fill_null(0)
    return (
        listed.join(by_office, on="office", how="full", coalesce=True, validate="1:1")
        .with_columns(
            figures,
            pl.col("name_ko", "district_ko").fill_null(UNASSIGNED),
            pl.col("district").fill_null(""),
        )
        .select(*OFFICES.names(), "considered", *DECISIONS, "urgent", "cut_band", *OPEN)
        .sort("district", "office")
    )


def _sum_where(condition: pl.Expr) -> pl.Expr:
    return pl.col("households").filter(condition).sum()


def write_csv(summary: pl.DataFrame) -> bytes:
    """summary of one district (rows of `summarise`) -> the bytes of its considered.csv."""
    if summary["district"].n_unique() > 1:
        raise ValueError("considered.csv holds one district; split the summary by district first")
    header = ["행정동코드", "행정동", "검토 가구", *COUNTED, "긴급 신호 가구", "선정 최저 위험 수준", *OPEN.values()]
    return csv_bytes(header, [_row(row) for row in summary.sort("office").iter_rows(named=True)])


def _row(row: dict[str, Any]) -> list[str]:
    counts = [str(sum(row[code] for code in codes)) for codes in COUNTED.values()]
    cut = BANDS[row["cut_band"]] if row["cut_band"] is not None else ""
    return [
        row["office"],
        row["name_ko"],
        str(row["considered"]),
        *counts,
        str(row["urgent"]),
        cut,
        *(str(row[name]) for name in OPEN),
    ]
