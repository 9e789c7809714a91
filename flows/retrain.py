"""Learn from officers' answers; deploy only what passes the gate."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from prefect import flow

from features import build, feature_list, prepare
from flows.audit import take_audit
from flows.desk import Desk, now, open_desk
from flows.engine import hushed
from flows.errors import OperatorError
from flows.gate import judge_challenger, settle
from flows.inbox import take_in
from flows.knowledge import contacts_known_on, known_on
from flows.notify import watching
from flows.offices import read_offices
from flows.outlook import look_at_today
from flows.parts import Parts, open_parts
from flows.progress import track
from flows.queue_settings import capacity_on
from flows.reports import write_reports
from flows.retention import learned_from
from flows.run import Run, code_digest, running
from flows.search import lines_of, search_recipe
from flows.stops import stopped_on
from flows.summary import TrainingSummary
from models.bundle import Origin, pack, public_key_of, read_passport
from models.labels import coverage, label
from models.report import write_report
from models.train import Trained, TrainSettings, train
from signals.catalogue import SIGNALS
from store import models
from store.correction import Retroactive, retroactive
from store.files import write_whole
from store.tables import StoredModel


@flow(name="retrain", persist_result=False, log_prints=False)
@hushed()
def retrain(
    as_of: date, config: str, work: str, search_minutes: float = 0.0, audit: str | None = None
) -> TrainingSummary:
    """What is known of reviewed households on the day they were chosen, and what officers found. With
    `search_minutes`, other recipes are tried for so long first. `audit`: see flows.audit."""
    where = Path(config), Path(work)
    with watching(*where, "retrain", as_of) as watch, open_desk(*where) as desk, running(desk, "retrain", as_of) as run:
        watch.summary = learn(desk, run, search_minutes, Path(audit) if audit else None)
    return watch.summary


def learn(desk: Desk, run: Run, search_minutes: float = 0.0, audit: Path | None = None) -> TrainingSummary:
    """Reports and cards come before the promotion: what cannot be told is not deployed."""
    taken = run.stage(take_in, desk, run.as_of)
    run.note_deliveries(taken)
    run.open()
    with open_parts(desk, lambda: reviewed(desk, run.as_of).height) as parts:
        matrix = run.stage(build_matrix, desk, run.as_of, parts)
        audited = None if audit is None else run.stage(take_audit, desk, audit, matrix["household_key"])
        usual = settings = train_settings(desk)
        if search_minutes > 0:
            settings = run.stage(search_recipe, desk, matrix, settings, search_minutes)
        trained = run.stage(train_model, desk, run.as_of, matrix, settings, parts)
    stored, passport = run.stage(keep_model, desk, run.as_of, trained)
    outlook = run.stage(look_at_today, desk, run.as_of, contacts_known_on(desk, run.as_of))
    told = run.stage(judge_challenger, desk, run.as_of, stored, matrix, trained, outlook, audited)
    reports = run.stage(write_reports, desk, run.as_of, stored, matrix, trained, told, outlook)
    is_deployed, why = run.stage(settle, desk, stored, told)
    run.model = stored.id
    rows, needs = passport["training"]["rows"], passport["training"]["needs"]
    run.counts = {"rows": rows, "needs": needs, "deployed": is_deployed}
    return TrainingSummary(
        as_of=run.as_of, run=run.id, model=stored.id, is_deployed=is_deployed, why=why,
        report=reports / "report.html", metrics=passport["training"]["metrics"],
        rows=rows, positives=needs, taken=taken, seconds=run.seconds,
        recipe=lines_of(usual, settings),
    )  # fmt: skip


def build_matrix(desk: Desk, as_of: date, parts: Parts | None = None) -> pl.DataFrame:
    """One row per reviewed household and round, its features as known on the day it was chosen; without those who
    asked that their data be not processed, and with what persons had corrected since. With `parts`, which keep them
    all, only the rows to judge on."""
    rounds = reviewed(desk, as_of).partition_by("selected_on", maintain_order=True)
    corrected = retroactive(desk.engine, as_of)
    built = (_round(desk, part, corrected) for part in track(rounds, "Building features per round"))
    return pl.concat([one if parts is None else parts.keep(one) for one in built])


def reviewed(desk: Desk, as_of: date) -> pl.DataFrame:
    """models.labels.label, of those who may be learned from."""
    labels = label(contacts_known_on(desk, as_of), as_of)
    labels = labels.filter(
        pl.col("selected_on") >= learned_from(as_of, desk.settings.lake.keep_months),
        ~pl.col("household_key").is_in(stopped_on(desk, as_of).implode()),
    )
    if labels.is_empty():
        raise OperatorError("training", f"no officer's answer is known on {as_of}", "let answers arrive, then retrain")
    return labels


def _round(desk: Desk, labels: pl.DataFrame, corrected: Retroactive) -> pl.DataFrame:
    day: date = labels["selected_on"][0]
    built = build(prepare(known_on(desk, day, corrected)), households=labels["household_key"])
    return labels.join(built.features, on="household_key", how="inner", maintain_order="left")


def train_settings(desk: Desk) -> TrainSettings:
    return TrainSettings(**desk.settings.model.model_dump(exclude={"seed", "rows_per_part"}))


def train_model(
    desk: Desk, as_of: date, matrix: pl.DataFrame, settings: TrainSettings, parts: Parts | None = None
) -> Trained:
    capacity = capacity_on(desk, read_offices(desk.settings.offices), as_of)
    boosted = None if parts is None else parts.boosted()
    return train(matrix, feature_list(SIGNALS), settings, desk.settings.model.seed, capacity, boosted)


def keep_model(desk: Desk, as_of: date, trained: Trained) -> tuple[StoredModel, dict[str, Any]]:
    origin = Origin(as_of.isoformat(), code_digest(), desk.settings.model.model_dump_json(), desk.lake.versions())
    files = pack(trained, origin, desk.keys.sign)
    passport = read_passport(files, public_key_of(desk.keys.sign))
    metrics = passport["training"]["metrics"]
    stored = models.save(desk.engine, desk.work / "models", files, as_of=as_of, metrics=metrics, now=now())
    write_whole(desk.work / "reports" / f"{stored.id}.md", write_report(passport).encode())
    covered = coverage(contacts_known_on(desk, as_of), as_of).with_columns(pl.col("selected_on").dt.to_string())
    told = json.dumps({**metrics, "coverage": covered.to_dicts()}, ensure_ascii=False)
    write_whole(desk.work / "reports" / f"{stored.id}.json", told.encode())
    return stored, passport
