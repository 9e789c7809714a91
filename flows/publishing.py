"""From queue to sheets. Names are joined here only, after the access log has recorded it; all files appear at once."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from alerts.benefits import point_to
from alerts.eases import ease
from alerts.queue import Filled, fill_queues
from alerts.reasons import tell
from alerts.tables import TOLD_FACTS
from alerts.workload import PERIOD_DAYS
from features import Known
from features.history import covered, history
from flows.desk import Desk, now
from flows.draw import seeded
from flows.queue_settings import capacity_on, queue_settings, told_capacities
from flows.residences import residences
from flows.run import Run
from flows.scoring import Scored
from flows.sheets import Handout, benefit_table, district_files, office_files
from flows.stops import stopped_on
from signals.answers import last_told
from signals.catalogue import SIGNALS
from store import access_log, alerts, identities
from store.access_log import Disclosure
from store.cases import cases
from store.files import make_folder, sync_folder, write_whole


def fill_office_queues(desk: Desk, run: Run, scored: Scored, known: Known, offices: pl.DataFrame) -> Filled:
    """Within each office's capacity; offices nobody listed have none."""
    listed = pl.col("office").is_in(offices["office"].to_list())
    return fill_queues(
        scored.scores,
        scored.facts.with_columns(office=pl.when(listed).then("office")),
        scored.evidence,
        alerts.open_alerts(desk.engine, run.as_of, besides=run.id),
        known.contacts,
        queue_settings(desk.settings.queue, offices, told_capacities(desk, run.as_of)),
        run.as_of,
        seeded(desk.settings.model.seed, run.as_of),
        bands_then=alerts.bands(desk.engine, run.as_of, besides=run.id),
        stopped=stopped_on(desk, run.as_of),
    )


def tell_reasons(scored: Scored, queue: pl.DataFrame, pushes: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """What raised the score, what lowered it, what to check, which benefits to look at."""
    facts = queue.select("household_key", *TOLD_FACTS)
    told = tell(queue, pushes, scored.evidence, facts, SIGNALS)
    silent = covered(scored.prepared, queue["household_key"])
    told = ease(told, pushes, scored.evidence, facts, silent, SIGNALS)
    return point_to(told, facts, scored.evidence, benefit_table(), as_of)


def publish(
    desk: Desk, run: Run, scored: Scored, told: pl.DataFrame, filled: Filled, offices: pl.DataFrame, known: Known
) -> Path:
    """Alerts recorded, access recorded, then every file of the night in one rename."""
    alerts.save(desk.engine, run.id, run.as_of, told, now())
    _record_access(desk, run, told)
    people = identities.look_up(desk.engine, desk.keys, residences(known, told["household_key"]))
    people = people.rename({"name": "head_name"})
    hand = Handout(
        as_of=run.as_of,
        told=told,
        filled=filled,
        offices=offices,
        capacity=capacity_on(desk, offices, run.as_of),
        history=history(scored.prepared, told["household_key"]),
        contacts=last_told(known.contacts),
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
