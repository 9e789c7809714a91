"""Prefect, put on from outside: rooms and steps stay plain functions that tests call without it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def set_environment(work: Path) -> None:
    """Must run before Prefect is imported, which reads its settings once. All it keeps goes under `work`."""
    home = work / "prefect"
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


def step(function: Callable[P, R]) -> Callable[P, R]:
    """Inside a flow run: a Prefect task, shown with its own state and time. Outside: the function itself."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if not _in_flow_run():
            return function(*args, **kwargs)
        from prefect import task
        from prefect.cache_policies import NO_CACHE

        # No argument is handed to Prefect: it walks through all it is given. The default cache policy would hash
        # arguments and may pickle results to disk: never with personal data.
        as_task = task(
            name=function.__name__.replace("_", " "), cache_policy=NO_CACHE, persist_result=False, log_prints=False
        )
        result: R = as_task(lambda: function(*args, **kwargs))()
        return result

    return run


def _in_flow_run() -> bool:
    if "prefect.context" not in sys.modules:
        return False
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None
