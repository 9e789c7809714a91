"""Proof of destruction: what went, how much, when, by which rule. Signed, each naming the one before it.

It holds file names, counts and digests; of rows a keyed digest, so that nobody can try candidates against it.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from store.database import reading, writing
from store.faults import StoreError
from store.files import write_whole
from store.keys import Keys
from store.tables import Destruction

_ATTEMPTS: Final = 20
_DOMAIN: Final = b"blindspot destruction 1\0"


@dataclass(frozen=True, slots=True)
class Gone:
    """A file, or rows of one kind. name: a path within the work folder or the lake, or table and month."""

    name: str
    rows: int = 0
    bytes: int = 0
    digest: str = ""  # SHA-256 of a file, HMAC of rows; "": could not be read


@dataclass(frozen=True, slots=True)
class Rule:
    """kept_from: the first day that is kept."""

    data: str  # class of data
    period: str  # as config.yaml has it
    basis: str  # law
    kept_from: date
    readable_until: date | None = None  # rows of the lake: older versions are readable through that day


def row_digest(keys: Keys, rows: Sequence[object]) -> str:
    told = "\n".join(sorted(repr(row) for row in rows))
    return hmac.digest(keys.log, b"destroyed rows\0" + told.encode(), hashlib.sha256).hex()


def prove(
    engine: Engine, keys: Keys, folder: Path, rule: Rule, gone: Sequence[Gone], account: str, now: datetime
) -> str:
    """Signed, recorded, and written to a file beside. Returns its id."""
    for _ in range(_ATTEMPTS):
        try:
            with writing(engine) as session:
                last = _adopted(session, keys, folder)
                proof = _proof(last, rule, gone, account, now)
                new = _record(proof, Ed25519PrivateKey.from_private_bytes(keys.sign).sign(_DOMAIN + _text(proof)))
                session.add(new)
                session.flush()  # another process may have taken our place
                # Before the commit: a proof that is recorded has its file.
                write_whole(folder / _name(new), _file(new))
            return new.id
        except IntegrityError:
            continue
    raise StoreError("database", "proofs are written by too many processes", "run again when fewer do")


def _proof(last: Destruction | None, rule: Rule, gone: Sequence[Gone], account: str, now: datetime) -> dict[str, Any]:
    return {
        "seq": last.seq + 1 if last else 1,
        "previous": last.id if last else "",
        **{name: str(value) for name, value in asdict(rule).items()},
        "account": account,
        "at": now.isoformat(timespec="seconds"),
        "files": sum(not one.rows for one in gone),
        "rows": sum(one.rows for one in gone),
        "bytes": sum(one.bytes for one in gone),
        "gone": [asdict(one) for one in sorted(gone, key=lambda one: one.name)],
    }


def _adopted(session: Session, keys: Keys, folder: Path) -> Destruction | None:
    """The last record. A file that follows it, signed by us, was written just before a commit that never came: what it
    tells is gone, so it is recorded now."""
    last = session.scalars(select(Destruction).order_by(Destruction.seq.desc()).limit(1)).first()
    public = Ed25519PrivateKey.from_private_bytes(keys.sign).public_key()
    for path in sorted(folder.glob(f"{last.seq + 1 if last else 1:06}-*.json")):
        told = json.loads(path.read_bytes())
        found = _record(told["proof"], bytes.fromhex(told["signature"]))
        if list(_chain([*([last] if last else []), found], public, first=last)):
            continue
        session.add(found)
        session.flush()
        return found
    return last


def _record(proof: dict[str, Any], signature: bytes) -> Destruction:
    return Destruction(
        seq=proof["seq"], id=hashlib.sha256(_text(proof)).hexdigest(), data=proof["data"],
        kept_from=date.fromisoformat(proof["kept_from"]), at=datetime.fromisoformat(proof["at"]), proof=proof,
        signature=signature,
    )  # fmt: skip


def _name(one: Destruction) -> str:
    return f"{one.seq:06}-{one.data}-{one.id[:12]}.json"


def _file(one: Destruction) -> bytes:
    return _text({"proof": one.proof, "signature": one.signature.hex()}) + b"\n"


def proofs(engine: Engine) -> list[Destruction]:
    with reading(engine) as session:
        return list(session.scalars(select(Destruction).order_by(Destruction.seq)))


def verify(engine: Engine, keys: Keys, folder: Path) -> list[str]:
    """What is wrong with the proofs, in words; empty: nothing."""
    public = Ed25519PrivateKey.from_private_bytes(keys.sign).public_key()
    kept = proofs(engine)
    files = {path.name: path for path in folder.glob("*.json")} if folder.is_dir() else {}
    found = list(_chain(kept, public))
    for one in kept:
        path = files.pop(_name(one), None)
        if path is None:
            found.append(f"the file of proof {one.seq} is missing")
        elif path.read_bytes() != _file(one):
            found.append(f"the file of proof {one.seq} is not what was recorded")
    # The end of the table cut off: its file is still there.
    return [*found, *(f"{name} stands in no record" for name in sorted(files))]


def _chain(kept: Sequence[Destruction], public: Ed25519PublicKey, first: Destruction | None = None) -> Iterator[str]:
    """first: what `kept` begins with is known to be in order up to there."""
    previous, expected = (first.proof["previous"], first.seq) if first else ("", 1)
    for one in kept:
        text = _text(one.proof)
        try:
            public.verify(one.signature, _DOMAIN + text)
        except InvalidSignature:
            yield f"proof {one.seq} was changed"
        told = (one.proof["seq"], one.proof["previous"], hashlib.sha256(text).hexdigest(), one.proof["data"])
        if told != (one.seq, previous, one.id, one.data) or one.seq != expected:
            yield f"proof {one.seq} does not follow the one before it"
        previous, expected = one.id, one.seq + 1


def _text(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
