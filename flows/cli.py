"""The command line. Heavy rooms are imported only by the command that needs them: a done night answers in seconds."""

import os
import sys
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.cli_board import app as board_commands
from flows.cli_intake import app as intake_commands
from flows.cli_operate import app as operate_commands
from flows.cli_rights import app as rights_commands
from flows.cli_schedule import app as schedule_commands
from flows.cli_tools import app as tool_commands
from flows.cli_trust import app as trust_commands
from flows.desk import glance, today
from flows.errors import OperatorError
from flows.refusals import told_to_operator

app = typer.Typer(
    name="blindspot",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Finds households sliding into hardship that nobody has asked about, and fills each office's queue.",
    epilog="Settings: config.yaml, every key explained there. A refused night keeps yesterday's queues.",
)

Config = Annotated[Path, typer.Option("--config", help="Settings file.", show_default="config.yaml")]
Work = Annotated[Path | None, typer.Option("--work", help="Work folder, instead of the one in the settings.")]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], help="The day whose knowledge counts.", show_default="today in Seoul"
    ),
]

DEFAULT_CONFIG = Path(__file__).parent.parent / "config.yaml"


def _begun(as_of: datetime | None) -> date:
    """A run for a day to come would make all nights before it impossible."""
    day = as_of.date() if as_of else today()
    if day > today():
        raise typer.BadParameter(f"{day} is still to come: in Seoul it is {today()}", param_hint="--as-of")
    return day


@app.command()
def nightly(as_of: AsOf = None, config: Config = DEFAULT_CONFIG, work: Work = None) -> None:
    """Take in what arrived, score every household, fill the free places of each office, write the sheets."""
    from flows import report
    from flows.done import done_night
    from flows.notify import watching

    day = _begun(as_of)
    with watching(config, work, "nightly", day):  # the flow watches over all the rest
        desk = glance(config, work)
        done = done_night(desk, day)
        if not done:
            _prefect(desk.settings.work)
    if done:
        report.already_done(_screen(), done)
        return
    from flows.nightly import nightly as flow

    report.night(_screen(), flow(day, str(config), str(desk.settings.work)))


@app.command()
def retrain(
    as_of: AsOf = None,
    search_minutes: Annotated[float, typer.Option(help="Try other recipes for so long first.", min=0)] = 0.0,
    audit: Annotated[
        Path | None,
        typer.Option(
            help="Sex, disability, nationality per household (CSV, Parquet): compared, not kept.", dir_okay=False
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Learn from the answers known on a day; deploy the model only if it is not worse than today's."""
    from flows import report

    day = _begun(as_of)
    desk = glance(config, work)
    _prefect(desk.settings.work)
    from flows.retrain import retrain as flow

    report.training(_screen(), flow(day, str(config), str(desk.settings.work), search_minutes, _text(audit)))


@app.command()
def demo(
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
    households: Annotated[int | None, typer.Option(help="Size of the made-up country.", min=2000)] = None,
) -> None:
    """A made-up country from nothing to queues: files, training, one night. Needs an empty work folder, or its own."""
    from flows import report
    from flows.done import done_night

    desk = glance(config, work)
    as_of = desk.settings.demo.as_of
    if done := done_night(desk, as_of):
        report.already_done(_screen(), done)
        return
    _prefect(desk.settings.work)
    from flows.demo import demo as flow

    trained, night = flow(as_of, str(config), str(desk.settings.work), households or desk.settings.demo.households)
    report.training(_screen(), trained)
    report.night(_screen(), replace(night, taken=()))  # the deliveries were told with the training


@app.command()
def synthesize(
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
    households: Annotated[int | None, typer.Option(help="How many households.", min=500)] = None,
    months: Annotated[int | None, typer.Option(help="Months of files.", min=6, max=60)] = None,
    end: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day a file was sent.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same bytes.")] = None,
    lake: Annotated[
        bool, typer.Option("--lake", help="Straight into the lake, as if taken in: for countries of millions.")
    ] = False,
    files_share: Annotated[
        float, typer.Option(help="With --lake: next month's files, for this share of the households.", min=0, max=1)
    ] = 0.0,
) -> None:
    """Put a made-up country's agency files, registers and past rounds into the inbox, or into the lake."""
    from flows import report
    from flows.country import fill_lake
    from flows.desk import open_desk
    from flows.made_up import fill_inbox
    from flows.settings import load_settings

    settings = load_settings(config, work)
    wanted = settings.demo.model_copy(
        update={
            key: value
            for key, value in {
                "households": households,
                "months": months,
                "end": end.date() if end else None,
                "seed": seed,
            }.items()
            if value is not None
        }
    )
    if not lake:
        if files_share:
            raise typer.BadParameter("without --lake everything is told in files", param_hint="--files-share")
        report.made_up(_screen(), fill_inbox(settings, wanted))
        return
    with open_desk(config, work) as desk:
        _screen().print(str(fill_lake(desk, wanted, files_share)), highlight=False)


@app.command()
def status(
    check: Annotated[bool, typer.Option("--check", help="Was last night done in time? Exit code 40: no.")] = False,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Last nights, today's model, deliveries, and open work per office."""
    if check:
        from flows.notify import check_in_time

        _screen().print(f"The night of {check_in_time(config, work)} is done.", highlight=False)
        return
    from flows.status import show_status

    show_status(_screen(), glance(config, work))


@app.command()
def stop(
    household: Annotated[str | None, typer.Argument(help="Household number (세대번호).", show_default=False)] = None,
    reason: Annotated[str | None, typer.Option(help="Why: a code, see `--list`.")] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of the stop.", show_default="until lifted")
    ] = None,
    lift: Annotated[bool, typer.Option("--lift", help="From today on its data may be processed again.")] = False,
    show: Annotated[
        bool, typer.Option("--list", help="Stops that hold today, and the reasons to choose from.")
    ] = False,
    as_of: AsOf = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """A household asked that its data be not processed: in no queue and on no sheet from the next night on."""
    from flows import report, stops
    from flows.desk import open_desk

    day = as_of.date() if as_of else today()
    if show:
        report.stopped(_screen(), stops.stops_on(glance(config, work), day), stops.REASONS, day)
        return
    if household is None or (reason is None and not lift):
        raise typer.BadParameter("name a household number and --reason CODE, or --lift, or --list")
    with open_desk(config, work) as desk:
        if lift:
            report.lifted(_screen(), stops.lift_stop(desk, household, day), day)
            return
        last = until.date() if until else None
        report.stop_entered(_screen(), stops.stop_household(desk, household, str(reason), day, last), day, last)


@app.command()
def matrix(
    out: Annotated[Path, typer.Option("--out", help="Parquet file to write; must not exist.")],
    labelled: Annotated[bool, typer.Option("--labelled", help="Reviewed households per round, with labels.")] = False,
    as_of: AsOf = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """The night's own matrix of features for a data scientist: by token, logged. docs/features.md tells the columns."""
    from flows.desk import open_desk
    from flows.matrix import write_matrix

    day = as_of.date() if as_of else today()
    with open_desk(config, work) as desk:
        frame = write_matrix(desk, day, labelled, out.resolve())
    _screen().print(f"{frame.height:,} rows x {frame.width:,} columns as known on {day}: {out}", highlight=False)


@app.command()
def features() -> None:
    """The dictionary of all features, as Markdown (docs/features.md is this)."""
    from features.dictionary import write_dictionary
    from signals.catalogue import SIGNALS

    sys.stdout.write(write_dictionary(SIGNALS))


@app.command()
def promote(
    model: str,
    approve: Annotated[str, typer.Option("--approve", help="Who answers for it: a name, recorded.")],
    because: Annotated[str, typer.Option(help="Why the gate is overruled, recorded.")],
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Deploy a model the gate held back, where a person may judge otherwise. Name and reason are recorded."""
    from flows.desk import open_desk
    from flows.gate import approve as overrule

    with open_desk(config, work) as desk:
        found = overrule(desk, model, approve, because)
    _screen().print(f"[bold]{found.id}[/] is deployed, approved by {approve}.", highlight=False)


@app.command()
def rollback(
    by: Annotated[str, typer.Option(help="Who decides: a name, recorded.")],
    because: Annotated[str, typer.Option(help="Why, recorded.")],
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Back to the champion before this one, at once. The model that is withdrawn never comes back by itself."""
    from flows.desk import open_desk
    from flows.gate import roll_back

    with open_desk(config, work) as desk:
        withdrawn, restored = roll_back(desk, by, because)
    _screen().print(f"[bold]{restored.id}[/] is deployed again; {withdrawn.id} is withdrawn.", highlight=False)


@app.command()
def track(config: Config = DEFAULT_CONFIG, work: Work = None) -> None:
    """Mirror all models, their figures and reports into MLflow's files in the work folder. No night reads them."""
    from flows.tracking import track as mirror

    database, fresh, count = mirror(glance(config, work))
    _screen().print(f"{count} models, {fresh} new: {database}", highlight=False)
    _screen().print(f"To look: mlflow ui --host 127.0.0.1 --backend-store-uri sqlite:///{database}", soft_wrap=True)


app.add_typer(schedule_commands)
app.add_typer(tool_commands)
app.add_typer(operate_commands)
app.add_typer(trust_commands)
app.add_typer(rights_commands)
app.add_typer(board_commands)
app.add_typer(intake_commands)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())


def _prefect(work: Path) -> None:
    from flows.engine import prepare_process, refuse_full, set_environment

    refuse_full(work)
    prepare_process(work)
    set_environment(work)
    Console(stderr=True).print("[dim]Starting the flow engine: up to 20 seconds in a new work folder.[/]")


def _screen() -> Console:
    """Into a file or a pipe: wide enough that no table breaks."""
    return Console(width=None if sys.stdout.isatty() else 140)


def main() -> None:
    os.umask(0o077)
    if not os.access(".", os.X_OK):  # root's home, seen by `runuser`: Prefect would look there for settings, and fail
        os.chdir("/")
    try:
        with told_to_operator():
            app()
    except OperatorError as error:
        show = Console(stderr=True)
        show.print(f"[bold red]Refused ({error.kind}):[/] {error.what}", soft_wrap=True, highlight=False)
        show.print(f"[bold]What to do:[/] {error.cure}", soft_wrap=True, highlight=False)
        sys.exit(error.exit_code)
