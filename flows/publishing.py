"""From queue to sheets. Names are joined here only, after the access log has recorded it; all files appear at once.

Prepared beside and read back, then one commit of the database, then one rename. Killed before that commit, nothing has
happened; killed after it, the next start shows what lies ready (flows.repair).
"""

import hashlib
import json
from collections.abc import Generator, Mapping
from contextlib import closing
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

import polars as pl

from alerts.workload import PERIOD_DAYS
from flows.desk import Desk, now
from flows.door import names_of
from flows.pauses import refuse_while_paused
from flows.queue_settings import capacity_on
from flows.run import Run
from flows.sheets import Handout, district_files, office_files
from flows.telling import Queues
from signals.answers import last_told
from store import access_log, alerts, ledger
from store.access_log import Disclosure
from store.cases import cases
from store.database import writing
from store.files import beside, digests, prepare_folder, show_folder

MANIFEST = "manifest.json"


def publish(desk: Desk, run: Run, queues: Queues, offices: pl.DataFrame) -> Path:
    told = queues.told.alerts
    people = names_of(desk, queues.told.people, _disclosures(desk, run, told)).rename({"name": "head_name"})
    folder, versions = outbox_of(desk, run.as_of), desk.lake.versions()
    # Closed when a disk is full: processes would go on writing sheets for nobody.
    with closing(files_of_night(desk, run, queues, offices, people)) as files:
        digest = prepare_folder(folder, files)[MANIFEST]
    run.outputs[ledger.PUBLISH] = digest
    with writing(desk.engine) as session:
        # Whoever pauses now waits for this commit, or has been heard.
        refuse_while_paused(desk, run.as_of)
        alerts.put(session, run.id, run.as_of, told, now())
        ledger.prepared(session, run.id, digest, now=now(), lake_versions=versions, counts=run.counts)
    show(desk, run.as_of)
    return folder


def files_of_night(
    desk: Desk, run: Run, queues: Queues, offices: pl.DataFrame, people: pl.DataFrame
) -> Generator[tuple[str, bytes], None, None]:
    """All that is published, one after the other: of a country it is a gigabyte. In the end the manifest of it. Nothing
    is recorded here: a replay asks for the same."""
    hand = Handout(
        as_of=run.as_of,
        told=queues.told.alerts,
        tally=queues.tally,
        offices=offices,
        capacity=capacity_on(desk, offices, run.as_of),
        history=queues.told.history,
        contacts=last_told(queues.told.contacts),
        cases=cases(desk.engine, run.as_of - timedelta(days=PERIOD_DAYS), run.as_of, queues.told.alerts),
    )
    told: dict[str, str] = {}
    for name, data in chain(office_files(hand, people, desk.settings.engine.workers), district_files(hand).items()):
        told[name] = hashlib.sha256(data).hexdigest()
        yield name, data
    yield MANIFEST, _manifest(run, told)


def outbox_of(desk: Desk, day: date) -> Path:
    return desk.outbox / day.isoformat()


def show(desk: Desk, day: date) -> None:
    """What `publish` has prepared and recorded."""
    show_folder(outbox_of(desk, day))
    access_log.anchor(desk.engine, desk.keys, desk.work / "anchors", day)


def finish(desk: Desk, day: date, digest: str) -> bool:
    """A night that was killed after its commit is published. False: the files of that digest are not there."""
    folder = outbox_of(desk, day)
    if _holds(folder, digest):
        access_log.anchor(desk.engine, desk.keys, desk.work / "anchors", day)
    elif _holds(beside(folder), digest):
        show(desk, day)
    else:
        return False
    return True


def _holds(folder: Path, digest: str) -> bool:
    """All the files that the manifest of that digest names, as it names them, and no other."""
    found = digests(folder)
    if found.pop(MANIFEST, None) != digest:
        return False
    return bool(json.loads((folder / MANIFEST).read_bytes())["files"] == found)


def _disclosures(desk: Desk, run: Run, told: pl.DataFrame) -> list[Disclosure]:
    who = desk.settings.access
    return [
        Disclosure(
            account=who.account, place=who.place, task="sheet", purpose=who.purpose, reason="nightly queue",
            subjects=part["household_key"].to_list(), office=part["office"][0], run=run.id, model=run.model,
        )
        for part in told.partition_by("office", maintain_order=True)
    ]  # fmt: skip


def _manifest(run: Run, files: Mapping[str, str]) -> bytes:
    told = {
        "as_of": run.as_of.isoformat(),
        "run": run.id,
        "model": run.model,
        "files": dict(sorted(files.items())),
    }
    return (json.dumps(told, indent=1) + "\n").encode()
