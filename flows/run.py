"""One run of a flow: opened in the ledger, timed by stage, closed as done, refused or failed."""

import hashlib
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import polars as pl

from flows import journal
from flows.desk import Desk, now
from flows.engine import step
from flows.refusals import as_operator_error, end_by
from flows.standstill import went_on
from flows.summary import Taken
from store import deliveries, ledger, stops

P = ParamSpec("P")
R = TypeVar("R")

ROOT = Path(__file__).parent.parent
# Where and when things are done, who works the ranges and who is told, does not change what a night does.
PLACES = {
    "work",
    "database",
    "keys",
    "offices",
    "engine",
    "sources",
    "schedule",
    "notify",
    "retention",
    "transport",
    "research",
}
CODE = ("signals", "features", "models", "alerts", "store", "flows")
SUFFIXES = (".py", ".yaml", ".html", ".css", ".js")


@dataclass
class Run:
    """What a run writes down of itself as it goes."""

    desk: Desk
    kind: ledger.Kind
    as_of: date
    id: str = ""
    model: str = ""
    counts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)  # digests by stage
    # Household keys: who asked that nothing be processed, as known when the run was opened.
    stopped: pl.Series = field(default_factory=lambda: pl.Series("household_key", [], pl.Int64))

    def stage(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        begun, tries = time.monotonic(), 0

        @wraps(function)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            nonlocal tries
            tries += 1
            return function(*args, **kwargs)

        result = step(counted)(*args, **kwargs)
        went_on()
        name = function.__name__.replace("_", " ")
        if tries > 1:
            journal.note(self.desk.work, now(), "retried", **self._told, stage=name)
        self.seconds[name] = round(time.monotonic() - begun, 2)
        journal.note(self.desk.work, now(), "stage", **self._told, stage=name, seconds=self.seconds[name])
        return result

    @property
    def _told(self) -> dict[str, Any]:
        """Of the run, for each line of the journal. It has no id before its deliveries are taken in."""
        told = {"run": self.id, "kind": self.kind, "as_of": self.as_of, "model": self.model}
        return {name: value for name, value in told.items() if value}

    def note_deliveries(self, taken: Iterable[Taken]) -> None:
        for one in taken:
            counts = {"received": one.received, "accepted": one.accepted, "set_aside": one.set_aside}
            counts |= {"revision": one.revision} if one.revision else {}
            source = {"source": one.source} if one.source else {}
            journal.note(self.desk.work, now(), "delivery", **self._told, **source, state=one.state, **counts)

    def note_end(self, state: ledger.End, **more: Any) -> None:
        journal.note(self.desk.work, now(), "ended", **self._told, state=state, **more)

    def open(self, model: str = "") -> None:
        """After intake: the deliveries known are the run's inputs, and name it."""
        self.model = model
        self.stopped = stops.stopped_on(self.desk.engine, self.as_of)
        settings = _digest(self.desk.settings.model_dump_json(exclude=PLACES).encode())
        self.id = ledger.start(
            self.desk.engine, self.kind, self.as_of, inputs=_inputs(self), settings=settings,
            code=code_digest(), now=now(), model=model,
        ).id  # fmt: skip


@contextmanager
def running(desk: Desk, kind: ledger.Kind, as_of: date) -> Iterator[Run]:
    run = Run(desk, kind, as_of, counts={"repaired": list(desk.repaired)} if desk.repaired else {})
    journal.note(desk.work, now(), "started", kind=kind, as_of=as_of)
    try:
        yield run
    except BaseException as error:
        ended = end_by(error)
        run.note_end(**ended)
        if run.id:
            words = str(as_operator_error(error) or type(error).__name__)
            ledger.finish(desk.engine, run.id, ended["state"], now=now(), message=words)
        raise
    versions = desk.lake.versions()
    ledger.finish(
        desk.engine, run.id, "done", now=now(), model=run.model, lake_versions=versions, counts=run.counts,
        seconds=run.seconds, outputs=run.outputs,
    )  # fmt: skip
    counts = {name: told for name, told in run.counts.items() if type(told) is int}
    run.note_end("done", counts=counts | {"peak_mb": _peak_mb(desk.settings.engine.workers)})


def _peak_mb(workers: int) -> int:
    """Memory of this process and its workers at their peaks."""
    ours, theirs = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes on Linux
    return int(ours + theirs * workers) * unit >> 20


def code_digest() -> str:
    """Of everything that decides what a night does."""
    told = hashlib.sha256()
    for file in sorted(f for room in CODE for f in (ROOT / room).rglob("*") if f.suffix in SUFFIXES):
        told.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return told.hexdigest()


def _inputs(run: Run) -> str:
    listed = deliveries.listed(run.desk.engine)
    known = sorted(d.id for d in listed if d.state == "taken" and d.received_on <= run.as_of)
    # A household stopped after a killed attempt changes the queue: that is another run.
    return _digest("|".join((run.model, *known, *map(str, run.stopped))).encode())


def _digest(told: bytes) -> str:
    return hashlib.sha256(told).hexdigest()
