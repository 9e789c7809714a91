"""The record of every file: what came, how much was taken, what replaced it."""

from collections.abc import Iterable
from datetime import date, datetime
from itertools import islice
from typing import Final

from sqlalchemy import Engine, Select, func, insert, or_, select
from sqlalchemy.orm import Session, aliased

from store.database import reading, writing
from store.tables import Delivery, RowSetAside

# Why a delivery does not count whose rows are in the lake: a run was killed before it was recorded.
INTERRUPTED: Final = "interrupted"
# Of a record that is no file but the word of its sender: the file of this source, month and revision is taken back.
WITHDRAWN: Final = "withdrawn"
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
            .where(Delivery.state == "taken", Delivery.reason != WITHDRAWN)
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


def listed(engine: Engine, since: date = date.min) -> list[Delivery]:
    """Every delivery received on that day or later; oldest first."""
    query = select(Delivery).where(Delivery.received_on >= since)
    query = query.order_by(Delivery.received_on, Delivery.source, Delivery.base_month, Delivery.revision, Delivery.id)
    with reading(engine) as session:
        return list(session.scalars(query))


def latest(engine: Engine, as_of: date) -> dict[str, tuple[date, date]]:
    """Per source: the newest month told of, and the last day anything was received, as known on `as_of`."""
    told = _told(as_of).with_only_columns(
        Delivery.source, func.max(Delivery.base_month), func.max(Delivery.received_on)
    )
    with reading(engine) as session:
        rows = session.execute(told.group_by(Delivery.source).order_by(Delivery.source))
        return {source: (month, day) for source, month, day in rows}


def months_told(engine: Engine, as_of: date) -> dict[str, set[date]]:
    """Per source every month told of, as known on `as_of`."""
    months: dict[str, set[date]] = {}
    with reading(engine) as session:
        for source, month in session.execute(_told(as_of).with_only_columns(Delivery.source, Delivery.base_month)):
            months.setdefault(source, set()).add(month)
    return months


def _told(as_of: date) -> Select[tuple[Delivery]]:
    """What was taken in by then and not taken back by then. A correction tells of its month as what it corrects did."""
    later = aliased(Delivery)
    is_back = (later.reason == WITHDRAWN) & (later.received_on <= as_of)
    return (
        select(Delivery)
        .outerjoin(later, Delivery.superseded_by == later.id)
        .where(Delivery.state == "taken", Delivery.reason != WITHDRAWN, Delivery.received_on <= as_of)
        .where(or_(later.id.is_(None), ~is_back))
    )


def newest_revision(engine: Engine, source: str, base_month: date) -> int | None:
    """Of what was taken in, even if it was taken back."""
    with reading(engine) as session:
        query = select(func.max(Delivery.revision)).where(Delivery.source == source, Delivery.base_month == base_month)
        return session.scalar(query.where(Delivery.state == "taken"))


def find_file(engine: Engine, file_name: str) -> Delivery | None:
    """The delivery taken in under this name."""
    with reading(engine) as session:
        query = select(Delivery).where(Delivery.file_name == file_name, Delivery.state == "taken")
        return session.scalars(query.order_by(Delivery.recorded_at.desc(), Delivery.id)).first()


def recorded_at(engine: Engine, file_name: str) -> datetime | None:
    """When a file of this name was last taken in or refused."""
    with reading(engine) as session:
        return session.scalar(select(func.max(Delivery.recorded_at)).where(Delivery.file_name == file_name))


def is_withdrawn(engine: Engine, delivery: Delivery) -> bool:
    later = find(engine, delivery.superseded_by) if delivery.superseded_by else None
    return later is not None and later.reason == WITHDRAWN


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
        higher = (other.id for other in siblings if _replaces(other, one))
        one.superseded_by = next(higher, None)


def _replaces(other: Delivery, one: Delivery) -> bool:
    """A correction, or the word of the sender that this very file is taken back."""
    if other.revision == one.revision:
        return other.reason == WITHDRAWN != one.reason
    return other.revision > one.revision
