"""What persons asked of their own data, and what became of it. By key; nothing is ever deleted before its period."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Engine, select

from store.database import reading, writing
from store.tables import Request

Kind = Literal["copy", "correct", "stop"]
End = Literal["done", "refused"]
# 개인정보 보호법 시행령 제41조(열람), 제43조(정정·삭제), 제44조(처리정지): ten days each.
DAYS: Final = 10
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Asked:
    id: str
    kind: str
    household_key: int = field(repr=False)
    received_on: date
    due_on: date
    state: str
    closed_on: date | None
    reason: str | None
    done: Mapping[str, Any]


def enter(engine: Engine, kind: Kind, household_key: int, received_on: date, account: str, now: datetime) -> Asked:
    """The one of that kind that is open for the household, or a new one."""
    with writing(engine) as session:
        open_ones = select(Request).where(Request.kind == kind, Request.household_key == household_key)
        found = session.scalars(open_ones.where(Request.state == "open").order_by(Request.received_on)).first()
        if found is None:
            # No number in a row: it would tell how many asked before.
            name = "R" + "".join(secrets.choice(_LETTERS) for _ in range(8))
            found = Request(
                id=name, kind=kind, household_key=household_key, received_on=received_on,
                due_on=received_on + timedelta(days=DAYS), state="open", account=account, recorded_at=now,
            )  # fmt: skip
            session.add(found)
        return _told(found)


def note(engine: Engine, request: str, done: Mapping[str, Any]) -> None:
    """What is being done, before it is: begun again, it is done the same way."""
    with writing(engine) as session:
        session.get_one(Request, request).done = dict(done)


def close(engine: Engine, request: str, state: End, closed_on: date, reason: str | None = None) -> Asked | None:
    """None: there is no such open request."""
    with writing(engine) as session:
        found = session.get(Request, request)
        if found is None or found.state != "open":
            return None
        found.state, found.closed_on, found.reason = state, closed_on, reason
        return _told(found)


def listed(engine: Engine, *, only_open: bool = False, household_key: int | None = None) -> list[Asked]:
    """Those due first, first."""
    query = select(Request).order_by(Request.due_on, Request.id)
    if only_open:
        query = query.where(Request.state == "open")
    if household_key is not None:
        query = query.where(Request.household_key == household_key)
    with reading(engine) as session:
        return [_told(one) for one in session.scalars(query)]


def _told(one: Request) -> Asked:
    return Asked(
        one.id, one.kind, one.household_key, one.received_on, one.due_on, one.state, one.closed_on, one.reason,
        one.done or {},
    )  # fmt: skip
