"""A change planted in a copy of the checkout, and tests run on it in a fork: the libraries are imported once.

Nothing of ours is imported before the fork, but what its caller imports of tests/.
"""

import contextlib
import gc
import importlib
import os
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
COPIED: Final = (
    "signals", "features", "models", "alerts", "synthetic", "store", "flows", "tests", "benchmarks", "docs", "deploy",
)  # fmt: skip
FILES: Final = ("config.yaml", "prefect.yaml", "pyproject.toml", "requirements.lock", "Makefile", "README.md")
# What most tests import, and what takes long to.
LIBRARIES: Final = (
    "polars", "numpy", "pandas", "pyarrow", "sqlalchemy.orm", "alembic.command", "deltalake", "psycopg", "lightgbm",
    "cryptography.hazmat.primitives.ciphers.aead", "hypothesis.strategies", "typer.testing", "prefect", "yaml",
)  # fmt: skip
SPARED: Final = ("anyio", "faker", "xdist", "xdist.looponfail")  # of pytest; they take longer than most tests
LATE: Final = 124  # as of timeout(1)


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    file: str  # that is changed
    text: str  # what it is then
    words: Sequence[str]  # to pytest
    seconds: float  # until it is ended
    plugin: object = None


def load_libraries() -> None:
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # a fork looks at what it made itself, and shares the rest


def tree(folder: Path) -> Path:
    for room in COPIED:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
    for file in FILES:
        shutil.copy(ROOT / file, folder / file)
    return folder


def ran(tasks: Sequence[Task], places: Sequence[Path]) -> Iterator[tuple[Task, int, str]]:
    """Each with pytest's code, or `LATE`, and what it said; as many at once as there are trees."""
    waiting, free = deque(tasks), list(places)
    running: dict[int, tuple[Task, Path, str, float]] = {}
    try:
        while waiting or running:
            while waiting and free:
                task, place = waiting.popleft(), free.pop()
                before = _plant(place / task.file, task.text)
                running[_forked(place, task)] = task, place, before, time.monotonic() + task.seconds
            for pid, (task, place, before, until) in list(running.items()):
                if (code := _ended(pid, until)) is not None:
                    del running[pid]
                    _plant(place / task.file, before)
                    said = (place / "said.txt").read_text(encoding="utf-8", errors="replace")
                    free.append(place)
                    yield task, code, said
            time.sleep(0.02)
    finally:  # interrupted: nothing runs on
        for pid in running:
            os.killpg(pid, signal.SIGKILL)


def _plant(file: Path, text: str) -> str:
    """Returns what stood there. Each text with a second of its own: no bytecode of another is taken for this one's."""
    stood, at = file.read_text(encoding="utf-8"), file.stat().st_mtime_ns
    file.write_text(text, encoding="utf-8")
    os.utime(file, ns=(at, at + 1_000_000_000))
    return stood


def _forked(place: Path, task: Task) -> int:
    """pytest in a process, and process group, of its own; what it says goes to said.txt. Returns its id."""
    (place / "said.txt").write_bytes(b"")
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        said = os.open(place / "said.txt", os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(said, stream)
        os.chdir(place)
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        sys.path.insert(0, str(place))
        os.environ |= {"PYTHONPATH": str(place), "POLARS_MAX_THREADS": "1"}
        told = ["-x", "-q", "--tb=line", "-pno:cacheprovider", *(f"-pno:{name}" for name in SPARED)]
        told += ["--basetemp", str(place / "tmp")]
        told += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # plugins were imported before the fork
        code = int(pytest.main([*told, *task.words], plugins=[task.plugin] if task.plugin else []))
    finally:
        os._exit(code)


def _ended(pid: int, until: float) -> int | None:
    """Its code, `LATE` after the time limit; None while it runs. Whatever it started ends with it."""
    found, status = os.waitpid(pid, os.WNOHANG)
    if not found and time.monotonic() < until:
        return None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if not found:
        os.waitpid(pid, 0)
        return LATE
    return os.waitstatus_to_exitcode(status)
