"""What officers answered: every version kept, the one that stands decided by the answers alone."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Engine, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from alerts.answers import ANSWERS, REASON_COLUMNS
from alerts.life import TOLD, stand
from store.database import every_column, reading, writing
from store.deliveries import SetAside, put
from store.tables import Alert, AlertEvent, Answer, Delivery, OfficeCapacity

# Answers as they are brought: the office is null where the source does not tell it.
BROUGHT = pl.Schema({**ANSWERS, "office": pl.String()})
# What is asked of alerts before answers to them are taken in.
ASKED = pl.Schema(
    {
        "alert_id": pl.String(),
        "household_key": pl.Int64(),
        "lane": pl.String(),
        "opened_on": pl.Date(),
        "offices": pl.List(pl.String()),  # every office it has ever been with, sorted
        "office": pl.String(),  # the one it is with
    }
)
_CHUNK = 10_000  # ids per statement
_UNANSWERED: dict[str, Any] = {
    "state": "waiting", "outcome": None, "attempts": 0, "next_on": None, "answered_on": None, "was_visited": False,
    "closed_on": None,
}  # fmt: skip
_PLAIN = [name for name in ANSWERS if name not in ("alert_id", *REASON_COLUMNS)]


def version_of(row: dict[str, Any]) -> str:
    """The same words, however the file was written, are the same version."""
    told = {name: row[name].isoformat() if isinstance(row[name], date) else row[name] for name in ANSWERS}
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def record(
    engine: Engine,
    delivery: Delivery,
    brought: pl.DataFrame,
    set_aside: Iterable[SetAside] = (),
    *,
    capacity: dict[str, int] | None = None,
    now: datetime,
) -> int:
    """The delivery, its answers (BROUGHT, each of an alert of ours) and what they do to the alerts: one commit.

    Returns how many answers were new; none when the delivery was recorded before. `capacity`: what offices say of
    themselves.
    """
    with writing(engine) as session:
        if not put(session, delivery, set_aside):
            return 0
        told = [{"capacity": told, "office": office} for office, told in sorted((capacity or {}).items())]
        if told:
            known = {"delivery": delivery.id, "known_on": delivery.received_on, "recorded_at": now}
            session.execute(insert(OfficeCapacity), [row | known for row in told])
        fresh = _keep(session, delivery, brought, now)
        touched = {row["alert"] for row in fresh} | _corrected(session, delivery)
        _settle(session, delivery, sorted(touched), now)
    return len(fresh)


def asked(engine: Engine, alert_ids: Iterable[str]) -> pl.DataFrame:
    """ASKED of those that are ours, sorted by id."""
    rows: list[tuple[Any, ...]] = []
    with reading(engine) as session:
        for chunk in _chunks(sorted(set(alert_ids))):
            offices: dict[str, set[str]] = {}
            been = select(AlertEvent.alert, AlertEvent.office).where(AlertEvent.alert.in_(chunk)).distinct()
            for alert, office in session.execute(been.where(AlertEvent.office.is_not(None))):
                offices.setdefault(alert, set()).add(office)
            ours = select(Alert).where(Alert.id.in_(chunk)).order_by(Alert.id)
            rows += [
                (a.id, a.household_key, a.lane, a.opened_on, sorted(offices[a.id]), a.office)
                for a in session.scalars(ours)
            ]
    return pl.DataFrame(rows, schema=ASKED, orient="row")


def told_of(engine: Engine, alert_id: str) -> list[Answer]:
    """Every version, in the order they became known."""
    query = select(Answer).where(Answer.alert == alert_id)
    with reading(engine) as session:
        return list(session.scalars(query.order_by(Answer.received_on, Answer.contacted_on, Answer.version)))


def unknown_yet(engine: Engine, brought: pl.DataFrame, delivery: str) -> pl.DataFrame:
    """Rows of `brought` that no other delivery has told in the same words."""
    known: set[tuple[str, str]] = set()
    with reading(engine) as session:
        for chunk in _chunks(brought["alert_id"].unique().sort().to_list()):
            query = select(Answer.alert, Answer.version).join(Delivery, Delivery.id == Answer.delivery)
            others = query.where(Answer.alert.in_(chunk), Answer.delivery != delivery)
            known |= set(session.execute(others.where(Delivery.superseded_by.is_(None))).tuples())
    is_new = [(row["alert_id"], version_of(row)) not in known for row in brought.iter_rows(named=True)]
    return brought.filter(pl.Series(is_new, dtype=pl.Boolean))


def known_on(session: Session, as_of: date | None, alert_ids: Sequence[str]) -> pl.DataFrame:
    """alerts.life.TOLD of these alerts as known on `as_of`; None: all that was ever told.

    What a corrected file had told no longer counts from the day its correction was known.
    """
    rows: list[tuple[Any, ...]] = []
    correction = aliased(Delivery)
    for chunk in _chunks(alert_ids):
        query = select(Answer).join(Delivery, Delivery.id == Answer.delivery).where(Answer.alert.in_(chunk))
        query = query.outerjoin(correction, correction.id == Delivery.superseded_by)
        if as_of is None:
            query = query.where(correction.id.is_(None))
        else:
            holds = or_(correction.id.is_(None), correction.received_on > as_of)
            query = query.where(Answer.received_on <= as_of, holds)
        rows += [tuple(_told(told)[name] for name in TOLD) for told in session.scalars(query)]
    return pl.DataFrame(rows, schema=TOLD, orient="row")


def capacities(engine: Engine, as_of: date) -> dict[str, int]:
    """What each office told last of the alerts it can hold, as known on `as_of`."""
    query = select(OfficeCapacity.office, OfficeCapacity.capacity).where(OfficeCapacity.known_on <= as_of)
    order = (OfficeCapacity.known_on, OfficeCapacity.recorded_at, OfficeCapacity.delivery)
    with reading(engine) as session:
        return dict(session.execute(query.order_by(*order)).tuples().all())


def _told(answer: Answer) -> dict[str, Any]:
    plain = {name: getattr(answer, name) for name in (*_PLAIN, "received_on", "version")}
    reasons = {name: answer.reasons.get(name.split("_")[1]) for name in REASON_COLUMNS}
    return {"alert_id": answer.alert, **plain, **reasons}


def _keep(session: Session, delivery: Delivery, brought: pl.DataFrame, now: datetime) -> list[dict[str, Any]]:
    """Only the versions nobody has told yet."""
    rows = {(row["alert_id"], version_of(row)): row for row in brought.select(BROUGHT.names()).iter_rows(named=True)}
    held = _held(session, sorted({alert for alert, _ in rows}))
    came = {"delivery": delivery.id, "received_on": delivery.received_on, "recorded_at": now}
    fresh = []
    for (alert, version), row in sorted(rows.items()):
        if held.get((alert, version)) is False:
            continue
        if (alert, version) in held:
            # Told by a file that was corrected since: told again, it counts from now on.
            version = hashlib.sha256(f"{version}|{delivery.id}".encode()).hexdigest()
        told = {name: row[name] for name in _PLAIN}
        reasons = {name.split("_")[1]: row[name] for name in REASON_COLUMNS if row[name] is not None}
        fresh.append({"alert": alert, "version": version, "office": row["office"], "reasons": reasons, **told, **came})
    if fresh:
        session.execute(every_column(Answer), fresh)
    return fresh


def _held(session: Session, alert_ids: Sequence[str]) -> dict[tuple[str, str], bool]:
    """Alert and version of what was told before -> whether the file that told it was corrected since."""
    found: dict[tuple[str, str], bool] = {}
    for chunk in _chunks(alert_ids):
        query = select(Answer.alert, Answer.version, Delivery.superseded_by.is_not(None))
        query = query.join(Delivery, Delivery.id == Answer.delivery).where(Answer.alert.in_(chunk))
        found |= {(alert, version): bool(is_corrected) for alert, version, is_corrected in session.execute(query)}
    return found


def _corrected(session: Session, delivery: Delivery) -> set[str]:
    """Alerts of which a file told that this delivery corrects."""
    query = select(Answer.alert).join(Delivery, Delivery.id == Answer.delivery)
    return set(session.scalars(query.where(Delivery.superseded_by == delivery.id).distinct()))


def _settle(session: Session, delivery: Delivery, alert_ids: list[str], now: datetime) -> None:
    """Alerts as all answers together have them; the history tells what this delivery changed."""
    stands = {row["alert_id"]: row for row in stand(known_on(session, None, alert_ids)).iter_rows(named=True)}
    followed = followed_by_another(session, alert_ids)
    before = {alert: state for chunk in _chunks(alert_ids) for alert, state in _states(session, chunk)}
    changes, events = [], []
    for alert in alert_ids:
        row = stands.get(alert, _UNANSWERED)
        is_open = row["state"] != "closed" and alert not in followed
        change = {name: row[name] for name in ("outcome", "attempts", "next_on", "answered_on", "was_visited")}
        changes.append(change | {"id": alert, "state": "open" if is_open else "closed"})
        event = "answered"
        if (before[alert] == "open") != is_open:
            event = "reopened" if is_open else "closed"
            closed = (None, None) if is_open else (row["closed_on"] or delivery.received_on, delivery.id)
            session.execute(update(Alert).where(Alert.id == alert).values(closed_on=closed[0], closed_by=closed[1]))
        events.append(
            {
                "alert": alert, "event": event, "source": delivery.id, "known_on": delivery.received_on,
                "outcome": row["outcome"], "recorded_at": now,
            }
        )  # fmt: skip
    if changes:
        session.execute(update(Alert), changes)
        session.execute(insert(AlertEvent), events)


def _states(session: Session, alert_ids: Sequence[str]) -> Iterable[tuple[str, str]]:
    return session.execute(select(Alert.id, Alert.state).where(Alert.id.in_(alert_ids))).tuples()


def followed_by_another(session: Session, alert_ids: Sequence[str]) -> set[str]:
    """Alerts whose household was given a later one: a correction takes them up no more."""
    last = select(Alert.household_key, func.max(Alert.opened_on).label("last")).group_by(Alert.household_key).subquery()
    found: set[str] = set()
    for chunk in _chunks(alert_ids):
        query = select(Alert.id).join(last, last.c.household_key == Alert.household_key)
        found |= set(session.scalars(query.where(Alert.id.in_(chunk), Alert.opened_on < last.c.last)))
    return found


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
