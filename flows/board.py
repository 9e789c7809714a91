"""The board of a night, published or refused: in `board/<day>/` beside the outbox, whose queues it never touches."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
from rich.console import Console

from alerts.board import OPEN, PLACES, Night, Refusal, State, tell_board
from alerts.board_page import TEMPLATES, write_board_page
from alerts.workload import PERIOD_DAYS
from features import feature_list
from flows import journal
from flows.board_sources import refused_files, sources_on
from flows.descriptors import describe_replies, with_descriptor
from flows.desk import Desk, now
from flows.errors import OperatorError
from flows.incidents import incidents_of
from flows.kinds import KINDS
from flows.offices import read_offices
from flows.queue_settings import capacity_on
from flows.refusals import as_operator_error
from flows.run import ROOT
from models.drift import psi
from signals.catalogue import SIGNALS
from store import ledger, models
from store.alerts import open_alerts
from store.cases import cases
from store.files import write_whole
from store.tables import Run

NIGHTS: Final = 60  # of the trends
RUNS: Final = 10
SAMPLE: Final = 200_000  # households whose scores are compared
LATEST: Final = "board.html"


@contextmanager
def on_the_board(desk: Desk, as_of: date) -> Iterator[None]:
    """Around a night and its run: however it ends, its board is written. A board that cannot be written is told of, and
    changes nothing about the night."""
    try:
        yield
    except Exception as error:
        _write_all(desk, as_of, error)
        raise
    _write_all(desk, as_of)


def _write_all(desk: Desk, as_of: date, error: Exception | None = None) -> None:
    """A night killed after its commit is finished by whichever run starts next: its board, too, is due then."""
    if _try(desk, as_of, error):
        for run in ledger.recent(desk.engine, RUNS, "nightly"):
            if run.state == "done" and run.as_of < as_of and not folder_of(desk, run.as_of).exists():
                _try(desk, run.as_of)


def _try(desk: Desk, as_of: date, error: Exception | None = None) -> bool:
    try:
        write_board(desk, as_of, error)
    except Exception as fault:
        journal.note(desk.work, now(), "board", as_of=as_of, state="failed", error=type(fault).__name__)
        Console(stderr=True).print(f"[yellow]The board of {as_of} could not be written[/] ({type(fault).__name__}).")
        return False
    journal.note(desk.work, now(), "board", as_of=as_of, state="done")
    return True


def write_board(desk: Desk, as_of: date, error: Exception | None = None) -> Path:
    """The page. `error`: what ended the night."""
    told = tell(desk, as_of, error)
    folder = folder_of(desk, as_of)
    page = write_board_page(told, _templates())
    twin = (json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
    for name, data in with_descriptor({"board.json": twin, "board.html": page}, "발굴 현황판", as_of).items():
        write_whole(folder / name, data)
    describe_replies(desk.replies, as_of)
    if as_of >= max(_days(desk)):
        write_whole(folder.parent / LATEST, page)
    return folder / "board.html"


def last_night(desk: Desk) -> date:
    last = ledger.last_done_night(desk.engine)
    if last is None:
        raise OperatorError("report", "no night was ever published", "`blindspot nightly`")
    return last.as_of


def folder_of(desk: Desk, as_of: date) -> Path:
    return desk.work / "board" / as_of.isoformat()


def tell(desk: Desk, as_of: date, error: Exception | None = None) -> dict[str, Any]:
    """Everything as known on `as_of`, for alerts.board."""
    offices = read_offices(desk.settings.offices)
    places = capacity_on(desk, offices, as_of)
    held = offices.with_columns(capacity=pl.col("office").replace_strict(dict(places), return_dtype=pl.Int64))
    run = _run(desk, as_of, error)
    night = _night(desk, as_of, run, error)
    last = ledger.last_done_night(desk.engine)
    model = (run.model if run else None) or (last.model if last else None)
    return tell_board(
        night,
        held.select(PLACES.names()),
        open_alerts(desk.engine, as_of).select(OPEN.names()),
        cases(desk.engine, as_of - timedelta(days=PERIOD_DAYS), as_of),
        _before(desk, as_of),
        sources=sources_on(desk, as_of),
        refused_files=refused_files(desk, as_of),
        drift=_drift(desk, as_of, model, run),
        model=_model(desk, model),
        runs=_runs(desk),
        incidents=incidents_of(desk.work, as_of),
    )


def _run(desk: Desk, as_of: date, error: Exception | None) -> Run | None:
    if error is None:
        return ledger.find_done(desk.engine, "nightly", as_of)
    mine = (run for run in ledger.recent(desk.engine, RUNS, "nightly") if run.as_of == as_of and run.state != "done")
    return next(mine, None)


def _night(desk: Desk, as_of: date, run: Run | None, error: Exception | None) -> Night:
    state: State = "done"
    refusal = None
    if error is not None:
        refused = as_operator_error(error)
        state = "failed" if refused is None else "refused"
        refusal = None if refused is None else _refusal(refused)
    elif run is None:
        what = f"there is no finished night of {as_of}"
        raise OperatorError("report", what, "`blindspot status` names the nights; a refused one wrote its board")
    last = ledger.last_done_night(desk.engine)
    stages = [(one.name, one.seconds) for one in ledger.stages(desk.engine, run.id)] if run else []
    decisions = run.counts.get("decisions") if run and state == "done" else None
    return Night(as_of, state, run.id if run else "", last.as_of if last else None, refusal, decisions, stages)


def _refusal(refused: OperatorError) -> Refusal:
    known = next(kind for kind in KINDS if kind.name == refused.kind)
    return Refusal(refused.kind, refused.exit_code, known.meaning_ko, known.cure_ko, refused.what, refused.cure)


def _before(desk: Desk, as_of: date) -> list[Mapping[str, Any]]:
    days = [day for day in _days(desk) if day < as_of][-NIGHTS:]
    return [json.loads((folder_of(desk, day) / "board.json").read_bytes()) for day in days]


def _days(desk: Desk) -> list[date]:
    return sorted(date.fromisoformat(file.parent.name) for file in (desk.work / "board").glob("????-??-??/board.json"))


def _drift(desk: Desk, as_of: date, model: str | None, run: Run | None) -> dict[str, Any]:
    """Scores beside those of the model's first night, and features beside those it learned from, as its report told."""
    told: dict[str, Any] = {"scores": None, "features": None, "bound": desk.settings.night.drift}
    if model is None:
        return told
    evidence = _report(desk, model).get("evidence") or {}
    if found := evidence.get("feature_drift"):
        names = {feature.name: feature.label_ko for feature in feature_list(SIGNALS)}
        worst = [{"name_ko": names.get(d["name"], d["name"]), "psi": round(d["psi"], 3)} for d in found["worst"][:5]]
        told["features"] = {name: found[name] for name in ("features", "watch", "drifted")} | {"worst": worst}
    first = ledger.first_done_with(desk.engine, model, before=as_of)
    if first is not None and run is not None:
        every = max(1, int(first.counts["households"]) // SAMPLE)
        then, today = (desk.lake.margins(day, every) for day in (first.as_of, as_of))
        if then.size and today.size:
            told["scores"] = {"psi": round(psi(then, today), 3), "since": first.as_of.isoformat()}
    return told


def _model(desk: Desk, name: str | None) -> dict[str, Any] | None:
    stored = models.find(desk.engine, name) if name else None
    if stored is None:
        return None
    report, metrics = _report(desk, stored.id), stored.metrics
    decision = report.get("decision")
    return {
        "id": stored.id,
        "as_of": stored.as_of.isoformat(),
        "state": stored.state,
        "promoted_on": stored.promoted_at.date().isoformat() if stored.promoted_at else None,
        "rows": metrics["rows"],
        "needs": metrics["needs"],
        "roc_auc": metrics["model"]["roc_auc"],
        "expected_error": metrics["calibration"]["expected_error"],
        "over_points": metrics["precision_over"].get("points"),
        "decision": {
            "promotes": decision["promotes"],
            "passed": sum(verdict["passed"] for verdict in decision["verdicts"]),
            "asked": len(decision["verdicts"]),
        } if decision else None,
    }  # fmt: skip


def _report(desk: Desk, model: str) -> dict[str, Any]:
    file = desk.work / "reports" / model / "report.json"
    told: dict[str, Any] = json.loads(file.read_bytes()) if file.exists() else {}
    return told


def _runs(desk: Desk) -> list[dict[str, Any]]:
    """The runs begun last, newest first; those that did not end well with what they said."""
    return [
        {
            "run": run.id, "as_of": run.as_of.isoformat(), "kind": run.kind, "state": run.state,
            "attempts": run.attempts, "message": run.message,
        }
        for run in ledger.recent(desk.engine, RUNS)
    ]  # fmt: skip


def _templates() -> dict[str, str]:
    return {name: (ROOT / "alerts" / "pages" / name).read_text(encoding="utf-8") for name in TEMPLATES}
