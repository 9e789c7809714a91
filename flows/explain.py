"""Why one alert stands in a queue, from what the night wrote down: for whom it concerns, and for who looks closer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from alerts.statement import GROUPS_KO, Answerable, Decided, lines_of, write_statement
from flows.desk import Glance, now
from flows.errors import OperatorError
from flows.offices import read_offices
from flows.report import table_of
from flows.telling import Told
from signals.catalogue import SIGNALS
from store import alerts, models
from store.access_log import Disclosure, record_access
from store.files import write_whole
from store.keys import keys_folder, load_keys
from store.purposes import Purpose
from store.tables import Alert


def keep_explanations(work: Path, queue: Told, run: str, model: str) -> None:
    """Sentences and pushes of the night's alerts, by key: no name, no address."""
    told, pushes = queue.alerts, queue.pushes
    texts = [c for c in told.columns if c.startswith(("reason_", "ease_", "check_", "benefit_"))]
    kept = told.select("alert_id", "household_key", "as_of", "signals", *texts).join(
        pushes, on="household_key", how="left"
    )
    kept = kept.with_columns(run=pl.lit(run), model=pl.lit(model)).sort("alert_id")
    day = told["as_of"][0] if told.height else None
    if day is not None:
        write_whole(_folder(work) / f"{day}.parquet", _bytes(kept))


def _bytes(frame: pl.DataFrame) -> bytes:
    out = BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def _folder(work: Path) -> Path:
    return work / "explained"


@dataclass(frozen=True, slots=True)
class Explained:
    alert: Alert
    told: dict[str, Any]  # as keep_explanations wrote it, in the newest night that told it
    statement: str  # alerts.statement, for the person who asks


def explain_alert(seen: Glance, alert_id: str, because: str) -> Explained:
    """Who asked for what is in the access log, committed, before anything is read of the household."""
    alert = alerts.find(seen.engine, alert_id)
    if alert is None:
        raise OperatorError("alert", "there is no alert of that number", "copy the 알림번호 from an office sheet")
    who = seen.settings.access
    asked = Disclosure(
        account=who.account, place=who.place, task="explain", purpose=Purpose.EXPLANATION, reason=because,
        subjects=[alert.household_key], office=alert.office, run=alert.run,
    )  # fmt: skip
    record_access(seen.engine, load_keys(keys_folder(seen.settings.keys_folder)), asked, now())
    told = _newest(seen.settings.work, alert_id)
    return Explained(alert, told, _statement(seen, alert, told))


def _statement(seen: Glance, alert: Alert, told: dict[str, Any]) -> str:
    told_on = date.fromisoformat(str(told["as_of"]))
    model = models.find(seen.engine, told["model"])
    decided = Decided(
        alert_id=alert.id, office_ko=_office(seen, alert.office), opened_on=alert.opened_on, told_on=told_on,
        lane=alert.lane, works_as=alert.works_as, band=alert.true_band, criterion=alert.criterion,
        is_open=alert.state == "open", outcome=alert.outcome, closed_on=alert.closed_on, model=told["model"],
        model_of=model.as_of if model else None, reasons=tuple(lines_of(told, "reason")),
        eases=tuple(lines_of(told, "ease")), live=told["signals"], pushes=_pushes_of(told),
    )  # fmt: skip
    body = seen.settings.accountability
    who = Answerable(body.organisation, body.contact, body.responsible, body.legal_basis, body.appeals)
    return write_statement(decided, who, SIGNALS)


def _office(seen: Glance, code: str) -> str:
    listed = read_offices(seen.settings.offices).filter(office=code)
    return str(listed["name_ko"][0]) if listed.height else f"읍면동 {code}"


def show_details(show: Console, seen: Glance, explained: Explained) -> None:
    """For who looks closer: lanes, pushes as numbers, and what has happened since."""
    alert, told = explained.alert, explained.told
    show.print(f"[bold]{alert.id}[/]  office {alert.office}  lane {alert.lane}  band {alert.band}  {alert.state}")
    show.print(
        f"opened {alert.opened_on}, due {alert.due_on}; "
        f"told as of {told['as_of']} by {told['run']}, model {told['model']}"
    )
    _show_pushes(show, told)
    show.print("[bold]History[/]")
    for event in alerts.history(seen.engine, alert.id):
        show.print(f"  {event.known_on} {event.event} {event.outcome or ''} ({event.source})")


def _newest(work: Path, alert_id: str) -> dict[str, Any]:
    for file in sorted(_folder(work).glob("*.parquet"), reverse=True):
        found = pl.read_parquet(file).filter(pl.col("alert_id") == alert_id)
        if found.height:
            return found.row(0, named=True)
    raise OperatorError(
        "alert", f"no night's explanation holds {alert_id}", "restore the folder `explained` from its backup"
    )


def _pushes_of(told: Mapping[str, Any]) -> dict[str, float]:
    groups = [name for name in told if name in SIGNALS or name in GROUPS_KO]
    return {name: float(told[name]) for name in groups if told[name] is not None}


def _show_pushes(show: Console, told: Mapping[str, Any]) -> None:
    pushes = _pushes_of(told)
    if not pushes:
        show.print("  Not scored that night.")
        return
    base = float(told["base"])
    show.print(
        f"[bold]What pushed[/] (log-odds; {base:.2f} before anything is known, "
        f"{base + sum(pushes.values()):.2f} with all)"
    )
    table = table_of("", "push")
    for name, push in sorted(pushes.items(), key=lambda item: -abs(item[1]))[:10]:
        words = SIGNALS[name].name_ko if name in SIGNALS else GROUPS_KO[name]
        table.add_row(words, f"{push:+.3f}")
    show.print(table)
