"""How fast a made-up country is lived straight into the lake: seconds, CPU seconds and peak memory, by its size.

    python benchmarks/country.py [--households 250000 1000000 4000000]

Peak memory: of the command and its two workers together (proportional set size, so Linux only), looked at twice a
second. The last line is JSON; `cpu_seconds_per_million` tells what a busy machine hides from `seconds`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COUNTRY = 23_500_000
LOOKS_A_SECOND = 2


def family(process: int) -> list[int]:
    """The process and all that came of it and still runs."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [process, *(one for child in children for one in family(int(child)))]


def held_kib(process: int) -> int:
    try:
        told = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:"))


def live(households: int, folder: Path) -> dict[str, float]:
    before, began, peak = _cpu(), time.perf_counter(), 0
    script = "from flows.cli import main\nif __name__ == '__main__':\n    main()\n"
    (folder / "run.py").write_text(script)
    words = ["synthesize", "--lake", "--households", str(households), "--work", str(folder / "work")]
    command = [sys.executable, str(folder / "run.py"), *words]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT) as running:
        while running.poll() is None:
            peak = max(peak, sum(held_kib(one) for one in family(running.pid)))
            time.sleep(1 / LOOKS_A_SECOND)
    if running.returncode:
        raise SystemExit(f"{households:,} households: the command failed")
    cpu, disk = _cpu() - before, sum(file.stat().st_size for file in (folder / "work" / "lake").rglob("*.parquet"))
    return {
        "households": households,
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(cpu, 1),
        "cpu_seconds_per_million": round(cpu / households * 1e6, 1),
        "peak_gib": round(peak / 2**20, 2),
        "lake_gib": round(disk / 2**30, 2),
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", type=int, nargs="+", default=[250_000, 1_000_000, 4_000_000])
    asked = parser.parse_args()
    runs = []
    for households in asked.households:
        with tempfile.TemporaryDirectory() as folder:
            runs.append(live(households, Path(folder)))
        print(runs[-1], file=sys.stderr)
    largest = runs[-1]
    # Two workers that have a core each: half of the CPU seconds pass.
    whole = largest["cpu_seconds_per_million"] * COUNTRY / 1e6 / 2
    told = {"benchmark": "country", "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "runs": runs}
    print(json.dumps({**told, "whole_country_seconds_on_two_free_cores": round(whole)}))


if __name__ == "__main__":
    main()
