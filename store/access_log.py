"""Who looked at whom, when, why. A record is committed before any data leaves; the records form an HMAC chain.

The head of the chain is written once a day to a file outside the database, so that cutting off the end is found too.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from store.database import reading, writing
from store.faults import StoreError
from store.files import write_whole
from store.keys import Keys
from store.purposes import Purpose
from store.tables import Access

START = bytes(32)
_ATTEMPTS = 20


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


def record_access(engine: Engine, keys: Keys, disclosure: Disclosure, now: datetime) -> int:
    """Committed when it returns: only then may data leave. Returns its place in the chain."""
    return record_all(engine, keys, [disclosure], now)


def record_all(engine: Engine, keys: Keys, disclosures: Sequence[Disclosure], now: datetime) -> int:
    """One commit for all, one record each. Returns the place of the last."""
    for _ in range(_ATTEMPTS):
        try:
            with writing(engine) as session:
                return _append(session, keys, disclosures, now)
        except IntegrityError:
            continue  # another process took our place in the chain: take the next one
    raise StoreError("database", "the access log is too busy", "run again when fewer processes write to it")


def verify_chain(engine: Engine, keys: Keys, anchors: Path) -> list[str]:
    """What is wrong with the log, in words; empty: nothing. Every anchor must still be part of the chain."""
    heads: dict[int, bytes] = {}
    with reading(engine) as session:
        findings = list(_broken_links(session.scalars(select(Access).order_by(Access.seq)), keys, heads))
    return [*findings, *_broken_anchors(anchors, heads)]


def anchor(engine: Engine, folder: Path, day: date) -> Path | None:
    """Write the head of the chain to the day's file. Keep that folder where the database's owner cannot write."""
    with reading(engine) as session:
        last = session.scalars(select(Access).order_by(Access.seq.desc()).limit(1)).first()
    if last is None:
        return None
    path = folder / f"access-{day:%Y%m%d}.json"
    write_whole(path, json.dumps({"day": day.isoformat(), "seq": last.seq, "hash": last.hash.hex()}).encode() + b"\n")
    return path


def _append(session: Session, keys: Keys, disclosures: Sequence[Disclosure], now: datetime) -> int:
    last = session.scalars(select(Access).order_by(Access.seq.desc()).limit(1)).first()
    seq, previous = (last.seq, last.hash) if last else (0, START)
    for told in disclosures:
        seq += 1
        subjects = sorted(int(key) for key in told.subjects)
        record = Access(
            seq=seq, at=now, account=told.account, place=told.place, task=told.task, purpose=Purpose(told.purpose),
            reason=told.reason, office=told.office, subjects=subjects, rows=len(subjects), run=told.run,
            model=told.model, previous=previous, hash=START,
        )  # fmt: skip
        record.hash = previous = _hash(record, keys)
        session.add(record)
    return seq


def _hash(record: Access, keys: Keys) -> bytes:
    told = [
        record.seq, record.at.isoformat(timespec="microseconds"), record.account, record.place, record.task,
        record.purpose, record.reason, record.office, record.subjects, record.rows, record.run, record.model,
        record.previous.hex(),
    ]  # fmt: skip
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return hmac.digest(keys.log, text.encode(), hashlib.sha256)


def _broken_links(records: Iterable[Access], keys: Keys, heads: dict[int, bytes]) -> Iterator[str]:
    expected, previous = 1, START
    for record in records:
        if record.seq != expected:
            yield f"records {expected} to {record.seq - 1} are missing"
        elif record.previous != previous:
            yield f"record {record.seq} does not follow the one before it"
        if not hmac.compare_digest(record.hash, _hash(record, keys)):
            yield f"record {record.seq} was changed"
        heads[record.seq] = record.hash
        expected, previous = record.seq + 1, record.hash


def _broken_anchors(folder: Path, heads: dict[int, bytes]) -> Iterator[str]:
    for path in sorted(folder.glob("access-*.json")):
        told = json.loads(path.read_bytes())
        found = heads.get(told["seq"])
        if found is None:
            yield f"record {told['seq']}, anchored in {path.name}, is missing"
        elif found.hex() != told["hash"]:
            yield f"record {told['seq']} is not the one anchored in {path.name}"
