"""Errors for the person who runs Blindspot: codes, counts and paths, never a value of a person."""

import errno
from typing import Final, Literal

Kind = Literal["keys", "database", "migration", "busy", "sealed", "lake", "model", "disk"]


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
