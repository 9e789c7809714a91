"""Processes of a run that is dead: SIGKILL leaves Prefect's servers, workers and runs without anybody to stop them.

Whoever starts Prefect marks what it starts, by an environment variable that is handed on. Linux only: elsewhere nothing
is found, and nothing is ended.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

OWNER: Final = "BLINDSPOT_OWNER"
# Handed on by `blindspot serve`.
SERVED: Final = "BLINDSPOT_SERVED"
# Prefect's mark of the process of one flow run, and of what that starts.
OF_RUN: Final = "PREFECT__FLOW_RUN_ID"
_PROC: Final = Path("/proc")
_GRACE_SECONDS: Final = 10


def mark_as_ours() -> None:
    """What this process starts from now on is its own. A run within `blindspot serve` belongs to that."""
    os.environ.setdefault(OWNER, _name(os.getpid()))


def end_leftovers(home: Path, *, also_served: bool) -> int:
    """End what nobody owns any more in this Prefect home; how many there were.

    `also_served`: the server, worker and runs of a `blindspot serve` that died, too. They may still be at work.
    """

    def is_left_over(told: Mapping[str, str]) -> bool:
        return OWNER in told and not is_alive(told[OWNER]) and (also_served or SERVED not in told)

    return _end(home, is_left_over)


def end_runs(home: Path) -> int:
    """Runs of a worker that died: nobody reads what they write or waits for them."""
    return _end(home, lambda told: SERVED in told and OF_RUN in told)


def runs_alive(home: Path) -> set[str]:
    """Prefect's names of the flow runs that have a process."""
    return {told[OF_RUN] for _, told in environments() if told.get("PREFECT_HOME") == str(home) and OF_RUN in told}


def _end(home: Path, is_meant: Callable[[Mapping[str, str]], bool]) -> int:
    found = [pid for pid, told in environments() if told.get("PREFECT_HOME") == str(home) and is_meant(told)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if _all_gone(found):
            break
    return len(found)


def is_alive(name: str) -> bool:
    """Of a process named by `mark_as_ours`: its number may have been given again since."""
    pid = name.partition(".")[0]
    return pid.isdigit() and not name.endswith(".") and _name(int(pid)) == name


def environments() -> Iterator[tuple[int, dict[str, str]]]:
    """Of every process that we may look at but this one."""
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            pairs = (
                entry.partition("=")
                for entry in (folder / "environ").read_bytes().decode("utf-8", "replace").split("\0")
            )
            if int(folder.name) != os.getpid():
                yield int(folder.name), {name: value for name, _, value in pairs}


def _name(pid: int) -> str:
    """`PID.START`: the start in clock ticks since the machine began. Empty START: there is no such process."""
    try:
        # The second field is the program's name in brackets and may hold anything.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return f"{pid}."
    return f"{pid}." if fields[0] == "Z" else f"{pid}.{fields[19]}"


def _all_gone(pids: list[int]) -> bool:
    until = time.monotonic() + _GRACE_SECONDS
    while any(not _name(pid).endswith(".") for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
