"""Workers of a night, looked at: when each range was worked, by whom; one of them held down to a part of its speed."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from flows.workers import Workers

R = TypeVar("R")

TURN = 0.2  # seconds: a worker that is held down runs for a part of each


@dataclass(frozen=True)
class Timed:
    """A range's work with when it ran: what docs/scale.md reckons with."""

    function: Callable[[int], Any]

    def __call__(self, part: int) -> tuple[Any, dict[str, float]]:
        began, cpu = time.time(), time.process_time()
        result = self.function(part)
        spent = time.process_time() - cpu
        return result, {"part": part, "began": began, "ended": time.time(), "cpu": spent, "worker": os.getpid()}


class TimedWorkers(Workers):
    def __init__(self, workers: Workers, slow: float = 1.0) -> None:
        self._workers = workers
        self._slow = slow
        self.steps: dict[str, list[dict[str, float]]] = {}
        self.main_seconds: dict[str, float] = {}  # between the results of a step: what the main process does with them

    def map(self, function: Callable[[int], R], parts: int, what: str) -> Iterator[R]:
        name = str(function.func.__name__ if isinstance(function, partial) else function.__name__)
        found, spent = [], 0.0
        for result, when in self._workers.map(Timed(function), parts, what):
            self._hold_down()
            found.append(when)
            handed = time.perf_counter()
            yield result
            spent += time.perf_counter() - handed
        self.steps[name], self.main_seconds[name] = _since(found), round(spent, 3)

    def _hold_down(self) -> None:
        """From the first result on: before, not all workers have begun."""
        workers = sorted(process.pid or 0 for process in multiprocessing.active_children())
        if self._slow < 1 and workers:
            threading.Thread(target=_hold, args=(workers[-1], self._slow), daemon=True).start()
            self._slow = 1.0


def _hold(worker: int, speed: float) -> None:
    """Stopped and let go again, as a busy or an old machine is slow: a share of every turn."""
    try:
        while True:
            os.kill(worker, signal.SIGSTOP)
            time.sleep(TURN * (1 - speed))
            os.kill(worker, signal.SIGCONT)
            time.sleep(TURN * speed)
    except ProcessLookupError:  # the night is over
        return


def _since(ranges: list[dict[str, float]]) -> list[dict[str, float]]:
    """Seconds since the step's first range began."""
    first, names = min(told["began"] for told in ranges), sorted({told["worker"] for told in ranges})
    return [
        {
            "part": told["part"],
            "worker": names.index(told["worker"]),
            "began": round(told["began"] - first, 3),
            "ended": round(told["ended"] - first, 3),
            "cpu": round(told["cpu"], 3),
        }
        for told in ranges
    ]
