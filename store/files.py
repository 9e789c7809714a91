"""Files appear whole or not at all, and only for their owner."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from store.faults import StoreError

OURS_ONLY = 0o600
OURS_ONLY_FOLDER = 0o700


def make_folder(path: Path) -> Path:
    """Create `path` and every missing parent with mode 0700. What exists keeps its mode."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=OURS_ONLY_FOLDER, exist_ok=True)
    return path


def write_whole(path: Path, data: bytes, mode: int = OURS_ONLY) -> None:
    with writing_whole(path, mode) as file:
        file.write(data)


@contextmanager
def writing_whole(path: Path, mode: int = OURS_ONLY) -> Iterator[BinaryIO]:
    """Write beside, fsync, rename, fsync the folder. What a killed attempt left beside is overwritten by the next; what
    is left by an error is removed."""
    make_folder(path.parent)
    beside = path.with_name(f".{path.name}.part")
    try:
        with _new(beside, mode) as file:
            yield file
            _sync(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    beside.replace(path)
    sync_folder(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """A folder of files that appears at once. The same content again is no fault; another content is."""
    if path.exists():
        if read_folder(path) != dict(files):
            raise StoreError("model", f"{path} exists with other content", "move it away; it is never overwritten")
        return
    beside = path.with_name(f".{path.name}.part")
    make_folder(beside)
    for left in beside.iterdir():
        left.unlink()
    for name in sorted(files):
        _write(beside / name, files[name], OURS_ONLY)
    sync_folder(beside)
    beside.rename(path)
    sync_folder(path.parent)


def read_folder(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


def sync_folder(path: Path) -> None:
    """A rename outlives a power cut only once its folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Only one process at a time; the kernel lets go when the holder dies, however it dies."""
    make_folder(path.parent)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, OURS_ONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            cure = "wait until it has ended, then run again"
            raise StoreError("busy", f"another run holds {path}", cure) from None
        yield
    finally:
        os.close(handle)


def _write(path: Path, data: bytes, mode: int) -> None:
    with _new(path, mode) as file:
        file.write(data)
        _sync(file)


def _new(path: Path, mode: int) -> BinaryIO:
    path.unlink(missing_ok=True)  # a stale one may have another mode
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
