"""One night in a process of its own, to be killed: at a commit point by its number, or from outside at any moment.

A commit point is whatever changes what the next start finds: a file synced, renamed or removed, a commit of the
database, a commit of the lake, an intermediate file that takes its place. They are counted where Python or the library
does them, so that a new one in the product is counted too; nothing in the product knows of this.
"""

import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import wraps
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import deltalake
import sqlalchemy.engine.default

import flows.desk
import flows.nightly
import flows.publishing
import store.database
import store.files
import store.lake
import store.shuffle
from benchmarks.crash_country import work_one_night
from benchmarks.crash_plants import PLANTS
from flows.refusals import as_operator_error

# Warm processes: a night of one second is not to wait four for its imports.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["benchmarks.crash_night"])


@dataclass(frozen=True)
class Conditions:
    kill_at: int | None = None  # number of the commit point before which it is killed
    clock_back: timedelta = timedelta(0)
    memory: int | None = None  # bytes of address space beyond what is in use
    file_size: int | None = None  # bytes
    database_wait_ms: int | None = None
    plant: str = ""  # a fault put into the product, benchmarks.crash_plants
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    done: bool = False
    killed: bool = False
    refusal: str = ""
    text: str = ""  # of a refusal; the traceback of a bug
    repaired: tuple[str, ...] = ()
    points: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.done:
            return "done"
        return "killed" if self.killed else f"refused ({self.refusal})" if self.refusal else f"BUG {self.text[-600:]}"


class Night:
    """Begun in a process; `end` waits for it."""

    def __init__(self, config: Path, work: Path, conditions: Conditions | None = None) -> None:
        self._told = work.parent / f"{work.name}.{time.monotonic_ns()}.json"
        told = (config, work, conditions or Conditions(), self._told)
        self._process = _CONTEXT.Process(target=_night, args=told)
        self._process.start()

    @property
    def pid(self) -> int:
        return int(self._process.pid or 0)

    def kill(self, number: int = signal.SIGKILL) -> None:
        with suppress(ProcessLookupError):
            if self._process.is_alive():
                os.kill(self.pid, number)

    def end(self, within: float = 120) -> Outcome:
        self._process.join(within)
        if self._process.is_alive():
            self.kill()
            self._process.join()
            return Outcome(text=f"it hung for {within:.0f} seconds")
        code = self._process.exitcode
        if not self._told.exists():
            ended = code is not None and code < 0
            return Outcome(killed=ended, text="" if ended else f"it ended with {code} and no word")
        told: dict[str, Any] = json.loads(self._told.read_text(encoding="utf-8"))
        self._told.unlink()
        told |= {name: tuple(told[name]) for name in ("repaired", "points")}
        return Outcome(**told)


def night(config: Path, work: Path, conditions: Conditions | None = None) -> Outcome:
    return Night(config, work, conditions).end()


def _night(config: Path, work: Path, conditions: Conditions, told: Path) -> None:
    os.environ.update(conditions.environment)
    points = _count_points(work, conditions.kill_at)
    _set(conditions)
    try:
        outcome = Outcome(done=True, repaired=work_one_night(config, work))
    except BaseException as error:
        refusal = as_operator_error(error)
        if refusal is None:
            outcome = Outcome(text="".join(traceback.format_exception(error)))
        else:
            outcome = Outcome(refusal=refusal.kind, text=str(refusal))
    _RUNNING.clear()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    beside = told.with_suffix(".tmp")
    beside.write_text(json.dumps(asdict(outcome) | {"points": points}), encoding="utf-8")
    beside.rename(told)


def _set(conditions: Conditions) -> None:
    if conditions.plant:
        PLANTS[conditions.plant]()
    if conditions.clock_back:
        real = flows.desk.now
        for module in [m for m in sys.modules.values() if getattr(m, "now", None) is real]:
            module.now = lambda: real() - conditions.clock_back  # type: ignore[attr-defined]
    if conditions.database_wait_ms is not None:
        store.database._WAIT_MS = conditions.database_wait_ms
    if conditions.file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (conditions.file_size, resource.RLIM_INFINITY))
    if conditions.memory is not None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + conditions.memory, resource.RLIM_INFINITY))


_RUNNING: list[bool] = []  # empty: what happens is no longer the night's


def _count_points(work: Path, kill_at: int | None) -> list[str]:
    """Names of the commit points, in order, as they are passed."""
    points: list[str] = []
    _RUNNING.append(True)
    place = str(work)

    def at(what: str, where: object = "") -> None:
        if not _RUNNING:
            return
        if len(points) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        points.append(f"{what} {str(where).replace(place, '.')}".strip())

    def hook(event: str, told: tuple[Any, ...]) -> None:
        if event in ("os.rename", "os.remove", "os.rmdir", "os.truncate"):
            at(event, told[0])

    sys.addaudithook(hook)
    _before(os, "fsync", at, "sync")
    fdopen = os.fdopen
    os.fdopen = lambda *told, **more: _Halved(fdopen(*told, **more), at)  # type: ignore[assignment]
    _before(store.shuffle._Replacing, "__exit__", at, "intermediate file")
    for owner, name, what in (
        (sqlalchemy.engine.default.DefaultDialect, "do_commit", "database commit"),
        (store.lake, "write_deltalake", "lake commit"),
        (deltalake.DeltaTable, "create_write_transaction", "lake commit"),
    ):
        _before(owner, name, at, f"before {what}")
        _after(owner, name, at, f"after {what}")
    return points


class _Halved:
    """A file of which the first half of what is written is on the disk before the second is begun."""

    def __init__(self, file: Any, at: Callable[..., None]) -> None:
        self._file, self._at = file, at

    def write(self, data: bytes) -> int:
        half = len(data) // 2
        self._file.write(data[:half])
        self._file.flush()
        self._at("amid a file")
        self._file.write(data[half:])
        return len(data)

    def __enter__(self) -> "_Halved":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _before(owner: Any, name: str, at: Callable[..., None], what: str) -> None:
    real = getattr(owner, name)

    @wraps(real)
    def told(*args: Any, **kwargs: Any) -> Any:
        at(what)
        return real(*args, **kwargs)

    setattr(owner, name, told)


def _after(owner: Any, name: str, at: Callable[..., None], what: str) -> None:
    real = getattr(owner, name)

    @wraps(real)
    def told(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        at(what)
        return result

    setattr(owner, name, told)
