"""What was considered and what became of it, per office: the cut and all below it. Small counts are hidden."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from alerts.bands import BANDS
from alerts.cells import csv_bytes
from alerts.small_cells import Place, kind_of, told_of
from alerts.tables import CONSIDERED, DECISIONS, take

OFFICES = pl.Schema(
    {"office": pl.String(), "name_ko": pl.String(), "district": pl.String(), "district_ko": pl.String()}
)
UNASSIGNED = "관할 미확인"

# Those in a queue are told as work (alerts.workload); of all others it is told what became of them, left to right.
IN_QUEUE = tuple(code for code in DECISIONS if code.startswith("queued_") or code == "carried")
_SHOWN = (
    "below_cut",
    "cooling_down",
    "already_relieved",
    "no_signal",
    "not_scored",
    "removed",
    "stopped",
    "no_office",
)
COUNTED: Mapping[str, str] = {DECISIONS[code]: code for code in _SHOWN}
NOT_QUEUED = "올리지 않은 가구"
URGENT = "긴급 신호 가구"
CUT = "선정 최저 위험 수준"
HIDDEN = "가림"
_NOT_QUEUED = kind_of(
    _SHOWN,
    {code: (code,) for code in _SHOWN},
    total="not_queued",
    cover=("no_signal", "cooling_down", "already_relieved"),
)
_URGENT = kind_of(("urgent",), {}, total="urgent")
# Households counted by all that a summary asks of them.
_TOLD = {name: kind for name, kind in CONSIDERED.items() if name != "household_key"}
TALLY = pl.Schema({**_TOLD, "households": pl.Int64()})


def tally(considered: pl.DataFrame) -> pl.DataFrame:
    """tables.CONSIDERED -> TALLY."""
    told = considered.select(pl.col(name).cast(kind) for name, kind in _TOLD.items())
    return told.group_by(list(_TOLD)).agg(households=pl.len().cast(pl.Int64)).select(TALLY.names())


def add_up(tallies: Iterable[pl.DataFrame], less: Iterable[pl.DataFrame] = ()) -> pl.DataFrame:
    """TALLY of shares together, `less` those that are no longer of them."""
    taken = (tally.with_columns(-pl.col("households")) for tally in less)
    together = pl.concat([*tallies, *taken]).group_by(list(_TOLD)).agg(pl.col("households").sum())
    return together.filter(pl.col("households") != 0).select(TALLY.names())


def summarise(counted: pl.DataFrame, offices: pl.DataFrame) -> pl.DataFrame:
    """TALLY -> one row per office: office, name_ko, district, district_ko, considered, one count per decision, urgent,
    cut_band. All exact: `hide_small` is what may be told.

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
    )
    listed = take(offices, OFFICES, "offices")
    figures = pl.col("considered", "urgent", *DECISIONS).fill_null(0)
    return (
        listed.join(by_office, on="office", how="full", coalesce=True, validate="1:1")
        .with_columns(
            figures,
            pl.col("name_ko", "district_ko").fill_null(UNASSIGNED),
            pl.col("district").fill_null(""),
        )
        .select(*OFFICES.names(), "considered", *DECISIONS, "urgent", "cut_band")
        .sort("district", "office")
    )


def _sum_where(condition: pl.Expr) -> pl.Expr:
    return pl.col("households").filter(condition).sum()


def hide_small(summary: pl.DataFrame) -> pl.DataFrame:
    """What may be told of `summarise`'s offices: OFFICES, cut_band, not_queued, urgent and one count per decision that
    puts nobody in a queue; null where it is hidden. And a row per district, without an office.

    Nothing above districts is told of these counts but in hundreds (alerts.board).
    """
    leaves = {_place(row): [row[code] for code in _SHOWN] for row in summary.iter_rows(named=True)}
    urgent = {_place(row): [row["urgent"]] for row in summary.iter_rows(named=True)}
    told, of_urgent = told_of(leaves, _NOT_QUEUED), told_of(urgent, _URGENT)
    rows = [
        {"district": place[0], "office": place[1] if len(place) == 2 else None, **told[place], **of_urgent[place]}
        for place in sorted(told)
    ]
    counts = dict.fromkeys(("not_queued", *_SHOWN, "urgent"), pl.Int64)
    named = summary.select(*OFFICES.names(), "cut_band")
    return (
        pl.DataFrame(rows, schema={"district": pl.String, "office": pl.String, **counts}, orient="row")
        .join(named, on=["district", "office"], how="left")
        .select(*OFFICES.names(), "not_queued", *_SHOWN, "urgent", "cut_band")
    )


def _place(row: Mapping[str, Any]) -> Place:
    return row["district"], row["office"]


def write_csv(told: pl.DataFrame) -> bytes:
    """Rows of one district of `hide_small` -> the bytes of its considered.csv."""
    if told["district"].n_unique() > 1:
        raise ValueError("considered.csv holds one district; split what is told by district first")
    header = ["행정동코드", "행정동", NOT_QUEUED, *COUNTED, URGENT, CUT]
    offices = told.drop_nulls("office").sort("office")
    return csv_bytes(header, [_row(row) for row in offices.iter_rows(named=True)])


def _row(row: Mapping[str, Any]) -> list[str]:
    counts = [row[name] for name in ("not_queued", *_SHOWN, "urgent")]
    cut = BANDS[row["cut_band"]] if row["cut_band"] is not None else ""
    return [row["office"], row["name_ko"], *(HIDDEN if count is None else str(count) for count in counts), cut]
