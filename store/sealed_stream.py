"""A stream of any length, sealed piece by piece under the newest key: neither writing nor reading holds it whole.

First a line: what it is, the key's id, and a name of its own drawn at random. Every piece is sealed for that name, its
place, and whether it is the last: pieces cut off, left out, exchanged, added or of another stream do not open.
"""

import io
import secrets
from typing import BinaryIO, Final

from store.faults import StoreError
from store.keys import Keys
from store.sealing import Sealer

PIECE: Final = 8 << 20  # bytes in clear
_MAGIC: Final = "blindspot-sealed-1"
_LENGTH: Final = 4
_MOST: Final = PIECE + 64  # a piece with nonce and tag: what is longer was not written by us


class SealedWriter(io.RawIOBase):
    """Closed, it is whole; before that it does not open."""

    def __init__(self, file: BinaryIO, keys: Keys, kind: str) -> None:
        self._file, self._sealer, self._kind = file, Sealer(keys), kind
        self._name = secrets.token_hex(16)
        self._held, self._number = bytearray(), 0
        file.write(f"{_MAGIC} {self._sealer.key_id} {self._name}\n".encode())

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        self._held += data
        while len(self._held) > PIECE:  # the last piece is held back: only closing tells that it is the last
            self._put(bytes(self._held[:PIECE]), is_last=False)
            del self._held[:PIECE]
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._put(bytes(self._held), is_last=True)
            super().close()

    def _put(self, plain: bytes, *, is_last: bool) -> None:
        sealed = self._sealer.seal(plain, self._kind, "stream", _place(self._name, self._number, is_last))
        self._file.write(len(sealed).to_bytes(_LENGTH, "big") + sealed)
        self._number += 1


class SealedReader(io.RawIOBase):
    """Trust nothing that was read before the end has come."""

    def __init__(self, file: BinaryIO, keys: Keys, kind: str) -> None:
        self._file, self._sealer, self._kind = file, Sealer(keys), kind
        head = file.readline(200).decode("ascii", "replace").split()
        if len(head) != 3 or head[0] != _MAGIC:
            raise StoreError("backup", "this is no sealed file of ours", "name a file that `blindspot backup` wrote")
        _, self._key_id, self._name = head
        self._number, self._clear, self._at = 0, b"", 0
        self._next = self._take()

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._at == len(self._clear):
            self._open_next()
        told = self._clear[self._at : self._at + len(into)]
        into[: len(told)] = told
        self._at += len(told)
        return len(told)

    def _open_next(self) -> None:
        if not self._next and self._number:
            return
        sealed, self._next = self._next, self._take()
        place = _place(self._name, self._number, not self._next)
        self._clear = self._sealer.open(sealed, self._kind, "stream", place, self._key_id)
        self._at, self._number = 0, self._number + 1

    def _take(self) -> bytes:
        """Empty: the file ends here, and nothing stands after the last piece."""
        head = self._file.read(_LENGTH)
        length = int.from_bytes(head, "big")
        sealed = self._file.read(min(length, _MOST))
        if head and (len(head), len(sealed)) != (_LENGTH, length or _MOST):
            raise StoreError("sealed", "the file was cut off or added to", "use another copy of it")
        return sealed


def _place(name: str, number: int, is_last: bool) -> str:
    return f"{name}:{number}:{'last' if is_last else 'more'}"
