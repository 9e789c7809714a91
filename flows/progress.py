"""Progress on long work, on the terminal's error stream and in Prefect's pages; silent where nobody looks."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from flows.artifacts import with_progress
from flows.engine import in_flow_run
from flows.standstill import went_on

T = TypeVar("T")


def track(items: Sequence[T], what: str) -> Iterator[T]:
    return track_all(items, len(items), what)


def track_all(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    for item in _shown(items, total, what):
        went_on()
        yield item


def _shown(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    if total > 1 and in_flow_run():
        items = with_progress(items, total, what)
    if not sys.stderr.isatty() or total < 2:
        yield from items
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, total=total, description=what)
