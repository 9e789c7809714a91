"""The country that crashes are tried on: so small that a night takes seconds, and with everything a night can meet."""

import csv
import hashlib
import io
import json
import os
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml
from sqlalchemy import select

from alerts.columns import ALERT_HEADER, ANSWER_COLUMNS
from flows.desk import Desk, now, open_desk
from flows.made_up import fill_inbox
from flows.nightly import work_night
from flows.retrain import learn
from flows.run import ROOT, running
from flows.settings import load_settings
from flows.standstill import ended_if_still
from store import access_log, alerts, deliveries, models
from store.database import reading
from store.lake import TABLES
from store.tables import Base, Delivery

FIRST, NIGHT = date(2026, 10, 15), date(2026, 11, 2)
HOUSEHOLDS: Final = 1200
# What arrives between the two nights.
ARRIVE: Final = ("residents_202610", "addresses_202610", "contacts_202610", "mois_202608", "nts_202608")
HEADER: Final = {column.name: column.header for column in ANSWER_COLUMNS}
# Times, and what every attempt counts anew.
VOLATILE: Final = {"recorded_at", "started_at", "finished_at", "seconds", "attempts", "created_at", "promoted_at"}
UNNAMED: Final = {"alert_history": {"id"}, "stops": {"id"}}
State = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """A work folder before a night, and all that is to be there after it."""

    name: str
    config: Path
    before: Path
    after: State


def write_config(folder: Path, name: str = "config", database: str | None = None, **night: object) -> Path:
    told = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    told |= {"work": "work", "database": database}
    told["model"] |= {"trees": 20, "min_positives": 10}
    told["engine"] |= {"workers": night.pop("workers", 1), "standstill_minutes": 0.5}
    told["queue"] |= {"capacity": night.pop("capacity", 12)}
    # Two ranges; so few households move and drift by chance.
    told["night"] |= {"households_per_part": 700, "stale_after_days": 200, "drift": 2.0, **night}
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    return file


def make(folder: Path, database: str | None = None) -> tuple[Path, Path]:
    """Config, and the work folder as it stands before the night that is tried."""
    config, work = write_config(folder, database=database), folder / "before"
    settings = load_settings(config, work)
    fill_inbox(settings, settings.demo.model_copy(update={"households": HOUSEHOLDS}))
    aside = folder / "later"
    aside.mkdir()
    for file in sorted((work / "inbox").iterdir()):
        if file.name.startswith(ARRIVE):
            shutil.move(file, aside / file.name)
        elif file.name[-12:-4] > f"{FIRST:%Y%m%d}":
            file.unlink()
        else:
            os.utime(file, (0, 0))  # what is cut off is refused, however long the tries take
    with open_desk(config, work) as desk:
        with running(desk, "retrain", FIRST) as run:
            trained = learn(desk, run)
        if not trained.is_deployed:  # so few answers pass no gate
            models.promote(desk.engine, trained.model, now())
        with running(desk, "nightly", FIRST) as run:
            work_night(desk, run)
        again = next(file for file in sorted(desk.work.glob("archive/*/*")))
        arrive(desk, aside, desk.archive.open(again.stem))
    return config, work


def arrive(desk: Desk, aside: Path, known: bytes) -> None:
    """Registers, agencies, one file that cannot be read, one told before, and an office's answers."""
    for name in ARRIVE:
        for file in sorted(aside.glob(f"{name}*")):
            shutil.copy(file, desk.inbox / file.name)
    (desk.inbox / "kepco_202608_20261101.csv").write_bytes("이것은 자료가 아님\r\n1,2\r\n".encode("cp949"))
    (desk.inbox / "kepco_202607_20261101.csv").write_bytes(known)
    opened = alerts.open_alerts(desk.engine, FIRST)
    office = opened.group_by("office").len().sort("len", "office")["office"][-1]
    name = f"queue_{office}_{FIRST:%Y%m%d}.csv"
    sheet = desk.outbox / FIRST.isoformat() / office / name
    (desk.inbox / name).write_bytes(_answered(sheet.read_bytes()))


def make_second(config: Path, work: Path) -> None:
    """More became known on the day itself: its night builds on the first, and its folder takes the other's place."""
    with open_desk(config, work) as desk:
        told = desk.lake.known_on("observations", NIGHT).filter(pl.col("observed_on") >= date(2026, 6, 1))
        more = told.filter(pl.col("key") % 5 == 0).with_columns(pl.col("months") + 2, received_on=pl.lit(NIGHT))
        digest = "more".ljust(64, "0")
        desk.lake.append("observations", more.with_columns(delivery=pl.lit(digest)), digest)
        sent = Delivery(
            id=digest, source="kepco", base_month=date(2026, 8, 1), sent_on=NIGHT, revision=3, received_on=NIGHT,
            file_name="more", state="taken", recorded_at=now(), received=more.height, accepted=more.height,
        )  # fmt: skip
        deliveries.record(desk.engine, sent)


def _answered(sheet: bytes) -> bytes:
    """Somebody was reached, somebody was not, and one code is none."""
    rows = list(csv.reader(io.StringIO(sheet.decode("utf-8-sig"))))
    place = {name: rows[0].index(HEADER[name]) for name in ("contacted_on", "outcome", "channel")}
    assert ALERT_HEADER in rows[0]
    for row, outcome in zip(rows[1:4], ("긴급복지 지원", "연락두절·부재", "모름"), strict=False):
        row[place["contacted_on"]], row[place["outcome"]], row[place["channel"]] = "2026-10-20", outcome, "전화"
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def work_one_night(config: Path, work: Path) -> tuple[str, ...]:
    """Returns what was repaired."""
    with (
        open_desk(config, work) as desk,
        ended_if_still(desk.settings.engine.standstill_minutes),
        running(desk, "nightly", NIGHT) as run,
    ):
        return work_night(desk, run).repaired


def state_of(config: Path, work: Path) -> State:
    """All that must be the same, however often a night was killed; without times and without random nonces."""
    with open_desk(config, work) as desk:
        told: State = {
            "left over": [str(f.relative_to(work)) for f in work.rglob(".*") if f.suffix in (".part", ".before")],
            "access log": access_log.verify_chain(desk.engine, desk.keys, work / "anchors"),
            "anchors": sorted(file.name for file in (work / "anchors").iterdir()),
            "archive": {f.stem: _digest(desk.archive.open(f.stem)) for f in sorted(work.glob("archive/*/*.sealed"))},
        }
        for folder in ("outbox", "replies", "explained", "models", "inbox"):
            told[folder] = {str(f.relative_to(work)): _digest(f.read_bytes()) for f in files_in(work / folder)}
        for table in TABLES:
            rows = desk.lake.known_on(table, date.max)
            told[f"lake {table}"] = [rows.height, _digest(rows.write_csv().encode())]
        for day in (FIRST, NIGHT):
            told[f"scores {day}"] = _digest(desk.lake.read_scores(day).write_csv().encode())
        return told | _database(desk)


def files_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]


def _database(desk: Desk) -> State:
    """Every table, row by row. The access log may tell of one sheet twice, since each attempt opens names anew."""
    told: State = {}
    with reading(desk.engine) as session:
        for table in Base.metadata.sorted_tables:
            rows = [dict(row) for row in session.execute(select(table)).mappings()]
            kept = [row for row in rows if _counts(table.name, row)]
            if table.name == "runs":  # what its versions hold: how many commits made them, kills may change
                lake = [{one: desk.lake.rows(one, v) for one, v in row["lake_versions"].items()} for row in kept]
                kept = [row | {"lake_versions": rows} for row, rows in zip(kept, lake, strict=True)]
            told[f"table {table.name}"] = sorted({_line(table.name, row) for row in kept})
            if table.name != "access_log":
                told[f"rows {table.name}"] = sum(_counts(table.name, row) for row in rows)
    return told


def _counts(table: str, row: Mapping[str, Any]) -> bool:
    """A run that was killed and came back under another name leaves its record."""
    return not (table == "runs" and row["state"] != "done")


def _line(table: str, row: dict[str, Any]) -> str:
    if table == "access_log":
        row = {name: row[name] for name in ("task", "purpose", "reason", "office", "subjects", "run", "model")}
    if table == "identities":
        row = {name: row[name] for name in ("kind", "token", "digest", "key_id", "told_on")}
    if table == "runs":
        row["counts"] = {name: told for name, told in row["counts"].items() if name != "repaired"}
    kept = {name: told for name, told in row.items() if name not in VOLATILE | UNNAMED.get(table, set())}
    return json.dumps(kept, default=repr, sort_keys=True, ensure_ascii=False)


def differences(found: State, wanted: State) -> list[str]:
    """In words; empty: nothing is lost and nothing doubled."""
    told = []
    for name in sorted({*found, *wanted}):
        a, b = found.get(name), wanted.get(name)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            told += [f"{name}: {key}" for key in sorted({*a, *b}) if a.get(key) != b.get(key)][:5]
        elif isinstance(a, list) and isinstance(b, list) and name.startswith("table"):
            told += [f"{name}: more {line[:2000]}" for line in a if line not in b][:3]
            told += [f"{name}: lost {line[:2000]}" for line in b if line not in a][:3]
        else:
            told.append(f"{name}: {str(a)[:200]} instead of {str(b)[:200]}")
    return told


def halves_of(scenario: Scenario, work: Path) -> list[str]:
    """What people and the next start would see of a night that was just killed: whole things only."""
    told = []
    outbox, wanted = work / "outbox", scenario.after["outbox"]
    before = {str(f.relative_to(scenario.before)) for f in files_in(scenario.before / "outbox")}
    for folder in sorted(place for place in outbox.iterdir() if not place.name.startswith(".")):
        manifest = folder / "manifest.json"
        named = json.loads(manifest.read_bytes())["files"] if manifest.exists() else {}
        found = {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files_in(folder)}
        found.pop("manifest.json", None)
        if not named or found != named:
            told.append(f"{folder.name} is shown and is not whole")
    for name in before:
        if name.startswith(f"outbox/{FIRST}") and not (work / name).exists():
            told.append(f"{name}: yesterday's queue is gone")
    for file in files_in(work / "replies"):
        name = str(file.relative_to(work))
        if not file.name.startswith(".") and _digest(file.read_bytes()) != scenario.after["replies"].get(name):
            told.append(f"{name} is a half reply")
    return told + _lost(scenario, work) if wanted else told


def _lost(scenario: Scenario, work: Path) -> list[str]:
    """A file that has left the inbox is on record; a household has one open alert."""
    database = work / "blindspot.db"
    if not database.exists():
        return []
    with sqlite3.connect(database) as opened:
        names = {name for (name,) in opened.execute("SELECT file_name FROM deliveries")}
        twice = opened.execute("SELECT count(*) - count(DISTINCT household_key) FROM alerts WHERE state = 'open'")
        doubled = twice.fetchone()[0]
    gone = {f.name for f in (scenario.before / "inbox").iterdir()} - {f.name for f in (work / "inbox").iterdir()}
    # The one told before leaves under the name of its first.
    lost = [name for name in sorted(gone - names) if name != "kepco_202607_20261101.csv"]
    return [f"{name} has left the inbox unrecorded" for name in lost] + (["a household twice"] if doubled else [])
