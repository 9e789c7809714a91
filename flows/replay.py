"""A past night worked again from what its record names: versions of the lake, model, settings and offices as it read
them, alerts and answers as they stood. Nothing is recorded but the access; nothing of what is there is changed."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from flows.desk import Desk
from flows.door import names_of
from flows.errors import OperatorError
from flows.names_then import as_told_by
from flows.nights import AsRead, as_read
from flows.offices import read_offices
from flows.publishing import MANIFEST, files_of_night, outbox_of
from flows.queue_settings import queue_settings, told_capacities
from flows.ranges import arrange, open_day
from flows.run import Run, code_digest
from flows.scoring import Deployed, Offices, score_households
from flows.telling import Queues, fill_office_queues, gather_queues
from flows.workers import open_workers
from models.bundle import public_key_of
from store import ledger, models
from store.access_log import Disclosure
from store.files import prepare_folder, show_folder
from store.lake import Lake
from store.purposes import Purpose
from store.tables import Run as Record


@dataclass(frozen=True, slots=True)
class Replayed:
    run: str
    as_of: date
    files: int
    same: int  # byte for byte, by the digests that were published
    different: tuple[str, ...]  # names of files
    missing: tuple[str, ...]  # published then, not made now
    new: tuple[str, ...]  # made now, not published then
    why: tuple[str, ...]  # what is known to be different today
    kept: Path | None

    @property
    def is_equal(self) -> bool:
        return not (self.different or self.missing or self.new)


class _LakeThen(Lake):
    """The lake as one run read it. Scores are not written again."""

    def __init__(self, lake: Lake, versions: Mapping[str, int]) -> None:
        super().__init__(lake.place)
        self._then = dict(versions)

    def versions(self) -> dict[str, int]:
        return self._then

    def write_scores(self, as_of: date, frames: object) -> bool:  # noqa: ARG002 (Lake's signature)
        return False


def replay(desk: Desk, run: str, keep: Path | None = None) -> Replayed:
    """Compares digests. With `keep`, a new folder, the sheets stay there, names and all."""
    record = _record(desk, run)
    if keep is not None and keep.exists():
        raise OperatorError("replay", f"{keep} exists", "name a new folder: nothing is written over")
    published = _published(desk, record)
    then = as_read(desk.settings, run)
    made, why = _work_again(_desk_then(desk, record, then), record, then, keep)
    differ = sorted(name for name in made.keys() & published.keys() if made[name] != published[name])
    if code_digest() != record.code:
        why = ("the code is another than that night's", *why)
    return Replayed(
        run=run, as_of=record.as_of, files=len(made), same=len(made.keys() & published.keys()) - len(differ),
        different=tuple(differ), missing=tuple(sorted(published.keys() - made.keys())),
        new=tuple(sorted(made.keys() - published.keys())), why=why, kept=keep,
    )  # fmt: skip


def _record(desk: Desk, run: str) -> Record:
    record = ledger.find(desk.engine, run)
    if record is None or record.kind != "nightly" or record.state != "done":
        raise OperatorError("replay", f"{run} is no night that is done", "copy the run's id from `blindspot status`")
    return record


def _published(desk: Desk, record: Record) -> dict[str, str]:
    """Digests by file, as the ledger vouches for them: nobody can change them afterwards without its notice."""
    place = outbox_of(desk, record.as_of) / MANIFEST
    outputs = {stage.name: stage.output for stage in ledger.stages(desk.engine, record.id)}
    try:
        data = place.read_bytes()
    except OSError:
        raise OperatorError("replay", f"{place} is missing", "restore the outbox of that day from its backup") from None
    told = json.loads(data)
    if told["run"] != record.id:
        what = f"the outbox of {record.as_of} is of a later run, {told['run']}"
        raise OperatorError("replay", what, "replay that one; of the earlier run nothing is left to compare with")
    if outputs.get(ledger.PUBLISH) not in (None, "", hashlib.sha256(data).hexdigest()):
        cure = "restore the outbox of that day from its backup, and look who wrote to it"
        raise OperatorError("replay", f"{place} is not what that night published", cure)
    files: dict[str, str] = told["files"]
    return files


def _desk_then(desk: Desk, record: Record, then: AsRead) -> Desk:
    """Today's keys and places; a scratch folder of its own, so that the last night's stays as it is."""
    engine = then.settings.engine.model_copy(update={"scratch": f"{desk.scratch}/replay"})
    settings = then.settings.model_copy(update={"engine": engine, "offices": then.offices})
    return replace(desk, settings=settings, lake=_LakeThen(desk.lake, record.lake_versions))


def _work_again(desk: Desk, record: Record, then: AsRead, keep: Path | None) -> tuple[dict[str, str], tuple[str, ...]]:
    """As flows.nightly.work_night, from arranging to the digest of every file; and what may differ in them."""
    run = Run(desk, "nightly", record.as_of, id=record.id, model=str(record.model), stopped=then.stopped)
    offices, deployed = read_offices(desk.settings.offices), _model(desk, record)
    told = told_capacities(desk, run.as_of)
    served = Offices(offices["office"], queue_settings(desk.settings.queue, offices, told))
    day = open_day(desk, run.as_of)
    try:
        with open_workers(desk.settings.engine, day.parts) as workers:
            arranged = arrange(day, "", workers)
            scored = score_households(desk, run, arranged, deployed, served, workers)
            filled = fill_office_queues(desk, arranged, scored, deployed, served, workers)
        queues = gather_queues(desk, arranged, scored, filled)
        people, why = _people(desk, run, queues)
        return _digests(files_of_night(desk, run, queues, offices, people), keep), why
    finally:
        if "://" not in desk.scratch:
            shutil.rmtree(desk.scratch, ignore_errors=True)
        else:
            day.shuffle.clear()


def _digests(files: Iterable[tuple[str, bytes]], keep: Path | None) -> dict[str, str]:
    if keep is None:
        made = {name: hashlib.sha256(data).hexdigest() for name, data in files}
    else:
        made = prepare_folder(keep, files)
        show_folder(keep)
    return {name: digest for name, digest in made.items() if name != MANIFEST}


def _model(desk: Desk, record: Record) -> Deployed:
    found = models.find(desk.engine, str(record.model))
    if found is None:
        raise OperatorError("replay", f"model {record.model} is not registered", "restore the database from its backup")
    deployed = Deployed(
        found.id, tuple(sorted(models.load_files(desk.work / "models", found).items())), public_key_of(desk.keys.sign)
    )
    deployed.load()
    return deployed


def _people(desk: Desk, run: Run, queues: Queues) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Names, addresses and phones as they were told by then: who is looked up is in the access log first."""
    who = desk.settings.access
    disclosures = [
        Disclosure(
            account=who.account, place=who.place, task="replay", purpose=Purpose.RECOVERY, reason=f"replay {run.id}",
            subjects=part["household_key"].to_list(), office=part["office"][0], run=run.id, model=run.model,
        )
        for part in queues.told.alerts.partition_by("office", maintain_order=True)
    ]  # fmt: skip
    people = names_of(desk, queues.told.people, disclosures)
    people, changed, lost = as_told_by(desk, queues.told.people, people, run.as_of)
    why = []
    if changed - lost:
        why.append(f"{changed - lost} people are told otherwise since; their words of then come from the archive")
    if lost:
        why.append(f"{lost} people are told otherwise since, and the archive no longer holds their words of then")
    return people.rename({"name": "head_name"}), tuple(why)
