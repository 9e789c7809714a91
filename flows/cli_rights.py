"""The commands of export, retention and rights: whoever answers for the data works with these."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from flows.desk import glance, today
from flows.errors import OperatorError
from store.purposes import Purpose

app = typer.Typer()
export = typer.Typer(help="A sheet of a past night, copied or sealed for its office. The access log has it first.")
app.add_typer(export, name="export", no_args_is_help=True)
request = typer.Typer(
    help="What a person asks of the data held on them: a copy, a correction, a stop. Due in ten days."
)
app.add_typer(request, name="request", no_args_is_help=True)

Config = Annotated[Path, typer.Option("--config", help="Settings file.", show_default="config.yaml")]
Work = Annotated[Path | None, typer.Option("--work", help="Work folder, instead of the one in the settings.")]
Day = Annotated[datetime, typer.Option("--day", formats=["%Y-%m-%d"], help="The night it was written.")]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="The day it is done.", show_default="today in Seoul"),
]
By = Annotated[str, typer.Option("--by", help="Who asks: a name, recorded.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, recorded.")]
ForWhat = Annotated[Purpose, typer.Option("--purpose", help="What for; the list is closed.")]
Household = Annotated[str, typer.Argument(metavar="HOUSEHOLD_NO", help="Household number (세대번호).")]
Kind = Annotated[str, typer.Option("--kind", help="xlsx, csv or html.")]

TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%d"]
DEFAULT_CONFIG = Path(__file__).parent.parent / "config.yaml"


@export.command("sheet")
def export_sheet(
    office: Annotated[str, typer.Argument(help="10-digit code of the office.")],
    day: Day,
    to: Annotated[Path, typer.Option("--to", help="New file; with --seal a folder: names there tell nothing.")],
    by: By,
    reason: Reason,
    purpose: ForWhat = Purpose.DISCOVERY,
    kind: Kind = "xlsx",
    seal: Annotated[bool, typer.Option("--seal", help="For the office's recipients (transport.recipients).")] = False,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """An office's sheet as it went out on a day."""
    from flows.desk import open_desk
    from flows.door import asker, copy_sheet, seal_sheet
    from flows.recipients import read_recipients

    who = asker(by, purpose, reason)
    with open_desk(config, work) as desk:
        if seal:
            people = read_recipients(desk.settings.transport.recipients)
            path = seal_sheet(desk, office, day.date(), kind, who, to.resolve(), people)
        else:
            path = copy_sheet(desk, office, day.date(), kind, who, to.resolve())
    _screen().print(f"{'Sealed' if seal else 'In clear'}, logged: {path}", highlight=False, soft_wrap=True)


@export.command("sheets")
def export_sheets(
    day: Day,
    to: Annotated[Path, typer.Option("--to", help="Folder for the sealed files; a list of them is printed.")],
    by: By,
    reason: Reason,
    purpose: ForWhat = Purpose.DISCOVERY,
    kind: Kind = "xlsx",
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """The sheets of every office that has recipients, each sealed for its own."""
    from flows.desk import open_desk
    from flows.door import asker, seal_sheet
    from flows.recipients import read_recipients

    who = asker(by, purpose, reason)
    with open_desk(config, work) as desk:
        people = read_recipients(desk.settings.transport.recipients)
        for office in sorted(people.by_office):
            path = seal_sheet(desk, office, day.date(), kind, who, to.resolve(), people)
            _screen().print(f"{office} {path.name}", highlight=False)


@app.command()
def retain(
    as_of: AsOf = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="What would go; nothing is destroyed.")] = False,
    classes: Annotated[bool, typer.Option("--list", help="What is kept where, how long, by which law.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Do all proofs of destruction hold?")] = False,
    by: Annotated[str, typer.Option("--by", help="Who answers for it, recorded in the proofs.")] = "",
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Destroy what is older than its period, class by class, each with a signed proof (work/proofs)."""
    from flows import retention
    from flows.desk import open_desk

    if classes:
        retention.show_classes(_screen(), glance(config, work))
        return
    with open_desk(config, work) as desk:
        if verify:
            if wrong := retention.verify(desk):
                cure = "look who wrote to the work folder and the database; restore what was changed"
                raise OperatorError("retention", "; ".join(wrong[:10]), cure)
            _screen().print("All proofs hold: signed, in order, none missing, and what they tell is gone.")
            return
        told = retention.retain(desk, _day(as_of), dry_run=dry_run, account=by)
    retention.show_retained(_screen(), told, dry_run=dry_run)


@app.command()
def research(
    out: Annotated[Path, typer.Option("--out", help="Parquet file to write; must not exist.")],
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="The study and its approval; recorded and told beside.")],
    k: Annotated[int | None, typer.Option("--k", help="Fewest households alike.", min=3, show_default="5")] = None,
    labelled: Annotated[bool, typer.Option("--labelled", help="Reviewed households, with what was found.")] = False,
    as_of: AsOf = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Features for research (개인정보 보호법 제28조의2): no token, k alike each time, or refused."""
    from flows.desk import open_desk
    from flows.door import asker
    from flows.research import write_research

    who = asker(by, Purpose.RESEARCH, reason)
    with open_desk(config, work) as desk:
        least = k or desk.settings.research.k
        told, sheet = write_research(desk, _day(as_of), out.resolve(), least, who, labelled=labelled)
    words = f"{told.frame.height:,} households in {told.groups:,} groups of at least {told.smallest:,}"
    _screen().print(f"{words}; {told.suppressed:,} left out. {out}, {sheet}", highlight=False, soft_wrap=True)


@app.command()
def breach(
    first: Annotated[datetime, typer.Option("--from", formats=TIMES, help="Since when, in Seoul.")],
    last: Annotated[datetime, typer.Option("--to", formats=TIMES, help="Until when, in Seoul.")],
    to: Annotated[Path, typer.Option("--out", help="Folder for the draft notice and its JSON twin.")],
    by: By,
    reason: Reason,
    account: Annotated[str | None, typer.Option("--account", help="What this account was given alone.")] = None,
    file: Annotated[str | None, typer.Option("--file", help="A sheet that got out: DAY/OFFICE, or its name.")] = None,
    known: Annotated[
        datetime | None, typer.Option("--known-at", formats=TIMES, help="When it was noticed.", show_default="now")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Whose data was disclosed, which and how much, by when to tell them, and the notice (개인정보 보호법 제34조)."""
    from flows.breach import SEOUL, must_report, scope_of, write_scope
    from flows.desk import now, open_desk
    from flows.door import asker

    who = asker(by, Purpose.BREACH, reason)
    begin, end = first.replace(tzinfo=SEOUL), last.replace(tzinfo=SEOUL)
    with open_desk(config, work) as desk:
        known_at = known.replace(tzinfo=SEOUL) if known else now()
        scope = scope_of(desk, begin, end, known_at, account=account, file=file)
        page = write_scope(desk, scope, who, to.resolve())
    show = _screen()
    show.print(f"{len(scope.households):,} households, {scope.persons:,} persons, {len(scope.offices):,} offices")
    show.print(f"Data: {', '.join(scope.classes) or 'none found in the log'}", highlight=False)
    show.print(f"Tell them by {scope.due_at.astimezone(SEOUL):%Y-%m-%d %H:%M} in Seoul (72 hours)", highlight=False)
    show.print(f"Report to the commission: {'yes' if must_report(scope) else 'by extent and way'}")
    show.print(f"Draft: {page} and its .json twin", highlight=False, soft_wrap=True)


@request.command("copy")
def request_copy(
    household: Household,
    to: Annotated[Path, typer.Option("--to", help="Folder for the page and its JSON twin.")],
    by: By,
    reason: Reason,
    member: Annotated[int | None, typer.Option(help="1: the head, then by age. Without it, everybody.", min=1)] = None,
    as_of: AsOf = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """All that is held of a household, in Korean to read and as JSON (개인정보 보호법 제35조)."""
    from flows.desk import open_desk
    from flows.door import asker
    from flows.rights import give_copy

    who = asker(by, Purpose.ACCESS, reason)
    with open_desk(config, work) as desk:
        asked, page = give_copy(desk, household, member, _day(as_of), who, to.resolve())
    _screen().print(f"{asked.id} is done: {page} and its .json twin", highlight=False, soft_wrap=True)


@request.command("correct")
def request_correct(
    household: Household,
    row: Annotated[str, typer.Option("--row", help="The row's number (번호) in a copy of today.")],
    by: By,
    reason: Reason,
    change: Annotated[list[str] | None, typer.Option("--set", help="column=value, several times.")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="The row is wrong altogether.")] = False,
    as_of: AsOf = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """One row as it should stand, for all later nights and trainings; earlier nights stay as they were (제36조)."""
    from flows.desk import open_desk
    from flows.door import asker
    from flows.rights import correct

    if drop == bool(change) or any("=" not in told for told in change or ()):
        raise typer.BadParameter("give --drop, or --set column=value once or more")
    changes = None if drop else {name: value for name, _, value in (told.partition("=") for told in change or ())}
    who = asker(by, Purpose.CORRECTION, reason)
    with open_desk(config, work) as desk:
        asked, words = correct(desk, household, row, changes, _day(as_of), who)
    _screen().print(f"{asked.id} is done: {words}. Sheets that went out before still show it: tell the office.")


@request.command("stop")
def request_stop(
    household: Household,
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="A code: `blindspot stop --list`.")] = "requested",
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of the stop.")] = None,
    as_of: AsOf = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """As `blindspot stop`, with its entry in the list of requests (제37조)."""
    from flows import report
    from flows.desk import open_desk
    from flows.door import asker
    from flows.rights import stop

    day, last = _day(as_of), until.date() if until else None
    with open_desk(config, work) as desk:
        asked, is_new = stop(desk, household, reason, last, day, asker(by, Purpose.STOP, reason))
    _screen().print(f"{asked.id} is done.")
    report.stop_entered(_screen(), is_new, day, last)


@request.command("enter")
def request_enter(
    kind: Annotated[Literal["copy", "correct", "stop"], typer.Argument()],
    household: Household,
    by: By,
    reason: Reason = "requested",
    as_of: AsOf = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Note a request that will be worked on later: its ten days begin on the day it came."""
    from flows.desk import open_desk
    from flows.door import asker
    from flows.rights import enter

    purposes = {"copy": Purpose.ACCESS, "correct": Purpose.CORRECTION, "stop": Purpose.STOP}
    with open_desk(config, work) as desk:
        asked = enter(desk, kind, household, _day(as_of), asker(by, purposes[kind], reason))
    _screen().print(f"{asked.id}: due {asked.due_on}", highlight=False)


@request.command("refuse")
def request_refuse(
    name: Annotated[str, typer.Argument(metavar="REQUEST")],
    reason: Annotated[str, typer.Option("--reason", help="A code: `blindspot request list` shows them.")],
    as_of: AsOf = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Refuse for a reason that the law knows. The person is told it, and how to object."""
    from flows.desk import open_desk
    from flows.rights import REFUSALS, refuse

    with open_desk(config, work) as desk:
        asked = refuse(desk, name, reason, _day(as_of))
    _screen().print(f"{asked.id} is refused: {REFUSALS[reason]}", highlight=False)


@request.command("list")
def request_list(
    everything: Annotated[bool, typer.Option("--all", help="Those that are closed, too.")] = False,
    as_of: AsOf = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Requests by the day they are due; no household is told."""
    from flows.rights import REFUSALS, show_requests

    show_requests(_screen(), glance(config, work), _day(as_of), only_open=not everything)
    _screen().print("Reasons to refuse: " + ", ".join(f"{code} ({words})" for code, words in REFUSALS.items()))


def _day(as_of: datetime | None) -> date:
    return as_of.date() if as_of else today()


def _screen() -> Console:
    return Console(width=None if sys.stdout.isatty() else 140)
