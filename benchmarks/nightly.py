"""The country's night by its size, beside the floor that nobody can go below and beside the plain way, in one run.

    python benchmarks/nightly.py --folder FOLDER [--sizes 250000 1000000 4000000 23500000] [--naive-up-to 2000000]
        [--more 1000000] [--runs 2] [--out docs/performance.json]
    python benchmarks/nightly.py --report docs/performance.json     renders docs/performance.md and its plots, no more

Each side is a process of its own, watched from outside (Linux only). Made-up countries of `blindspot synthesize --lake`
are kept in FOLDER and used again; so is whatever stands in the JSON already: a run that was stopped goes on. Small
sizes are run several times, the sides in turn, and the quickest run counts: what else a machine does can only slow a
side down. `--more`: a night after one more delivery that tells of a hundredth of the households. `--beside`: last lines
of other benchmarks, kept in the JSON and shown in the report.
"""

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# benchmarks/features.py, beside this script, would hide the room of that name.
ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent)]

from benchmarks import nightly_country as countries
from benchmarks.nightly_judged import best
from benchmarks.nightly_report import write_report
from benchmarks.nightly_watch import measure

SIZES = [250_000, 1_000_000, 4_000_000, 23_500_000]
LEARNED_ON = 250_000
SMALL = 1_000_000  # up to here several runs
NAIVE_PART = 250_000  # households whose wide pandas frames are held at once


class Record:
    """The JSON, written after every measurement."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.told: dict[str, Any] = {"benchmark": "nightly", "countries": {}, "nights": [], "beside": {}}
        if file.exists():
            self.told = json.loads(file.read_text())

    def find(self, side: str, households: int, run: int) -> dict[str, Any] | None:
        asked = (side, households, run)
        return next((n for n in self.told["nights"] if (n["side"], n["size"], n["run"]) == asked), None)

    def keep(self) -> None:
        beside = self.file.with_name(f".{self.file.name}")
        beside.write_text(json.dumps(self.told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        beside.replace(self.file)

    def once(self, side: str, households: int, run: int, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Measured, unless it stands there already."""
        found = self.find(side, households, run)
        if found is None:
            found = {"side": side, "size": households, "run": run, **work()}
            self.told["nights"].append(found)
            self.keep()
            seconds, peak = found["seconds"], found["peak_gib"]
            print(
                f"{households:,} households, {side}: {seconds:.1f} s, peak {peak:.2f} GiB", file=sys.stderr, flush=True
            )
        return found


def machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cores": os.cpu_count(), "memory_gib": round(memory, 1), "python": platform.python_version()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the countries are kept: about 1 GB per million households")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--naive-up-to", type=int, default=2_000_000, help="0: leave the plain way out")
    parser.add_argument("--more", type=int, nargs="*", default=[], help="sizes for the night after one more delivery")
    parser.add_argument("--runs", type=int, default=2, help=f"up to {SMALL:,} households")
    parser.add_argument("--learned-on", type=int, default=LEARNED_ON, help="households of the country learned from")
    parser.add_argument("--beside", type=Path, nargs="*", default=[], help="JSON of other benchmarks")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "performance.json")
    parser.add_argument("--report", type=Path, help="render this JSON, measure nothing")
    given = parser.parse_args()
    record = Record(given.report or given.out)
    if given.folder:
        measure_all(record, given)
    elif not given.report:
        parser.error("--folder says where the countries are kept")
    for file in given.beside:
        told = last_json(file.read_text())
        record.told["beside"][told.get("benchmark", file.stem)] = told
    record.keep()
    write_report(record.told, ROOT / "docs")


def measure_all(record: Record, given: argparse.Namespace) -> None:
    folder: Path = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    record.told["machine"] = machine()
    record.told["asked"] = {
        name: getattr(given, name) for name in ("sizes", "naive_up_to", "more", "runs", "learned_on")
    }
    kept, record.told["learned"] = countries.model(folder, given.learned_on)
    for households in sorted(given.sizes):
        _, record.told["countries"][str(households)] = countries.country(folder, households)
        record.keep()
        for run in range(given.runs if households <= SMALL else 1):
            one_round(record, folder, kept, households, run, households <= given.naive_up_to)
        if households in given.more:
            more(record, folder, kept, households)
        shutil.rmtree(folder / f"night-{households}", ignore_errors=True)
    for households in (min(given.sizes), max(given.sizes)):
        record.once("published", households, 0, partial(night, folder, kept, households, "--publish"))
        shutil.rmtree(folder / f"night-{households}", ignore_errors=True)


def one_round(record: Record, folder: Path, kept: Path, households: int, run: int, with_naive: bool) -> None:
    env, place = countries.env_of(folder), folder / f"night-{households}"
    ours = record.once("ours", households, run, lambda: night(folder, kept, households))

    def floor() -> dict[str, Any]:
        if not (place / "arranged.pickle").exists():
            night(folder, kept, households)
        measure("nightly_floor", ["ready", place, place / "ready"], env)
        words = ["bare", place, place / "ready", ours["households"], ours["alerts"]]
        return measure("nightly_floor", words, env)

    def naive() -> dict[str, Any]:
        work = place if place.exists() else countries.fresh_night(folder, households, kept)
        parts = -(-households // NAIVE_PART)
        return measure("nightly_naive", [work, place / "tables", "--parts", parts], env)

    record.once("floor", households, run, floor)
    if with_naive:
        record.once("naive", households, run, naive)


def night(folder: Path, kept: Path, households: int, *words: object) -> dict[str, Any]:
    work = countries.fresh_night(folder, households, kept)
    return measure("nightly_ours", [work, *words], countries.env_of(folder))


def more(record: Record, folder: Path, kept: Path, households: int) -> None:
    """The night of a day that was worked already, after one more delivery; then all of it anew: the same outcome?"""
    place, env = folder / f"night-{households}", countries.env_of(folder)

    def work() -> dict[str, Any]:
        if not (place / "arranged.pickle").exists():
            night(folder, kept, households)
        late = measure("nightly_country", ["late", place], env)
        again = measure("nightly_ours", [place, "--digest"], env)
        shutil.rmtree(place / "scratch")
        anew = measure("nightly_ours", [place, "--digest"], env)
        differ = [name for name, digest in anew["digests"].items() if digest != again["digests"][name]]
        full = min(run["seconds"] for run in (anew, best(record.told, "ours")[households]))
        return {**again, "late": late, "full_seconds": full, "differ": differ}

    record.once("more", households, 0, work)


def last_json(text: str) -> dict[str, Any]:
    """A benchmark's whole output, or its last line."""
    try:
        told = json.loads(text)
    except json.JSONDecodeError:
        told = json.loads(text.strip().splitlines()[-1])
    return dict(told)


if __name__ == "__main__":
    main()
