"""What a person reads on the terminal after a command."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from flows.summary import NightSummary, Taken, TrainingSummary
from store.tables import Run

if TYPE_CHECKING:  # a done night is told without the library of frames
    from store.stops import Stopped

# alerts.tables.DECISIONS in the operator's words.
DECIDED = {
    "queued_urgent": "joined, urgent",
    "queued_criterion": "joined, by a district's own criterion",
    "queued_risk": "joined, by risk",
    "queued_explore": "joined, drawn at random",
    "carried": "still open from before",
    "below_cut": "below the cut (no free place)",
    "cooling_down": "spoken to lately",
    "already_relieved": "running benefits cover the need",
    "no_signal": "no live signal",
    "not_scored": "no score",
    "removed": "died",
    "stopped": "asked not to be processed",
    "no_office": "in no listed office",
}


def already_done(show: Console, run: Run) -> None:
    show.print(f"The night of [bold]{run.as_of}[/] is done ({run.id}); nothing was changed.")


def night(show: Console, told: NightSummary) -> None:
    for line in told.repaired:
        show.print(f"[yellow]repaired[/] {line}", highlight=False)
    deliveries(show, told.taken)
    show.print(f"\n[bold]Night of {told.as_of}[/]  run {told.run}  model {told.model}")
    show.print(f"{told.households:,} households scored. What became of them:")
    table = table_of("", "households")
    for code, words in DECIDED.items():
        if count := told.decisions.get(code, 0):
            table.add_row(words, f"{count:,}")
    show.print(table)
    if lost := {name: count for name, count in told.not_joined.items() if count}:
        words = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in lost.items())
        show.print(f"Observations that could not be joined: {words}.")
    _offices(show, told)
    show.print(f"Queues: [bold]{told.outbox}[/]/<office>/queue_*.xlsx, .csv and index.html; district-*/index.html")
    show.print(f"Replies for agencies: {told.replies}")
    _seconds(show, told.seconds)


def _offices(show: Console, told: NightSummary) -> None:
    new, held = sum(o.new for o in told.offices), sum(o.open for o in told.offices)
    capacity, below = sum(o.capacity for o in told.offices), sum(o.below_cut for o in told.offices)
    show.print(
        f"{len(told.offices)} offices: {held:,} open alerts ({new:,} new) for {capacity:,} places; "
        f"{below:,} households wait below the cut."
    )


def training(show: Console, told: TrainingSummary) -> None:
    deliveries(show, told.taken)
    metrics = told.metrics
    deployed = "[green]deployed[/]" if told.is_deployed else "[yellow]not deployed[/]"
    show.print(f"\n[bold]Model {told.model}[/] {deployed}: {told.why}.")
    show.print(
        f"{told.rows:,} reviewed households, {told.positives:,} with need found. Judged on rows it had not seen:"
    )
    table = table_of("order", "ROC-AUC", "average precision", "precision at capacity")
    for line in (metrics["model"], *metrics["rules"].values()):
        taken = line["precision_at_capacity"]
        at_capacity = f"{taken['mean']:.3f}" if taken else "-"
        table.add_row(line["name_ko"], interval(line["roc_auc"]), interval(line["average_precision"]), at_capacity)
    show.print(table)
    show.print(f"Report: {told.report}")
    if told.recipe:
        show.print(
            "The search found a better recipe. Later trainings use it with these lines under `model` in config.yaml:"
        )
        show.print("\n".join(told.recipe), highlight=False)
    _seconds(show, told.seconds)


def deliveries(show: Console, taken: tuple[Taken, ...]) -> None:
    if not taken:
        return
    table = table_of("source", "files", "rows", "accepted", "set aside", "refused", "again", "waiting")
    for source in sorted({t.source for t in taken}):
        mine = [t for t in taken if t.source == source]
        files = [sum(t.state == state for t in mine) for state in ("refused", "again")]
        waiting = sum(t.state in ("waiting", "future") for t in mine)
        rows = (sum(t.received for t in mine), sum(t.accepted for t in mine), sum(t.set_aside for t in mine))
        table.add_row(source or "?", str(len(mine)), *(f"{n:,}" for n in rows), *(_few(n) for n in (*files, waiting)))
    show.print(table)
    for told in taken:
        if told.state in ("refused", "waiting", "future"):
            show.print(
                f"  [yellow]{told.state}[/] {told.file}: {told.message}" + (f" -> {told.cure}" if told.cure else "")
            )
    _sheets(show, taken)
    _leftovers(show, taken)


def _sheets(show: Console, taken: tuple[Taken, ...]) -> None:
    """What officers wrote; the rows without an answer are theirs to fill in still, no fault."""
    came = [t for t in taken if t.source == "sheets" and t.state == "taken"]
    if came:
        told, new = sum(t.answers for t in came), sum(t.new_answers for t in came)
        blank = sum(t.unanswered for t in came)
        show.print(
            f"  Returned sheets: {len(came):,} with {told:,} answers ({new:,} new); {blank:,} rows not answered yet."
        )


def stopped(show: Console, stops: "list[Stopped]", reasons: Mapping[str, str], day: date) -> None:
    show.print(f"{len(stops):,} households are stopped on {day}; nobody can be told apart here.")
    if stops:
        table = table_of("from", "until", "reason", "entered by")
        for one in stops:
            words = f"{one.reason} {reasons.get(one.reason, '')}".strip()
            table.add_row(str(one.from_on), str(one.until_on or "until lifted"), words, one.source)
        show.print(table)
    show.print("Reasons: " + ", ".join(f"{code} ({words})" for code, words in reasons.items()))


def stop_entered(show: Console, is_new: bool, day: date, until: date | None) -> None:
    held = f"from {day} " + (f"until {until}" if until else "until it is lifted")
    if is_new:
        show.print(f"Stopped {held}: in no queue and on no sheet from the next night on.")
        show.print("Sheets that went out before still show it: tell the office.")
    else:
        show.print("It is stopped for that time already; nothing was changed.")


def lifted(show: Console, was_stopped: bool, day: date) -> None:
    show.print(f"Lifted from {day} on." if was_stopped else "It was not stopped; nothing was changed.")


def _leftovers(show: Console, taken: tuple[Taken, ...]) -> None:
    headers = sorted({(t.source, header) for t in taken for header in t.leftover})
    if headers:
        words = ", ".join(f"{source}: {header}" for source, header in headers)
        show.print(f"  Columns nobody registered, never taken in: {words}")
    warnings = sorted({(t.file, warning) for t in taken for warning in t.warnings})
    for file, warning in warnings[:5]:
        show.print(f"  [yellow]warning[/] {file}: {warning}")
    if len(warnings) > 5:
        show.print(f"  and {len(warnings) - 5} more warnings")


def made_up(show: Console, told: Any) -> None:
    show.print(
        f"{told.households:,} made-up households, {told.people:,} people: {told.files:,} files, "
        f"{told.bytes / 1e6:.0f} MB in {told.inbox}, the last sent on {told.end}."
    )
    words = ", ".join(f"{flaw} {count}" for flaw, count in told.flaws.items())
    show.print(f"Flaws put in on purpose: {words}.")
    show.print(f"The truth, which no run reads: {told.truth}")


def table_of(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for position, header in enumerate(headers):
        table.add_column(header, justify="left" if position == 0 else "right")
    return table


def interval(told: Mapping[str, float]) -> str:
    return f"{told['value']:.3f} [{told['low']:.3f}-{told['high']:.3f}]"


def _few(count: int) -> str:
    return str(count) if count else ""


def _seconds(show: Console, seconds: Mapping[str, float]) -> None:
    words = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items() if value >= 0.1)
    show.print(f"[dim]seconds: {words}[/]")
