"""Everything that can stop a night, looked at before it begins: one line each, with its cure."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from flows.checks import CHECKS, Found, State
from flows.desk import Glance
from flows.errors import OperatorError
from flows.refusals import as_operator_error
from flows.report import table_of
from flows.settings import load_settings
from store.database import open_as_it_is, revision

_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True, slots=True)
class Line:
    check: str
    state: State
    what: str
    cure: str


def examine(config: Path, work: Path | None) -> list[Line]:
    """In the order of CHECKS; settings first: without them nothing else can be asked."""
    try:
        settings = load_settings(config, work)
    except OperatorError as error:
        return [Line("settings", "fail", error.what, error.cure)]
    lines = [Line("settings", "ok", str(config), "")]
    if not settings.work.is_dir():
        what = f"{settings.work} does not exist yet"
        return [*lines, Line("work folder", "warn", what, "the first command makes it; `make demo` shows how it looks")]
    try:
        with open_as_it_is(settings.database_url) as engine:
            if engine is None or revision(engine) is None:
                cure = "the first command makes it; if it was there, restore the backup"
                return [*lines, Line("database", "warn", "there is none yet", cure)]
            seen = Glance(settings, engine)
            return lines + [line for check in CHECKS for line in _asked(check.name, check.look, seen)]
    except Exception as error:
        return [*lines, _fallen("database", error)]


def _asked(name: str, look: Callable[[Glance], Iterator[Found]], seen: Glance) -> Iterator[Line]:
    """A check that falls over is itself a finding; the others are still asked."""
    told = False
    try:
        for state, what, cure in look(seen):
            if state != "ok" or not told:
                yield Line(name, state, what, cure)
            told = True
    except Exception as error:
        yield _fallen(name, error)


def _fallen(name: str, error: Exception) -> Line:
    refused = as_operator_error(error)
    if refused is None:
        return Line(name, "fail", f"cannot be looked at ({type(error).__name__})", "see docs/runbook.md, or report it")
    return Line(name, "fail", refused.what, refused.cure)


def show(screen: Console, lines: list[Line]) -> None:
    table = table_of("check", "", "found", "what to do")
    for column in table.columns[1:]:
        column.justify, column.overflow = "left", "fold"
    for line in lines:
        table.add_row(line.check, f"[{_COLOURS[line.state]}]{line.state}[/]", line.what, line.cure)
    screen.print(table)


def as_json(lines: list[Line]) -> str:
    return json.dumps(
        {"ready": is_ready(lines), "checks": [asdict(line) for line in lines]}, ensure_ascii=False, indent=1
    )


def is_ready(lines: list[Line]) -> bool:
    return not any(line.state == "fail" for line in lines)
