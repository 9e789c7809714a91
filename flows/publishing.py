"""From queue to sheets. Names are joined here only, after the access log has recorded it; all files appear at once."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import polars as pl

from alerts.workload import PERIOD_DAYS
from flows.desk import Desk, now
from flows.queue_settings import capacity_on
from flows.run import Run
from flows.sheets import Handout, district_files, office_files
from flows.telling import Queues
from signals.answers import last_told
from store import access_log, alerts, identities
from store.access_log import Disclosure
from store.cases import cases
from store.files import make_folder, sync_folder, write_whole


def publish(desk: Desk, run: Run, queues: Queues, offices: pl.DataFrame) -> Path:
    """Alerts recorded, access recorded, then every file of the night in one rename."""
    told = queues.told.alerts
    alerts.save(desk.engine, run.id, run.as_of, told, now())
    _record_access(desk, run, told)
    people = identities.look_up(desk.engine, desk.keys, queues.told.people)
    people = people.rename({"name": "head_name"})
    hand = Handout(
        as_of=run.as_of,
        told=told,
        tally=queues.tally,
        offices=offices,
        capacity=capacity_on(desk, offices, run.as_of),
        history=queues.told.history,
        contacts=last_told(queues.told.contacts),
        cases=cases(desk.engine, run.as_of - timedelta(days=PERIOD_DAYS), run.as_of),
    )
    files = office_files(hand, people) | district_files(hand)
    folder = desk.outbox / run.as_of.isoformat()
    _write_all(folder, files | {"manifest.json": _manifest(run, files)})
    access_log.anchor(desk.engine, desk.work / "anchors", run.as_of)
    return folder


def _record_access(desk: Desk, run: Run, told: pl.DataFrame) -> None:
    who = desk.settings.access
    disclosures = [
        Disclosure(
            account=who.account, place=who.place, task="sheet", purpose=who.purpose, reason="nightly queue",
            subjects=part["household_key"].to_list(), office=part["office"][0], run=run.id, model=run.model,
        )
        for part in told.partition_by("office", maintain_order=True)
    ]  # fmt: skip
    if disclosures:
        access_log.record_all(desk.engine, desk.keys, disclosures, now())


def _manifest(run: Run, files: Mapping[str, bytes]) -> bytes:
    told = {
        "as_of": run.as_of.isoformat(),
        "run": run.id,
        "model": run.model,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
    }
    return (json.dumps(told, indent=1) + "\n").encode()


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Beside, then one rename. A killed attempt's half is thrown away, its whole is replaced by the same bytes."""
    beside, before = folder.with_name(f".{folder.name}.part"), folder.with_name(f".{folder.name}.before")
    for left in (beside, before):
        shutil.rmtree(left, ignore_errors=True)
    make_folder(beside)
    for name, data in sorted(files.items()):
        write_whole(beside / name, data)
    if folder.exists():
        folder.rename(before)
    beside.rename(folder)
    sync_folder(folder.parent)
    shutil.rmtree(before, ignore_errors=True)
