"""One office's sheet: who to call, why, what to check, which benefits may apply; and what the office answers to it."""

import re
from datetime import date

import polars as pl

from alerts import workbook
from alerts.answer_reply import ANSWER_RULES, write_answer_reply
from alerts.benefit_table import BenefitTable
from alerts.cells import csv_bytes
from alerts.columns import ANSWER_COLUMNS, COLUMNS, PEOPLE, STATES, Office, Row, SheetColumn, words
from alerts.lanes import LANES
from alerts.returned import Returned, looks_like_sheet, office_of, read_sheet

__all__ = [
    "ANSWER_COLUMNS",
    "ANSWER_RULES",
    "COLUMNS",
    "PEOPLE",
    "STATES",
    "Office",
    "Returned",
    "SheetColumn",
    "looks_like_sheet",
    "office_of",
    "read_sheet",
    "rows_of",
    "words",
    "write_answer_reply",
    "write_csv",
    "write_workbook",
]

_RESIDENT_NO = re.compile(r"(?<!\d)\d{6}\s*[-–]?\s*[0-9*]{7}(?!\d)")


def rows_of(alerts: pl.DataFrame, people: pl.DataFrame) -> list[Row]:
    """alerts of one office (with reasons and benefits) joined with its `people` in clear, in the order of the sheet.

    Sorted by lane as worked, repeats first, band, due date, alert id: the place in the sheet tells an officer no more
    than these columns do.
    """
    if alerts["office"].n_unique() > 1:
        raise ValueError("a sheet holds one office; split the alerts by office first")
    joined = alerts.join(people.select(PEOPLE.names()), on="household_key", how="left", validate="m:1")
    ranked = joined.sort(
        pl.col("works_as").replace_strict({lane.code: lane.rank for lane in LANES.values()}, return_dtype=pl.Int64),
        "is_repeat",
        pl.col("band").to_physical(),
        "due_on",
        "alert_id",
        descending=[False, True, True, False, False],
        nulls_last=True,
    )
    _refuse_resident_numbers(ranked)
    return list(ranked.iter_rows(named=True))


def write_csv(alerts: pl.DataFrame, people: pl.DataFrame) -> bytes:
    """The sheet as CSV; see `rows_of` for what is handed in."""
    rows = [[column.text(row) for column in COLUMNS] for row in rows_of(alerts, people)]
    return csv_bytes([column.header for column in COLUMNS], rows)


def write_workbook(
    alerts: pl.DataFrame, people: pl.DataFrame, office: Office, table: BenefitTable, as_of: date
) -> bytes:
    """The sheet as XLSX, to work in, to print and to send back; the same input gives the same bytes."""
    if foreign := set(alerts["office"]) - {office.code}:
        raise ValueError(f"alerts of {len(foreign)} other offices in the workbook of {office.code}")
    return workbook.write(rows_of(alerts, people), office, table, as_of)


def _refuse_resident_numbers(people: pl.DataFrame) -> None:
    for name in ("head_name", "address", "phone"):
        if any(_RESIDENT_NO.search(text) for text in people[name].drop_nulls()):
            raise ValueError(f"{name} holds what looks like a resident number; no sheet was written")
