"""Past nights worked again, and everything deleted and restored in between.

    python benchmarks/again.py [--nights 10] [--households 3000] [--work FOLDER] [--postgres URL]

A made-up country, its files arriving over two months; every few days a night, answers in returned sheets, and changes
of what a night reads: settings, offices, stops. In the middle: backup, all of it deleted, restored on an empty machine,
keys first. At the end each night is worked again and compared byte for byte with what it had published; and the night
after the restore with that of a copy that was left alone (SQLite). --postgres: an empty database, and another for what
is restored, comma between. The last line is JSON.
"""

import argparse
import csv
import io
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import yaml

ROOT = Path(__file__).resolve().parent.parent
# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent)]

from alerts.columns import ANSWER_COLUMNS
from flows.backup import back_up, restore
from flows.desk import Desk, now, open_desk
from flows.made_up import fill_inbox
from flows.nightly import work_night
from flows.replay import Replayed, replay
from flows.retrain import learn
from flows.run import running
from flows.settings import load_settings
from signals.outcomes import OUTCOMES
from store import alerts, models, stops

FIRST = date(2026, 9, 14)
STEP = timedelta(days=5)
HEADERS = {column.name: column.header for column in ANSWER_COLUMNS}


@dataclass
class Place:
    """A work folder, its settings, and where its keys are copied to."""

    config: Path
    work: Path
    runs: list[str] = field(default_factory=list)


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--nights", type=int, default=10)
    told.add_argument("--households", type=int, default=3000)
    told.add_argument("--work", type=Path, default=None, help="a new folder; none: one that is removed")
    told.add_argument("--postgres", default="", help="URLs of two empty databases")
    asked = told.parse_args()
    folder = asked.work or Path(tempfile.mkdtemp(prefix="again-"))
    try:
        print(json.dumps({"benchmark": "again", **tell(folder, asked.nights, asked.households, asked.postgres)}))
    finally:
        if asked.work is None:
            shutil.rmtree(folder)


def tell(folder: Path, nights: int, households: int, postgres: str) -> dict[str, object]:
    ours, theirs, *_ = [*postgres.split(","), "", ""] if postgres else ("", "")
    place = begin(folder, households, ours)
    days = [FIRST + STEP * (n + 1) for n in range(nights)]
    middle = nights // 2
    for day in days[:middle]:
        live_through(place, day)
    sizes = delete_all_and_restore(place, folder, ours, theirs)
    alone = Place(folder / "alone" / "config.yaml", folder / "alone" / "work")
    for one in (place, alone) if not ours else (place,):
        live_through(one, days[middle])
    same = None if ours else files_of(place.work / "outbox") == files_of(alone.work / "outbox")
    for day in days[middle + 1 :]:
        live_through(place, day)
    took, found = time.monotonic(), list(worked_again(place))
    for night in found:
        print(f"{night.run}: {night.same} of {night.files} files, byte for byte; {'; '.join(night.why)}")
    equal = sum(night.is_equal for night in found)
    print(
        f"{equal} of {len(found)} nights came out the same; the night after the restore: {'the same' if same else 'NO'}"
    )
    return {
        "nights": len(found), "byte_equal": equal, "files": sum(night.files for night in found),
        "households": households,
        "night_after_restore_is_the_same": same, "replay_seconds": round((time.monotonic() - took) / len(found), 1),
        "database": "postgresql" if ours else "sqlite", **sizes,
    }  # fmt: skip


def begin(folder: Path, households: int, database: str) -> Place:
    """A country, all its files in the inbox, and a model that has learned from what is known on the first day."""
    place = Place(folder / "config.yaml", folder / "work")
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    settings |= {"database": database or None}
    settings["model"] |= {"trees": 60, "min_positives": 10}
    settings["night"]["households_per_part"], settings["engine"]["workers"] = max(households // 4, 500), 1
    write(place.config, settings)
    read = load_settings(place.config, place.work)
    fill_inbox(read, read.demo.model_copy(update={"households": households}))
    with open_desk(place.config, place.work) as desk, running(desk, "retrain", FIRST) as run:
        trained = learn(desk, run)
    with open_desk(place.config, place.work) as desk:
        models.promote(desk.engine, trained.model, now())
    return place


def live_through(place: Place, day: date) -> None:
    """Something is changed, some sheets come back, and the night is worked."""
    settings = yaml.safe_load(place.config.read_text(encoding="utf-8"))
    settings["queue"]["capacity"] = 8 + day.day % 5
    write(place.config, settings)
    with open_desk(place.config, place.work) as desk:
        opened = alerts.open_alerts(desk.engine, day)
        for number, key in enumerate(opened["household_key"].sort()[:2]):
            stops.stop(desk.engine, key, day, None, "requested", source="again", now=now())
            if number:
                stops.lift(desk.engine, key, day)
        for sheet in sorted(place.work.glob(f"outbox/{day - STEP}/*/queue_*.csv"))[:12]:
            answer(desk, sheet, day)
        with running(desk, "nightly", day) as run:
            work_night(desk, run)
        # As an operator would who thinks better of it an hour after the night.
        for key in alerts.open_alerts(desk.engine, day)["household_key"].sort()[-1:]:
            stops.stop(desk.engine, key, day, None, "requested", source="again", now=now())
        offices = pl.read_csv(desk.settings.offices, infer_schema=False)
        renamed = offices.with_columns(pl.col("name_ko") + pl.lit("동" if day.day % 2 else ""))
        renamed.write_csv(desk.settings.offices)
    place.runs.append(run.id)


def answer(desk: Desk, sheet: Path, day: date) -> None:
    """The first two rows: one closes its alert, one does not."""
    rows = list(csv.DictReader(io.StringIO(sheet.read_text(encoding="utf-8-sig"))))
    if not rows:
        return
    for row, outcome in zip(rows, ("watch", "unreached"), strict=False):
        row[HEADERS["contacted_on"]] = (day - timedelta(days=1)).isoformat()
        row[HEADERS["outcome"]] = OUTCOMES[outcome].label_ko
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    (desk.inbox / sheet.name).write_text("\ufeff" + out.getvalue(), encoding="utf-8")


def delete_all_and_restore(place: Place, folder: Path, database: str, empty: str) -> dict[str, object]:
    alone = folder / "alone"
    shutil.copytree(place.work, alone / "work")
    shutil.copy(place.config, alone / "config.yaml")
    with open_desk(place.config, place.work) as desk:
        began = time.monotonic()
        told = back_up(desk, place.config, folder / "it.backup", folder / "safe" / "keys")
        took = time.monotonic() - began
    shutil.rmtree(place.work)
    shutil.copytree(folder / "safe" / "keys", place.work / "keys")
    if database:
        settings = yaml.safe_load(place.config.read_text(encoding="utf-8"))
        write(place.config, settings | {"database": empty})
    began = time.monotonic()
    restored = restore(place.config, place.work, folder / "it.backup")
    assert restored.findings == ()
    back = time.monotonic() - began
    return {
        "backup_mb": round(told.bytes / 1e6, 1),
        "backup_seconds": round(took, 1),
        "restore_seconds": round(back, 1),
    }


def worked_again(place: Place) -> Iterator[Replayed]:
    with open_desk(place.config, place.work) as desk:
        for run in place.runs:
            yield replay(desk, run)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def write(config: Path, settings: dict[str, object]) -> None:
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")


if __name__ == "__main__":
    main()
