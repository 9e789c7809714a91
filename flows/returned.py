"""Sheets that come back: read, held against our own records, made ready to be kept with the night's deliveries."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from alerts.columns import ALERT_HEADER, ANSWER_COLUMNS, OFFICE_HEADER
from alerts.sheet import Returned, office_of, read_sheet
from flows.desk import Desk
from flows.sheets import benefit_table
from signals.intake import SET_ASIDE
from signals.tables import CONTACTS
from store import answers

SOURCE = "sheets"
_DAY_HEADER = next(column.header for column in ANSWER_COLUMNS if column.name == "contacted_on")
_WHOSE_CAPACITY = "어느 읍면동의 표인지 분명하지 않아, 적어 주신 ‘한 번에 맡을 수 있는 가구 수’는 반영하지 않았습니다."
# Asked in this order; a row is told the first it breaks.
_COLUMN_AT_FAULT = {
    "unknown_alert": ALERT_HEADER,
    "foreign_office": OFFICE_HEADER,
    "date_in_future": _DAY_HEADER,
    "date_before_alert": _DAY_HEADER,
}


@dataclass(frozen=True, slots=True)
class ReadSheet:
    """One returned sheet, read and checked, not yet kept."""

    path: Path
    digest: str
    received_on: date
    told: Returned
    contacts: pl.DataFrame  # signals.tables.CONTACTS of the answers with an outcome
    capacity: dict[str, int]

    @property
    def source(self) -> str:
        return SOURCE


def read_returned(desk: Desk, path: Path, file: str, raw: bytes, digest: str, received_on: date) -> ReadSheet:
    """Raises DeliveryRefused when no row of the file can be taken in."""
    told = read_sheet(raw, file, benefit_table())
    ours = answers.asked(desk.engine, told.answers["alert_id"].to_list())
    faults = _faults(told.answers.join(ours, on="alert_id", how="left"), office_of(file), received_on)
    told = told.without(faults)
    capacity = _capacity(told, ours, office_of(file), "foreign_office" in faults["rule"])
    if told.capacity is not None and not capacity:
        told = replace(told, capacity=None, warnings=(*told.warnings, _WHOSE_CAPACITY))
    fresh = answers.unknown_yet(desk.engine, told.answers.select(answers.BROUGHT.names()), digest)
    return ReadSheet(path, digest, received_on, told, _contacts(fresh, ours, digest, received_on), capacity)


def _faults(asked: pl.DataFrame, office: str | None, received_on: date) -> pl.DataFrame:
    """SET_ASIDE of the rows that our records speak against. A colleague's sheet must never answer for us."""
    been = pl.col("offices")
    named = pl.lit(office, pl.String)
    rule = (
        pl.when(pl.col("household_key").is_null())
        .then(pl.lit("unknown_alert"))
        .when(_is_foreign(named, been) | _is_foreign(pl.col("office"), been))
        .then(pl.lit("foreign_office"))
        .when(pl.col("contacted_on") > received_on)
        .then(pl.lit("date_in_future"))
        .when(pl.col("contacted_on") < pl.col("opened_on"))
        .then(pl.lit("date_before_alert"))
    )
    bad = asked.select("row_no", rule=rule).drop_nulls("rule")
    column = pl.col("rule").replace_strict(_COLUMN_AT_FAULT, return_dtype=pl.String)
    return bad.select("row_no", column.alias("column"), "rule").cast(SET_ASIDE)


def _is_foreign(office: pl.Expr, been: pl.Expr) -> pl.Expr:
    """Untold is not foreign. An alert that moved may still be answered by the office that had it."""
    return office.is_not_null() & ~been.list.contains(office).fill_null(False)


def _capacity(told: Returned, ours: pl.DataFrame, office: str | None, is_foreign: bool) -> dict[str, int]:
    """Of the office in the file's name, else of the one office all its rows are with."""
    if told.capacity is None or is_foreign:
        return {}
    offices = [office] if office else ours["office"].unique().to_list()
    return {offices[0]: told.capacity} if len(offices) == 1 else {}


def _contacts(fresh: pl.DataFrame, ours: pl.DataFrame, delivery: str, received_on: date) -> pl.DataFrame:
    """What features and labels learn from, by the same path as the contacts register."""
    known = ours.select("alert_id", "household_key", "office", "lane", selected_on="opened_on")
    stamped = (
        fresh.drop_nulls("outcome")
        .drop("office")
        .join(known, on="alert_id", how="inner", maintain_order="left")
        .with_columns(alert="alert_id", received_on=pl.lit(received_on, pl.Date), delivery=pl.lit(delivery))
    )
    return stamped.select(pl.col(name).cast(kind) for name, kind in CONTACTS.items())
