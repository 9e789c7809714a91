"""Who is ended where memory runs out, and whether somebody was: the kernel says it to nobody but its own log."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

_OURS: Final = Path("/proc/self/cgroup")
_GROUPS: Final = Path("/sys/fs/cgroup")
_FIRST: Final = "500"  # of 1000: before a process that holds half of all memory


def offer_to_end_first(pid: int) -> None:
    """This process, and all it starts from now on. A night is begun again and loses nothing. By itself the kernel takes
    whoever is largest: Prefect's server, or somebody else's database."""
    with suppress(OSError):  # another system than Linux; or it has ended
        Path(f"/proc/{pid}/oom_score_adj").write_text(_FIRST, encoding="ascii")


def ended_for_memory(ours: Path = _OURS, groups: Path = _GROUPS) -> int:
    """How many processes of our control group (a unit of systemd's has its own) the kernel has ended so far."""
    with suppress(OSError):
        for line in ours.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                file = groups / path.lstrip("/") / "memory.events"
            elif "memory" in controllers.split(","):
                file = groups / "memory" / path.lstrip("/") / "memory.oom_control"
            else:
                continue
            if file.exists() and (found := re.search(r"^oom_kill (\d+)$", file.read_text(encoding="ascii"), re.M)):
                return int(found[1])
    return 0
