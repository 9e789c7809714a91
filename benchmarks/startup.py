"""From the command to the first step of a night: without a server of Prefect's, and with `blindspot serve` beside it.

    python -m benchmarks.startup [--repeats 5]

In an empty work folder the first step, the loading of the model, refuses; until then a night begins as every night.
When the step began, Prefect's own records say. `cold` is the first time in a new work folder: it makes Prefect's
database. CPU is of the command and all it starts and waits for.
"""

import argparse
import os
import resource
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).parent.parent
NO_MODEL: Final = 13
TARGETS: Final = {"warm, without a server": 12.0, "warm, with one": 5.0}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--repeats", type=int, default=5)
    repeats = asked.parse_args().repeats
    with tempfile.TemporaryDirectory(prefix="startup-") as name:
        config = _write_config(Path(name))
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        _show("cold, without a server", [_first_step(config)])
        alone = _show("warm, without a server", [_first_step(config) for _ in range(repeats)])
        with _serving(config):
            served = _show("warm, with one", [_first_step(config) for _ in range(repeats)])
    is_met = alone < TARGETS["warm, without a server"] and served < TARGETS["warm, with one"]
    verdict = "met" if is_met else "missed"
    print(f"warm start to first step: {alone:.1f} s without a server, {served:.1f} s with one: {verdict}")
    return 0 if is_met else 1


def _show(what: str, told: list[tuple[float, float]]) -> float:
    """The median of the seconds."""
    seconds, cpu = ([one[n] for one in told] for n in (0, 1))
    middle = statistics.median(seconds)
    print(f"{what:24} {middle:5.1f} s ({min(seconds):.1f} to {max(seconds):.1f}), CPU {statistics.median(cpu):.1f} s")
    return middle


def _first_step(config: Path) -> tuple[float, float]:
    """Seconds to the first step; CPU seconds of the whole command."""
    before, begun = _cpu(), datetime.now(UTC)
    ended = subprocess.run(_command("nightly", config), capture_output=True, text=True, check=False)
    if ended.returncode != NO_MODEL:
        raise RuntimeError(ended.stderr)
    return (_began(config.parent / "work" / "prefect" / "prefect.db", begun) - begun).total_seconds(), _cpu() - before


def _began(database: Path, since: datetime) -> datetime:
    """Prefect writes what it is told of steps a moment later."""
    asked = "SELECT max(timestamp) FROM task_run_state WHERE type = 'RUNNING'"
    for _ in range(100):
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as records:
            (told,) = records.execute(asked).fetchone()
        if told is not None and (at := datetime.fromisoformat(told).replace(tzinfo=UTC)) > since:
            return at
        time.sleep(0.2)
    raise RuntimeError("Prefect knows of no step")


def _command(name: str, config: Path) -> list[str]:
    return [sys.executable, "-c", "from flows.cli import main; main()", name, "--config", str(config)]


@contextmanager
def _serving(config: Path) -> Iterator[None]:
    serving = subprocess.Popen(_command("serve", config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (config.parent / "work" / "prefect" / "served.json").exists():
            if serving.poll() is not None:
                raise RuntimeError(f"serve ended with {serving.returncode}")
            time.sleep(0.5)
        time.sleep(10)  # its worker is still starting
        yield
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write_config(folder: Path) -> Path:
    told = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    told["work"], told["schedule"]["port"] = "work", 4299
    (folder / "work").mkdir(mode=0o700)
    offices = (
        "office,name_ko,district,district_ko,region_ko,capacity\n1111051500,청운효자동,11110,종로구,서울특별시,12\n"
    )
    (folder / "work" / "offices.csv").write_text(offices, encoding="utf-8")
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    return file


if __name__ == "__main__":
    sys.exit(main())
