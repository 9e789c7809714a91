"""The database as one file, as it stood at one moment, and back: SQLite's online backup, PostgreSQL's own programs."""

import os
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import Engine, create_engine, inspect, make_url

from store.faults import StoreError
from store.files import OURS_ONLY, make_folder, sync_folder

_RULES: Final = re.compile(r" (POLICY|ROW SECURITY) ")
NAMES: Final = {"sqlite": "blindspot.db", "postgresql": "blindspot.pgdump"}


def name_of(engine: Engine) -> str:
    """How a dump of this kind of database is called."""
    return NAMES[engine.dialect.name]


def dump(engine: Engine, to: Path) -> None:
    """To a new file. Runs may read and write meanwhile: it holds one moment."""
    to.touch(mode=OURS_ONLY)
    if engine.dialect.name == "postgresql":
        _run("pg_dump", engine, ["--format=custom", "--no-owner", "--no-privileges", "--file", str(to)])
        return
    source = engine.raw_connection()
    try:
        target = sqlite3.connect(to)
        try:
            source.driver_connection.backup(target)  # type: ignore[union-attr]
            target.execute("PRAGMA journal_mode=DELETE")  # one file, without its -wal
        finally:
            target.close()
    finally:
        source.close()


def load(url: str, dumped: Path) -> None:
    """Where there is no database yet, or an empty one of PostgreSQL; whole or not at all."""
    engine = create_engine(url, hide_parameters=True)
    try:
        if dumped.name != name_of(engine):
            what = f"the backup holds a {dumped.name}, the settings name a database of {engine.dialect.name}"
            raise StoreError("backup", what, "set `database` to one of the kind that was backed up")
        if engine.dialect.name == "sqlite":
            _place(dumped, Path(str(make_url(url).database)))
            return
        if inspect(engine).get_table_names():
            raise StoreError("backup", "the database already holds tables", "name an empty one in `database`")
        _load(engine, dumped)
    finally:
        engine.dispose()


def _place(dumped: Path, at: Path) -> None:
    if at.exists():
        raise StoreError("backup", f"{at} exists", "move it away: no database is written over")
    make_folder(at.parent)
    dumped.rename(at)
    sync_folder(at.parent)


def _load(engine: Engine, dumped: Path) -> None:
    """Without rules of accounts: they name roles that another server does not have (`blindspot roles apply`)."""
    listed = _run("pg_restore", engine, ["--list", str(dumped)]).splitlines()
    wanted = dumped.with_suffix(".list")
    wanted.write_text("\n".join(line for line in listed if not _RULES.search(line)) + "\n", encoding="utf-8")
    whole = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    _run("pg_restore", engine, [*whole, "--use-list", str(wanted), "--dbname", str(engine.url.database), str(dumped)])


def _run(program: Literal["pg_dump", "pg_restore"], engine: Engine, options: list[str]) -> str:
    if shutil.which(program) is None:
        raise StoreError("backup", f"{program} is not installed", "install PostgreSQL's client programs")
    url = engine.url
    where = {"PGHOST": url.query.get("host") or url.host, "PGPORT": url.port, "PGUSER": url.username}
    # By the environment: whoever lists processes reads their arguments.
    told = {**where, "PGPASSWORD": url.password, "PGDATABASE": url.database}
    environment = os.environ | {name: str(value) for name, value in told.items() if value}
    done = subprocess.run([program, *options], env=environment, capture_output=True, check=False)
    if done.returncode:
        # What it prints may quote a row.
        raise StoreError("backup", f"{program} ended with {done.returncode}", "run it by hand: it says why")
    return done.stdout.decode()
