"""The record of every file: what came, how much was taken, what replaced it."""

from collections.abc import Iterable
from datetime import date
from itertools import islice
from typing import Final

from sqlalchemy import Engine, func, insert, select
from sqlalchemy.orm import Session, aliased

from store.database import reading, writing
from store.tables import Delivery, RowSetAside

# Why a delivery does not count whose rows are in the lake: a run was killed before it was recorded.
INTERRUPTED: Final = "interrupted"
_LINES = 50_000  # rows of one statement
SetAside = tuple[int, str, str]  # row number, column, rule: never a value


def record(engine: Engine, delivery: Delivery, set_aside: Iterable[SetAside] = ()) -> bool:
    """One commit. False: already taken, nothing changed. A file once refused may be taken later, or refused again."""
    with writing(engine) as session:
        return put(session, delivery, set_aside)


def put(session: Session, delivery: Delivery, set_aside: Iterable[SetAside]) -> bool:
    """As `record`, within a commit that holds more."""
    before = session.get(Delivery, delivery.id)
    if before is not None and before.state == "taken":
        return False
    if before is not None:
        session.delete(before)
        session.flush()
    session.add(delivery)
    session.flush()
    lines = iter(set_aside)
    while rows := [_line(delivery.id, *line) for line in islice(lines, _LINES)]:
        session.execute(insert(RowSetAside), rows)
    if delivery.state == "taken":
        _supersede(session, delivery)
    return True


def _line(delivery: str, row_no: int, column: str, rule: str) -> dict[str, object]:
    return {"delivery": delivery, "row_no": row_no, "column_name": column, "rule": rule}


def find(engine: Engine, digest: str) -> Delivery | None:
    with reading(engine) as session:
        return session.get(Delivery, digest)


def find_revision(engine: Engine, source: str, base_month: date, revision: int) -> Delivery | None:
    """The taken delivery that already holds this place. Other bytes under the same revision are a contradiction."""
    with reading(engine) as session:
        return session.scalars(
            select(Delivery)
            .where(Delivery.source == source, Delivery.base_month == base_month, Delivery.revision == revision)
            .where(Delivery.state == "taken")
            .order_by(Delivery.received_on, Delivery.id)
        ).first()


def superseded_on(engine: Engine, as_of: date) -> tuple[str, ...]:
    """Ids whose correction was known on `as_of`, sorted. Before that day the corrected file is what was known. With
    them, on every day, those that are in the lake and were never recorded."""
    later = aliased(Delivery)
    corrected = select(Delivery.id).join(later, Delivery.superseded_by == later.id).where(later.received_on <= as_of)
    unrecorded = select(Delivery.id).where(Delivery.state == "refused", Delivery.reason == INTERRUPTED)
    with reading(engine) as session:
        return tuple(sorted(session.scalars(corrected.union(unrecorded))))


def taken_ids(engine: Engine) -> frozenset[str]:
    with reading(engine) as session:
        return frozenset(session.scalars(select(Delivery.id).where(Delivery.state == "taken")))


def listed(engine: Engine, received_on: date | None = None) -> list[Delivery]:
    """Every delivery, or those received on a day; oldest first."""
    query = select(Delivery).order_by(Delivery.received_on, Delivery.source, Delivery.base_month, Delivery.revision)
    if received_on is not None:
        query = query.where(Delivery.received_on == received_on)
    with reading(engine) as session:
        return list(session.scalars(query.order_by(Delivery.id)))


def latest(engine: Engine, as_of: date) -> dict[str, tuple[date, date]]:
    """Per source: the newest month told of, and the last day anything was received, as known on `as_of`."""
    with reading(engine) as session:
        rows = session.execute(
            select(Delivery.source, func.max(Delivery.base_month), func.max(Delivery.received_on))
            .where(Delivery.state == "taken", Delivery.received_on <= as_of)
            .group_by(Delivery.source)
            .order_by(Delivery.source)
        )
        return {source: (month, day) for source, month, day in rows}


def rows_set_aside(engine: Engine, delivery: str) -> list[SetAside]:
    with reading(engine) as session:
        return [
            (row.row_no, row.column_name, row.rule)
            for row in session.scalars(
                select(RowSetAside).where(RowSetAside.delivery == delivery).order_by(RowSetAside.row_no)
            )
        ]


def _supersede(session: Session, delivery: Delivery) -> None:
    # Files are not always recorded in the order they were received (a first night takes two years at once), so every
    # revision of this month is looked at again: the first higher revision to be received is the one that replaced it.
    siblings = session.scalars(
        select(Delivery)
        .where(Delivery.source == delivery.source, Delivery.base_month == delivery.base_month)
        .where(Delivery.state == "taken")
        .order_by(Delivery.received_on, Delivery.revision, Delivery.id)
    ).all()
    for one in siblings:
        higher = (other.id for other in siblings if other.revision > one.revision)
        one.superseded_by = next(higher, None)
