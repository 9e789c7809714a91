"""Alerts and what happened to them. The history alone tells how the queues stood on any day."""

from datetime import date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Engine, Select, Subquery, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from alerts.life import stand
from alerts.tables import OPEN_ALERTS
from store import answers
from store.database import every_column, reading, writing
from store.faults import StoreError
from store.tables import Alert, AlertEvent, Answer

# What may change while an alert is open; told again by every night.
_STANDS = ("office", "lane", "works_as", "band", "true_band", "due_on", "moved_from", "moved_on")
_OF_ALERT = ("household_key", "criterion", "opened_on", "inclusion")
_CHUNK = 10_000  # ids per statement
_OF_ANSWERS = ("outcome", "attempts", "answered_on", "next_on", "was_visited")


def save(engine: Engine, run: str, as_of: date, queue: pl.DataFrame, now: datetime) -> int:
    """Record a night's whole queue (alerts.tables.ALERTS), new and carried, in one commit; returns how many are new.

    The same run again records nothing, and must bring the same new alerts.
    """
    with writing(engine) as session:
        return put(session, run, as_of, queue, now)


def put(session: Session, run: str, as_of: date, queue: pl.DataFrame, now: datetime) -> int:
    """As `save`, within a commit that holds more."""
    wanted = [name for name in ("alert_id", *_OF_ALERT, *_STANDS) if name in queue.columns]
    told = queue.select(*(pl.col(name).cast(OPEN_ALERTS[name]) for name in wanted), "is_new", _reasons(queue))
    fresh = told.filter("is_new").sort("alert_id")
    before = session.scalars(select(Alert.id).where(Alert.run == run).order_by(Alert.id)).all()
    if before or _has_changed(session, run):
        if list(before) != fresh["alert_id"].to_list():
            what = f"run {run} recorded {len(before)} alerts before and brings {fresh.height} others now"
            raise StoreError("database", what, "the same inputs must give the same queue: report this as a bug")
        return 0
    _change(session, run, as_of, told.filter(~pl.col("is_new")), now)
    _let_go(session, as_of, fresh["household_key"].to_list())
    _open(session, run, as_of, fresh, now)
    return fresh.height


def open_alerts(engine: Engine, as_of: date, besides: str = "") -> pl.DataFrame:
    """alerts.tables.OPEN_ALERTS as they stood on `as_of`, sorted by id: what was answered later is not known yet.

    `besides`: as if that run had never recorded anything.
    """
    with reading(engine) as session:
        rows = [tuple(row) for row in session.execute(_stood(as_of, besides))]
        schema = {name: OPEN_ALERTS[name] for name in ("alert_id", *_OF_ALERT, *_STANDS)}
        stood = pl.DataFrame(rows, schema=schema, orient="row")
        told = stand(answers.known_on(session, as_of, stood["alert_id"].to_list()))
    known = told.select("alert_id", "state", *_OF_ANSWERS)
    return (
        stood.join(known, on="alert_id", how="left")
        .filter(pl.col("state").ne_missing("closed"))
        .with_columns(pl.col("attempts").fill_null(0), pl.col("was_visited").fill_null(False))
        .select(pl.col(name).cast(dtype) for name, dtype in OPEN_ALERTS.items())
        .sort("alert_id")
    )


def find(engine: Engine, alert_id: str) -> Alert | None:
    with reading(engine) as session:
        return session.get(Alert, alert_id)


def history(engine: Engine, alert_id: str) -> list[AlertEvent]:
    with reading(engine) as session:
        return list(session.scalars(select(AlertEvent).where(AlertEvent.alert == alert_id).order_by(AlertEvent.id)))


def bands(engine: Engine, as_of: date, besides: str = "") -> pl.DataFrame:
    """alert_id, band of every alert opened until `as_of`, open or closed, sorted; `besides` as in `open_alerts`.

    The band it truly had, not the one that was shown.
    """
    last = last_stand(as_of, besides)
    query = select(AlertEvent.alert, AlertEvent.true_band).join(last, AlertEvent.id == last.c.id)
    with reading(engine) as session:
        rows = [tuple(row) for row in session.execute(query)]
    return pl.DataFrame(rows, schema={"alert_id": pl.String, "band": pl.String}, orient="row").sort("alert_id")


def open_per_office(engine: Engine, as_of: date) -> dict[str, tuple[int, int]]:
    """Open and overdue alerts of each office, by code."""
    late = func.sum(case((Alert.due_on < as_of, 1), else_=0))
    query = select(Alert.office, func.count(), late).where(Alert.state == "open").group_by(Alert.office)
    with reading(engine) as session:
        return {office: (count, int(overdue)) for office, count, overdue in session.execute(query.order_by("office"))}


def last_stand(as_of: date, besides: str) -> Subquery:
    """Per alert, the event that tells how it stood."""
    return (
        select(AlertEvent.alert, func.max(AlertEvent.id).label("id"))
        .where(AlertEvent.event.in_(("opened", "changed")))
        .where(AlertEvent.known_on <= as_of, AlertEvent.source != besides)
        .group_by(AlertEvent.alert)
        .subquery()
    )


def _stood(as_of: date, besides: str) -> Select[Any]:
    """Those that may have been open on the day: open now, or answered or closed since.

    Only the last alert of a household: what another has followed is never taken up again.
    """
    last = last_stand(as_of, besides)
    newest = (
        select(Alert.household_key, func.max(Alert.opened_on).label("opened_on"))
        .where(Alert.opened_on <= as_of, Alert.run != besides)
        .group_by(Alert.household_key)
        .subquery()
    )
    answered_since = exists().where(Answer.alert == Alert.id, Answer.received_on > as_of)
    return (
        select(
            Alert.id,
            *(getattr(Alert, name) for name in _OF_ALERT),
            *(getattr(AlertEvent, name) for name in _STANDS),
        )
        .join(last, last.c.alert == Alert.id)
        .join(AlertEvent, AlertEvent.id == last.c.id)
        .join(newest, (newest.c.household_key == Alert.household_key) & (newest.c.opened_on == Alert.opened_on))
        .where(or_(Alert.state == "open", Alert.closed_on > as_of, answered_since))
        .order_by(Alert.id)
    )


def _reasons(queue: pl.DataFrame) -> pl.Expr:
    codes = pl.col("signals") if "signals" in queue.columns else pl.lit([], dtype=pl.List(pl.String))
    return codes.alias("reasons")


def _has_changed(session: Session, run: str) -> bool:
    changed = select(AlertEvent.id).where(AlertEvent.source == run, AlertEvent.event == "changed")
    return session.scalars(changed.limit(1)).first() is not None


def _let_go(session: Session, as_of: date, households: list[int]) -> None:
    """Alerts taken up again by what is not known on `as_of` yet: the household gets a new one, which follows them."""
    later = exists().where(Answer.alert == Alert.id, Answer.received_on > as_of)
    for start in range(0, len(households), _CHUNK):
        chunk = households[start : start + _CHUNK]
        stale = Alert.household_key.in_(chunk), Alert.state == "open", later
        session.execute(update(Alert).where(*stale).values(state="closed", closed_on=as_of))


def _open(session: Session, run: str, as_of: date, fresh: pl.DataFrame, now: datetime) -> None:
    rows = [
        {**row, "id": row.pop("alert_id"), "state": "open", "run": run}
        for row in fresh.drop("is_new").iter_rows(named=True)
    ]
    if rows:
        session.execute(every_column(Alert), rows)
        session.execute(every_column(AlertEvent), [_event(row, "opened", run, as_of, now) for row in rows])


def _change(session: Session, run: str, as_of: date, carried: pl.DataFrame, now: datetime) -> None:
    stands = [name for name in _STANDS if name in carried.columns]
    before = _stands_of(session, carried["alert_id"].to_list())
    changed = [
        {"id": row["alert_id"], **{name: row[name] for name in stands}}
        for row in carried.select("alert_id", *stands).sort("alert_id").iter_rows(named=True)
        if row["alert_id"] in before and any(before[row["alert_id"]][name] != row[name] for name in stands)
    ]
    if changed:
        session.execute(update(Alert), changed)
        session.execute(every_column(AlertEvent), [_event(row, "changed", run, as_of, now) for row in changed])


def _stands_of(session: Session, alert_ids: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    columns = [getattr(Alert, name) for name in _STANDS]
    for start in range(0, len(alert_ids), _CHUNK):
        query = select(Alert.id, *columns).where(Alert.id.in_(alert_ids[start : start + _CHUNK]))
        found |= {row[0]: dict(zip(_STANDS, row[1:], strict=True)) for row in session.execute(query)}
    return found


def _event(row: dict[str, Any], event: str, source: str, known_on: date, now: datetime) -> dict[str, Any]:
    stands = {name: row.get(name) for name in _STANDS}
    return {"alert": row["id"], "event": event, "source": source, "known_on": known_on, "recorded_at": now, **stands}
