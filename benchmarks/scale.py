"""What a billion households would ask of a cluster, from measured unit costs, and a check of the model that says so.

    python benchmarks/scale.py --folder FOLDER [--households 2350000] [--slow 0.5] [--out docs/scale.json]
    python benchmarks/scale.py --report docs/scale.json      renders docs/scale.md, no more

FOLDER: as of benchmarks/nightly.py, whose JSON (`--performance`) holds the unit costs. The check: a tenth of the
country's night on two worker processes, once undisturbed and once with one of them stopped and let go again so that it
runs at part of its speed; the model is given the first and must foretell the second.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# benchmarks/features.py, beside this script, would hide the room of that name.
ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent)]

import polars as pl

from benchmarks import nightly_country as countries
from benchmarks.nightly_watch import measure
from benchmarks.scale_report import write_report

TENTH = 2_350_000
LEARNED_ON = 250_000
PIECES = (100, 400, 1_600, 4_000)
SOURCES = 40  # files a piece of each is read from
ROWS = 200_000  # of a file
TRIES = 5
LOG_FILES = (50, 500, 2_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--households", type=int, default=TENTH)
    parser.add_argument("--slow", type=float, default=0.5, help="speed of one of the two workers")
    parser.add_argument("--performance", type=Path, default=ROOT / "docs" / "performance.json")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "scale.json")
    parser.add_argument("--report", type=Path, help="render this JSON, measure nothing")
    given = parser.parse_args()
    if given.folder:
        told = measured(given)
        given.out.write_text(json.dumps(told, indent=1) + "\n")
    elif given.report:
        told = json.loads(given.report.read_text())
    else:
        parser.error("--folder says where the countries are kept")
    write_report(told, json.loads(given.performance.read_text()), ROOT / "docs")


def measured(given: argparse.Namespace) -> dict[str, Any]:
    folder: Path = given.folder.resolve()
    kept, _ = countries.model(folder, LEARNED_ON)
    nights = {}
    for name, speed in (("calm", 1.0), ("slowed", given.slow)):
        work = countries.fresh_night(folder, given.households, kept)
        nights[name] = measure("nightly_ours", [work, "--slow", speed], countries.env_of(folder))
        print(f"{name}: {nights[name]['seconds']:.1f} s", file=sys.stderr, flush=True)
        shutil.rmtree(work)
    return {
        "benchmark": "scale",
        "asked": {"households": given.households, "slow": given.slow},
        **nights,
        "shuffle": [shuffle_of(pieces) for pieces in PIECES],
        "log": [log_of(files) for files in LOG_FILES],
    }


def shuffle_of(pieces: int) -> dict[str, float]:
    """Seconds until one piece of a shuffle file of so many is read, seconds to write the file, and its bytes beyond the
    rows. The quickest of some tries: what else a machine does can only slow them down."""
    from store.shuffle import Shuffle

    keys = pl.int_range(-(2**63), 2**63 - 1, 2**64 // ROWS, dtype=pl.Int64, eager=True)
    frame = pl.DataFrame({"household_key": keys, "person_key": keys, "birth_year": keys})
    writing, reading = [], []
    with tempfile.TemporaryDirectory() as place:
        shuffle = Shuffle(place)
        for source in range(SOURCES):
            began = time.perf_counter()
            shuffle.scatter("roll", source, frame, "household_key", pieces)
            writing.append(time.perf_counter() - began)
        for part in range(TRIES):
            began = time.perf_counter()
            shuffle.gather("roll", part * pieces // TRIES, range(SOURCES))
            reading.append((time.perf_counter() - began) / SOURCES)
        size = next((Path(place) / "roll").iterdir()).stat().st_size
    extra = size - frame.height * 24
    return {"pieces": pieces, "read_seconds": min(reading), "write_seconds": min(writing), "extra_bytes": extra}


def log_of(files: int) -> dict[str, float]:
    """Seconds until a Delta table of so many files has said which of them hold a range of keys."""
    from deltalake import DeltaTable, write_deltalake

    numbers = pl.int_range(0, files, eager=True)
    frame = pl.DataFrame({"file": numbers, "key": numbers * 7, "day": numbers % 30})
    with tempfile.TemporaryDirectory() as place:
        write_deltalake(place, frame, partition_by=["file"])
        seconds = []
        for _ in range(TRIES):
            began = time.perf_counter()
            pl.DataFrame(DeltaTable(place).get_add_actions(flatten=True))
            seconds.append(time.perf_counter() - began)
    return {"files": files, "seconds": min(seconds)}


if __name__ == "__main__":
    main()
