"""Deliveries taken back, by marker and by command; files not whole, whole by marker, not what they claim."""

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from flows.desk import Desk, open_desk
from flows.errors import OperatorError
from flows.inbox import take_in
from flows.knowledge import known_on
from flows.summary import Taken
from flows.withdrawing import take_back
from store import deliveries, ledger
from tests.flows import letters
from tests.flows.letters import NHIS, nhis, nhis_row

NIGHT = date(2026, 11, 2)
NEXT = NIGHT + timedelta(days=1)
EVENING = datetime(2026, 11, 2, 20, tzinfo=UTC)
GOOD = nhis(nhis_row(), nhis_row("8505052345678"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    config = letters.write_work(tmp_path)
    with open_desk(config, tmp_path / "work") as opened:
        take_in(opened, NIGHT)
        yield opened


def put(desk: Desk, file: str, raw: bytes, age_minutes: float = 60) -> Path:
    path = desk.inbox / file
    path.write_bytes(raw)
    then = path.stat().st_mtime - age_minutes * 60
    os.utime(path, (then, then))
    return path


def told(desk: Desk, file: str, as_of: date = NIGHT) -> Taken:
    return next(taken for taken in take_in(desk, as_of) if taken.file == file)


def a_night_passes(desk: Desk) -> None:
    night = ledger.start(desk.engine, "nightly", NIGHT, inputs="i", settings="s", code="c", now=EVENING, model="m")
    ledger.finish(desk.engine, night.id, "done", now=EVENING, counts={})


def rows(desk: Desk, as_of: date) -> int:
    return known_on(desk, as_of).observations.height


def test_a_marker_takes_a_delivery_back_from_the_next_night_on(desk: Desk) -> None:
    put(desk, NHIS, GOOD)
    assert told(desk, NHIS).accepted == 2
    a_night_passes(desk)
    marker = put(desk, f"{NHIS}.withdrawn", "잘못 보낸 자료입니다.".encode())
    assert told(desk, marker.name, NIGHT).state == "future", "that night is over and must not know more"
    taken = told(desk, marker.name, NEXT)
    assert (taken.state, taken.source) == ("taken", "nhis")
    assert "2건은 이제 쓰이지 않습니다" in taken.warnings[0]
    assert not marker.exists()
    assert (rows(desk, NIGHT), rows(desk, NEXT)) == (2, 0), "what was known then stays known then"
    assert "nhis" not in deliveries.latest(desk.engine, NEXT)
    put(desk, f"{NHIS}.withdrawn", b"again")
    assert told(desk, f"{NHIS}.withdrawn", NEXT).state == "refused", "it is back already"
    assert "거두어들였거나" in (desk.replies / f"{NHIS}.withdrawn.reply.csv").read_text("utf-8-sig")


def test_file_and_marker_in_one_night(desk: Desk) -> None:
    put(desk, NHIS, GOOD)
    put(desk, f"{NHIS}.withdrawn", b"")
    states = {taken.file: taken.state for taken in take_in(desk, NIGHT)}
    assert states == {NHIS: "taken", f"{NHIS}.withdrawn": "taken"}
    assert rows(desk, NIGHT) == 0
    put(desk, "nhis_202609_20261120.csv", GOOD)
    put(desk, "nhis_202609_20261120.csv.withdrawn", b"")
    states = {taken.file: taken.state for taken in take_in(desk, NIGHT)}
    assert states == {"nhis_202609_20261120.csv": "future", "nhis_202609_20261120.csv.withdrawn": "waiting"}


def test_after_it_was_taken_back_a_correction_counts_and_the_same_bytes_only_under_another_name(desk: Desk) -> None:
    put(desk, NHIS, GOOD)
    take_in(desk, NIGHT)
    take_back(desk, NHIS, "wrong month", "한국인 담당", NIGHT)
    put(desk, NHIS, GOOD)
    assert (told(desk, NHIS).state, rows(desk, NIGHT)) == ("refused", 0)
    again = NHIS.replace(".csv", "_r1.csv")
    put(desk, again, GOOD)
    assert told(desk, again).accepted == 2
    assert rows(desk, NIGHT) == 2
    put(desk, again, GOOD)
    assert told(desk, again).state == "again"
    assert rows(desk, NIGHT) == 2
    assert deliveries.latest(desk.engine, NIGHT)["nhis"] == (date(2026, 8, 1), date(2026, 10, 15))


def test_only_what_is_in_use_can_be_taken_back(desk: Desk) -> None:
    with pytest.raises(OperatorError, match="받아들인 적이 없거나") as refused:
        take_back(desk, "nhis_202601_20260301.csv", "x", "y", NIGHT)
    assert refused.value.kind == "withdrawal"
    put(desk, NHIS, GOOD)
    put(desk, NHIS.replace(".csv", "_r1.csv"), nhis())
    take_in(desk, NIGHT)
    with pytest.raises(OperatorError):
        take_back(desk, NHIS, "the correction took its place", "y", NIGHT)
    take_back(desk, NHIS.replace(".csv", "_r1.csv"), "x", "y", NIGHT)
    assert rows(desk, NIGHT) == 0, "what it corrected does not come back by itself"


def settings(desk: Desk, whole_when: str) -> Desk:
    inbox = desk.settings.inbox.model_copy(update={"whole_when": whole_when})
    known = desk.settings.model_copy(update={"inbox": inbox})
    return Desk(known, desk.engine, desk.keys, desk.lake, desk.archive)


@pytest.mark.parametrize(
    ("whole_when", "age_minutes", "state"),
    [("line_end", 0, "taken"), ("quiet", 0, "waiting"), ("quiet", 60, "taken"), ("marker", 60, "waiting")],
)
def test_when_a_file_counts_as_whole(desk: Desk, whole_when: str, age_minutes: float, state: str) -> None:
    patient = settings(desk, whole_when)
    put(desk, NHIS, GOOD, age_minutes)
    taken = told(patient, NHIS)
    assert taken.state == state
    assert taken.source == "nhis"
    if state == "waiting":
        assert ".done" in taken.cure
        (desk.inbox / f"{NHIS}.done").touch()
        assert told(patient, NHIS).state == "taken"
        assert not list(desk.inbox.iterdir()), "the marker goes with its file"


def test_a_sheet_needs_no_marker(desk: Desk) -> None:
    put(desk, letters.sheet_name(), letters.sheet({"alert_id": "A-1", "outcome": ""}), 60)
    assert told(settings(desk, "marker"), letters.sheet_name()).state != "waiting"


def test_a_digest_beside_a_file_is_held_against_it(desk: Desk) -> None:
    path, digest = put(desk, NHIS, GOOD), desk.inbox / f"{NHIS}.sha256"
    right = hashlib.sha256(GOOD).hexdigest()
    digest.write_text(f"{right.replace(right[0], '0' if right[0] != '0' else '1')}  {NHIS}\n")
    os.utime(path)
    assert told(desk, NHIS).state == "waiting", "perhaps the rest is under way"
    os.utime(path, (0, 0))
    assert told(desk, NHIS).state == "refused"
    assert ".sha256" in (desk.replies / f"{NHIS}.reply.csv").read_text("utf-8-sig")
    assert not list(desk.inbox.iterdir())
    put(desk, NHIS, GOOD, 0)
    digest.write_text(f"{right.upper()} *{NHIS}\n")
    assert told(settings(desk, "marker"), NHIS).state == "taken"
    assert not list(desk.inbox.iterdir())
