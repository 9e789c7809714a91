"""What a person may ask of the data held on them: a copy, a correction, a stop. Each within ten days, each logged."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, get_args

import polars as pl
from jinja2 import Environment, StrictUndefined
from rich.console import Console

from flows.desk import Desk, Glance, now
from flows.door import Asker, names_of, note_access
from flows.errors import OperatorError
from flows.held import Held, find_row, held, sections, told_of
from flows.keeping import KEPT
from flows.report import table_of
from flows.stops import household_key, stop_by_key
from signals.registers import END_REASONS_KO
from signals.signal import Housing
from store import correction, ledger, subject_requests
from store.files import write_whole
from store.lake import TABLES, Table
from store.subject_requests import Asked, Kind

# What a correction may change; keys and deliveries never. Name, phone and address are the resident register's.
MAY_CHANGE: Final[Mapping[Table, tuple[str, ...]]] = {
    "observations": ("observed_on", "months", "amount_won"),
    "residents": ("birth_year", "is_head", "valid_from", "valid_to", "end_reason"),
    "addresses": ("housing", "has_unit", "office", "valid_from", "valid_to"),
    "contacts": ("contacted_on", "outcome", "benefit"),
}
# 제35조제4항, 제36조제1항 단서, 제37조제2항.
REFUSALS: Final[Mapping[str, str]] = {
    "law": "다른 법률에서 열람·정정·처리정지를 금지하거나 제한하는 경우",
    "others": "다른 사람의 생명·신체를 해치거나 재산·이익을 부당하게 침해할 우려가 있는 경우",
    "duty": "공공기관이 법률에서 정한 소관 업무를 할 수 없게 되는 경우",
    "collected_by_law": "다른 법령에서 수집 대상으로 정한 정보의 삭제 요구인 경우",
    "correct": "확인한 결과 정보가 사실과 같은 경우",
    "not_theirs": "본인이나 정당한 대리인이 아닌 경우",
}
_CHOICES: Final[Mapping[str, Sequence[str]]] = {"end_reason": tuple(END_REASONS_KO), "housing": get_args(Housing)}
_PAGE: Final = Path(__file__).parent / "pages" / "held.html"


def enter(desk: Desk, kind: Kind, number: str, received_on: date, asker: Asker) -> Asked:
    """A request that came in, to be worked on later. The number becomes a token here."""
    key = household_key(desk, number)
    note_access(desk, "request", asker, [key], f"{kind} asked for; {asker.reason}")
    return subject_requests.enter(desk.engine, kind, key, received_on, asker.account, now())


def give_copy(desk: Desk, number: str, member: int | None, day: date, asker: Asker, folder: Path) -> tuple[Asked, Path]:
    """A page and its JSON twin in `folder`. member: that person's own rows alone, and the household's."""
    if not folder.is_dir():
        raise OperatorError("request", f"{folder} is no folder", "make it first; only its owner should read it")
    asked = enter(desk, "copy", number, day, asker)
    found = _of_member(held(desk, asked.household_key, day), member)
    people = _names(desk, found, asked, asker)
    told = told_of(desk, found, people, day)
    text = json.dumps(told, ensure_ascii=False, indent=1).encode()
    write_whole(folder / f"{asked.id}.json", text + b"\n")
    write_whole(folder / f"{asked.id}.html", _page(desk, asked, told).encode())
    subject_requests.close(desk.engine, asked.id, "done", day)
    return asked, folder / f"{asked.id}.html"


def correct(
    desk: Desk, number: str, name: str, changes: Mapping[str, str] | None, day: date, asker: Asker
) -> tuple[Asked, str]:
    """One row, by its number in the copy. changes: column -> value as written; None: the row goes. Later nights and
    trainings know the right one. Returns what was done, in words."""
    asked = enter(desk, "correct", number, day, asker)
    plan = asked.done or _planned(desk, asked, name, changes, day)
    table: Table = plan["table"]
    row = _typed(table, plan["row"])
    right = None if plan["changes"] is None else {**row, **_typed(table, plan["changes"])}
    subject_requests.note(desk.engine, asked.id, plan)
    received_on = date.fromisoformat(plan["received_on"])
    correction.correct(desk.engine, desk.lake, table, row, right, request=asked.id, received_on=received_on, now=now())
    subject_requests.close(desk.engine, asked.id, "done", day)
    return asked, f"known from {received_on} on: {'the row is withdrawn' if right is None else 'the row as corrected'}"


def stop(desk: Desk, number: str, reason: str, until: date | None, day: date, asker: Asker) -> tuple[Asked, bool]:
    """False: it was stopped for as long already."""
    asked = enter(desk, "stop", number, day, asker)
    is_new = stop_by_key(desk, asked.household_key, reason, day, until)
    subject_requests.close(desk.engine, asked.id, "done", day)
    return asked, is_new


def refuse(desk: Desk, request: str, reason: str, day: date) -> Asked:
    """With one of the reasons that the law knows; the person is told it, and how to object."""
    if reason not in REFUSALS:
        raise OperatorError("request", f"{reason} is no reason", f"use one of {', '.join(REFUSALS)}")
    found = subject_requests.close(desk.engine, request, "refused", day, reason)
    if found is None:
        raise OperatorError("request", f"{request} is no open request", "see `blindspot request list`")
    return found


def show_requests(show: Console, seen: Glance, day: date, *, only_open: bool) -> None:
    found = subject_requests.listed(seen.engine, only_open=only_open)
    if not found:
        show.print("No request of a person is open." if only_open else "Nobody has asked for anything yet.")
        return
    table = table_of("request", "asks for", "received", "due", "state")
    for one in found:
        table.add_row(one.id, one.kind, str(one.received_on), str(one.due_on), _state(one, day))
    show.print(table)


def _state(one: Asked, day: date) -> str:
    if one.state != "open":
        return f"{one.state} {one.closed_on}" + (f" ({one.reason})" if one.reason else "")
    left = (one.due_on - day).days
    return f"[bold red]{-left} days late[/]" if left < 0 else f"{left} days left"


def _of_member(found: Held, member: int | None) -> Held:
    if member is None:
        return found
    if not 1 <= member <= len(found.person_keys):
        what = f"the household has {len(found.person_keys)} members, not {member}"
        raise OperatorError("request", what, "1 is its head, then by age")
    (person,) = found.person_keys[member - 1 : member]
    others = (pl.col("key_kind") == "person") & (pl.col("key") != person)
    rows = {
        **found.rows,
        "residents": found.rows["residents"].filter(pl.col("person_key") == person),
        "observations": found.rows["observations"].filter(~others),
    }
    return Held(found.household_key, (person,), rows)


def _names(desk: Desk, found: Held, asked: Asked, asker: Asker) -> pl.DataFrame:
    told = asker.disclosure("copy", [asked.household_key], f"request {asked.id}; {asker.reason}")
    return names_of(desk, found.residences, [told])


def _planned(desk: Desk, asked: Asked, name: str, changes: Mapping[str, str] | None, day: date) -> dict[str, Any]:
    place = find_row(desk, held(desk, asked.household_key, day), name)
    if place is None:
        cure = "take the number (번호) from a copy of today: `blindspot request copy`"
        raise OperatorError("request", "the household has no such row", cure)
    table, row = place
    if changes is not None:
        _check(table, row, changes)
    last = ledger.last_done_night(desk.engine)
    # What a night did not have is known from the day after it: run again, it must not know more.
    received_on = day if last is None else max(day, last.as_of + timedelta(days=1))
    plain = {key: None if value is None else str(value) for key, value in row.items()}
    return {"table": table, "row": plain, "changes": changes, "received_on": str(received_on)}


def _check(table: Table, row: Mapping[str, Any], changes: Mapping[str, str]) -> None:
    for column, value in changes.items():
        if column not in MAY_CHANGE[table]:
            cure = f"of this row, {', '.join(MAY_CHANGE[table])} can be corrected"
            raise OperatorError("request", f"{column} cannot be corrected here", cure)
        if value and column in _CHOICES and value not in _CHOICES[column]:
            raise OperatorError("request", f"{column} has no such value", f"use one of {', '.join(_CHOICES[column])}")
    try:
        right = {**row, **_typed(table, changes)}
    except (KeyError, pl.exceptions.PolarsError):
        what = "a value cannot be read"
        raise OperatorError("request", what, "days as 2026-08-31, whole numbers, true or false") from None
    # Said already by the row itself: a slip of the pen would close the request with nothing done.
    if right == row:
        raise OperatorError("request", "the row says so already", "check the number of the row and the values")


def _typed(table: Table, told: Mapping[str, str | None]) -> dict[str, Any]:
    """Text as the table has it; empty is null."""
    schema = TABLES[table]
    cells = {name: pl.Series(name, [value or None], dtype=pl.String) for name, value in told.items()}
    return {name: _read(cell, schema[name]) for name, cell in cells.items()}


def _read(cell: pl.Series, kind: pl.DataType) -> Any:
    if kind == pl.Date:
        return cell.str.to_date("%Y-%m-%d")[0]
    if kind == pl.Boolean:
        return None if cell[0] is None else {"true": True, "false": False}[str(cell[0]).lower()]
    return cell.cast(kind)[0]


def _page(desk: Desk, asked: Asked, told: Mapping[str, Any]) -> str:
    answers_for = desk.settings.accountability
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        _PAGE.read_text(encoding="utf-8")
    )
    days = desk.settings.retention
    kept = [
        f"{one.name_ko}: {desk.settings.lake.keep_months}개월" if not one.setting
        else f"{one.name_ko}: {getattr(days, one.setting):,}일"
        for one in KEPT
        if one.holds != "no person" and one.data not in ("keys", "versions", "scratch")
    ]  # fmt: skip
    return page.render(
        request=asked.id, told=told, sections=sections(told), kept=kept, organisation=answers_for.organisation,
        contact=answers_for.contact, legal_basis=answers_for.legal_basis,
    )  # fmt: skip
