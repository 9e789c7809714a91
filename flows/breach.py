"""The scope of a breach, from the access log and the outbox's manifests: whose data, which, by when to tell."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl
from jinja2 import Environment, StrictUndefined

from features.known import resident_spells
from features.links import enrol
from flows.desk import Desk
from flows.door import Asker, manifest_of, note_access
from flows.errors import OperatorError
from flows.knowledge import known_on
from store import disclosed
from store.disclosed import Disclosed
from store.files import write_whole
from store.purposes import told_ko

SEOUL: Final = ZoneInfo("Asia/Seoul")
HOURS: Final = 72  # 개인정보 보호법 시행령 제39조(통지), 제40조(신고)
REPORT_FROM: Final = 1000  # persons; or any sensitive or identifying data, or break-in from outside: always reported
# What a disclosure of a task puts at risk, in the words of the notice.
_CLEAR: Final = ("이름", "주소", "전화번호")
_TOLD: Final = ("가구원 수와 연령대", "체납·단전 등 위기정보", "발굴·상담 이력")
CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "sheet": (*_CLEAR, *_TOLD),
    "export": (*_CLEAR, *_TOLD),
    "copy": (*_CLEAR, *_TOLD),
    "explain": _TOLD,
    "matrix": (*_TOLD, "토큰(이름·주소 없음)"),
    "research": (*_TOLD, "거칠게 적은 특성(이름·주소·토큰 없음)"),
    "audit": ("성별·장애·국적(대조만 함)",),
}
_ELSE: Final = ("업무 기록",)
_FILE: Final = re.compile(
    r"(?:.*/)?(\d{4}-\d{2}-\d{2})/(\d{10})(?:/[^/]*)?$|(?:.*/)?queue_(\d{10})_(\d{8})\.(?:xlsx|csv)$"
)
_NOTICE: Final = Path(__file__).parent / "pages" / "notice.md"


@dataclass(frozen=True, slots=True)
class Scope:
    records: tuple[Disclosed, ...]
    households: tuple[int, ...]
    persons: int
    offices: tuple[str, ...]
    classes: tuple[str, ...]
    known_at: datetime

    @property
    def due_at(self) -> datetime:
        return self.known_at + timedelta(hours=HOURS)


def scope_of(
    desk: Desk, first: datetime, last: datetime, known_at: datetime, *, account: str | None = None,
    file: str | None = None,
) -> Scope:  # fmt: skip
    """account: of that account alone. file: whom a sheet of the outbox holds, and copies made of it within the time."""
    if last < first:
        raise OperatorError("breach", f"{last} lies before {first}", "give the times with --from and --to")
    found = disclosed.between(desk.engine, first, last, account)
    if file is not None:
        found = _of_file(desk, file, found)
    households = tuple(sorted({key for one in found for key in one.subjects}))
    return Scope(
        records=tuple(found),
        households=households,
        persons=_persons(desk, households, last.astimezone(SEOUL).date()),
        offices=tuple(sorted({one.office for one in found if one.office})),
        classes=tuple(dict.fromkeys(name for one in found for name in CLASSES.get(one.task, _ELSE))),
        known_at=known_at,
    )


def write_scope(desk: Desk, scope: Scope, asker: Asker, folder: Path) -> Path:
    """The notice in Korean, to be completed by whoever answers for it, and a JSON twin with the households' tokens."""
    if not folder.is_dir():
        raise OperatorError("breach", f"{folder} is no folder", "make it first; only its owner should read it")
    note_access(desk, "breach", asker, scope.households, asker.reason)
    name = f"breach-{scope.known_at:%Y%m%dT%H%MZ}"
    write_whole(folder / f"{name}.json", json.dumps(told(scope), ensure_ascii=False, indent=1).encode() + b"\n")
    write_whole(folder / f"{name}.md", _notice(desk, scope).encode())
    return folder / f"{name}.md"


def told(scope: Scope) -> dict[str, Any]:
    return {
        "known_at": scope.known_at.isoformat(timespec="seconds"),
        "due_at": scope.due_at.isoformat(timespec="seconds"),
        "households": len(scope.households),
        "persons": scope.persons,
        "report_to_commission": must_report(scope),
        "offices": list(scope.offices),
        "classes": list(scope.classes),
        "household_keys": list(scope.households),
        "records": [
            {
                "seq": one.seq, "at": one.at.isoformat(timespec="seconds"), "account": one.account, "place": one.place,
                "task": one.task, "purpose": one.purpose, "office": one.office, "households": len(one.subjects),
            }
            for one in scope.records
        ],
    }  # fmt: skip


def must_report(scope: Scope) -> bool:
    """To the commission (제34조제4항): a thousand persons, or sensitive data, which health and welfare history are."""
    return scope.persons >= REPORT_FROM or any(name in _TOLD for name in scope.classes)


def _of_file(desk: Desk, file: str, within: Sequence[Disclosed]) -> list[Disclosed]:
    parts = _FILE.match(file)
    if parts is None:
        what = "the file's name tells no night and office"
        raise OperatorError("breach", what, "give it as DAY/OFFICE, or as queue_OFFICE_DAY.xlsx")
    office = parts[2] or parts[3]
    day = date.fromisoformat(parts[1]) if parts[1] else datetime.strptime(parts[4], "%Y%m%d").date()  # noqa: DTZ007
    run = str(manifest_of(desk, day)["run"])
    sheet = disclosed.of_run(desk.engine, run, office)
    copies = [one for one in within if one.task == "export" and (one.run, one.office) == (run, office)]
    return [*([sheet] if sheet else []), *copies]


def _persons(desk: Desk, households: Sequence[int], as_of: date) -> int:
    """Who lives in them, as the registers told on the day."""
    if not households:
        return 0
    residents = known_on(desk, as_of).residents
    mine = residents.filter(pl.col("household_key").is_in(list(households)))
    whole = residents.join(mine.select("person_key").unique(), on="person_key", how="semi")
    roll = enrol(resident_spells(whole, as_of), as_of).roll.filter("is_current")
    return roll.filter(pl.col("household_key").is_in(list(households))).height


def _notice(desk: Desk, scope: Scope) -> str:
    answers_for = desk.settings.accountability
    page = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True).from_string(  # noqa: S701 (Markdown)
        _NOTICE.read_text(encoding="utf-8")
    )

    def when(at: datetime) -> str:
        return f"{at.astimezone(SEOUL):%Y-%m-%d %H:%M}"

    times = [one.at for one in scope.records]
    return page.render(
        scope=scope, classes=", ".join(scope.classes) or "확인된 항목 없음", known=when(scope.known_at),
        due=when(scope.due_at), first=when(min(times)) if times else "-", last=when(max(times)) if times else "-",
        purposes=", ".join(sorted({told_ko(one.purpose) for one in scope.records})) or "-",
        organisation=answers_for.organisation, contact=answers_for.contact, responsible=answers_for.responsible,
        report=must_report(scope),
    )  # fmt: skip
