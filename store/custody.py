"""What was done to rights, keys and the logs themselves: who, when, what. Chained like the access log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select

from store import chain
from store.chain import START, Chain
from store.database import reading
from store.keys import Keys
from store.tables import Custody


class Act(StrEnum):
    KEYS_CREATED = "keys_created"
    KEY_ROTATED = "key_rotated"
    KEY_RETIRED = "key_retired"
    RESEALED = "resealed"
    ROLE_GRANTED = "role_granted"
    ROLE_REVOKED = "role_revoked"
    LOG_REVIEWED = "log_reviewed"
    LOG_TRIMMED = "log_trimmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    account: str
    place: str
    act: Act
    what: str
    detail: Mapping[str, int | str | None] = field(default_factory=dict)  # codes and counts


def _told(record: Custody) -> list[object]:
    return [record.account, record.place, record.act, record.what, record.detail]


CUSTODY: Final = Chain("custody", Custody, _told)


def note(engine: Engine, keys: Keys, deed: Deed, now: datetime) -> int:
    """Committed when it returns. Returns its place in the chain."""
    return chain.append(engine, keys, CUSTODY, lambda: [record_of(deed, now)])


def record_of(deed: Deed, now: datetime) -> Custody:
    return Custody(
        seq=0, at=now, account=deed.account, place=deed.place, act=Act(deed.act).value, what=deed.what,
        detail=dict(deed.detail), previous=START, hash=START,
    )  # fmt: skip


def newest(engine: Engine, act: Act) -> Custody | None:
    with reading(engine) as session:
        return session.scalars(
            select(Custody).where(Custody.act == act.value).order_by(Custody.seq.desc()).limit(1)
        ).first()


def listed(engine: Engine) -> Sequence[Custody]:
    with reading(engine) as session:
        return session.scalars(select(Custody).order_by(Custody.seq)).all()


def trim(engine: Engine, keys: Keys, folder: Path, before: datetime, now: datetime) -> int:
    return chain.trim(engine, keys, folder, CUSTODY, before, now)
