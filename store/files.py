"""Files appear whole or not at all, and only for their owner."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
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
    place = beside(path)
    try:
        with _new(place, mode) as file:
            yield file
            _sync(file)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    place.replace(path)
    sync_folder(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """A folder of files that appears at once. The same content again is no fault; another content is."""
    if path.exists():
        if read_folder(path) != dict(files):
            raise StoreError("model", f"{path} exists with other content", "move it away; it is never overwritten")
        return
    prepare_folder(path, sorted(files.items()))
    show_folder(path)


def beside(path: Path) -> Path:
    """Where it is prepared."""
    return path.with_name(f".{path.name}.part")


def before(path: Path) -> Path:
    """Where what stood there waits while the new takes its place."""
    return path.with_name(f".{path.name}.before")


def prepare_folder(path: Path, files: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Beside `path`, every file on the disk as it comes and read back in the end: `show_folder` is all that is left to
    do. SHA-256 by name."""
    place = beside(path)
    if place.exists():
        shutil.rmtree(place)  # a killed attempt's
    make_folder(place)
    wanted: dict[str, str] = {}
    for name, data in files:
        make_folder((place / name).parent)
        _write(place / name, data, OURS_ONLY)
        wanted[name] = hashlib.sha256(data).hexdigest()
    for folder in (*(found for found in place.rglob("*") if found.is_dir()), place, place.parent):
        sync_folder(folder)
    found = digests(place)
    for name, written in wanted.items():
        if found.get(name) != written:
            what = f"{place / name} does not read back as it was written"
            raise StoreError("disk", what, "look after the disk, then run again; nothing was published")
    return wanted


def show_folder(path: Path) -> None:
    """What was prepared takes its place. Killed between the two renames, `path` is missing until `mend_folder`."""
    if path.exists():
        if before(path).exists():
            shutil.rmtree(before(path))
        path.rename(before(path))
    beside(path).rename(path)
    sync_folder(path.parent)
    if before(path).exists():
        shutil.rmtree(before(path))


def mend_folder(path: Path) -> bool:
    """What a killed attempt left around `path` is taken away, and what stood there before stands there. False: nothing
    was left."""
    left = [place for place in (beside(path), before(path)) if place.exists()]
    if before(path).exists() and not path.exists():
        before(path).rename(path)
        sync_folder(path.parent)
    for place in left:
        if place.exists():
            shutil.rmtree(place)
    return bool(left)


def remove_unfinished(folder: Path) -> int:
    """Files and folders that were written beside and never took their place; how many there were."""
    found = sorted(folder.rglob(".*.part"))  # a folder before what is in it
    for place in found:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    return len(found)


def read_folder(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


def digest(path: Path) -> str:
    """SHA-256 of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(path: Path) -> dict[str, str]:
    """SHA-256 of every file in it, by its path inside; empty: there is no such folder."""
    return {file.relative_to(path).as_posix(): digest(file) for file in path.rglob("*") if file.is_file()}


def sync_folder(path: Path) -> None:
    """A rename outlives a power cut only once its folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Held:
    """A lock that was taken."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        # Its holder writes itself in, and strikes itself out when all went well.
        self.was_left = os.pread(handle, 1, 0) != b""
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        os.fsync(handle)  # known after a power cut too

    def strike_out(self) -> None:
        os.ftruncate(self._handle, 0)


@contextmanager
def hold(path: Path) -> Iterator[Held]:
    """Only one process at a time; the kernel lets go when the holder dies, however it dies. `was_left`: the one before
    was killed, or ended by an error."""
    make_folder(path.parent)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, OURS_ONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            cure = "wait until it has ended, then run again"
            raise StoreError("busy", f"another run holds {path}", cure) from None
        held = Held(handle)
        yield held
        held.strike_out()
    finally:
        os.close(handle)


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """One process after the other, each waiting for the one before: SQLite's own wait ends in a refusal."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, OURS_ONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
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
