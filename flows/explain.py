"""Why one alert stands in a queue, from what the night wrote down."""

from io import BytesIO
from pathlib import Path

import polars as pl
from rich.console import Console

from alerts.benefits import BENEFIT_COLUMNS
from alerts.reasons import CHECKS, GROUPS, REASONS
from flows.desk import Glance
from flows.errors import OperatorError
from flows.report import table_of
from flows.telling import Told
from signals.catalogue import SIGNALS
from store import alerts
from store.files import write_whole

GROUPS_KO = {"across": "여러 신호를 함께 볼 때", "household": "가구 특성", "contacts": "이전 발굴·상담"}


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


def show_alert(show: Console, seen: Glance, alert_id: str) -> None:
    alert = alerts.find(seen.engine, alert_id)
    if alert is None:
        raise OperatorError("alert", f"there is no alert {alert_id}", "copy the 알림번호 from an office sheet")
    told = _newest(seen.settings.work, alert_id)
    show.print(f"[bold]{alert.id}[/]  office {alert.office}  lane {alert.lane}  band {alert.band}  {alert.state}")
    show.print(
        f"opened {alert.opened_on}, due {alert.due_on}; "
        f"told as of {told['as_of']} by {told['run']}, model {told['model']}"
    )
    for name, words in (("reason", "발굴 이유"), ("check", "확인할 점"), ("benefit", "살펴볼 급여")):
        count = {"reason": REASONS, "check": CHECKS, "benefit": BENEFIT_COLUMNS}[name]
        for text in (told[f"{name}_{n + 1}"] for n in range(count)):
            if text:
                show.print(f"  {words}: {text}", highlight=False)
    _pushes(show, told)
    show.print("[bold]History[/]")
    for event in alerts.history(seen.engine, alert_id):
        show.print(f"  {event.known_on} {event.event} {event.outcome or ''} ({event.source})")


def _newest(work: Path, alert_id: str) -> dict[str, object]:
    for file in sorted(_folder(work).glob("*.parquet"), reverse=True):
        found = pl.read_parquet(file).filter(pl.col("alert_id") == alert_id)
        if found.height:
            return found.row(0, named=True)
    raise OperatorError(
        "alert", f"no night's explanation holds {alert_id}", "restore the folder `explained` from its backup"
    )


def _pushes(show: Console, told: dict[str, object]) -> None:
    groups = [name for name in told if name in SIGNALS or name in GROUPS]
    pushes = {name: float(str(told[name])) for name in groups if told[name] is not None}
    if not pushes:
        show.print("  Not scored that night.")
        return
    base = float(str(told["base"]))
    show.print(
        f"[bold]What pushed[/] (log-odds; {base:.2f} before anything is known, "
        f"{base + sum(pushes.values()):.2f} with all)"
    )
    table = table_of("", "push")
    for name, push in sorted(pushes.items(), key=lambda item: -abs(item[1]))[:10]:
        words = SIGNALS[name].name_ko if name in SIGNALS else GROUPS_KO[name]
        table.add_row(words, f"{push:+.3f}")
    show.print(table)
