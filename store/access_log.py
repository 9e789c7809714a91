"""Who looked at whom, when, why (안전성 확보조치 기준 art. 8). A record is committed before any data leaves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, String, cast, select

from store import chain
from store.chain import START, Chain
from store.custody import CUSTODY
from store.database import reading
from store.keys import Keys
from store.purposes import Purpose
from store.tables import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    account: str
    place: str  # host or address it was asked from
    task: str  # sheet | look_up | explain | export | stop
    purpose: Purpose
    reason: str
    subjects: Sequence[int]  # household keys
    office: str | None = None
    run: str | None = None
    model: str | None = None


def _told(record: Access) -> list[object]:
    return [
        record.account, record.place, record.task, record.purpose, record.reason, record.office, record.subjects,
        record.rows, record.run, record.model,
    ]  # fmt: skip


ACCESS: Final = Chain("access", Access, _told)
CHAINS: Final = (ACCESS, CUSTODY)


def record_access(engine: Engine, keys: Keys, disclosure: Disclosure, now: datetime) -> int:
    """Committed when it returns: only then may data leave. Returns its place in the chain."""
    return record_all(engine, keys, [disclosure], now)


def record_all(engine: Engine, keys: Keys, disclosures: Sequence[Disclosure], now: datetime) -> int:
    """One commit for all, one record each. Returns the place of the last."""
    return chain.append(engine, keys, ACCESS, lambda: [_record(told, now) for told in disclosures])


def verify_chain(engine: Engine, keys: Keys, anchors: Path) -> list[str]:
    """What is wrong with the access log, or the log of custody, in words; empty: nothing."""
    return chain.verify(engine, keys, anchors, CHAINS)


def anchor(engine: Engine, keys: Keys, folder: Path, day: date) -> Path | None:
    """The day's heads of both logs. None: both are empty."""
    return chain.anchor(engine, keys, folder, day, CHAINS)


def trim(engine: Engine, keys: Keys, folder: Path, before: datetime, now: datetime) -> int:
    """Delete records from before `before`, leaving a checkpoint from which the rest follows. Returns how many."""
    return chain.trim(engine, keys, folder, ACCESS, before, now)


def listed(
    engine: Engine, *, after: int = 0, office: str | None = None, since: datetime | None = None
) -> Iterator[Access]:
    """Oldest first, a few at a time."""
    query = select(Access).where(Access.seq > after).order_by(Access.seq)
    if office is not None:
        query = query.where(Access.office == office)
    if since is not None:
        query = query.where(Access.at >= since)
    with reading(engine) as session:
        yield from session.scalars(query.execution_options(yield_per=500))


def first_at(engine: Engine) -> datetime | None:
    with reading(engine) as session:
        return session.scalar(select(Access.at).order_by(Access.seq).limit(1))


def about(engine: Engine, household_keys: Sequence[int]) -> list[Access]:
    """Records that name a household, under any of the keys it has had; oldest first."""
    found: dict[int, Access] = {}
    with reading(engine) as session:
        for key in household_keys:
            # The text finds candidates within the database; a longer key may hold ours.
            like = cast(Access.subjects, String).contains(str(key))
            for record in session.scalars(select(Access).where(like).execution_options(yield_per=500)):
                if key in record.subjects:
                    found[record.seq] = record
    return [found[seq] for seq in sorted(found)]


def _record(told: Disclosure, now: datetime) -> Access:
    subjects = sorted(int(key) for key in told.subjects)
    return Access(
        seq=0, at=now, account=told.account, place=told.place, task=told.task, purpose=Purpose(told.purpose).value,
        reason=told.reason, office=told.office, subjects=subjects, rows=len(subjects), run=told.run,
        model=told.model, previous=START, hash=START,
    )  # fmt: skip
