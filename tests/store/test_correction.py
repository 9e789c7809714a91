"""One row of the lake corrected on request: that row and no other, and what later days then know."""

import hashlib
from collections.abc import Iterator
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from sqlalchemy import Engine

from signals.tables import OBSERVATIONS, RESIDENTS
from store.correction import Retroactive, correct, retroactive
from store.database import open_database, reading, writing
from store.lake import Lake, Table
from store.tables import Delivery

DAY = date(2026, 8, 31)
LATER = DAY + timedelta(days=9)
NOW = datetime(2026, 9, 9, 1, 30, tzinfo=UTC)
ROW: dict[str, Any] = {
    "key": -7, "key_kind": "person", "signal": "it's", "observed_on": DAY, "received_on": DAY, "months": None,
    "amount_won": 9000, "delivery": "d1",
}  # fmt: skip
NEIGHBOURS: list[dict[str, Any]] = [
    ROW | {name: value}
    for name, value in (("key", 7), ("signal", "its"), ("months", 0), ("amount_won", None), ("observed_on", LATER))
]
LIVES: dict[str, Any] = {
    "person_key": 1, "household_key": 2, "birth_year": 1950, "is_head": True, "valid_from": DAY, "valid_to": None,
    "end_reason": None, "received_on": DAY, "delivery": "d1",
}  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    yield opened
    opened.dispose()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    told = Lake(tmp_path / "lake")
    told.append("observations", pl.DataFrame([ROW, *NEIGHBOURS], schema=OBSERVATIONS), "d1")
    told.append("residents", pl.DataFrame([LIVES, LIVES | {"is_head": False}], schema=RESIDENTS), "d1")
    return told


def rows_of(lake: Lake, table: Table, delivery: str) -> list[dict[str, Any]]:
    return lake.known_on(table, LATER).filter(pl.col("delivery") == delivery).to_dicts()


def id_of(request: str, part: str, table: str, row: dict[str, Any]) -> str:
    return hashlib.sha256("\0".join([request, part, table, *map(str, row.values())]).encode()).hexdigest()


def told_of(database: Engine, name: str) -> dict[str, Any]:
    with reading(database) as session:
        one = session.get_one(Delivery, name)
        told = (one.source, one.received_on, one.sent_on, one.received, one.accepted, one.file_name, one.state)
        return {"told": told, "month": one.base_month, "by": one.superseded_by, "reason": one.reason}


@pytest.mark.parametrize(
    ("table", "row", "right", "others"),
    [
        ("observations", ROW, ROW | {"amount_won": 0, "months": 3}, 5),
        ("observations", NEIGHBOURS[0], None, 5),
        ("residents", LIVES, LIVES | {"birth_year": 1951}, 1),
    ],
)
def test_that_row_and_no_other_is_withdrawn(
    database: Engine, lake: Lake, table: Table, row: dict[str, Any], right: dict[str, Any] | None, others: int
) -> None:
    for _ in range(2):  # begun again it is the same
        wrong, new = correct(database, lake, table, row, right, request="R1", received_on=LATER, now=NOW)
        assert (wrong, new) == (id_of("R1", "withdrawn", table, row), id_of("R1", "correction", table, row))
        assert rows_of(lake, table, wrong) == [row | {"delivery": wrong}]
        assert rows_of(lake, table, new) == ([right | {"delivery": new, "received_on": LATER}] if right else [])
        assert len(rows_of(lake, table, "d1")) == others
    count = int(right is not None)
    told = ("requests", LATER, LATER, count, count, "R1", "taken")
    assert told_of(database, new) == {"told": told, "month": date(2026, 9, 1), "by": None, "reason": ""}
    told = ("requests", DAY, DAY, 1, 1, "R1", "taken")
    assert told_of(database, wrong) == {"told": told, "month": date(2026, 8, 1), "by": new, "reason": "d1"}
    assert "R1" in {one.get("request") for one in DeltaTable(f"{lake.place}/{table}").history()}


def test_trainings_know_it_since_the_first_wrong_row(database: Engine, lake: Lake) -> None:
    def asked(row: dict[str, Any], won: int, day: date, request: str) -> tuple[str, str]:
        right = row | {"amount_won": won}
        now = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return correct(database, lake, "observations", row, right, request=request, received_on=day, now=now)

    wrong, new = asked(ROW, 1, LATER, "R1")
    with writing(database) as session:  # an agency's own correction is another matter
        for name, by in (("s2", None), ("s1", "s2")):
            session.add(Delivery(id=name, source="nhis", base_month=DAY, received_on=DAY, file_name="f", state="taken",
                                 superseded_by=by, recorded_at=NOW))  # fmt: skip
            session.flush()
    (row,) = rows_of(lake, "observations", new)
    again, newest = asked(row, 2, LATER + timedelta(days=1), "R2")
    other, beside = asked(NEIGHBOURS[0], 3, LATER + timedelta(days=1), "R3")
    assert retroactive(database, LATER - timedelta(days=1)) == Retroactive((), {})
    assert retroactive(database, LATER) == Retroactive((wrong,), {new: DAY})
    withdrawn, since = astuple(retroactive(database, LATER + timedelta(days=1)))
    assert (withdrawn[0], sorted(withdrawn)) == (wrong, sorted([wrong, again, other])), "as they were recorded"
    assert since == {new: DAY, newest: DAY, beside: DAY}, "known since the first wrong row was"


def test_what_no_row_can_hold_is_no_literal(database: Engine, lake: Lake) -> None:
    with pytest.raises(TypeError, match="no literal for a float"):
        correct(database, lake, "observations", ROW | {"months": 1.5}, None, request="R", received_on=LATER, now=NOW)
