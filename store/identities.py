"""Names, addresses, phones, person numbers: sealed here, and nowhere else. Every other room sees tokens.

Person numbers are sealed apart from name and phone, so that writing a sheet never opens one.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal

import polars as pl
from sqlalchemy import Engine, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from store.database import reading, writing
from store.faults import StoreError
from store.keys import Keys
from store.sealing import Sealer
from store.tables import Identity
from store.tokens import digests

Kind = Literal["person", "address", "household"]
_CHUNK = 5_000  # rows per statement: PostgreSQL allows 65,535 parameters, a row has seven
_TABLE = "identities"


def register_people(engine: Engine, keys: Keys, people: pl.DataFrame, told_on: date) -> int:
    """people: person_no (normalised), name, phone. Returns how many rows were written: new or told differently."""
    rows = people.select(identifier="person_no", contact=pl.struct("name", "phone").struct.json_encode())
    return _register(engine, keys, "person", rows, told_on)


def register_addresses(engine: Engine, keys: Keys, addresses: pl.Series, told_on: date) -> int:
    """Normalised full addresses."""
    return _register(engine, keys, "address", _bare(addresses), told_on)


def register_households(engine: Engine, keys: Keys, household_numbers: pl.Series, told_on: date) -> int:
    """Normalised household numbers: nothing to look up, but two on one token must not pass."""
    return _register(engine, keys, "household", _bare(household_numbers), told_on)


def is_registered(engine: Engine, keys: Keys, household_number: str) -> bool:
    """A normalised household number that some register has told of."""
    told = digests(pl.Series([household_number]), "household", keys).row(0, named=True)
    with reading(engine) as session:
        stored = session.get(Identity, ("household", told["token"]))
    return stored is not None and stored.digest == told["digest"]


def look_up(engine: Engine, keys: Keys, residences: pl.DataFrame) -> pl.DataFrame:
    """residences: household_key, person_key (whom to ask for), address_key -> household_key, name, phone, address.

    Same order; null where nothing is registered. Record the access first (`access_log.record_access`).
    """
    sealer = Sealer(keys)
    with reading(engine) as session:
        people = _opened(session, sealer, "person", residences["person_key"])
        places = _opened(session, sealer, "address", residences["address_key"])
    contacts = [json.loads(people.get(key) or "{}") for key in residences["person_key"]]
    return residences.select("household_key").with_columns(
        name=pl.Series([told.get("name") for told in contacts], dtype=pl.String),
        phone=pl.Series([told.get("phone") for told in contacts], dtype=pl.String),
        address=pl.Series([places.get(key) for key in residences["address_key"]], dtype=pl.String),
    )


def told_after(engine: Engine, people: pl.Series, day: date) -> pl.Series:
    """Of these person keys, those whose name or phone was told differently after a day; sorted."""
    with reading(engine) as session:
        found = [row.token for row in _stored(session, "person", people) if row.told_on > day]
    return pl.Series("person_key", sorted(found), dtype=pl.Int64)


def reseal(engine: Engine, keys: Keys) -> int:
    """After `keys.rotate`: everything under an older key is sealed again under the newest, a few rows to a commit.
    Killed, the next attempt does the rest. Tokens stay. Returns how many rows were sealed again."""
    sealer = Sealer(keys)
    done, after = 0, ("", 0)
    while True:
        with writing(engine) as session:
            # By place, not only "the first that are old": the table would be read whole for every commit.
            rest = tuple_(Identity.kind, Identity.token) > after
            query = select(Identity).where(rest, Identity.key_id != sealer.key_id)
            old = session.scalars(query.order_by(Identity.kind, Identity.token).limit(_CHUNK)).all()
            for row in old:
                identifier, contact = _open_row(sealer, row)
                row.sealed_identifier, row.sealed_contact = _seal_row(sealer, row.kind, row.token, identifier, contact)
                row.key_id = sealer.key_id
        if not old:
            return done
        done, after = done + len(old), (old[-1].kind, old[-1].token)


def sealed_by(engine: Engine) -> dict[str, int]:
    """Rows per sealing key."""
    with reading(engine) as session:
        rows = session.execute(
            select(Identity.key_id, func.count()).group_by(Identity.key_id).order_by(Identity.key_id)
        )
        return dict(rows.tuples().all())


def _bare(identifiers: pl.Series) -> pl.DataFrame:
    return identifiers.alias("identifier").to_frame().with_columns(contact=pl.lit(None, dtype=pl.String))


def _register(engine: Engine, keys: Keys, kind: Kind, rows: pl.DataFrame, told_on: date) -> int:
    """rows: identifier, contact. One commit."""
    full = digests(rows["identifier"], kind, keys).select("token", "digest")
    known = rows.hstack(full).drop_nulls("identifier").unique("digest", keep="last").sort("token", "digest")
    _refuse_collisions(kind, known.height - known["token"].n_unique())
    sealer = Sealer(keys)
    written = 0
    with writing(engine) as session:
        for chunk in known.iter_slices(_CHUNK):
            changed = list(_changed(session, sealer, kind, chunk, told_on))
            _upsert(session, changed)
            written += len(changed)
    return written


def _changed(
    session: Session, sealer: Sealer, kind: Kind, chunk: pl.DataFrame, told_on: date
) -> Iterator[dict[str, object]]:
    # What is told again as it stands is not sealed again: a repeated delivery changes no byte.
    stored = {row.token: row for row in _stored(session, kind, chunk["token"])}
    told = list(chunk.iter_rows(named=True))
    _refuse_collisions(kind, sum(stored[r["token"]].digest != r["digest"] for r in told if r["token"] in stored))
    for row in told:
        before = stored.get(row["token"])
        if before and (before.told_on > told_on or _open_row(sealer, before)[1] == row["contact"]):
            continue
        identifier, contact = _seal_row(sealer, kind, row["token"], row["identifier"], row["contact"])
        yield {
            "kind": kind, "token": row["token"], "digest": row["digest"], "key_id": sealer.key_id,
            "sealed_identifier": identifier, "sealed_contact": contact, "told_on": told_on,
        }  # fmt: skip


def _refuse_collisions(kind: Kind, count: int) -> None:
    if count:
        what = f"{count} {kind} identifiers fall on the token of another: two people would become one"
        raise StoreError("database", what, "stop, keep the delivery, and report this: the token needs more bits")


def _stored(session: Session, kind: Kind, wanted: pl.Series) -> Iterable[Identity]:
    for chunk in wanted.drop_nulls().unique().sort().to_frame().iter_slices(_CHUNK):
        query = select(Identity).where(Identity.kind == kind, Identity.token.in_(chunk.to_series().to_list()))
        yield from session.scalars(query)


def _upsert(session: Session, rows: list[dict[str, object]]) -> None:
    if not rows:
        return
    # The two dialects spell it alike and share no type.
    dialect = session.get_bind().dialect.name
    new = sqlite.insert(Identity) if dialect == "sqlite" else postgresql.insert(Identity)
    put = {name: new.excluded[name] for name in ("key_id", "sealed_identifier", "sealed_contact", "told_on")}
    session.execute(new.on_conflict_do_update(index_elements=["kind", "token"], set_=put), rows)


def _opened(session: Session, sealer: Sealer, kind: Kind, wanted: pl.Series) -> dict[int, str]:
    """What the sheet needs: of a person the contact, of an address the address."""
    column = "sealed_contact" if kind == "person" else "sealed_identifier"
    return {
        row.token: sealer.open(getattr(row, column), _TABLE, column, _row(kind, row.token), row.key_id).decode()
        for row in _stored(session, kind, wanted)
    }


def _seal_row(
    sealer: Sealer, kind: str, token: int, identifier: str, contact: str | None
) -> tuple[bytes, bytes | None]:
    row = _row(kind, token)
    sealed = sealer.seal(identifier.encode(), _TABLE, "sealed_identifier", row)
    return sealed, None if contact is None else sealer.seal(contact.encode(), _TABLE, "sealed_contact", row)


def _open_row(sealer: Sealer, stored: Identity) -> tuple[str, str | None]:
    row = _row(stored.kind, stored.token)
    identifier = sealer.open(stored.sealed_identifier, _TABLE, "sealed_identifier", row, stored.key_id).decode()
    if stored.sealed_contact is None:
        return identifier, None
    return identifier, sealer.open(stored.sealed_contact, _TABLE, "sealed_contact", row, stored.key_id).decode()


def _row(kind: str, token: int) -> str:
    return f"{kind}:{token}"
