"""Faults put into the product on purpose: each must turn `make crash-test` red, or it would prove nothing.

Not among them: what a killed night had committed being thrown away instead of shown. The same night run again makes the
same bytes, so no kill can see it; tests/whole/test_night.py does, which looks before anything is run again.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import deltalake

import flows.inbox
import flows.publishing
import store.archive
import store.files
import store.lake
from store.files import make_folder


def _put(owner: Any, name: str, value: object) -> None:
    assert hasattr(owner, name), "the product has changed"
    setattr(owner, name, value)


def _nothing(*_: object) -> None: ...


def written_in_place() -> None:
    """Files under their own names from the first byte on."""

    @contextmanager
    def writing_whole(path: Path, *_: object) -> Iterator[BinaryIO]:
        make_folder(path.parent)
        with store.files._new(path, 0o600) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    for module in (store.files, store.archive, flows.inbox):
        _put(module, "writing_whole", writing_whole)


def published_without_rename() -> None:
    """The day's folder is written where people see it."""

    def prepare_folder(path: Path, files: Iterable[tuple[str, bytes]]) -> dict[str, str]:
        told = {}
        for name, data in files:
            make_folder((path / name).parent)
            store.files._write(path / name, data, 0o600)
            os.fsync(os.open(path, os.O_RDONLY))
            told[name] = hashlib.sha256(data).hexdigest()
        return told

    _put(flows.publishing, "prepare_folder", prepare_folder)
    _put(flows.publishing, "show_folder", _nothing)


def left_before_recorded() -> None:
    """A delivery leaves the inbox before the database knows of it."""
    real = flows.inbox._record

    def record(desk: Any, read: Any, households: int) -> Any:
        raw = read.path.read_bytes()
        read.path.unlink()
        store.files.sync_folder(read.path.parent)
        read.path.write_bytes(raw)  # what follows removes it once more
        return real(desk, read, households)

    _put(flows.inbox, "_record", record)


def taken_in_twice() -> None:
    """A delivery's rows go into the lake without its mark."""
    real = deltalake.write_deltalake

    def write(*args: Any, **kwargs: Any) -> None:
        kwargs["commit_properties"] = deltalake.CommitProperties()
        real(*args, **kwargs)

    _put(store.lake, "write_deltalake", write)


def committed_before_written() -> None:
    """The night counts as published before one file is there."""
    prepare = store.files.prepare_folder
    held: list[tuple[Path, list[tuple[str, bytes]]]] = []

    def later(path: Path, files: Iterable[tuple[str, bytes]]) -> dict[str, str]:
        held.append((path, list(files)))
        return {name: hashlib.sha256(data).hexdigest() for name, data in held[-1][1]}

    def show(path: Path) -> None:
        prepare(*held.pop())
        store.files.show_folder(path)

    _put(flows.publishing, "prepare_folder", later)
    _put(flows.publishing, "show_folder", show)


PLANTS: Final[Mapping[str, Callable[[], None]]] = {
    plant.__name__: plant
    for plant in (
        written_in_place,
        published_without_rename,
        left_before_recorded,
        taken_in_twice,
        committed_before_written,
    )
}
