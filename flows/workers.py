"""Ranges of keys worked one after the other, by several processes of this machine, or by a Dask cluster."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Final, TypeVar

from flows.errors import OperatorError
from flows.progress import track_all
from flows.settings import Engine

T = TypeVar("T")
R = TypeVar("R")


class Workers:
    """Results come in the order of what is worked, whoever works it and however often one must be begun."""

    def __init__(self, run: Callable[[Callable[[Any], Any], Any], Iterable[Any]]) -> None:
        self._run = run

    def map(self, function: Callable[[int], R], parts: int, what: str) -> Iterator[R]:
        return self.map_all(function, range(parts), what)

    def map_all(self, function: Callable[[T], R], items: Sequence[T], what: str) -> Iterator[R]:
        return track_all(self._run(function, items), len(items), what)


@contextmanager
def open_workers(settings: Engine, parts: int) -> Iterator[Workers]:
    if settings.kind == "dask":
        with _dask(settings) as workers:
            yield workers
    else:
        with open_here(min(settings.workers, parts)) as workers:
            yield workers


@contextmanager
def open_here(count: int) -> Iterator[Workers]:
    """Processes of this machine, whatever the engine: what names people goes to no cluster and onto no disk."""
    if count == 1:
        yield Workers(map)
    else:
        with _processes(count) as workers:
            yield workers


# A worker does the same to one range after the other: memory it gave back it would ask for again at once, and fresh
# pages cost a fifth of its time. Read by the allocators of Polars (jemalloc) and of NumPy (glibc).
_KEEPS_MEMORY: Final = {
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1",
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
}


@contextmanager
def _processes(count: int) -> Iterator[Workers]:
    # Polars' own threads would fight over the cores; forked ones may hang.
    threads = {"POLARS_MAX_THREADS": str(max(1, (os.cpu_count() or 1) // count))}
    with _environment(_KEEPS_MEMORY | threads), ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        # One piece is worked here: a worker is not ready before it would be done.
        yield Workers(lambda work, items: map(work, items) if len(items) == 1 else pool.map(work, items))


@contextmanager
def _environment(ours: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def with_distributed() -> Iterator[None]:
    """Around an import of what needs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "distributed":
            raise
        cure = "install the extra `cluster`, or set engine.kind to local"
        raise OperatorError("engine", "distributed is not installed", cure) from None


@contextmanager
def _dask(settings: Engine) -> Iterator[Workers]:
    with with_distributed():
        from flows.cluster import on_cluster
    with on_cluster(settings) as run:
        yield Workers(run)
