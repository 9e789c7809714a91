"""Lines of what runs do: an allow-list, for their owner, a file a day, and no person."""

import json
import stat
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from flows import journal
from flows.journal import FIELDS, kept, note

AT = datetime(2026, 11, 2, 15, 30, tzinfo=UTC)  # half past midnight in Seoul, on the third
NIGHT: dict[str, Any] = {
    "run": "nightly-20261103-0123456789ab", "kind": "nightly", "as_of": date(2026, 11, 3), "state": "refused",
    "model": "20261102-0123456789ab", "stage": "fill office queues", "seconds": 1.25, "refusal": "stale",
    "exit_code": 12, "error": "ZeroDivisionError", "source": "kepco", "counts": {"households": 24_000_000},
    "received": 10, "accepted": 9, "set_aside": 1, "told": 2, "revision": 1, "process": "worker",
}  # fmt: skip
# A person, as text and as numbers that a count could be taken for.
PERSON: list[Any] = [
    "홍길동", "Hong Gildong", "hong_gildong", "900101-1234567", "9001011234567", "010-1234-5678", "01012345678",
    "서울특별시 종로구 자하문로 1, 101동 202호", "gildong@example.com", 9001011234567, 1012345678, -3074457345618258603,
    {"홍길동": 1}, {"phone": 1012345678}, {"households": "홍길동"}, ["홍길동"], None, b"\xed\x99\x8d",
]  # fmt: skip


def lines(work: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in sorted((work / "logs").iterdir()) for line in file.read_text().splitlines()]


def test_every_field_of_the_list_is_written_as_it_was_told(tmp_path: Path) -> None:
    assert set(NIGHT) == set(FIELDS)
    note(tmp_path, AT, "ended", **NIGHT)
    at = {"at": "2026-11-02T15:30:00.000+00:00", "event": "ended"}
    assert lines(tmp_path) == [{**at, **NIGHT, "as_of": "2026-11-03"}]


@pytest.mark.parametrize("value", PERSON, ids=str)
def test_no_planted_person_gets_through_whatever_field_carries_it(tmp_path: Path, value: object) -> None:
    fields = dict.fromkeys((*FIELDS, "message", "household_key", "name", "홍길동"), value)
    note(tmp_path, AT, "stage", **fields)
    (told,) = lines(tmp_path)
    assert told == {"at": told["at"], "event": "stage", "dropped": len(fields)}


def test_a_file_a_day_in_seoul_for_its_owner_alone(tmp_path: Path) -> None:
    note(tmp_path, AT, "started", kind="nightly")
    note(tmp_path, AT.replace(hour=14), "started", kind="nightly")
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "logs").iterdir()}
    assert files == {"2026-11-02.jsonl": 0o600, "2026-11-03.jsonl": 0o600}
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700


def test_lines_are_added_and_the_newest_of_a_kind_is_found_past_a_torn_one(tmp_path: Path) -> None:
    for told in (1, 2):
        note(tmp_path, AT, "notified", told=told)
    note(tmp_path, AT, "ended", state="done")
    with (tmp_path / "logs" / "2026-11-03.jsonl").open("a") as file:
        file.write('{"at": "2026-11-0')
    found = journal.last(tmp_path, "notified")
    assert found is not None
    assert found["told"] == 2
    assert journal.last(tmp_path, "delivery") is None


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    note(tmp_path, AT, "started", kind="nightly")
    kept_out = tmp_path / "elsewhere"
    kept_out.write_text("")
    (tmp_path / "work" / "logs").mkdir(parents=True)
    (tmp_path / "work" / "logs" / "2026-11-03.jsonl").symlink_to(kept_out)
    note(tmp_path / "work", AT, "started", kind="nightly")
    assert kept_out.read_text() == ""


def test_a_truth_is_no_count() -> None:
    assert kept({"counts": {"deployed": True}}) == {"dropped": 1}
