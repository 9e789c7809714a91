"""A command run and watched from outside: seconds, CPU seconds and peak memory of it and all that came of it."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.country import family

ROOT = Path(__file__).resolve().parents[1]
LOOKS_A_SECOND = 4


@dataclass(frozen=True)
class Watched:
    process_seconds: float  # of the whole process: interpreter, imports and workers started, too
    cpu_seconds: float
    peak_gib: float  # proportional set size: a page shared by two processes counts once, mapped files count
    peak_anonymous_gib: float  # without mapped files, which the kernel can drop
    load_before: float  # of the last minute: what else the machine did


def watch(command: Sequence[str], env: Mapping[str, str]) -> tuple[Watched, str]:
    """What it told and what it took. SystemExit where it fails."""
    before, load, began, peak, anonymous = _cpu(), os.getloadavg()[0], time.perf_counter(), 0, 0
    with tempfile.TemporaryFile("w+") as out:
        with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=out) as running:
            while running.poll() is None:
                held = [_held(process) for process in family(running.pid)]
                peak = max(peak, sum(whole for whole, _ in held))
                anonymous = max(anonymous, sum(own for _, own in held))
                time.sleep(1 / LOOKS_A_SECOND)
        seconds = time.perf_counter() - began
        if running.returncode:
            raise SystemExit(f"{' '.join(command)}: failed")
        out.seek(0)
        told = out.read()
    gib = 2**20
    figures = (seconds, _cpu() - before, peak / gib, anonymous / gib, load)
    return Watched(*(round(figure, 3) for figure in figures)), told


def measure(module: str, words: Sequence[object], env: Mapping[str, str]) -> dict[str, Any]:
    """`python -m benchmarks.MODULE WORDS`: the JSON of its last line, and what it took."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, words)]
    watched, told = watch(command, env)
    return {**json.loads(told.strip().splitlines()[-1]), **asdict(watched)}


def _held(process: int) -> tuple[int, int]:
    """KiB: all, and what no file stands behind."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    told = {line.split()[0]: int(line.split()[1]) for line in lines if line.startswith(("Pss:", "Pss_Anon:"))}
    return told.get("Pss:", 0), told.get("Pss_Anon:", 0)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
