"""A night's ranges on the workers of a Dask cluster: the same functions over the same lake and the same scratch folder.

Dask writes keys, tasks and errors into its logs and shows them on its pages: none of them tells of a household. What a
killed worker had put into scratch stays there, whole; what it held in memory is worked again.
"""

import os
import platform
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import polars as pl
from distributed import Client, Future, wait
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from flows.errors import OperatorError
from flows.refusals import as_operator_error
from flows.run import ROOT, code_digest
from flows.settings import Engine
from store.faults import StoreError
from store.lake import Lake
from store.shuffle import Shuffle

PACKAGES: Final = ("deltalake", "lightgbm", "numba", "numpy", "polars", "pyarrow", "woodelf-explainer")
AGAIN: Final = 2  # times a range that failed is begun again: object storage has bad moments
AHEAD: Final = 4  # ranges handed out for each worker, so that results wait in few memories
CONNECT: Final = 30.0  # seconds
PATIENCE: Final = 60.0  # seconds without any worker, until the night is given up
AGAIN_ALL: Final = "run the night again: what is published stays as it is until then"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Standing:
    """All that decides which bytes a worker makes of the same range."""

    code: str
    libraries: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    """A place in scratch, and the word that stands there this night: who reads another looks at another place."""

    place: str
    word: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a worker sees of the places that all of them must share."""

    word: str
    versions: Mapping[str, int]


class WorkFailed(Exception):  # noqa: N818  told as what it is: a bug, or storage that failed, on a worker
    """Kind and places of an error on a worker; never its text, which may hold a value and would stand in logs."""


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """What one step is told for all its ranges."""

    work: Callable[..., Any]
    meeting: Meeting
    standing: Standing

    def __repr__(self) -> str:
        return "Told()"


@cache
def standing() -> Standing:
    """As it was when this process was first asked, before it worked any range: code that changed on disk since then has
    not changed what runs here."""
    libraries = {"python": platform.python_version(), "machine": platform.machine()}
    return Standing(code_digest(), tuple((libraries | {name: version(name) for name in PACKAGES}).items()))


@contextmanager
def on_cluster(settings: Engine) -> Iterator[Callable[[Callable[[int], Any], range], Iterator[Any]]]:
    """Yields what maps a function over ranges. OperatorError: no scheduler, no worker, or one that differs from us."""
    with met(settings) as (client, meeting):
        yield partial(_map, client, meeting)


@contextmanager
def met(settings: Engine) -> Iterator[tuple[Client, Meeting]]:
    """With workers that have been looked at."""
    lake, scratch = settings.places
    meeting = Meeting(f"{scratch}/meeting", uuid4().hex)
    with _connected(_checked(settings.scheduler)) as client:
        Shuffle(meeting.place).keep("word", 0, pl.DataFrame({"word": [meeting.word]}))
        _meet(client, meeting, lake)
        yield client, meeting
        Shuffle(meeting.place).clear()


def _checked(address: str | None) -> str:
    if address is None:
        raise OperatorError("engine", "no scheduler is named", "set engine.scheduler, e.g. tcp://127.0.0.1:8786")
    # Whoever reaches a scheduler can have anything run on its workers, and rows of households pass through it.
    if urlsplit(address).scheme != "tls" and urlsplit(address).hostname not in LOOPBACK:
        cure = "give scheduler and workers certificates and set engine.scheduler to tls://... (docs/cluster.md)"
        raise OperatorError("engine", f"{address} would be talked to in the clear", cure)
    return address


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=CONNECT, name="blindspot")
    except OSError:  # a timeout is one
        cure = "start `dask scheduler` there, or set engine.kind to local"
        raise OperatorError("engine", f"no scheduler answers at {address}", cure) from None
    with client:
        yield client


def _meet(client: Client, meeting: Meeting, lake: str) -> None:
    """Refuse before the first range what would fail, or differ, in the middle of the night."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise no_worker() from None
    _refuse_others(standing(), _answers(client, standing))
    _refuse_blind(Seen(meeting.word, Lake(lake).versions()), _answers(client, look, lake, meeting.place), meeting, lake)


def _answers(client: Client, question: Callable[..., Any], *args: object) -> dict[str, Any]:
    """By worker. One that died meanwhile has none; should it come back, its first range asks again."""
    told = client.run(question, *args, on_error="return")
    return {address: answer for address, answer in sorted(told.items()) if not isinstance(answer, CommClosedError)}


def look(lake: str, meeting: str) -> Seen:
    return Seen(_word(meeting), Lake(lake).versions())


def _word(meeting: str) -> str:
    return str(Shuffle(meeting).kept("word", 0).item())


@cache
def _was_there(meeting: Meeting) -> bool:
    """Once for each night, in each worker."""
    try:
        return _word(meeting.place) == meeting.word
    except (OSError, StoreError):
        return False


def _refuse_others(ours: Standing, told: Mapping[str, Standing | Exception]) -> None:
    for address, theirs in told.items():
        if not isinstance(theirs, Standing):
            what = f"worker {address} cannot load our code ({type(theirs).__name__})"
            raise OperatorError("engine", what, "start it with the Python of a checkout like ours")
        if theirs != ours:
            raise _differs(ours, theirs, f"worker {address}")


def _differs(ours: Standing, theirs: Standing, who: str) -> OperatorError:
    ahead = dict(theirs.libraries)
    differ = [f"{name} {ahead.get(name)} for {mine}" for name, mine in ours.libraries if ahead.get(name) != mine]
    what = "other code than ours" if theirs.code != ours.code else ", ".join(differ)
    cure = "bring its checkout to the same commit, `make install` there, and start it again"
    return OperatorError("engine", f"{who} runs {what}", cure)


def _refuse_blind(ours: Seen, told: Mapping[str, Seen | Exception], meeting: Meeting, lake: str) -> None:
    for address, theirs in told.items():
        if theirs != ours:
            raise _blind(f"worker {address}", f"{lake} and {meeting.place}")


def _blind(who: str, where: str) -> OperatorError:
    cure = "set engine.lake and engine.scratch to places that all workers share, by the same name"
    return OperatorError("engine", f"{who} does not see what we see in {where}", cure)


def _map(client: Client, meeting: Meeting, work: Callable[[int], Any], parts: range) -> Iterator[Any]:
    """In the order of the ranges, whichever is done first."""
    step = f"{getattr(getattr(work, 'func', work), '__name__', 'work')}-{uuid4().hex[:8]}"
    # A task and not scattered data, which is lost with its last holder: this is worked again like any other.
    told = client.submit(same, Told(work, meeting, standing()), key=f"{step}-told", pure=False, retries=AGAIN)
    begun: deque[Future] = deque()
    for part in parts:
        # The first that is waited for goes first.
        future = client.submit(work_range, told, part, key=(step, part), priority=-part, pure=False, retries=AGAIN)
        begun.append(future)
        if len(begun) >= AHEAD * max(1, len(client.nthreads())):
            yield _result(client, begun.popleft())
    while begun:
        yield _result(client, begun.popleft())


def same(told: Told) -> Told:
    return told


def work_range(told: Told, part: int, *held: Any) -> Any:
    """On a worker, which may have joined in the middle of the night. `held`: what it kept of an earlier step."""
    here = f"the worker on {platform.node()}"
    if standing() != told.standing:
        raise _differs(told.standing, standing(), here)
    if not _was_there(told.meeting):
        raise _blind(here, told.meeting.place)
    os.umask(0o077)  # as our own process writes
    try:
        return told.work(part, *held)
    except Exception as error:
        if as_operator_error(error) is not None:
            raise
        raise WorkFailed(_without_values(error)) from None


def _without_values(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{f.filename.removeprefix(f'{ROOT}/')}:{f.lineno} {f.name}" for f in frames]
    return "\n  ".join([f"{type(error).__module__}.{type(error).__qualname__}, raised at", *places])


def _result(client: Client, future: Future) -> Any:
    alone = 0.0
    with refusing():
        while alone < PATIENCE:
            try:
                wait(future, timeout=5)
            except TimeoutError:
                alone = 0.0 if client.nthreads() else alone + 5
                continue
            return future.result()
    raise no_worker()


@contextmanager
def refusing() -> Iterator[None]:
    try:
        yield
    except KilledWorker as killed:
        what = f"{killed.task}: {killed.allowed_failures + 1} workers died over it, one after the other"
        cure = "give workers more memory, or lower night.households_per_part; then run the night again"
        raise OperatorError("engine", what, cure) from None
    except (CancelledError, CommClosedError):
        cure = f"start scheduler and workers; {AGAIN_ALL}"
        raise OperatorError("engine", "the scheduler is gone", cure) from None


def no_worker() -> OperatorError:
    cure = f"start `dask worker` on the machines of the cluster; {AGAIN_ALL}"
    return OperatorError("engine", f"for {PATIENCE:.0f} seconds the scheduler has had no worker", cure)
