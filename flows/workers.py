"""Ranges of keys worked one after the other, by several processes of this machine, or by a Dask cluster."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from flows.errors import OperatorError
from flows.progress import track_all
from flows.settings import Engine

R = TypeVar("R")


class Workers:
    """`map` gives the results in the order of the ranges, whoever works them and however often one must be begun."""

    def __init__(self, run: Callable[[Callable[[int], Any], range], Iterable[Any]]) -> None:
        self._run = run

    def map(self, function: Callable[[int], R], parts: int, what: str) -> Iterator[R]:
        return track_all(self._run(function, range(parts)), parts, what)


@contextmanager
def open_workers(settings: Engine, parts: int) -> Iterator[Workers]:
    if settings.kind == "dask":
        with _dask(settings) as workers:
            yield workers
    elif min(settings.workers, parts) == 1:
        yield Workers(map)
    else:
        with _processes(min(settings.workers, parts)) as workers:
            yield workers


@contextmanager
def _processes(count: int) -> Iterator[Workers]:
    # Polars' own threads would fight over the cores; forked ones may hang.
    before = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = str(max(1, (os.cpu_count() or 1) // count))
    try:
        with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
            yield Workers(pool.map)
    finally:
        if before is None:
            del os.environ["POLARS_MAX_THREADS"]
        else:
            os.environ["POLARS_MAX_THREADS"] = before


@contextmanager
def _dask(settings: Engine) -> Iterator[Workers]:
    try:
        from flows.cluster import on_cluster
    except ModuleNotFoundError as error:
        if error.name != "distributed":
            raise
        cure = "install the extra `cluster`, or set engine.kind to local"
        raise OperatorError("engine", "distributed is not installed", cure) from None
    with on_cluster(settings) as run:
        yield Workers(run)
