"""`blindspot keys`, `blindspot log`, `blindspot roles`."""

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from flows.accesses import Review
    from store.roles import Role

app = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="Keys: made, rotated, looked at.")
log = typer.Typer(no_args_is_help=True, help="The access log: who saw whom, when, what for.")
roles = typer.Typer(no_args_is_help=True, help="Roles of the database's accounts (PostgreSQL).")
for part, word in ((keys, "keys"), (log, "log"), (roles, "roles")):
    app.add_typer(part, name=word)

DEFAULT_CONFIG = Path(__file__).parent.parent / "config.yaml"
Config = Annotated[Path, typer.Option("--config", help="Settings file.", show_default="config.yaml")]
Work = Annotated[Path | None, typer.Option("--work", help="Work folder, instead of the one in the settings.")]
By = Annotated[str, typer.Option("--by", help="Who decides: a name, recorded.")]
Because = Annotated[str, typer.Option("--because", help="Why, recorded.")]
Office = Annotated[list[str] | None, typer.Option("--office", help="10-digit code; again for each office.")]
SHOWN = 50


class KeyKind(StrEnum):
    SEAL = "seal"
    LOG = "log"


class RoleName(StrEnum):
    NIGHTLY = "nightly"
    OPERATOR = "operator"
    OFFICER = "officer"
    AUDITOR = "auditor"
    SCIENTIST = "scientist"


@keys.command("init")
def keys_init(config: Config = DEFAULT_CONFIG, work: Work = None) -> None:
    """Make fresh keys, once. The folder: `keys` in config.yaml, or the path in BLINDSPOT_KEYS."""
    from flows.desk import glance
    from flows.locksmith import init_keys

    folder = init_keys(glance(config, work))
    _screen().print(f"Keys made in [bold]{folder}[/]. Keep a copy apart from the data: without them it opens nowhere.")


@keys.command("rotate")
def keys_rotate(
    kind: Annotated[
        KeyKind, typer.Argument(help="seal: names and raw files. log: the chains of the logs.")
    ] = KeyKind.SEAL,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """A new key; what the old one sealed is sealed again. Killed, run it again: it goes on where it stopped."""
    from flows.desk import open_desk
    from flows.locksmith import rotate_key

    with open_desk(config, work) as desk:
        told = rotate_key(desk, kind.value)
    if told.is_resumed:
        _screen().print(f"The rotation to {told.key_id} that was begun is finished; no new key was made.")
    else:
        _screen().print(f"[bold]{told.key_id}[/] is the key from now on.")
    if kind is KeyKind.SEAL:
        _screen().print(
            f"{told.identities:,} identities and {told.files:,} files were sealed again; every token stays."
        )


@keys.command("status")
def keys_status(config: Config = DEFAULT_CONFIG, work: Work = None) -> None:
    """Which keys there are, since when, and what each seals. No key is shown."""
    from flows.desk import glance
    from flows.locksmith import key_state
    from flows.report import table_of

    state = key_state(glance(config, work))
    table = table_of("key", "made", "identities", "files", "fault")
    for key in state.files:
        counts = (
            f"{told.get(key.key_id, 0) or '':,}" if told.get(key.key_id) else ""
            for told in (state.identities, state.archive)
        )
        table.add_row(key.key_id, f"{key.made_at:%Y-%m-%d}", *counts, key.fault)
    _screen().print(f"[bold]Keys[/] in {state.folder}", highlight=False)
    _screen().print(table)
    known = {key.key_id for key in state.files}
    for key_id in sorted({*state.identities, *state.archive} - known):
        _screen().print(f"[bold red]{key_id} is missing[/]: what it sealed does not open. Restore it from its backup.")
    if state.pending:
        _screen().print(
            f"A rotation was not finished: {state.pending:,} still under an older key. `blindspot keys rotate`"
        )


@log.command("verify")
def log_verify(config: Config = DEFAULT_CONFIG, work: Work = None) -> None:
    """Is the log whole? Finds records edited, moved, removed or cut off, and heads that are missing."""
    from flows.accesses import verify
    from flows.desk import open_desk
    from flows.errors import OperatorError

    with open_desk(config, work) as desk:
        faults = verify(desk)
    for line in faults[:SHOWN]:
        _screen().print(f"- {line}", highlight=False)
    if faults:
        cure = "keep database and anchors as they are, tell the data-protection officer, compare with a backup"
        raise OperatorError("log", f"{len(faults)} faults in the logs", cure)
    _screen().print("Both logs are whole: every record follows from the one before, and every head is where it was.")


@log.command("review")
def log_review(
    by: Annotated[str, typer.Option("--by", help="Mark the review as done: who has looked, recorded.")] = "",
    note: Annotated[str, typer.Option("--note", help="What came of the findings, recorded.")] = "",
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """What was opened since the last review, and what in it a person must look at."""
    from flows.accesses import look_over, mark_reviewed
    from flows.desk import open_desk

    with open_desk(config, work) as desk:
        told = look_over(desk)
        _reviewed(_screen(), told)
        if by:
            mark_reviewed(desk, told, by, note)
            _screen().print(f"Reviewed by {by} up to record {told.upto}.", highlight=False)


@log.command("office")
def log_office(
    office: Annotated[str, typer.Argument(help="10-digit code.")],
    out: Annotated[Path, typer.Option("--out", help="CSV to write; must not exist.")],
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on.")] = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """The records of one office, for its own data-protection officer: by token, logged."""
    from flows.accesses import write_office
    from flows.desk import open_desk

    with open_desk(config, work) as desk:
        count = write_office(desk, office, since.date() if since else None, out.resolve())
    _screen().print(f"{count:,} records: {out}", highlight=False)


@log.command("subject")
def log_subject(
    household: Annotated[str, typer.Argument(help="Household number (세대번호).")],
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Who saw this household, when and what for. That you asked is recorded too."""
    from flows.accesses import about_household
    from flows.desk import open_desk
    from flows.report import table_of
    from flows.stops import household_key
    from store.purposes import told_ko
    from store.review import SEOUL

    with open_desk(config, work) as desk:
        records = about_household(desk, household_key(desk, household))
    table = table_of("record", "at", "account", "place", "task", "purpose", "office", "reason")
    for one in records:
        at = f"{one.at.astimezone(SEOUL):%Y-%m-%d %H:%M}"
        told = (one.account, one.place, one.task, told_ko(one.purpose), one.office or "", one.reason)
        table.add_row(str(one.seq), at, *told)
    _screen().print(table)
    _screen().print(f"{len(records):,} records name this household.", highlight=False)


@log.command("trim")
def log_trim(
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Today, if not named.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:
    """Delete records older than `log.keep_days` and `log.custody_days`. What is left still verifies."""
    from flows.accesses import trim
    from flows.desk import open_desk, today

    with open_desk(config, work) as desk:
        gone = trim(desk, as_of.date() if as_of else today())
    _screen().print(", ".join(f"{count:,} records of the {name} log deleted" for name, count in gone.items()))


@roles.command("show")
def roles_show() -> None:
    """The SQL that `apply` runs, for whoever administers the database."""
    from store.roles import statements

    sys.stdout.write(";\n".join(statements()) + ";\n")


@roles.command("apply")
def roles_apply(config: Config = DEFAULT_CONFIG, work: Work = None) -> None:
    """Make the roles and guard the rows, as the tables' owner, after each new version; again it changes nothing."""
    from flows.desk import glance
    from store.role_checks import check
    from store.roles import apply

    seen = glance(config, work)
    apply(seen.engine)
    _faults(_screen(), check(seen.engine))


@roles.command("grant")
def roles_grant(
    account: str, role: RoleName, by: By, because: Because, office: Office = None, config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:  # fmt: skip
    """Give an account a role; an officer, of the offices named. Recorded, and kept for three years."""
    from flows.desk import open_desk
    from flows.roles import grant

    with open_desk(config, work) as desk:
        grant(desk, account, _role(role), office or [], by, because)
    _screen().print(f"{account} is {role.value} now.", highlight=False)


@roles.command("revoke")
def roles_revoke(
    account: str, role: RoleName, by: By, because: Because, office: Office = None, config: Config = DEFAULT_CONFIG,
    work: Work = None,
) -> None:  # fmt: skip
    """Take a role from an account, or an officer's offices."""
    from flows.desk import open_desk
    from flows.roles import revoke

    with open_desk(config, work) as desk:
        revoke(desk, account, _role(role), office or [], by, because)
    _screen().print(f"{account} is {role.value} no more{' there' if office else ''}.", highlight=False)


@roles.command("list")
def roles_list(config: Config = DEFAULT_CONFIG, work: Work = None) -> None:
    """Who holds which role since when, and where the database does not hold them to it."""
    from flows.desk import glance
    from flows.report import table_of
    from store.role_checks import check
    from store.roles import listed

    seen = glance(config, work)
    table = table_of("account", "role", "office", "granted by", "on")
    for one in listed(seen.engine):
        table.add_row(one.account, one.role, one.office, one.granted_by, f"{one.granted_at:%Y-%m-%d}")
    _screen().print(table)
    _faults(_screen(), check(seen.engine))


def _role(told: RoleName) -> "Role":
    from store.roles import Role

    return Role(told.value)


def _reviewed(show: Console, told: "Review") -> None:
    from flows.report import table_of
    from store.review import FINDINGS_KO

    show.print(
        f"[bold]{told.records:,} records[/] since the last review ({told.after + 1} to {told.upto}).", highlight=False
    )
    for line in told.faults[:SHOWN]:
        show.print(f"[bold red]- {line}[/]", highlight=False)
    table = table_of("finding", "account", "day", "count", "first record")
    for one in told.found:
        words = f"{one.kind} ({FINDINGS_KO[one.kind]})"
        table.add_row(words, one.account, str(one.day), f"{one.count:,}", str(one.first or ""))
    if told.found:
        show.print(table)
    show.print(f"{len(told.found)} findings, {len(told.faults)} faults of the chain.", highlight=False)


def _faults(show: Console, faults: list[str]) -> None:
    for line in faults:
        show.print(f"[bold red]- {line}[/]", highlight=False)
    if not faults:
        show.print("The database holds every account to its role.")


def _screen() -> Console:
    return Console(width=None if sys.stdout.isatty() else 140)
