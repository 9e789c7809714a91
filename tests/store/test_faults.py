"""What disk, memory and database show, in the operator's words, and never a value."""

import errno
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from store import database
from store.database import open_database, reading, writing
from store.faults import StoreError, as_store_error
from tests.test_house import ROOT


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "full"), (errno.EDQUOT, "quota"), (errno.EROFS, "read-only"), (errno.EACCES, "may not be"),
        (errno.EFBIG, "grow"), (errno.EIO, "cannot be read"),
    ],
)  # fmt: skip
def test_a_disk_that_fails_is_told_with_the_place(number: int, words: str) -> None:
    told = as_store_error(OSError(number, "x", "/work/outbox/.a.part"))
    assert told is not None
    assert (told.kind, "/work/outbox/.a.part" in told.what) == ("disk", True)
    assert words in told.what


def test_libraries_tell_a_number_only_in_their_text() -> None:
    for error in (OSError("Generic LocalFileSystem error: No space left on device (os error 28)"),
                  pl.exceptions.ComputeError("Read-only file system (os error 30)"),
                  pa.ArrowException("[Errno 28] Error writing bytes to file")):  # fmt: skip
        told = as_store_error(error)
        assert told is not None, error
        assert told.kind == "disk"


def test_what_is_no_fault_of_the_machine_stays_a_bug() -> None:
    for error in (
        FileNotFoundError(errno.ENOENT, "x"),
        ValueError("os error 28"),
        KeyError("Cannot allocate memory"),
        ZeroDivisionError(),
    ):
        assert as_store_error(error) is None, error
    assert as_store_error(IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE"))) is None


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(), RuntimeError("can't start new thread"), OSError(errno.ENOMEM, "x"),
        OSError("Memory mapping file failed: Cannot allocate memory"),
        pl.exceptions.ComputeError("Traceback ...\nRuntimeError: can't start new thread\n\nin 'python dataset scan'"),
    ],
)  # fmt: skip
def test_memory_that_is_used_up_names_the_setting(error: Exception) -> None:
    told = as_store_error(error)
    assert told is not None
    assert (told.kind, "households_per_part" in told.cure) == ("memory", True)


@pytest.mark.parametrize(("more", "kind"), [(0, "None"), (90, "memory")])
def test_a_library_that_fails_at_the_limit_of_memory_lacks_memory(more: int, kind: str) -> None:
    program = f"""
import resource
from store.faults import as_store_error
full = OSError(28, "No space left on device")
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
room = used + (100 << 20)
resource.setrlimit(resource.RLIMIT_AS, (used + room, resource.RLIM_INFINITY))
held = bytearray(room * {more} // 100)
print(getattr(as_store_error(RuntimeError("task 234 panicked")), "kind", None), as_store_error(KeyError("a")))
print(as_store_error(full).kind)
"""
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert told.stdout.split() == [kind, "None", "disk"]


def test_a_database_that_another_program_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_WAIT_MS", 10)
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError) as caught, writing(engine) as session:
            session.execute(text("SELECT 1"))
    told = as_store_error(caught.value)
    assert told is not None
    assert (told.kind, "another program" in told.what) == ("database", True)
    engine.dispose()


def test_a_damaged_database_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database" * 300)
    with pytest.raises(StoreError) as caught:
        open_database(f"sqlite:///{tmp_path / 'a.db'}")
    assert caught.value.kind == "database"


def test_a_database_on_a_disk_that_is_full_is_told_as_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = sqlite3.OperationalError("disk I/O error")
    full.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"

    def revision(_: object) -> None:
        raise OperationalError("PRAGMA", {}, full)

    monkeypatch.setattr(database, "revision", revision)
    with pytest.raises(StoreError) as caught:
        open_database(f"sqlite:///{tmp_path / 'a.db'}")
    assert caught.value.kind == "disk"
    assert "full" in caught.value.what, "SQLite cannot make its file of shared memory longer"


@pytest.mark.postgres
def test_a_server_that_ends_the_connection(postgres: Callable[[], str]) -> None:
    engine = open_database(postgres())
    with pytest.raises(DBAPIError) as caught, reading(engine) as session:
        mine = session.scalar(text("SELECT pg_backend_pid()"))
        with engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
        session.scalar(text("SELECT 1"))
    told = as_store_error(caught.value)
    assert told is not None
    assert (told.kind, "does not answer" in told.what) == ("database", True)
    engine.dispose()
