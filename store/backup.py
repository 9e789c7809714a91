"""Everything that outlives a run, in one file, sealed; and back. Keys are never in it: without them it is noise.

A tar of plain files within store.sealed_stream, the list of all digests last. Read again once it is written.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from store.faults import StoreError
from store.files import OURS_ONLY, make_folder, sync_folder, writing_whole
from store.keys import Keys
from store.sealed_stream import PIECE, SealedReader, SealedWriter

LIST: Final = "LIST.json"
_KIND: Final = "backup"
_CHUNK: Final = 1 << 20
_DAMAGED: Final = "use another copy of the backup; nothing of this one was taken over"


@dataclass(frozen=True, slots=True)
class Packed:
    about: Mapping[str, Any]  # what the maker says of it
    digests: Mapping[str, str]  # by name inside
    bytes: int


def pack(place: Path, keys: Keys, files: Iterable[tuple[str, Path]], about: Mapping[str, Any]) -> Packed:
    """Write `files`, by their names inside, to a new file; then read it back and compare."""
    if place.exists():
        raise StoreError("backup", f"{place} exists", "name another file: no backup is written over")
    with writing_whole(place) as file:
        digests = _write(file, keys, files, about)
    try:
        told = look(place, keys)
    except StoreError:
        place.unlink()
        raise
    if told.digests != digests:
        place.unlink()
        raise StoreError("backup", f"{place} does not read back as it was written", "look after the disk")
    return told


def look(place: Path, keys: Keys) -> Packed:
    """Every byte read and compared with its digest; nothing is written."""
    with _opened(place) as file:
        return _read(file, keys, into=None)


def unpack(place: Path, keys: Keys, into: Path) -> Packed:
    """As `look`, and every file written below `into`, an empty folder. Raises before the end if one byte differs."""
    with _opened(place) as file:
        told = _read(file, keys, into=into)
    for folder in (*(found for found in into.rglob("*") if found.is_dir()), into):
        sync_folder(folder)
    return told


def _opened(place: Path) -> BinaryIO:
    try:
        return place.open("rb")
    except OSError as error:
        cure = "name a file that `blindspot backup` wrote"
        raise StoreError("backup", f"{place} cannot be read: {error.strerror}", cure) from None


def _write(file: BinaryIO, keys: Keys, files: Iterable[tuple[str, Path]], about: Mapping[str, Any]) -> dict[str, str]:
    digests: dict[str, str] = {}
    with (
        SealedWriter(file, keys, _KIND) as sealed,
        tarfile.open(fileobj=sealed, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_CHUNK) as tar,
    ):
        for name, path in files:
            with path.open("rb") as file_in:
                told, source = os.fstat(file_in.fileno()), _Digesting(file_in)
                tar.addfile(_entry(name, told.st_size, told.st_mtime), source)
                digests[name] = source.found.hexdigest()
        words = json.dumps({"about": about, "digests": digests}, ensure_ascii=False, sort_keys=True).encode()
        tar.addfile(_entry(LIST, len(words), 0), io.BytesIO(words))
    return digests


class _Digesting:
    """A file on its way: what was written is what was counted."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.found = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        told = self._file.read(size)
        self.found.update(told)
        return told


def _read(file: BinaryIO, keys: Keys, into: Path | None) -> Packed:
    sealed = io.BufferedReader(SealedReader(file, keys, _KIND), PIECE)
    found: dict[str, str] = {}
    size = 0
    words = b""
    try:
        with tarfile.open(fileobj=sealed, mode="r|", bufsize=_CHUNK) as tar:
            for entry in tar:
                source = _plain(tar, entry)
                if entry.name == LIST:
                    words = source.read()
                    continue
                size += entry.size
                found[entry.name] = _digest(source) if into is None else _keep(source, entry, into)
        sealed.read()  # to the very end: what is cut off does not open
    except tarfile.TarError:
        raise StoreError("backup", "the backup is not whole", _DAMAGED) from None
    told = json.loads(words or b"{}")
    if told.get("digests") != found:
        raise StoreError("backup", "the backup does not hold what its list names", _DAMAGED)
    return Packed(told["about"], found, size)


def _plain(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Any:
    """Nothing but plain files, below the folder: whoever wrote it, it writes nowhere else."""
    name = PurePosixPath(entry.name)
    source = tar.extractfile(entry) if entry.isreg() else None
    if source is None or name.is_absolute() or ".." in name.parts:
        raise StoreError("backup", "the backup holds what we never put into one", _DAMAGED)
    return source


def _keep(source: BinaryIO, entry: tarfile.TarInfo, into: Path) -> str:
    path = into / entry.name
    make_folder(path.parent)
    told = hashlib.sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, OURS_ONLY), "wb") as file:
        for chunk in _chunks(source):
            told.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    os.utime(path, (entry.mtime, entry.mtime))
    return told.hexdigest()


def _digest(source: BinaryIO) -> str:
    told = hashlib.sha256()
    for chunk in _chunks(source):
        told.update(chunk)
    return told.hexdigest()


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk


def _entry(name: str, size: int, mtime: float) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, mtime, OURS_ONLY
    return entry
