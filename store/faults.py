"""Errors for the person who runs Blindspot: codes, counts and paths, never a value of a person."""

import errno
import os
import re
import resource
import sys
from pathlib import Path
from typing import Final, Literal

Kind = Literal["keys", "database", "migration", "busy", "sealed", "lake", "model", "disk", "memory", "backup", "roles"]


class StoreError(Exception):
    """What is wrong and what to do. `flows` turns it into its own exit code by `kind`."""

    def __init__(self, kind: Kind, what: str, cure: str) -> None:
        super().__init__(f"{what} -> {cure}")
        self.kind = kind
        self.what = what
        self.cure = cure

    def __reduce__(self) -> tuple[type["StoreError"], tuple[Kind, str, str]]:
        """Whole from a worker's process to ours."""
        return type(self), (self.kind, self.what, self.cure)


# What a network share, an object store or a server that is begun anew shows. A full or read-only disk does not pass.
_PASSING: Final = {
    errno.EAGAIN, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED,
    errno.EPIPE, errno.EHOSTUNREACH, errno.ENETUNREACH,
}  # fmt: skip
_SQLITE_BUSY: Final = {5, 6}


def is_passing(error: BaseException) -> bool:
    """May the same work succeed in half a minute?"""
    from sqlalchemy.exc import DBAPIError, OperationalError

    if isinstance(error, DBAPIError):
        # SQLite calls a full disk and a read-only file operational, too.
        of_server = isinstance(error, OperationalError) and type(error.orig).__module__.startswith("psycopg")
        return (
            error.connection_invalidated or of_server or getattr(error.orig, "sqlite_errorcode", None) in _SQLITE_BUSY
        )
    return isinstance(error, ConnectionError | TimeoutError) or (isinstance(error, OSError) and error.errno in _PASSING)


_FULL = "make room, then run again: what was committed is kept, the rest is done again"
_READ_ONLY = "let the runner's account write there again, then run again; yesterday's queues stay"
_BROKEN = "look after the disk or its connection, then run again; yesterday's queues stay"
# By the number the system gives. Libraries in Rust and C++ tell it only in their text.
_DISK: Final = {
    errno.ENOSPC: ("the disk is full", _FULL),
    errno.EDQUOT: ("the quota of the disk is used up", _FULL),
    errno.EFBIG: ("a file may grow no further", "raise the limit on the size of files, then run again"),
    errno.EROFS: ("a place is read-only", _READ_ONLY),
    errno.EACCES: ("a place may not be written to", _READ_ONLY),
    errno.EPERM: ("a place may not be written to", _READ_ONLY),
    errno.EIO: ("the disk cannot be read or written", _BROKEN),
}
_LIBRARIES: Final = {"_internal", "deltalake", "polars", "pyarrow"}
_NUMBER: Final = re.compile(r"(?:os error |[Ee]rrno )(\d+)")
_SQLITE: Final = {
    "SQLITE_FULL": errno.ENOSPC, "SQLITE_READONLY": errno.EROFS, "SQLITE_CANTOPEN": errno.EACCES,
    "SQLITE_IOERR_SHMSIZE": errno.ENOSPC, "SQLITE_IOERR": errno.EIO,
}  # fmt: skip


def as_store_error(error: BaseException) -> StoreError | None:
    """What disk, memory and database show of themselves, in the operator's words; None: something else."""
    if isinstance(error, StoreError):
        return error
    if _is_of_memory(error):
        return _no_memory()
    if told := _of_disk(error) or _of_database(error):
        return told
    return _no_memory() if _is_of_the_machine(error) and _was_at_its_limit() else None


def _no_memory() -> StoreError:
    cure = "lower night.households_per_part or engine.workers, or give it more; then run again"
    return StoreError("memory", "there is not enough memory", cure)


def _is_of_memory(error: BaseException) -> bool:
    """A thread's stack is memory too; Python has no error of its own for it, and libraries tell of it in their text."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    words = ("can't start new thread", os.strerror(errno.ENOMEM))
    return _is_of_the_machine(error) and any(told in str(error) for told in words)


def _is_of_the_machine(error: BaseException) -> bool:
    return isinstance(error, OSError | RuntimeError) or _library_of(error) in _LIBRARIES


def _was_at_its_limit() -> bool:
    """Of address space, where one was set (Linux): what no other word is known for there is for want of memory."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return False
    try:
        found = re.search(r"VmPeak:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        return False
    return found is not None and int(found[1]) * 1024 > 0.9 * limit


def _library_of(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]


def _of_disk(error: BaseException) -> StoreError | None:
    named = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (isinstance(error, OSError) or _library_of(error) in _LIBRARIES):
        found = _NUMBER.search(str(error))
        number = int(found[1]) if found else None
    if number not in _DISK:
        return None
    what, cure = _DISK[number]
    return StoreError("disk", f"{what}{named}", cure)


def _of_database(error: BaseException) -> StoreError | None:
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

    if not isinstance(error, DBAPIError):
        return None
    name = getattr(error.orig, "sqlite_errorname", "") or type(error.orig).__name__
    for start, number in (*_SQLITE.items(), ("DiskFull", errno.ENOSPC)):
        if name.startswith(start):
            what, cure = _DISK[number]
            return StoreError("disk", f"{what} (the database's: {name})", cure)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError("database", "another program holds the database", "end that program, then run again")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError("database", f"the database file is damaged ({name})", "restore it: `blindspot restore`")
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        cure = "start the database, then run again: what was committed is kept, the rest is done again"
        return StoreError("database", f"the database does not answer ({name})", cure)
    return None
