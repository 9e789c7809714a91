"""SQLite by default, PostgreSQL by URL, one schema. Opening it at head costs no Alembic import."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Insert, create_engine, event, insert, inspect, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError
from sqlalchemy.orm import DeclarativeBase, Session

from store.faults import StoreError, as_store_error
from store.files import OURS_ONLY, make_folder

HEAD = "0005"  # the newest migration; a test holds it to the scripts
MIGRATIONS = Path(__file__).parent / "migrations"
_WAIT_MS = 30_000
# Classes of SQLSTATE: connection, transaction, names and rights, resources, intervention.
_OF_NO_ROW = {"08", "25", "40", "42", "53", "55", "57"}

# What other rooms call it: only this one knows SQLAlchemy.
Database = Engine


def open_database(url: str) -> Engine:
    """An engine on a database at head: created, or migrated, where it is not."""
    engine = _engine(make_url(url))
    try:
        if revision(engine) != HEAD:
            migrate(engine)
    except DatabaseError as error:
        engine.dispose()
        if (found := as_store_error(error)) and found.kind == "disk":
            raise found from None
        where = engine.url.render_as_string(hide_password=True)
        cure = "start the database, or mend `database` in config.yaml"
        raise StoreError("database", f"{where} cannot be used ({type(error.orig).__name__})", cure) from None
    except StoreError:
        engine.dispose()
        raise
    return engine


@contextmanager
def open_as_it_is(url: str) -> Iterator[Engine | None]:
    """A database to look at, whatever migration it stands at; None: there is none yet. Nothing is made or migrated."""
    place = make_url(url)
    if place.get_backend_name() == "sqlite" and not Path(str(place.database)).exists():
        yield None
        return
    engine = _engine(place)
    try:
        yield engine
    finally:
        engine.dispose()


def revision(engine: Engine) -> str | None:
    """The migration a database stands at; None: empty."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def migrate(engine: Engine, to: str = "head", *, down: bool = False) -> None:
    """One transaction on both databases: a killed migration leaves the schema as it was, a second one waits."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    move = command.downgrade if down else command.upgrade
    with engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        if connection.dialect.name == "postgresql":  # SQLite took its write lock with BEGIN
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('blindspot migration'))"))
        try:
            move(config, to)
        except CommandError as error:
            cure = "use the version of Blindspot that last ran on it, or a newer one"
            raise StoreError("migration", f"the database's schema is not ours: {error}", cure) from None
        except DatabaseError as error:
            raise _not_moved(error, to) from None


def _not_moved(error: DatabaseError, to: str) -> StoreError:
    if (found := as_store_error(error)) and found.kind == "disk":
        return found
    # What a statement on the schema says names tables; what a statement on rows says may hold a value.
    says = str(error.orig).partition("\n")[0] if isinstance(error, OperationalError | ProgrammingError) else ""
    what = f"the database was not brought to {to} and stands as before: {type(error.orig).__name__} {says}".rstrip()
    return StoreError("migration", what, "mend what it names, then run again; the version before still runs on it")


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """One transaction, committed whole. On SQLite it takes the write lock at once, so it never fails half way."""
    with Session(engine.execution_options(writes=True), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as session:
        yield session


def _engine(url: URL) -> Engine:
    # hide_parameters: an error's text must not carry a person's data into a log.
    engine = create_engine(url, hide_parameters=True, json_serializer=_to_json)
    event.listen(engine, "handle_error", _without_values)
    if url.get_backend_name() == "sqlite":
        _create_file(url.database)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _without_values(context: ExceptionContext) -> None:
    """PostgreSQL quotes what it refuses ("Key (name)=(...)", "invalid input ..."): in its message or the detail beside.
    What is left says which rule: SQLSTATE, table, column, constraint; in its own words only what is of no row."""
    error = context.original_exception
    diag = getattr(error, "diag", None)
    if diag is None or diag.sqlstate is None:  # SQLite's, or the server never answered
        return
    named = (diag.sqlstate, diag.table_name, diag.column_name, diag.constraint_name)
    says = diag.message_primary if diag.sqlstate[:2] in _OF_NO_ROW else None
    told = " ".join(word for word in (*named, says) if word)
    error.args = (told,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(error).__name__}) {told}",)


def _create_file(database: str | None) -> None:
    if database and database != ":memory:":
        make_folder(Path(database).parent)
        Path(database).touch(mode=OURS_ONLY)  # SQLite gives its -wal and -shm files the same mode


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin_sqlite` does
    for pragma in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={_WAIT_MS}",
        "synchronous=FULL",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def every_column(table: type[DeclarativeBase]) -> Insert:
    """Of many rows. By default each other set of columns that are null is a statement of its own: of most rows."""
    return insert(table).execution_options(render_nulls=True)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
