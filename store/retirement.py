"""What is too old leaves the database: closed alerts with all that was said of them, and identities nobody needs.

SQLite overwrites what it deletes (`secure_delete`); PostgreSQL is asked for a VACUUM FULL.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date

import polars as pl
from sqlalchemy import Engine, delete, select, text

from store.database import reading, writing
from store.destruction import Gone, row_digest
from store.keys import Keys
from store.tables import Alert, AlertEvent, Answer, Base, Identity

_CHUNK = 10_000


def closed_before(engine: Engine, day: date) -> list[str]:
    """Ids of alerts closed before the day of which nothing was told since."""
    later = select(Answer.alert).where(Answer.received_on >= day)
    query = select(Alert.id).where(Alert.state == "closed", Alert.closed_on < day, Alert.id.not_in(later))
    with reading(engine) as session:
        return list(session.scalars(query.order_by(Alert.id)))


def cases_gone(engine: Engine, keys: Keys, alert_ids: Sequence[str]) -> list[Gone]:
    with reading(engine) as session:
        found = []
        for table, column in ((AlertEvent, AlertEvent.alert), (Answer, Answer.alert), (Alert, Alert.id)):
            rows: list[object] = []
            for chunk in _chunks(alert_ids):
                rows += session.execute(select(table.__table__).where(column.in_(chunk))).tuples().all()
            if rows:
                found.append(Gone(f"database/{table.__tablename__}", rows=len(rows), digest=row_digest(keys, rows)))
    return found


def drop_cases(engine: Engine, alert_ids: Sequence[str]) -> None:
    """One commit for all: no answer is ever without its alert."""
    with writing(engine) as session:
        for chunk in _chunks(alert_ids):
            for table, column in ((AlertEvent, AlertEvent.alert), (Answer, Answer.alert), (Alert, Alert.id)):
                session.execute(delete(table).where(column.in_(chunk)))
    _overwrite(engine, (AlertEvent, Answer, Alert))


def unnamed(engine: Engine, named: dict[str, pl.Series], told_before: date) -> pl.DataFrame:
    """kind, token of identities last told before the day that are not among `named` (kind -> tokens)."""
    query = select(Identity.kind, Identity.token).where(Identity.told_on < told_before)
    with reading(engine) as session:
        rows = session.execute(query.execution_options(yield_per=_CHUNK)).tuples().all()
    told = pl.DataFrame(rows, schema={"kind": pl.String, "token": pl.Int64}, orient="row")
    kept = [
        of_kind.filter(~pl.col("token").is_in(named[str(kind)].implode())) for (kind,), of_kind in told.group_by("kind")
    ]
    return pl.concat([told.clear(), *kept]).sort("kind", "token")


def identities_gone(keys: Keys, found: pl.DataFrame) -> list[Gone]:
    return [
        Gone(f"database/identities/{kind}", rows=part.height, digest=row_digest(keys, part["token"].to_list()))
        for (kind,), part in found.group_by("kind", maintain_order=True)
    ]


def drop_identities(engine: Engine, found: pl.DataFrame) -> None:
    with writing(engine) as session:
        for (kind,), part in found.group_by("kind"):
            for chunk in part.iter_slices(_CHUNK):
                these = Identity.token.in_(chunk["token"].to_list())
                session.execute(delete(Identity).where(Identity.kind == str(kind), these))
    _overwrite(engine, (Identity,))


def seals_in_use(engine: Engine) -> frozenset[str]:
    """Ids of keys that some identity is sealed with."""
    with reading(engine) as session:
        return frozenset(session.scalars(select(Identity.key_id).distinct()))


def _overwrite(engine: Engine, tables: Collection[type[Base]]) -> None:
    """Nothing of what was deleted stays in the database's files, nor in SQLite's journal beside."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            return
        for table in tables:
            connection.execute(text(f"VACUUM FULL {table.__tablename__}"))


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
