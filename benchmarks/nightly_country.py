"""Made-up countries for the benchmark of the night: made once, arranged once, all with one model and one set of keys.

python -m benchmarks.nightly_country tidy WORK | learn WORK MODEL | deploy WORK MODEL | late WORK: one step, in its
own process.
"""

import json
import os
import pickle
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.nightly_watch import ROOT, measure, watch

NIGHT = date(2026, 11, 2)
LATE = "late"
ONE_IN = 100  # households that one more delivery tells of
CONFIG = ROOT / "config.yaml"


def env_of(folder: Path) -> dict[str, str]:
    """One set of keys for all countries of a folder: what was signed in one is believed in the others."""
    return {"BLINDSPOT_KEYS": str(folder / "keys"), "PYTHONPATH": str(ROOT)}


def country(folder: Path, households: int) -> tuple[Path, dict[str, Any]]:
    """Its work folder and what making it took. One that is there is used again."""
    work, record = folder / f"country-{households}", folder / f"country-{households}.json"
    if record.exists():
        return work, json.loads(record.read_text())
    shutil.rmtree(work, ignore_errors=True)
    words = ["synthesize", "--lake", "--households", str(households), "--work", str(work)]
    # -c: a started worker imports flows.country alone, not this command.
    command = [sys.executable, "-c", "from flows.cli import main; main()", *words]
    made, _ = watch(command, env_of(folder))
    print(f"{households:,} households: made in {made.process_seconds:.0f} s", file=sys.stderr)
    tidied = measure("nightly_country", ["tidy", work], env_of(folder))
    print(f"{households:,} households: arranged in {tidied['seconds']:.0f} s", file=sys.stderr)
    figures = {"households": households, "made": asdict(made), "tidied": tidied}
    record.write_text(json.dumps(figures))
    return work, figures


def model(folder: Path, households: int) -> tuple[Path, dict[str, Any]]:
    """Learned once, in a country of its own, by the steps of `blindspot retrain` up to its gate."""
    kept, record = folder / "model.pickle", folder / "model.json"
    if not record.exists():
        work, _ = country(folder, households)
        record.write_text(json.dumps(measure("nightly_country", ["learn", work, kept], env_of(folder))))
    return kept, json.loads(record.read_text())


def fresh_night(folder: Path, households: int, kept: Path) -> Path:
    """A country on the evening before its first night: the lake's files are linked, they never change."""
    work, _ = country(folder, households)
    night = folder / f"night-{households}"
    shutil.rmtree(night, ignore_errors=True)
    night.mkdir()
    shutil.copytree(work / "lake", night / "lake", copy_function=_link)
    for file in (*work.glob("blindspot.db*"), work / "offices.csv"):
        shutil.copy2(file, night)
    measure("nightly_country", ["deploy", night, kept], env_of(folder))
    return night


def _link(source: str, target: str) -> None:
    # The log's pointer to its newest checkpoint is the one file that is written over.
    if Path(source).name.startswith("_"):
        shutil.copy2(source, target)
    else:
        os.link(source, target)


def _tidy(work: Path) -> Mapping[str, Any]:
    from flows.desk import open_desk
    from store.lake import TABLES

    with open_desk(CONFIG, work) as desk:
        began = time.perf_counter()
        desk.lake.tidy(desk.scratch, files=0)
        seconds = time.perf_counter() - began
        rows = {table: desk.lake.rows(table) for table in TABLES}
    files = {table: current_files(work, table) for table in TABLES}
    size = {table: sum(file.stat().st_size for file in found) for table, found in files.items()}
    return {"seconds": round(seconds, 2), "rows": rows, "bytes": size, "files": {t: len(f) for t, f in files.items()}}


def current_files(work: Path, table: str) -> list[Path]:
    """The Parquet files of a table's newest version."""
    from deltalake import DeltaTable

    return [Path(uri.removeprefix("file://")) for uri in sorted(DeltaTable(str(work / "lake" / table)).file_uris())]


def _learn(work: Path, kept: Path) -> Mapping[str, Any]:
    from flows.desk import open_desk
    from flows.retrain import build_matrix, keep_model, train_model, train_settings
    from store import models

    with open_desk(CONFIG, work) as desk:
        began = time.perf_counter()
        matrix = build_matrix(desk, NIGHT)
        built = time.perf_counter()
        trained = train_model(desk, NIGHT, matrix, train_settings(desk))
        stored, passport = keep_model(desk, NIGHT, trained)
        files = models.load_files(desk.work / "models", stored)
    kept.write_bytes(pickle.dumps(files))
    return {
        "rows": matrix.height,
        "columns": len(passport["columns"]) if "columns" in passport else matrix.width,
        "features_seconds": round(built - began, 2),
        "training_seconds": round(time.perf_counter() - built, 2),
    }


def _deploy(work: Path, kept: Path) -> Mapping[str, Any]:
    from flows.desk import now, open_desk
    from store import models

    with open_desk(CONFIG, work) as desk:
        files = pickle.loads(kept.read_bytes())
        stored = models.save(desk.engine, desk.work / "models", files, as_of=NIGHT, metrics={}, now=now())
        models.promote(desk.engine, stored.id, now())
    return {"model": stored.id}


def _late(work: Path) -> Mapping[str, Any]:
    """Arrears of the heads of a hundredth of the households, of a month that others were told of before."""
    from flows.desk import now, open_desk
    from signals.tables import OBSERVATIONS
    from store import deliveries
    from store.tables import Delivery

    with open_desk(CONFIG, work) as desk:
        versions = desk.lake.versions()
        told = desk.lake.scan("observations", versions["observations"])
        told = told.filter(pl.col("key_kind") == "person", pl.col("months") > 0, pl.col("observed_on") <= NIGHT)
        counts = told.group_by("signal").agg(pl.len(), pl.col("observed_on").max()).sort("len", "signal")
        usual = counts.collect(engine="streaming").row(-1, named=True)
        heads = desk.lake.scan("residents", versions["residents"])
        heads = heads.filter(pl.col("household_key") % ONE_IN == 0, pl.col("is_head"), pl.col("valid_to").is_null())
        persons = heads.select(key="person_key").unique().collect(engine="streaming").sort("key")
        columns = {
            "key_kind": "person", "signal": usual["signal"], "observed_on": usual["observed_on"], "received_on": NIGHT,
            "months": 4, "amount_won": 400_000, "delivery": LATE,
        }  # fmt: skip
        rows = persons.select("key", **{name: pl.lit(value) for name, value in columns.items()})
        desk.lake.append(
            "observations", rows.select(pl.col(name).cast(kind) for name, kind in OBSERVATIONS.items()), LATE
        )
        record = Delivery(
            id=LATE, source=LATE, base_month=NIGHT.replace(day=1), sent_on=NIGHT, received_on=NIGHT, file_name=LATE,
            state="taken", received=rows.height, accepted=rows.height, recorded_at=now(),
        )  # fmt: skip
        deliveries.record(desk.engine, record)
    return {"rows": rows.height, "signal": usual["signal"], "observed_on": str(usual["observed_on"])}


def main(words: list[str]) -> None:
    match words:
        case ["tidy", work]:
            print(json.dumps(_tidy(Path(work))))
        case ["learn", work, kept]:
            print(json.dumps(_learn(Path(work), Path(kept))))
        case ["late", work]:
            print(json.dumps(_late(Path(work))))
        case ["deploy", work, kept]:
            print(json.dumps(_deploy(Path(work), Path(kept))))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
