"""Whose data got out: all of them, nobody else, counted in persons who live there."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.breach import CLASSES, SEOUL, must_report, scope_of, told, write_scope
from flows.cli import app
from flows.desk import Desk, open_desk
from flows.door import Asker
from flows.errors import OperatorError
from flows.inbox import take_in
from store import access_log
from store.access_log import Disclosure
from store.database import reading
from store.purposes import Purpose
from store.tables import Access
from tests.flows import letters
from tests.flows.letters import OFFICE

NIGHT = date(2026, 11, 2)
NOON = datetime(2026, 11, 3, 12, tzinfo=SEOUL)
HOUR = timedelta(hours=1)
ASKER = Asker("보호책임자", Purpose.BREACH, "분실 신고")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three households of one person each, but for the second, where two live; a sheet, a copy of it, a matrix."""
    file = letters.write_work(tmp_path_factory.mktemp("country"))
    with open_desk(file) as desk:
        two = letters.residents("2026-10-01").replace(b"H000-00002", b"H000-00001")
        (desk.inbox / "residents_202609_20261010.csv").write_bytes(two)
        take_in(desk, NIGHT)
        keys = keys_of(desk)
        for hours, account, task, subjects, office in (
            (0, "night", "sheet", keys[:2], OFFICE),
            (1, "kim (svc)", "export", keys[:2], OFFICE),
            (2, "lee (lee)", "matrix", keys[2:], None),
            (30, "night", "sheet", keys, "1111051600"),
        ):
            one = Disclosure(
                account=account, place="p", task=task, purpose=Purpose.DISCOVERY, reason="r", subjects=subjects,
                office=office, run="r" if hours < 3 else "r2",
            )  # fmt: skip
            access_log.record_access(desk.engine, desk.keys, one, NOON + hours * HOUR)
        folder = desk.outbox / str(NIGHT)
        folder.mkdir()
        (folder / "manifest.json").write_text(json.dumps({"run": "r", "files": {}}))
    return file


def keys_of(desk: Desk) -> list[int]:
    """In the order of the household numbers."""
    from flows.stops import household_key

    return [household_key(desk, f"H000-0000{n}") for n in range(3)]


@pytest.fixture
def desk(config: Path) -> Iterator[Desk]:
    with open_desk(config) as opened:
        yield opened


def seen(desk: Desk, hours: tuple[float, float] = (0, 3), **more: str) -> tuple[list[int], int, int]:
    """Households by place, persons, records."""
    scope = scope_of(desk, NOON + hours[0] * HOUR, NOON + hours[1] * HOUR, NOON, **more)
    keys = keys_of(desk)
    return sorted(keys.index(key) for key in scope.households), scope.persons, len(scope.records)


def test_households_and_persons_of_a_time_an_account_a_file(desk: Desk) -> None:
    assert seen(desk) == ([0, 1, 2], 3, 3), "the third stands empty: who lived there is counted where he lives"
    assert seen(desk, (0, 0)) == ([0, 1], 3, 1), "both ends are within"
    assert seen(desk, (0.01, 0.99)) == ([], 0, 0)
    assert seen(desk, (0, 40))[2] == 4
    for account in ("kim", "svc", "kim (svc)"):
        assert seen(desk, account=account) == ([0, 1], 3, 1)
    assert seen(desk, account="ki") == ([], 0, 0)
    for file in (f"{NIGHT}/{OFFICE}", f"work/outbox/{NIGHT}/{OFFICE}/index.html", f"queue_{OFFICE}_20261102.xlsx"):
        assert seen(desk, (0.5, 3), file=file) == ([0, 1], 3, 2), "the sheet itself, and the copy made of it since"
    assert seen(desk, file=f"{NIGHT}/1111051600") == ([], 0, 0)
    with pytest.raises(OperatorError, match="tells no night"):
        seen(desk, file="list.xlsx")
    with pytest.raises(OperatorError, match="lies before"):
        seen(desk, (2, 1))


def test_the_clock_the_classes_and_the_duty_to_report(desk: Desk) -> None:
    scope = scope_of(desk, NOON, NOON + 3 * HOUR, NOON + 5 * HOUR)
    assert scope.due_at == NOON + 77 * HOUR
    assert {"이름", "주소", "전화번호", "체납·단전 등 위기정보"} <= set(scope.classes)
    assert len(set(scope.classes)) == len(scope.classes)
    assert must_report(scope)
    nothing = scope_of(desk, NOON - 2 * HOUR, NOON - HOUR, NOON)
    assert (nothing.classes, must_report(nothing)) == ((), False)
    assert CLASSES["matrix"][-1].endswith("(이름·주소 없음)")


def test_the_notice_and_its_twin(desk: Desk, tmp_path: Path) -> None:
    scope = scope_of(desk, NOON, NOON + 3 * HOUR, NOON.astimezone(UTC))
    page = write_scope(desk, scope, ASKER, tmp_path)
    text, twin = page.read_text(encoding="utf-8"), json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    for words in ("2026-11-06 12:00", "2026-11-03 12:00", "사람(기준일의 세대원) | 3", OFFICE, "분쟁조정", "사과"):
        assert words in text, words
    assert not any(str(key) in text for key in scope.households), "tokens are for the machine alone"
    assert twin == told(scope)
    assert (twin["households"], twin["persons"], twin["due_at"]) == (3, 3, "2026-11-06T03:00:00+00:00")
    with reading(desk.engine) as session:
        last = session.query(Access).order_by(Access.seq.desc()).first()
    assert last is not None
    assert (last.task, last.purpose, last.rows) == ("breach", "breach", 3)
    assert page.stat().st_mode & 0o077 == 0


def test_on_the_command_line(config: Path, tmp_path: Path) -> None:
    words = ["breach", "--from", "2026-11-03", "--to", "2026-11-03T15:00", "--out", str(tmp_path), "--by", "보호책임자",
             "--reason", "분실", "--known-at", "2026-11-04T09:00", "--config", str(config)]  # fmt: skip
    out = CliRunner().invoke(app, words)
    assert out.exit_code == 0, out.output
    assert "3 households, 3 persons, 1 offices" in out.output
    assert "2026-11-07 09:00" in out.output
