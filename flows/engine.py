"""Prefect, put on from outside: rooms and steps stay plain functions that tests call without it."""

import json
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from flows.errors import OperatorError
from flows.leftovers import end_leftovers, mark_as_ours

P = ParamSpec("P")
R = TypeVar("R")

# Waits before a step is begun again, after a fault that passes.
RETRY_SECONDS: Final = (2, 10, 30)
# Steps that only read, or that go on from wherever a killed night left them.
REPEATABLE: Final = frozenset({"load_model", "take_in", "check_sources"})


# Less is full: Prefect's database alone takes some megabytes, and says in thousands of lines that it cannot have them.
ROOM: Final = 32 << 20


class Broken(Exception):  # noqa: N818  (no error of its own: it says the kind of another)
    """What Prefect is told of a bug: its kind. The text of an unknown error may hold a value of a person."""


def home_of(work: Path) -> Path:
    return work / "prefect"


def set_environment(work: Path) -> None:
    """Must run before Prefect is imported, which reads its settings once. All it keeps goes under `work`."""
    home = home_of(work)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    ours = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
        # The default of 20 s is too short for an empty home on a slow machine.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        # A refusal is told once, by the command line, in the operator's words; a bug keeps its own traceback.
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    for name, value in ours.items():
        # An operator's server (PREFECT_API_URL and the like) is respected.
        os.environ.setdefault(name, value)
    _use_server_of_serve(home)


def refuse_full(work: Path) -> None:
    """Before Prefect is started."""
    free = shutil.disk_usage(work).free
    if free < ROOM:
        cure = (
            f"make room: {ROOM >> 20} MB to begin with, `blindspot doctor` says how much a night needs; then run again"
        )
        raise OperatorError("disk", f"the disk is full ({free >> 20} MB free in {work})", cure)


def prepare_process(work: Path) -> None:
    """For a command that starts Prefect within itself: what a killed one left is ended, and SIGTERM leaves nothing."""
    mark_as_ours()
    end_leftovers(home_of(work), also_served=False)
    _stop_like_an_exit()


def _use_server_of_serve(home: Path) -> None:
    """Where `blindspot serve` runs in this work folder, its server takes the run: it starts sooner, and is shown."""
    try:
        told = json.loads((home / "served.json").read_bytes())
        socket.create_connection(("127.0.0.1", told["port"]), timeout=1).close()
    except (OSError, ValueError):
        return
    for name, value in told["client"].items():
        os.environ.setdefault(name, value)


def _stop_like_an_exit() -> None:
    """By default SIGTERM ends Python at once, and the server that Prefect started beside the run stays for ever."""

    def stop(number: int, _frame: object) -> NoReturn:
        sys.exit(128 + number)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop)


def step(function: Callable[P, R]) -> Callable[P, R]:
    """Inside a flow run: a Prefect task, shown with its own state and time. Outside: the function itself."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if not in_flow_run():
            return function(*args, **kwargs)
        from prefect import task
        from prefect.cache_policies import NO_CACHE

        error: list[Exception] = []

        def told() -> R:
            error.clear()
            try:
                return function(*args, **kwargs)
            except Exception as found:
                error.append(found)
                raise Broken(_public(found)) from None

        def is_worth_another_try(*_: Any) -> bool:
            return bool(error) and _is_passing(error[0])

        # No argument is handed to Prefect: it walks through all it is given. The default cache policy would hash
        # arguments and may pickle results to disk: never with personal data.
        as_task = task(
            name=function.__name__.replace("_", " "), cache_policy=NO_CACHE, persist_result=False, log_prints=False,
            retries=len(RETRY_SECONDS) if function.__name__ in REPEATABLE else 0,
            retry_delay_seconds=[float(seconds) for seconds in RETRY_SECONDS], retry_condition_fn=is_worth_another_try,
        )  # fmt: skip
        try:
            result: R = as_task(told)()
        except Broken:
            raise error[0] from None
        return result

    return run


@contextmanager
def hushed() -> Iterator[None]:
    """Around the whole of a flow: Prefect keeps the text of whatever a flow raises."""
    try:
        yield
    except Exception as error:
        from flows.refusals import as_operator_error

        if not in_flow_run() or as_operator_error(error) is not None:
            raise
        raise Broken(_public(error)) from error


def _public(error: Exception) -> str:
    from flows.refusals import as_operator_error

    told = as_operator_error(error)
    return type(error).__name__ if told is None else f"refused ({told.kind}): {told}"


def _is_passing(error: Exception) -> bool:
    from store.faults import is_passing

    return is_passing(error)


def in_flow_run() -> bool:
    if "prefect.context" not in sys.modules:
        return False
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None
