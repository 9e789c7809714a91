"""Processes of a run that is dead: SIGKILL leaves Prefect's servers, workers and runs without anybody to stop them.

Whoever starts Prefect marks what it starts, by an environment variable that is handed on. Linux only: elsewhere nothing
is found, and nothing is ended.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

OWNER: Final = "BLINDSPOT_OWNER"
# Set by Prefect for the server that it starts beside a run that has none.
EPHEMERAL: Final = "PREFECT__SERVER_EPHEMERAL"
_PROC: Final = Path("/proc")
_GRACE_SECONDS: Final = 10


def mark_as_ours() -> None:
    """What this process starts from now on is its own. A run within `blindspot serve` belongs to that."""
    os.environ.setdefault(OWNER, _name(os.getpid()))


def end_leftovers(home: Path, *, only_servers: bool) -> int:
    """End what nobody owns any more in this Prefect home; how many there were.

    `only_servers`: not the workers and runs of a `blindspot serve` that died; they may still be at work.
    """
    found = [pid for pid, told in _environments() if _is_left_over(told, home, only_servers)]
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


def _is_left_over(told: dict[str, str], home: Path, only_servers: bool) -> bool:
    if told.get("PREFECT_HOME") != str(home) or OWNER not in told or is_alive(told[OWNER]):
        return False
    return not only_servers or EPHEMERAL in told


def _environments() -> Iterator[tuple[int, dict[str, str]]]:
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
