"""The board of a real night, of a refused one, and of one that goes wrong; the queues of the outbox are left alone."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from frictionless import Package

from flows import board as room
from flows.board import folder_of, on_the_board, write_board
from flows.desk import Desk, open_desk
from flows.errors import OperatorError
from flows.run import running
from tests.whole.conftest import NIGHT, Worked

Bytes = Callable[[Path], dict[str, bytes]]


@pytest.fixture(scope="module")
def copied(worked: Worked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work folder after the night: others look at the one that is here."""
    return Path(shutil.copytree(worked.work, tmp_path_factory.mktemp("copied") / "work"))


def told(desk: Desk, day: Any = NIGHT) -> dict[str, Any]:
    board: dict[str, Any] = json.loads((folder_of(desk, day) / "board.json").read_bytes())
    return board


def test_a_published_night_has_its_board(worked: Worked, tmp_path: Path, bytes_of: Bytes) -> None:
    work = worked.again(tmp_path)
    with open_desk(worked.config, work) as desk:
        with on_the_board(desk, NIGHT), running(desk, "nightly", NIGHT) as run:
            run.open("")
            run.counts = {"decisions": worked.night.decisions, "households": worked.night.households}
            run.seconds = {"take in": 1.5}
        board = told(desk)
        assert (board["state"], board["run"], board["queues_of"]) == ("done", run.id, "2026-11-02")
        assert board["households"][0]["count"] == round(sum(worked.night.decisions.values()), -2)
        assert board["stages"] == [{"name": "take in", "seconds": 1.5}]
        assert {source["state"] for source in board["sources"]} <= {"current", "due", "late", "stale", "never"}
        assert sum(source["set_aside"] or 0 for source in board["sources"]) > 0
        assert [file["files"] for file in board["refused_files"]]
        folder = folder_of(desk, NIGHT)
        assert (desk.work / "board" / "board.html").read_bytes() == (folder / "board.html").read_bytes()
        before = bytes_of(desk.work / "board")
        write_board(desk, NIGHT)
        assert bytes_of(desk.work / "board") == before
        for place in (folder, desk.replies):
            assert Package(str(place / "datapackage.json")).validate().flatten(["type", "note"]) == []


def test_a_refused_night_has_a_board_too_and_leaves_the_queues_as_they_are(
    worked: Worked, copied: Path, bytes_of: Bytes
) -> None:
    day = NIGHT + timedelta(days=1)
    with open_desk(worked.config, copied) as desk:
        before = bytes_of(desk.outbox)
        with pytest.raises(OperatorError, match="kepco"), on_the_board(desk, day), running(desk, "nightly", day) as run:
            run.open("")
            raise OperatorError("stale", "kepco: the newest file came on 2026-06-01", "call somebody")
        assert bytes_of(desk.outbox) == before
        board = told(desk, day)
        assert (board["state"], board["run"], board["queues_of"]) == ("refused", run.id, "2026-11-02")
        assert (board["refusal"]["kind"], board["refusal"]["exit_code"]) == ("stale", 12)
        assert board["households"] == []
        assert board["country"]["open"] == sum(office.open for office in worked.night.offices)
        page = (folder_of(desk, day) / "board.html").read_text(encoding="utf-8")
        assert "명단을 내보내지 않았습니다" in page
        assert "2026년 11월 2일</b> 명단이 그대로" in page


def test_a_night_whose_process_died_before_its_board_has_one_after_the_next(worked: Worked, tmp_path: Path) -> None:
    work = Path(shutil.copytree(worked.work, tmp_path / "work"))
    with open_desk(worked.config, work) as desk:
        assert not folder_of(desk, NIGHT).exists()
        with pytest.raises(OperatorError), on_the_board(desk, NIGHT + timedelta(days=1)):
            raise OperatorError("stale", "what", "cure")
        assert (told(desk)["state"], told(desk)["run"]) == ("done", worked.night.run)
        latest = (desk.work / "board" / "board.html").read_bytes()
        assert latest == (folder_of(desk, NIGHT + timedelta(days=1)) / "board.html").read_bytes()


def test_a_bug_is_on_the_board_by_its_kind_alone(worked: Worked, copied: Path) -> None:
    day = NIGHT + timedelta(days=2)
    with open_desk(worked.config, copied) as desk:
        with pytest.raises(ZeroDivisionError), on_the_board(desk, day):
            raise ZeroDivisionError("김영희")
        assert told(desk, day)["state"] == "failed"
        assert "김영희" not in (folder_of(desk, day) / "board.html").read_text(encoding="utf-8")


def test_a_board_that_cannot_be_written_changes_nothing_about_the_night(
    worked: Worked, copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> Path:
        raise OSError("full")

    monkeypatch.setattr(room, "write_board", broken)
    with open_desk(worked.config, copied) as desk:
        with on_the_board(desk, NIGHT):
            pass
        with pytest.raises(OperatorError), on_the_board(desk, NIGHT):
            raise OperatorError("stale", "what", "cure")
    assert capsys.readouterr().err.count("could not be written") == 2


def test_nobody_is_told_by_name_token_or_file(worked: Worked, copied: Path) -> None:
    with open_desk(worked.config, copied) as desk:
        write_board(desk, NIGHT)
        page = (folder_of(desk, NIGHT) / "board.html").read_text(encoding="utf-8")
        sheet = next(f for f in sorted(worked.night.outbox.glob("*/queue_*.csv")) if f.stat().st_size > 2000)
        row = sheet.read_text(encoding="utf-8-sig").splitlines()[1].split('","')
        assert not [cell for cell in (row[0].strip('"'), row[2], row[6], row[7]) if cell in page]


def test_a_night_that_was_not_published_cannot_be_told_again(worked: Worked, copied: Path) -> None:
    with open_desk(worked.config, copied) as desk, pytest.raises(OperatorError, match="no finished night"):
        write_board(desk, NIGHT - timedelta(days=3))
