"""Rows on their way through the machine: a few are held, too many are laid aside in a file and read a range at a time.

They name people, so the file is sealed with a key that nobody keeps; it has no name, and is gone however the process
ends.
"""

import io
import os
import tempfile
import weakref
from pathlib import Path
from typing import Final

import polars as pl
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12
Piece = bytes | pl.DataFrame


class Spill:
    def __init__(self, folder: Path | None) -> None:
        """None: everything is held in memory."""
        self._file = tempfile.TemporaryFile(dir=folder) if folder else None  # noqa: SIM115 - open as long as this
        if self._file is not None:
            weakref.finalize(self, self._file.close)  # a file refused late leaves by an error
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._held: dict[int, list[pl.DataFrame]] = {}  # by range
        self._places: dict[int, list[tuple[int, int]]] = {}  # by range: offset and length

    def seal(self, frame: pl.DataFrame, part: int) -> Piece:
        """For `put`. May be called by several threads."""
        if self._file is None:
            return frame
        plain, nonce = io.BytesIO(), os.urandom(_NONCE)
        # Numbers do not shrink: tokens are random.
        is_text = pl.String in frame.dtypes
        frame.write_ipc(plain, compression="lz4" if is_text else "uncompressed")
        return nonce + self._cipher.encrypt(nonce, plain.getbuffer(), _place(part))

    def put(self, piece: Piece, part: int) -> None:
        """After all that was put before."""
        if isinstance(piece, pl.DataFrame):
            self._held.setdefault(part, []).append(piece)
        elif self._file is not None:
            self._places.setdefault(part, []).append((self._file.seek(0, os.SEEK_END), len(piece)))
            self._file.write(piece)
            self._file.flush()

    def take(self, part: int) -> list[pl.DataFrame]:
        """The pieces of one range, in the order they were put. May be called by several threads."""
        return [*self._held.get(part, []), *(self._opened(*place, part) for place in self._places.get(part, []))]

    def replace(self, part: int, piece: Piece) -> None:
        """One piece instead of all of this range."""
        self._held.pop(part, None)
        self._places.pop(part, None)
        self.put(piece, part)

    def close(self) -> None:
        self._held.clear()
        if self._file is not None:
            self._file.close()

    def _opened(self, offset: int, length: int, part: int) -> pl.DataFrame:
        if self._file is None:
            raise ValueError("nothing was laid aside")
        sealed = os.pread(self._file.fileno(), length, offset)
        return pl.read_ipc(io.BytesIO(self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _place(part))))


def _place(part: int) -> bytes:
    return str(part).encode()
