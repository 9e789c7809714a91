"""A file in the inbox: its first and last bytes, its digest, its bytes piece by piece. Small files are read once."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from signals.delivery import DeliveryName
from signals.rows import shows_head
from store.archive import PIECE

# What tells a returned sheet from anything else.
_GLANCE = 65_536


@dataclass(frozen=True)
class Arrived:
    path: Path
    size: int  # bytes, as it was first seen

    @cached_property
    def _whole(self) -> bytes | None:
        return self.path.read_bytes() if self.size <= PIECE else None

    def pieces(self) -> Iterator[bytes]:
        """Raises OSError. A large file may be another by the time it is read: `store.archive` notices."""
        if self._whole is not None:
            yield self._whole
            return
        with self.path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def all(self) -> bytes:
        return b"".join(self.pieces())

    @cached_property
    def digest(self) -> str:
        """SHA-256, 64 hex digits."""
        return self.digest_after(b"")

    def digest_after(self, words: bytes) -> str:
        found = hashlib.sha256(words)
        for piece in self.pieces():
            found.update(piece)
        return found.hexdigest()

    @cached_property
    def glance(self) -> bytes:
        return next(self.pieces(), b"")[:_GLANCE]

    @cached_property
    def end(self) -> bytes:
        """The last byte."""
        if self._whole is not None:
            return self._whole[-1:]
        with self.path.open("rb") as file:
            file.seek(-1, 2)
            return file.read()

    @cached_property
    def start(self) -> bytes:
        """As much as `signals.rows.read_head` needs."""
        start = b""
        for piece in self.pieces():
            start += piece
            if shows_head(start, self.end):
                break
        return start


def place_of(name: DeliveryName) -> tuple[str, date, int]:
    return name.source, name.base_month, name.revision


def another(name: DeliveryName) -> bytes:
    """Words for `digest_after`: bytes that came before, and in this place are a delivery of their own."""
    return repr(place_of(name)).encode()
