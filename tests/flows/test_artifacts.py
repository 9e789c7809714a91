"""What Prefect's pages are shown: small, in Korean, of counts; never a file's name that a person chose."""

import ast
from datetime import date
from pathlib import Path

import pytest

from flows import artifacts
from flows.artifacts import MOST_ROWS, STEPS_KO, deliveries_of, pages_of, queues_of, tell_night
from flows.summary import NightSummary, OfficeQueue, Taken

FLOWS = Path(__file__).parent.parent.parent / "flows"
NAME = "홍길동 010-1234-5678.xlsx"


def night(offices: int, *taken: Taken) -> NightSummary:
    queues = tuple(OfficeQueue(f"{n:010}", f"{n}동", 12, n % 13, 1, 2) for n in range(offices))
    return NightSummary(
        as_of=date(2026, 11, 2), run="nightly-20261102-0123456789ab", model="m", taken=taken, households=7,
        decisions={}, not_joined={}, offices=queues, outbox=Path("/srv/out"), replies=Path("/srv/back"), seconds={},
    )  # fmt: skip


def test_of_many_offices_the_fullest_are_shown() -> None:
    shown = queues_of(night(1300))
    assert len(shown) == MOST_ROWS
    assert {row["진행 중"] for row in shown} == {12}
    assert shown[0] == {"읍면동": "12동", "정원": 12, "진행 중": 12, "새로 선정": 1, "다음 순번": 2}


def test_deliveries_are_counted_by_source_and_by_what_became_of_them() -> None:
    taken = [
        Taken("nhis_202610_20261101.csv", "nhis", "taken", 10, 8, 2, warnings=("w",), leftover=("x", "y")),
        Taken("nhis_202609_20261001.csv", "nhis", "taken", 5, 5, 0),
        Taken("nhis_202609_20261001.csv", "nhis", "refused"),
        Taken(NAME, "sheets", "taken", 3, 0, 3),
        Taken(NAME, "", "refused", message=NAME, cure=NAME),
    ]
    shown = deliveries_of(taken)
    told = {(row["기관"], row["처리"]): row for row in shown}
    whole = told["국민건강보험공단", "받음"]
    assert (whole["파일"], whole["받은 행"], whole["쓴 행"], whole["제외한 행"]) == (2, 15, 13, 2)
    assert (whole["주의"], whole["모르는 칸"]) == (1, 2)
    assert set(told) == {
        ("국민건강보험공단", "받음"), ("국민건강보험공단", "돌려보냄"),
        ("읍면동 회신 명단", "받음"), ("알 수 없음", "돌려보냄"),
    }  # fmt: skip
    assert "홍길동" not in str(shown) + pages_of(night(1, *taken))


def test_the_board_is_named_where_there_is_one(tmp_path: Path) -> None:
    from dataclasses import replace

    without = replace(night(1), outbox=tmp_path)
    assert "현황판" not in pages_of(without)
    (tmp_path / "board.html").touch()
    assert str(tmp_path / "board.html") in pages_of(without)


def test_outside_a_flow_run_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_try", lambda tell: pytest.fail("told"))
    tell_night(night(1))


def test_a_server_that_takes_nothing_stops_no_night(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ConnectionError("010-1234-5678")

    assert artifacts._try(fail) is None
    assert capsys.readouterr().err == "Prefect took no artifact (ConnectionError)\n"


def test_every_step_with_progress_has_its_korean_name() -> None:
    """The last argument of `track`, of `Workers.map` and of `Workers.map_all`."""
    named = set()
    for file in (f for f in FLOWS.glob("*.py") if f.stem not in ("progress", "country")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("track" | "track_all") | ast.Attribute(attr="map" | "map_all")):
                    named |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
                case ast.Tuple(elts=[ast.Call(func=ast.Name("partial")), ast.Constant(str(what))]):
                    named.add(what)
    assert len(named) > 6
    assert named == set(STEPS_KO)
