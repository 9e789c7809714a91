"""One row of the lake corrected because the person it tells of asked for it. The history is kept.

The row is given a delivery of its own, received when it was, that is superseded by the correction: nights before the
correction are told as they were, later ones know the corrected row alone, by the same path as an agency's own
correction. `retroactive` tells what trainings, which look back at old rounds, must leave out or see otherwise.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import polars as pl
from deltalake import CommitProperties, DeltaTable
from sqlalchemy import Engine, select
from sqlalchemy.orm import aliased

from store.database import reading, writing
from store.lake import TABLES, Lake, Table
from store.tables import Delivery

SOURCE: Final = "requests"


@dataclass(frozen=True, slots=True)
class Retroactive:
    """As a day knows: rows no training may see, and the day since which each corrected row should have been known."""

    withdrawn: tuple[str, ...]
    since: Mapping[str, date]  # delivery of a correction -> the day the wrong row was received


def correct(
    engine: Engine, lake: Lake, table: Table, row: Mapping[str, Any], right: Mapping[str, Any] | None, *,
    request: str, received_on: date, now: datetime,
) -> tuple[str, str]:  # fmt: skip
    """row: as it stands in the lake. right: as it should stand; None: it should not. Begun again it is the same.

    Returns the deliveries of the row withdrawn and of its correction.
    """
    wrong, new = (_id(request, part, table, row) for part in ("withdrawn", "correction"))
    # First the record: killed here, the wrong row is still told, and the request still open.
    with writing(engine) as session:
        if session.get(Delivery, new) is None:
            session.add(_delivery(new, request, received_on, int(right is not None), now))
            session.flush()
            of_wrong = _delivery(wrong, request, row["received_on"], 1, now)
            of_wrong.superseded_by, of_wrong.reason = new, row["delivery"]
            session.add(of_wrong)
    delta = DeltaTable(f"{lake.place}/{table}")
    marked = CommitProperties(custom_metadata={"request": request})
    delta.update(new_values={"delivery": wrong}, predicate=_is(table, row), commit_properties=marked)
    if right is not None:
        corrected = {**right, "received_on": received_on, "delivery": new}
        lake.append(table, pl.DataFrame([corrected], schema=TABLES[table]), new)
    return wrong, new


def retroactive(engine: Engine, as_of: date) -> Retroactive:
    """What is known on `as_of` of rows corrected on request."""
    later = aliased(Delivery)
    query = select(Delivery, later.id).join(later, Delivery.superseded_by == later.id)
    query = query.where(Delivery.source == SOURCE, later.received_on <= as_of)
    with reading(engine) as session:
        rows = session.execute(query.order_by(later.recorded_at, Delivery.id)).tuples().all()
    since: dict[str, date] = {}
    for wrong, new in rows:
        # A correction that was corrected itself: known since the first row was.
        since[new] = since.get(wrong.reason, wrong.received_on)
    return Retroactive(tuple(wrong.id for wrong, _ in rows), since)


def _delivery(name: str, request: str, received_on: date, rows: int, now: datetime) -> Delivery:
    return Delivery(
        id=name, source=SOURCE, base_month=received_on.replace(day=1), sent_on=received_on, received_on=received_on,
        file_name=request, received=rows, accepted=rows, state="taken", recorded_at=now,
    )  # fmt: skip


def _id(request: str, part: str, table: str, row: Mapping[str, Any]) -> str:
    told = [request, part, table, *(str(row[name]) for name in TABLES[table])]  # type: ignore[index]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def _is(table: Table, row: Mapping[str, Any]) -> str:
    return " AND ".join(f"({name} {_literal(row[name])})" for name in TABLES[table])


def _literal(value: Any) -> str:
    match value:
        case None:
            return "IS NULL"
        case bool():
            return f"= {str(value).lower()}"
        case int():
            return f"= {value}"
        case date():
            return f"= date '{value}'"
        case str():
            return "= '" + value.replace("'", "''") + "'"
        case other:
            raise TypeError(f"no literal for a {type(other).__name__}")
