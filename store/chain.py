"""Records that cannot be changed unseen: each carries an HMAC over itself and over the record before it.

What a chain alone cannot show is an end that was cut off: the day's head (`anchor`) goes to a file outside the
database, and what was removed on purpose (`trim`) leaves a signed checkpoint there, from which the rest still follows.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from store.database import reading, writing
from store.faults import StoreError
from store.files import write_whole
from store.keys import Keys
from store.tables import Access, Custody

START: Final = bytes(32)
_ATTEMPTS = 20
# A server that is restarted comes back within these seconds, or the run stops and is resumed later.
_WAITS: Sequence[float] = (0.5, 1, 2, 4, 8, 15, 30, 60)
_BATCH: Final = 2_000  # records held at a time: a log of two years has millions

Record = Access | Custody


@dataclass(frozen=True, slots=True)
class Chain:
    name: str
    table: type[Any]  # of Record; SQLAlchemy types no union of tables
    told: Callable[[Any], list[object]]  # of a record: what the hash covers


@dataclass(slots=True)
class _Seen:
    """What verification found on its way: the hashes that anchors ask for."""

    wanted: frozenset[int]
    first: int | None = None
    last: int = 0
    heads: dict[int, bytes] = field(default_factory=dict)


def append(engine: Engine, keys: Keys, chain: Chain, make: Callable[[], Sequence[Record]]) -> int:
    """One commit for all. Returns the place of the last. Asks `make` again for every attempt.

    A PostgreSQL that went away is waited for; what it committed without being able to say so is not written twice.
    """
    tried: tuple[int, bytes] | None = None
    waits = iter(_WAITS)
    for _ in range(_ATTEMPTS):
        try:
            with writing(engine) as session:
                if tried and _is_there(session, chain, tried):
                    return tried[0]
                tried = put(session, keys, chain, make())
            return tried[0]
        except IntegrityError:
            tried = None  # another process took our place in the chain: take the next one
        except OperationalError:
            wait = next(waits, None)
            if engine.dialect.name != "postgresql" or wait is None:
                raise  # nothing was handed out; `store.faults` tells a full disk from a server that is gone
            time.sleep(wait)
    raise StoreError("database", f"the {chain.name} log is too busy", "run again when fewer processes write to it")


def put(session: Session, keys: Keys, chain: Chain, records: Sequence[Record]) -> tuple[int, bytes]:
    """As `append`, within a commit that holds more. Returns the new head."""
    seq, previous = _head(session, chain)
    for record in records:
        seq += 1
        record.seq, record.previous = seq, previous
        record.hash = previous = _hash(chain, record, keys.log)
        session.add(record)
    return seq, previous


def anchor(engine: Engine, keys: Keys, folder: Path, day: date, chains: Sequence[Chain]) -> Path | None:
    """Write the chains' heads to the day's file. Keep that folder where the database's owner cannot write."""
    with reading(engine) as session:
        heads = {chain.name: _head(session, chain) for chain in chains}
    if not any(seq for seq, _ in heads.values()):
        return None
    told = {"day": day.isoformat(), **{name: [seq, digest.hex()] for name, (seq, digest) in heads.items()}}
    path = folder / f"heads-{day:%Y%m%d}.json"
    write_whole(path, _signed(told, keys.log))
    return path


def trim(engine: Engine, keys: Keys, folder: Path, chain: Chain, before: datetime, now: datetime) -> int:
    """Delete the oldest records, all from before `before`; the newest always stays. Returns how many.

    The checkpoint is written first: killed in between, the log is whole and the next attempt deletes.
    """
    with reading(engine) as session:
        table = chain.table
        newest = session.scalar(select(func.max(table.seq)))
        if newest is None:
            return 0
        kept = session.scalar(select(func.min(table.seq)).where(table.at >= before)) or newest
        older = select(table).where(table.seq < kept).order_by(table.seq.desc())
        last = session.scalars(older.limit(1)).first()
        count = session.scalar(select(func.count()).select_from(older.subquery())) or 0
    if last is None:
        return 0
    told = {"log": chain.name, "seq": last.seq, "hash": last.hash.hex(), "records": count}
    told |= {"before": before.isoformat(), "at": now.isoformat()}
    write_whole(folder / f"trimmed-{chain.name}-{last.seq}.json", _signed(told, keys.log))
    try:
        with writing(engine) as session:
            session.execute(delete(table).where(table.seq <= last.seq))
    except ProgrammingError:
        cure = "run it as the account that owns the tables"
        raise StoreError("database", f"this account may not delete records of the {chain.name} log", cure) from None
    return count


def verify(engine: Engine, keys: Keys, folder: Path, chains: Sequence[Chain]) -> list[str]:
    """What is wrong, in words; empty: nothing."""
    anchors, findings = _read_all(folder, "heads-*.json", keys)
    for chain in chains:
        cuts, spoiled = _read_all(folder, f"trimmed-{chain.name}-*.json", keys)
        starts = {0: START} | {
            told["seq"]: bytes.fromhex(told["hash"]) for _, told in cuts if told["log"] == chain.name
        }
        asked = [(path, *told[chain.name]) for path, told in anchors if chain.name in told]
        seen = _Seen(frozenset(seq for _, seq, _ in asked), heads=dict(starts))
        with reading(engine) as session:
            records = session.scalars(select(chain.table).order_by(chain.table.seq).execution_options(yield_per=_BATCH))
            findings += [*spoiled, *_broken_links(chain, records, keys, starts, seen)]
        findings += _broken_anchors(chain, asked, starts, seen)
    return findings


def _head(session: Session, chain: Chain) -> tuple[int, bytes]:
    table = chain.table
    last = session.execute(select(table.seq, table.hash).order_by(table.seq.desc()).limit(1)).first()
    return (last.seq, last.hash) if last else (0, START)


def _is_there(session: Session, chain: Chain, tried: tuple[int, bytes]) -> bool:
    return session.scalar(select(chain.table.hash).where(chain.table.seq == tried[0])) == tried[1]


def _hash(chain: Chain, record: Record, key: bytes) -> bytes:
    at = record.at.isoformat(timespec="microseconds")
    told = [record.seq, at, *chain.told(record), record.previous.hex()]
    return hmac.digest(key, _json(told), hashlib.sha256)


def _broken_links(
    chain: Chain, records: Iterable[Record], keys: Keys, starts: dict[int, bytes], seen: _Seen
) -> Iterator[str]:
    name, eras = chain.name, [*keys.old_logs, keys.log]
    era, expected, previous = 0, 0, START
    for record in records:
        if seen.first is None:
            seen.first = record.seq
            begin = max((seq for seq in starts if seq < record.seq), default=0)
            expected, previous = begin + 1, starts[begin]
        if record.seq != expected:
            yield f"{name} records {expected} to {record.seq - 1} are missing"
        elif record.previous != previous:
            yield f"{name} record {record.seq} does not follow the one before it"
        # An older key is not accepted again once a newer one has been used.
        held = next((n for n in range(era, len(eras)) if _is_held(chain, record, eras[n])), None)
        if held is None:
            yield f"{name} record {record.seq} was changed"
        era = era if held is None else held
        if record.seq in seen.wanted:
            seen.heads[record.seq] = record.hash
        expected, previous, seen.last = record.seq + 1, record.hash, record.seq


def _is_held(chain: Chain, record: Record, key: bytes) -> bool:
    return hmac.compare_digest(record.hash, _hash(chain, record, key))


def _broken_anchors(
    chain: Chain, asked: list[tuple[Path, int, str]], starts: dict[int, bytes], seen: _Seen
) -> Iterator[str]:
    newest_cut = max(starts)
    if newest_cut > seen.last:  # the newest record is never removed on purpose
        yield f"{chain.name} records after {newest_cut} are missing"
    for path, seq, digest in asked:
        found = seen.heads.get(seq)
        if found is None:
            if seq > newest_cut or (seen.first is not None and seq >= seen.first):
                yield f"{chain.name} record {seq}, anchored in {path.name}, is missing"
        elif found.hex() != digest:
            yield f"{chain.name} record {seq} is not the one anchored in {path.name}"


def _signed(told: dict[str, Any], key: bytes) -> bytes:
    return _json({**told, "mac": hmac.digest(key, _json(told), hashlib.sha256).hex()}) + b"\n"


def _read_all(folder: Path, pattern: str, keys: Keys) -> tuple[list[tuple[Path, dict[str, Any]]], list[str]]:
    good: list[tuple[Path, dict[str, Any]]] = []
    spoiled = []
    for path in sorted(folder.glob(pattern)):
        told = _opened(path.read_bytes(), keys)
        if told is None:
            spoiled.append(f"{path.name} was changed")
        else:
            good.append((path, told))
    return good, spoiled


def _opened(raw: bytes, keys: Keys) -> dict[str, Any] | None:
    """None: not what we signed."""
    try:
        told: dict[str, Any] = json.loads(raw)
        mac = told.pop("mac")
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    macs = (hmac.digest(key, _json(told), hashlib.sha256).hex() for key in (keys.log, *keys.old_logs))
    return told if any(hmac.compare_digest(str(mac).encode(), ours.encode()) for ours in macs) else None


def _json(told: object) -> bytes:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
