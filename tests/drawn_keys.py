"""Keys decide who has which token, so also who is drawn: drawn for a name, a test has the same outcome anywhere."""

import hashlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest import mock


@contextmanager
def keys_drawn_for(name: str) -> Iterator[None]:
    """`RANDOM_KEYS=1` leaves them to chance, to look for a test that holds for some keys only."""
    if os.environ.get("RANDOM_KEYS"):
        yield
        return
    turn = itertools.count()

    def drawn(length: int) -> bytes:
        return hashlib.shake_256(f"{name} {next(turn)}".encode()).digest(length)

    with mock.patch("store.keys.secrets", SimpleNamespace(token_bytes=drawn)):
        yield
