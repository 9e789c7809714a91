"""Alerts and what happened to them. The history alone tells how the queues stood on any day."""

from datetime import date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Engine, Subquery, case, func, insert, or_, select, update
from sqlalchemy.orm import Session

from store.database import reading, writing
from store.faults import StoreError
from store.tables import Alert, AlertEvent

OPEN_ALERTS = pl.Schema(
    {
        "alert_id": pl.String,
        "household_key": pl.Int64,
        "office": pl.String,
        "lane": pl.String,
        "band": pl.String,
        "opened_on": pl.Date,
        "due_on": pl.Date,
        "inclusion": pl.Float64,
    }
)
_CHUNK = 10_000  # ids per statement
_STANDS = ("office", "lane", "band", "due_on")  # what may change while an alert is open


def save(engine: Engine, run: str, as_of: date, queue: pl.DataFrame, now: datetime) -> int:
    """Record a night's whole queue (alerts.tables.ALERTS), new and carried, in one commit; returns how many are new.

    The same run again records nothing, and must bring the same new alerts.
    """
    wanted = [name for name in OPEN_ALERTS if name in queue.columns]
    told = queue.select(*(pl.col(name).cast(OPEN_ALERTS[name]) for name in wanted), "is_new", _reasons(queue))
    fresh = told.filter("is_new").sort("alert_id")
    with writing(engine) as session:
        before = session.scalars(select(Alert.id).where(Alert.run == run).order_by(Alert.id)).all()
        if before or _has_changed(session, run):
            if list(before) != fresh["alert_id"].to_list():
                what = f"run {run} recorded {len(before)} alerts before and brings {fresh.height} others now"
                raise StoreError("database", what, "the same inputs must give the same queue: report this as a bug")
            return 0
        _change(session, run, as_of, told.filter(~pl.col("is_new")), now)
        _open(session, run, as_of, fresh, now)
    return fresh.height


def open_alerts(engine: Engine, as_of: date, besides: str = "") -> pl.DataFrame:
    """OPEN_ALERTS as they stood on `as_of`, sorted by id. `besides`: as if that run had never recorded anything."""
    last = _last_stand(as_of, besides)
    query = (
        select(
            Alert.id, Alert.household_key, AlertEvent.office, AlertEvent.lane, AlertEvent.band,
            Alert.opened_on, AlertEvent.due_on, Alert.inclusion,
        )
        .join(last, last.c.alert == Alert.id)
        .join(AlertEvent, AlertEvent.id == last.c.id)
        .where(or_(Alert.closed_on.is_(None), Alert.closed_on > as_of, Alert.closed_by == besides))
        .order_by(Alert.id)
    )  # fmt: skip
    with reading(engine) as session:
        rows = [tuple(row) for row in session.execute(query)]
    return pl.DataFrame(rows, schema=OPEN_ALERTS, orient="row").sort("alert_id")


def record_answers(engine: Engine, answers: pl.DataFrame, source: str, now: datetime) -> int:
    """answers: alert_id, known_on, outcome, closes (Boolean). `source`: the delivery, or the run that closes.

    One answer per alert and source: the last one, and the same again changes nothing. Alerts that are not ours (past
    rounds) are passed over. Returns how many were recorded.
    """
    rows = answers.select("alert_id", "known_on", "outcome", "closes").sort("alert_id", "known_on", "outcome").rows()
    last = {row[0]: row for row in rows}
    with writing(engine) as session:
        new = _unanswered(session, list(last), source)
        for alert_id in new:
            _answer(session, last[alert_id], source, now)
    return len(new)


def find(engine: Engine, alert_id: str) -> Alert | None:
    with reading(engine) as session:
        return session.get(Alert, alert_id)


def history(engine: Engine, alert_id: str) -> list[AlertEvent]:
    with reading(engine) as session:
        return list(session.scalars(select(AlertEvent).where(AlertEvent.alert == alert_id).order_by(AlertEvent.id)))


def bands(engine: Engine, as_of: date, besides: str = "") -> pl.DataFrame:
    """alert_id, band of every alert opened until `as_of`, open or closed, sorted; `besides` as in `open_alerts`."""
    last = _last_stand(as_of, besides)
    query = select(AlertEvent.alert, AlertEvent.band).join(last, AlertEvent.id == last.c.id)
    with reading(engine) as session:
        rows = [tuple(row) for row in session.execute(query)]
    return pl.DataFrame(rows, schema={"alert_id": pl.String, "band": pl.String}, orient="row").sort("alert_id")


def open_per_office(engine: Engine, as_of: date) -> dict[str, tuple[int, int]]:
    """Open and overdue alerts of each office, by code."""
    late = func.sum(case((Alert.due_on < as_of, 1), else_=0))
    query = select(Alert.office, func.count(), late).where(Alert.state == "open").group_by(Alert.office)
    with reading(engine) as session:
        return {office: (count, int(overdue)) for office, count, overdue in session.execute(query.order_by("office"))}


def _last_stand(as_of: date, besides: str) -> Subquery:
    """Per alert, the event that tells how it stood."""
    return (
        select(AlertEvent.alert, func.max(AlertEvent.id).label("id"))
        .where(AlertEvent.event.in_(("opened", "changed")))
        .where(AlertEvent.known_on <= as_of, AlertEvent.source != besides)
        .group_by(AlertEvent.alert)
        .subquery()
    )


def _reasons(queue: pl.DataFrame) -> pl.Expr:
    codes = pl.col("signals") if "signals" in queue.columns else pl.lit([], dtype=pl.List(pl.String))
    return codes.alias("reasons")


def _has_changed(session: Session, run: str) -> bool:
    changed = select(AlertEvent.id).where(AlertEvent.source == run, AlertEvent.event == "changed")
    return session.scalars(changed.limit(1)).first() is not None


def _unanswered(session: Session, alert_ids: list[str], source: str) -> list[str]:
    """Those that are ours and that this source has not told of yet."""
    told = select(AlertEvent.alert).where(AlertEvent.source == source, AlertEvent.event.in_(("answered", "closed")))
    found: list[str] = []
    for start in range(0, len(alert_ids), _CHUNK):
        chunk = alert_ids[start : start + _CHUNK]
        found += session.scalars(select(Alert.id).where(Alert.id.in_(chunk), Alert.id.not_in(told)).order_by(Alert.id))
    return found


def _open(session: Session, run: str, as_of: date, fresh: pl.DataFrame, now: datetime) -> None:
    rows = [
        {**row, "id": row.pop("alert_id"), "state": "open", "run": run}
        for row in fresh.drop("is_new").iter_rows(named=True)
    ]
    if rows:
        session.execute(insert(Alert), rows)
        session.execute(insert(AlertEvent), [_event(row, "opened", run, as_of, now) for row in rows])


def _change(session: Session, run: str, as_of: date, carried: pl.DataFrame, now: datetime) -> None:
    columns = (Alert.office, Alert.lane, Alert.band, Alert.due_on)  # in the order of _STANDS
    before = {
        row[0]: tuple(row[1:]) for row in session.execute(select(Alert.id, *columns).where(Alert.state == "open"))
    }
    rows = carried.select("alert_id", *_STANDS).sort("alert_id").rows()
    changed = [
        {"id": alert_id, **dict(zip(_STANDS, stands, strict=True))}
        for alert_id, *stands in rows
        if alert_id in before and before[alert_id] != tuple(stands)
    ]
    if changed:
        session.execute(update(Alert), changed)
        session.execute(insert(AlertEvent), [_event(row, "changed", run, as_of, now) for row in changed])


def _event(row: dict[str, Any], event: str, source: str, known_on: date, now: datetime) -> dict[str, Any]:
    stands = {name: row[name] for name in _STANDS}
    return {"alert": row["id"], "event": event, "source": source, "known_on": known_on, "recorded_at": now, **stands}


def _answer(session: Session, told: tuple[Any, ...], source: str, now: datetime) -> None:
    alert_id, known_on, outcome, closes = told
    alert = session.get_one(Alert, alert_id)
    alert.outcome = outcome
    event = "answered"
    if closes and alert.state == "open":
        alert.state, alert.closed_on, alert.closed_by, event = "closed", known_on, source, "closed"
    session.add(
        AlertEvent(alert=alert_id, event=event, source=source, known_on=known_on, outcome=outcome, recorded_at=now)
    )
