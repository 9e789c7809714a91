"""What was out of the ordinary in a night: each kind is found once, and belongs to one night alone."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows import journal
from flows.engine import REPEATABLE
from flows.incidents import INCIDENTS, SPOILT_LINES, STAGES_KO, incidents_of
from flows.run import Run
from flows.schedule import SEOUL

DAY = date(2026, 11, 2)
FILE = {"received": 1000, "accepted": 1000, "set_aside": 0}
KINDS: list[tuple[str, list[tuple[str, dict[str, Any]]], list[str]]] = [
    ("begun_again", [("started", {"kind": "nightly", "as_of": DAY})], []),
    ("stopped", [("ended", {"kind": "nightly", "as_of": DAY, "state": "refused", "refusal": "busy"})], ["busy"]),
    ("stopped", [("ended", {"kind": "nightly", "as_of": DAY, "state": "failed", "error": "OSError"})], ["OSError"]),
    ("retried", [("retried", {"kind": "nightly", "as_of": DAY, "stage": "take in"})], ["받은 파일 읽기"]),
    ("restarted", [("restarted", {"process": "server"})], ["Prefect 서버"]),
    ("memory", [("out_of_memory", {})], []),
    ("untold", [("notified", {"state": "warnings", "told": 0})], []),
    ("waiting", [("delivery", {"as_of": DAY, "source": "kepco", "state": "waiting", **FILE})], ["한국전력공사"]),
    ("again", [("delivery", {"as_of": DAY, "source": "sheets", "state": "again", **FILE})], ["읍면동 회신"]),
    (
        "corrected",
        [("delivery", {"as_of": DAY, "source": "kepco", "state": "taken", "revision": 2, **FILE})],
        ["한국전력공사"],
    ),
    (
        "spoilt",
        [("delivery", {"as_of": DAY, "source": "kepco", "state": "taken", **FILE, "set_aside": 50})],
        ["한국전력공사"],
    ),
]  # fmt: skip
HARMLESS: list[tuple[str, dict[str, Any]]] = [
    ("started", {"kind": "retrain", "as_of": DAY}),
    ("ended", {"kind": "retrain", "as_of": DAY, "state": "refused", "refusal": "no_model"}),
    ("notified", {"state": "warnings", "told": 1}),
    ("delivery", {"as_of": DAY, "source": "kepco", "state": "taken", **FILE, "set_aside": 49}),
    ("delivery", {"as_of": DAY, "source": "kepco", "state": "refused", **FILE}),
    (
        "delivery",
        {"as_of": DAY, "source": "kepco", "state": "taken", "received": 20, "set_aside": SPOILT_LINES - 1},
    ),
]  # fmt: skip


class Log:
    def __init__(self, work: Path) -> None:
        self.work, self.at = work, datetime(2026, 11, 2, 1, 30, tzinfo=SEOUL)

    def note(self, event: Any, **fields: Any) -> None:
        self.at += timedelta(minutes=1)
        journal.note(self.work, self.at, event, **fields)

    def night(self, as_of: date, *between: tuple[str, dict[str, Any]]) -> None:
        self.note("started", kind="nightly", as_of=as_of)
        for event, fields in between:
            self.note(event, **fields)
        self.note("ended", kind="nightly", as_of=as_of, state="done")
        self.note("board", as_of=as_of, state="done")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.mark.parametrize(("code", "lines", "where"), KINDS, ids=lambda one: one if isinstance(one, str) else "")
def test_each_kind_is_told_once_with_its_place(
    log: Log, code: str, lines: list[tuple[str, dict[str, Any]]], where: list[str]
) -> None:
    log.night(DAY, *lines)
    (told,) = incidents_of(log.work, DAY)
    assert (told["code"], told["count"], told["where"]) == (code, 1, where)
    assert (told["name_ko"], told["cure_ko"]) == INCIDENTS[code]
    # The night after has none of it.
    log.night(DAY + timedelta(days=1))
    assert incidents_of(log.work, DAY + timedelta(days=1)) == []
    assert incidents_of(log.work, DAY) == [told]


def test_every_kind_has_its_line_here() -> None:
    assert {code for code, _, _ in KINDS} == set(INCIDENTS)


def test_each_step_that_may_be_begun_again_has_a_korean_name() -> None:
    assert {name.replace("_", " ") for name in REPEATABLE} == set(STAGES_KO)


def test_a_step_that_was_begun_again_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By Prefect, after a fault that passed."""
    desk = SimpleNamespace(work=tmp_path)
    run = Run(desk, "nightly", DAY)  # type: ignore[arg-type]
    tried = []

    def take_in(what: str) -> str:
        tried.append(what)
        return what

    def again(function: Callable[[str], str]) -> Callable[[str], str]:
        return lambda what: (function(what), function(what))[1]

    assert run.stage(take_in, "once") == "once"
    assert journal.last(tmp_path, "retried") is None
    monkeypatch.setattr("flows.run.step", again)
    assert run.stage(take_in, "twice") == "twice"
    told = journal.last(tmp_path, "retried")
    assert told is not None
    assert (told["stage"], told["as_of"], "dropped" in told) == ("take in", DAY.isoformat(), False)
    assert tried == ["once", "twice", "twice"]


def test_what_every_night_has_is_none(log: Log) -> None:
    log.night(DAY, *HARMLESS)
    assert incidents_of(log.work, DAY) == []


def test_what_happens_between_two_nights_is_told_of_the_second(log: Log) -> None:
    log.night(DAY)
    log.note("notified", state="warnings", told=0)
    log.note("restarted", process="worker")
    log.note("ended", kind="nightly", as_of=DAY + timedelta(days=1), state="refused", refusal="keys", exit_code=4)
    log.night(DAY + timedelta(days=2))
    assert incidents_of(log.work, DAY) == []
    told = {one["code"]: (one["count"], one["where"]) for one in incidents_of(log.work, DAY + timedelta(days=2))}
    assert told == {"stopped": (1, ["keys"]), "restarted": (1, ["작업자"]), "untold": (1, [])}


def test_what_happens_while_a_board_is_written_is_told_of_the_next_night(log: Log) -> None:
    log.night(DAY - timedelta(days=1), ("restarted", {"process": "worker"}))
    log.note("started", kind="nightly", as_of=DAY)
    log.note("ended", kind="nightly", as_of=DAY, state="done")
    log.note("restarted", process="server")
    log.note("board", as_of=DAY, state="done")
    assert incidents_of(log.work, DAY) == []
    log.night(DAY + timedelta(days=1))
    (told,) = incidents_of(log.work, DAY + timedelta(days=1))
    assert (told["code"], told["where"]) == ("restarted", ["Prefect 서버"])
    log.night(DAY + timedelta(days=2))
    assert incidents_of(log.work, DAY + timedelta(days=2)) == []


def test_a_refused_nights_own_end_is_its_headline_and_none_of_them(log: Log) -> None:
    for _ in range(2):
        log.note("started", kind="nightly", as_of=DAY)
        log.note("ended", kind="nightly", as_of=DAY, state="refused", refusal="stale", exit_code=12)
    assert {one["code"]: one["count"] for one in incidents_of(log.work, DAY)} == {"begun_again": 1, "stopped": 1}


def test_of_a_night_that_left_no_line_nothing_is_told(log: Log) -> None:
    log.note("restarted", process="worker")
    assert incidents_of(log.work, DAY) == []
