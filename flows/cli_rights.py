"""The commands of export, retention and rights: whoever answers for the data works with these."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.desk import glance, today
from flows.errors import OperatorError
from store.purposes import Purpose

app = typer.Typer()
export = typer.Typer(help="A sheet of a past night, copied or sealed for its office. The access log has it first.")
app.add_typer(export, name="export", no_args_is_help=True)

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
Kind = Annotated[str, typer.Option("--kind", help="xlsx, csv or html.")]

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


def _day(as_of: datetime | None) -> date:
    return as_of.date() if as_of else today()


def _screen() -> Console:
    return Console(width=None if sys.stdout.isatty() else 140)
