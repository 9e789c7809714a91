"""What logging and encryption take of a night: one night, with a clock in every place that seals, opens, signs or logs.

    blindspot synthesize --lake --households 1000000 --files-share 1.0 --work WORK
    python -m benchmarks.nightly_country deploy WORK MODEL     (a model that was learned with the same keys)
    python benchmarks/trust_cost.py WORK --as-of 2026-11-28

A night with a month's deliveries waiting: raw files sealed into the archive, identifiers made tokens, names and
addresses sealed, then opened for the sheets, and every sheet logged. Seconds of all threads are added up, as if none
ran beside another: the share can only be told too high. The last line is JSON.
"""

import argparse
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

# benchmarks/features.py, beside this script, would hide the room of that name.
ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent)]

from flows.desk import open_desk
from flows.nightly import work_night
from flows.run import running
from models import bundle
from store import access_log, many_macs, tokens
from store.sealing import Sealer

MOST = 0.10


class Clock:
    """Seconds and processor seconds spent in some functions, by what they are for."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        self._lock = threading.Lock()

    def hold_to(self, owner: Any, name: str, purpose: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            began, worked = time.perf_counter(), time.thread_time()
            try:
                told = real(*args, **kwargs)
                return list(told) if name == "_macs" and owner is tokens else told  # else worked after the clock
            finally:
                took = (time.perf_counter() - began, time.thread_time() - worked, 1)
                with self._lock:
                    self.spent[purpose] = [a + b for a, b in zip(self.spent[purpose], took, strict=True)]

        setattr(owner, name, timed)


def worked(work: Path, config: Path, as_of: date) -> dict[str, Any]:
    clock = Clock()
    for owner, name, purpose in (
        (access_log, "record_all", "logging"), (access_log, "anchor", "logging"), (Sealer, "seal", "sealing"),
        (Sealer, "open", "opening"), (bundle, "read_passport", "signature"), (many_macs, "macs", "tokens"),
        (tokens, "_macs", "tokens"),
    ):  # fmt: skip
        clock.hold_to(owner, name, purpose)
    with open_desk(config, work) as desk:
        began, busy = time.perf_counter(), time.process_time()
        with running(desk, "nightly", as_of) as run:
            told = work_night(desk, run)
        seconds, cpu = time.perf_counter() - began, time.process_time() - busy
    parts = {
        purpose: {"seconds": round(wall, 2), "cpu_seconds": round(busy, 2), "calls": int(calls)}
        for purpose, (wall, busy, calls) in sorted(clock.spent.items())
    }
    rows = sum(one.accepted for one in told.taken)
    return {
        "households": told.households,
        "alerts": sum(office.new for office in told.offices),
        "rows_taken_in": rows,
        "seconds": round(seconds, 2),
        "cpu_seconds_of_main_process": round(cpu, 2),
        "parts": parts,
        "stages": told.seconds,
        "share": round(sum(part["seconds"] for part in parts.values()) / seconds, 4),
        "share_without_tokens": round(sum(p["seconds"] for n, p in parts.items() if n != "tokens") / seconds, 4),
        "most": MOST,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--config", type=Path, default=ROOT / "config.yaml")
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    given = parser.parse_args()
    told = worked(given.work, given.config, given.as_of)
    print(json.dumps(told))
    sys.exit(told["share"] > MOST)


if __name__ == "__main__":
    main()
