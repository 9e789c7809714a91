"""What was done and what is open: read from the database alone."""

from datetime import date, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows import journal
from flows.accesses import review_state
from flows.desk import Glance, today
from flows.freshness import standings_on
from flows.report import interval, table_of
from flows.schedule import SEOUL
from signals.calendar import SOURCES
from signals.delivery import DeliveryRefused, read_name
from store import deliveries, ledger, models, pauses, subject_requests
from store.alerts import open_per_office
from store.tables import Run

NIGHTS = 7
OFFICES = 15
REFUSED = timedelta(days=62)  # two deliveries of a monthly source


def show_status(show: Console, seen: Glance) -> None:
    if held := pauses.paused_on(seen.engine, today()):
        show.print(f"[bold yellow]Nothing is published:[/] {escape(str(held))}\n", highlight=False)
    runs = ledger.recent(seen.engine, NIGHTS)
    if not runs:
        show.print(
            f"Nothing was run in {seen.settings.work} yet. Start with `blindspot demo`, or put files into its inbox."
        )
        return
    show.print("[bold]Last runs[/]")
    show.print(_runs(runs))
    _model(show, seen)
    last = ledger.last_done_night(seen.engine)
    day = last.as_of if last else runs[0].as_of
    show.print(f"\n[bold]Deliveries[/] as known on {day}")
    show.print(_sources(seen, day))
    _to_call(show, seen, day)
    _refused_files(show, seen)
    _open_work(show, seen, day)
    _requests(show, seen)
    show.print(f"\n[bold]Access log[/] {review_state(seen)}", highlight=False)
    _kept_and_told(show, seen)


def _kept_and_told(show: Console, seen: Glance) -> None:
    backup = journal.last(seen.settings.work, "backup", days=90)
    show.print(f"[bold]Last backup[/] {_at(backup) if backup else 'none is noted: `blindspot backup FILE`'}")
    if last := journal.last(seen.settings.work, "notified"):
        of = last.get("counts", {}).get("addresses", "?")
        show.print(f"[bold]Last message[/] {_at(last)} ({last['state']}): {last['told']} of {of} addresses took it")


def _at(told: dict[str, Any]) -> str:
    return f"{datetime.fromisoformat(told['at']).astimezone(SEOUL):%Y-%m-%d %H:%M}"


def _runs(runs: list[Run]) -> Table:
    table = table_of("run", "as of", "state", "households", "open", "new", "message")
    for run in runs:
        told = (str(run.counts.get(name, "")) for name in ("households", "open", "new"))
        table.add_row(run.id, str(run.as_of), run.state, *told, escape(_said(run)))
    return table


def _said(run: Run) -> str:
    repaired = run.counts.get("repaired", ())
    return "; ".join((run.message, *repaired) if run.message else repaired)


def _model(show: Console, seen: Glance) -> None:
    model = models.champion(seen.engine)
    if model is None:
        show.print("\nNo model is deployed. Run `blindspot retrain`.")
        return
    auc = interval(model.metrics["model"]["roc_auc"])
    show.print(
        f"\n[bold]Model[/] {model.id}, learned from answers known on {model.as_of}; ROC-AUC {auc} on later rounds"
    )


def _sources(seen: Glance, day: date) -> Table:
    received = deliveries.latest(seen.engine, day)
    table = table_of("source", "newest month", "received", "days ago", "next", "due", "state", "left out")
    for one in standings_on(seen, day):
        if one.source not in received:
            continue
        month, on = received[one.source]
        awaited, left_out = one.awaited, ", ".join(f"{gap:%Y-%m}" for gap in one.gaps)
        state = f"[yellow]{one.state}[/]" if one.late else one.state
        days = str((day - on).days)
        table.add_row(
            one.source,
            f"{month:%Y-%m}",
            str(on),
            days,
            f"{awaited.base_month:%Y-%m}",
            str(awaited.due_on),
            state,
            left_out,
        )
    return table


def _to_call(show: Console, seen: Glance, day: date) -> None:
    for one in standings_on(seen, day):
        if one.late:
            source = SOURCES[one.source]
            show.print(
                f"  [yellow]{one.state}[/] {one.source}: {one.awaited.base_month:%Y-%m} was due on {one.awaited.due_on}"
                f" -> call {source.contact_ko} ({source.name_ko})",
                highlight=False,
            )


def _refused_files(show: Console, seen: Glance) -> None:
    """Months of which nothing better has come since: their sender believes that they were sent."""
    listed = deliveries.listed(seen.engine, today() - REFUSED)
    taken = {(one.source, one.base_month): one.recorded_at for one in listed if one.state == "taken"}
    unnamed = 0
    for one in listed:
        if one.state == "taken" or one.reason == deliveries.INTERRUPTED:
            continue
        try:
            name = read_name(one.file_name)
        except DeliveryRefused:
            unnamed += 1
            continue
        better = taken.get((name.source, name.base_month))
        if better is None or better < one.recorded_at:
            said = f"{one.reason}, see its reply in {seen.settings.work / 'replies'}"
            show.print(f"  [yellow]refused[/] {name.filename} on {one.received_on}: {escape(said)}", highlight=False)
    if unnamed:
        # Such a name may be a person's: it is not told.
        told = f"{unnamed} other files: the board of their night tells whose and why"
        show.print(f"  [yellow]refused[/] {told}", highlight=False)


def _open_work(show: Console, seen: Glance, day: date) -> None:
    told = open_per_office(seen.engine, day)
    late = sum(overdue for _, overdue in told.values())
    show.print(f"\n[bold]Open work[/] {sum(n for n, _ in told.values())} alerts in {len(told)} offices, {late} overdue")
    table = table_of("office", "open", "overdue")
    busiest = sorted(told.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
    for office, (count, overdue) in busiest[:OFFICES]:
        table.add_row(office, str(count), str(overdue))
    show.print(table)
    if len(busiest) > OFFICES:
        show.print(f"and {len(busiest) - OFFICES} more offices")


def _requests(show: Console, seen: Glance) -> None:
    """What persons asked of their own data: ten days each."""
    if found := subject_requests.listed(seen.engine, only_open=True):
        late = sum(one.due_on < today() for one in found)
        words = f", [bold red]{late} late[/]" if late else ""
        show.print(f"\n[bold]Requests of persons[/] {len(found)} open, the next due {found[0].due_on}{words}")
