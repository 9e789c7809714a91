"""The benchmark of the night, our side: python -m benchmarks.nightly_ours WORK [--as-of DAY] [--digest] [--publish].

The product's own steps as `blindspot nightly` takes them, but for the sheets: alerts, reasons and pushes are written as
one Parquet and one CSV per region. Prefect and its server are left out. The last line is JSON.
"""

import argparse
import hashlib
import json
import pickle
import time
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.nightly_country import CONFIG, NIGHT
from benchmarks.nightly_timed import TimedWorkers
from flows.desk import Desk, open_desk
from flows.offices import read_offices
from flows.publishing import publish
from flows.queue_settings import capacity_on, queue_settings, told_capacities
from flows.ranges import arrange, ground_of, leave, open_day
from flows.run import Run
from flows.scoring import Offices, check_sources, load_model, score_households
from flows.telling import Queues, fill_office_queues, gather_queues
from flows.workers import open_workers


def work_night(desk: Desk, asked: argparse.Namespace) -> dict[str, Any]:
    """As flows.nightly.work_night; the clock is stopped before disk is looked at."""
    as_of: date = asked.as_of
    run, began = Run(desk, "nightly", as_of), time.perf_counter()
    offices = read_offices(desk.settings.offices)
    model = run.stage(load_model, desk)
    run.open(model.id)
    run.stage(check_sources, desk, as_of)
    served = Offices(offices["office"], queue_settings(desk.settings.queue, offices, told_capacities(desk, as_of)))
    day = run.stage(open_day, desk, as_of)
    with open_workers(desk.settings.engine, day.parts) as inner:
        workers = TimedWorkers(inner, asked.slow)
        ground = ground_of(desk, run, day, capacity_on(desk, offices, as_of))
        arranged = run.stage(arrange, day, ground, workers)
        scored = run.stage(score_households, desk, run, arranged, model, served, workers)
        filled = run.stage(fill_office_queues, desk, arranged, scored, model, served, workers)
    queues = run.stage(gather_queues, desk, arranged, scored, filled)
    run.stage(write_regions, desk, queues, offices)
    leave(arranged, ground)
    seconds = time.perf_counter() - began
    (desk.work / "arranged.pickle").write_bytes(pickle.dumps(arranged))
    return {
        "seconds": round(seconds, 2),
        "stages": run.seconds,
        "households": scored.households,
        "alerts": queues.told.alerts.height,
        "parts": day.parts,
        "offices": offices.height,
        "shuffle": on_disk(Path(day.scratch)),
        "steps": workers.steps,
        "main_seconds": workers.main_seconds,
        "told_bytes": sum(getattr(queues.told, field.name).estimated_size() for field in fields(queues.told)),
        "digests": digests(desk, as_of, queues) if asked.digest else {},
        "published": published(desk, run, queues, offices) if asked.publish else {},
        "written_bytes": sum(file.stat().st_size for file in (desk.work / "regions").iterdir()),
        "scores_bytes": sum(file.stat().st_size for file in (desk.work / "lake" / "scores").rglob("*.parquet")),
    }


def write_regions(desk: Desk, queues: Queues, offices: pl.DataFrame) -> None:
    folder = desk.work / "regions"
    folder.mkdir(exist_ok=True)
    told = queues.told.alerts.join(offices.select("office", "region_ko"), on="office", how="left")
    told = told.join(queues.told.pushes, on="household_key", how="left")
    for (region,), mine in told.group_by("region_ko", maintain_order=True):
        mine.write_parquet(folder / f"{region}.parquet")
        flat = mine.with_columns(pl.col(pl.List(pl.String)).list.join(" "))
        flat.write_csv(folder / f"{region}.csv")


def published(desk: Desk, run: Run, queues: Queues, offices: pl.DataFrame) -> dict[str, float]:
    """The rest of a night: names joined and logged, alerts into the database, every file prepared, read back, shown."""
    began = time.perf_counter()
    folder = publish(desk, run, queues, offices)
    seconds = time.perf_counter() - began
    files = [file for file in folder.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return {"seconds": round(seconds, 2), "files": len(files), "bytes": size}


def on_disk(folder: Path) -> dict[str, dict[str, int]]:
    """Files and bytes of each thing handed on."""
    told = {}
    for name in sorted(place for place in folder.iterdir() if place.is_dir()):
        sizes = [file.stat().st_size for file in name.iterdir()]
        told[name.name] = {"files": len(sizes), "bytes": sum(sizes)}
    return told


def digests(desk: Desk, as_of: date, queues: Queues) -> dict[str, str]:
    """Of all that a night yields, each over its rows in their order (counts have none)."""
    told = {field.name: getattr(queues.told, field.name) for field in fields(queues.told)}
    frames = told | {"tally": queues.tally.sort(pl.all()), "scores": desk.lake.read_scores(as_of)}
    return {name: _digest(frame) for name, frame in frames.items()}


def _digest(frame: pl.DataFrame) -> str:
    told = hashlib.sha256(str(frame.schema).encode())
    told.update(frame.hash_rows(seed=1).to_numpy().tobytes())
    return told.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--as-of", type=date.fromisoformat, default=NIGHT)
    parser.add_argument("--publish", action="store_true", help="and time what is left of a real night: all its sheets")
    parser.add_argument("--slow", type=float, default=1.0, help="speed that one of the workers is held down to")
    parser.add_argument("--digest", action="store_true", help="of the outcome; holds all scores at once")
    given = parser.parse_args()
    with open_desk(CONFIG, given.work) as desk:
        told = work_night(desk, given)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
