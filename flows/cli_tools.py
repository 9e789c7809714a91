"""`blindspot doctor`, `replay`, `backup`, `restore`, `explain`, `notify` and `runbook`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.errors import OperatorError

app = typer.Typer()

DEFAULT_CONFIG = Path(__file__).parent.parent / "config.yaml"
Config = Annotated[Path, typer.Option("--config", help="Settings file.", show_default="config.yaml")]
Work = Annotated[Path | None, typer.Option("--work", help="Work folder, instead of the one in the settings.")]


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For a program: one object, the same checks.")] = False,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Look at everything a night needs, change nothing, and say the cure. Fails where a night would be stopped."""
    from flows import doctor as examination

    lines = examination.examine(config, work)
    if as_json:
        sys.stdout.write(examination.as_json(lines) + "\n")
    else:
        examination.show(_screen(), lines)
    if not examination.is_ready(lines):
        failed = ", ".join(dict.fromkeys(line.check for line in lines if line.state == "fail"))
        raise OperatorError("doctor", f"not ready for a night: {failed}", "do what each of these lines says")


@app.command()
def replay(
    run: Annotated[str, typer.Argument(help="A night's run, as `blindspot status` names it.")],
    keep: Annotated[
        Path | None, typer.Option("--keep", help="A new folder for the sheets, names and all. Else none stays.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Work a past night again from what it read, and compare it byte for byte with what was published. Logged."""
    from flows.desk import open_desk
    from flows.replay import replay as work_again

    with open_desk(config, work) as desk:
        told = work_again(desk, run, keep.resolve() if keep else None)
    screen = _screen()
    for line in told.why:
        screen.print(f"  {line}", highlight=False)
    if told.is_equal:
        screen.print(f"[green]The night of {told.as_of} comes out the same:[/] {told.files} files, byte for byte.")
        return
    named = (("differ", told.different), ("are missing", told.missing), ("are new", told.new))
    words = "; ".join(f"{len(files)} {how} ({', '.join(files[:3])})" for how, files in named if files)
    what = f"of {told.files} files of the night of {told.as_of}, {told.same} are the same; {words}"
    reason = "; ".join(told.why) or "nothing that is known of: report it as a bug"
    raise OperatorError("replay", what, f"what is different today: {reason}")


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(help="A new file; it is sealed with our own key.", dir_okay=False)],
    keys_to: Annotated[
        Path | None,
        typer.Option("--keys-to", help="Also copy the keys, to this empty folder. Never beside the backup."),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Everything the work folder holds in one file, read back and compared. The keys are not in it."""
    from flows.backup import back_up
    from flows.desk import open_desk

    with open_desk(config, work) as desk:
        told = back_up(desk, config.resolve(), to.resolve(), keys_to.resolve() if keys_to else None)
    screen = _screen()
    screen.print(f"{told.files:,} files, {told.bytes / 1e6:,.1f} MB in {told.place}; read back, byte for byte.")
    if told.missing:
        screen.print(f"[yellow]Not in it:[/] {told.missing}.")
    screen.print("Without the keys nobody opens it, we neither: keep their copy elsewhere (`--keys-to`).")


@app.command()
def restore(
    place: Annotated[Path, typer.Argument(metavar="FROM", help="A file that `blindspot backup` wrote.")],
    look: Annotated[bool, typer.Option("--look", help="Only read and compare every byte; nothing is written.")] = False,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """A backup into an empty work folder, the keys in their place before. Nothing is ever written over."""
    from flows.backup import look_at
    from flows.backup import restore as bring_back

    screen = _screen()
    if look:
        inside = look_at(config, work, place.resolve())
        made = f"made at {inside.about['made_at']}, last night {inside.about['last_night'] or 'none'}"
        screen.print(f"{len(inside.digests):,} files, {inside.bytes / 1e6:,.1f} MB, every byte as it was; {made}.")
        return
    told = bring_back(config, work, place.resolve())
    screen.print(f"{told.files:,} files are back in {told.work}; the last night was {told.last_night or 'none'}.")
    if told.has_other_settings:
        screen.print(f"[yellow]config.yaml was another then:[/] compare it with {told.work}/config-of-backup.yaml.")
    if told.findings:
        cure = "restore another backup; what the log says of that time cannot be trusted"
        raise OperatorError("backup", f"the access log is not whole: {told.findings[0]}", cure)
    screen.print("Database, lake, model and access log were looked at. Next: `blindspot doctor`.")


@app.command()
def explain(
    alert: Annotated[str, typer.Argument(help="Its number (알림번호), from an office's sheet.")],
    because: Annotated[str, typer.Option(help="Who asked, and how: recorded.")] = "정보주체의 설명 요구",
    to: Annotated[
        Path | None, typer.Option("--to", help="A new text file to hand over, instead of the screen.")
    ] = None,
    details: Annotated[bool, typer.Option("--details", help="Also lane, pushes as numbers, and history.")] = False,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Why this household: what the person is told who asks (개인정보 보호법 제37조의2). Logged before it is shown."""
    from flows.desk import glance
    from flows.explain import explain_alert, show_details
    from store.files import write_whole

    seen, screen = glance(config, work), _screen()
    if to is not None and to.exists():
        raise OperatorError("alert", f"{to} exists", "name a new file: nothing is written over")
    told = explain_alert(seen, alert, because)
    if to is not None:
        write_whole(to.resolve(), f"\ufeff{told.statement}".encode())
        screen.print(f"Written: {to}", highlight=False)
    else:
        screen.print(told.statement, highlight=False, markup=False, soft_wrap=True)
    if details:
        show_details(screen, seen, told)


@app.command()
def notify(config: Config = DEFAULT_CONFIG, work: Work = None) -> None:
    """Send everybody who is to be told a message that says so: does it arrive?"""
    from flows.notify import addresses, message_of_test, send
    from flows.settings import load_settings

    wanted = addresses(load_settings(config, work).notify)
    if not wanted:
        raise OperatorError("notify", "nobody is to be told", "name addresses: `notify` in config.yaml explains how")
    told = send(wanted, message_of_test())
    if told < len(wanted):
        what = f"{told} of {len(wanted)} addresses took the message"
        raise OperatorError("notify", what, "look at the addresses and at the server that receives")
    _screen().print(f"{told} of {len(wanted)} addresses took the message.")


@app.command()
def runbook() -> None:
    """Every message the software can give, what it means and what to do, as Markdown (docs/runbook.md is this)."""
    from flows.runbook import write_runbook

    sys.stdout.write(write_runbook())


def _screen() -> Console:
    """Into a file or a pipe: wide enough that no table breaks."""
    return Console(width=None if sys.stdout.isatty() else 140)
