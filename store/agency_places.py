"""Where an agency lays its files: a folder, or a prefix of object storage. Only read: nothing there is moved."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final

import pyarrow.fs as pafs

_PIECE: Final = 8 << 20


class UnreachableError(Exception):
    """An agency's place or database does not answer. Carries no credential and no row."""


@dataclass(frozen=True, slots=True, order=True)
class Lying:
    name: str
    size: int  # bytes
    modified: datetime  # UTC


class Place:
    def __init__(self, place: str) -> None:
        """A path, or a URL (s3://bucket/prefix) whose credentials come from the environment."""
        self._shown = place
        self._files: pafs.FileSystem
        self._root: str
        try:
            if "://" in place:
                self._files, self._root = pafs.FileSystem.from_uri(place)
            else:
                self._files, self._root = pafs.LocalFileSystem(), place
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from None

    def files(self) -> list[Lying]:
        """What lies there, not in folders below, by name."""
        try:
            found = self._files.get_file_info(pafs.FileSelector(self._root))
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from None
        return sorted(
            Lying(info.base_name, info.size, (info.mtime or datetime.fromtimestamp(0, UTC)).astimezone(UTC))
            for info in found
            if info.type == pafs.FileType.File
        )

    def copy(self, name: str, to: BinaryIO) -> str:
        """All of a file; returns its SHA-256, 64 hex digits."""
        digest = hashlib.sha256()
        try:
            with self._files.open_input_stream(f"{self._root.rstrip('/')}/{name}") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
                    to.write(piece)
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from None
        return digest.hexdigest()

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(f"{self._shown} cannot be read ({type(error).__name__})")
