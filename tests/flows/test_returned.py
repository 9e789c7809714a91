"""Sheets that come back: held against our own records, kept once, told to the office, known from that day on."""

import csv
import io
import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from alerts.columns import ALERT_HEADER
from alerts.returned import CAPACITY_LABEL
from alerts.tables import OPEN_ALERTS
from flows import inbox
from flows.desk import Desk, open_desk
from flows.inbox import take_in
from flows.knowledge import contacts_known_on
from flows.queue_settings import told_capacities
from flows.summary import Taken
from models.labels import label
from signals.outcomes import OUTCOMES
from store import alerts, answers, deliveries, ledger
from store.archive import Archive
from store.lake import Lake
from store.tokens import tokens
from tests.flows import letters
from tests.flows.letters import OFFICE, sheet, sheet_name
from tests.whole.test_night import after

NIGHT = date(2026, 11, 2)
LATER = date(2026, 11, 5)
EVENING = datetime(2026, 11, 2, 20, tzinfo=UTC)
OTHER = "1111051600"
NO_NEED, UNREACHED = OUTCOMES["no_need"].label_ko, OUTCOMES["unreached"].label_ko
SPOKEN = {"contacted_on": "2026. 11. 4.", "outcome": NO_NEED, "dismissal": "체납·연체를 이미 갚음"}
TRIED = {"contacted_on": "2026-11-03", "outcome": UNREACHED, "channel": "전화"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from after_a_night(tmp_path, None)


@pytest.fixture
def desk_on_postgres(tmp_path: Path, postgres: Callable[[], str]) -> Iterator[Desk]:
    yield from after_a_night(tmp_path, postgres())


def after_a_night(folder: Path, database: str | None) -> Iterator[Desk]:
    """The tiny country after its night of 2 November: an open alert for each of its three households."""
    config = letters.write_work(folder, database=database)
    with open_desk(config, folder / "work") as opened:
        take_in(opened, NIGHT)
        run = ledger.start(opened.engine, "nightly", NIGHT, inputs="", settings="", code="", now=EVENING)
        alerts.save(opened.engine, run.id, NIGHT, three_alerts(opened), EVENING)
        ledger.finish(opened.engine, run.id, "done", now=EVENING)
        yield opened


def three_alerts(desk: Desk) -> pl.DataFrame:
    keys = tokens(pl.Series([f"H0000000{n}" for n in range(3)]), "household", desk.keys)
    rows = [
        dict.fromkeys(OPEN_ALERTS)
        | {
            "alert_id": f"A{n}", "household_key": key, "office": OFFICE, "lane": "risk", "works_as": "risk",
            "band": "high", "true_band": "high", "opened_on": NIGHT, "due_on": NIGHT + timedelta(days=28),
            "inclusion": 1.0, "is_new": True,
        }
        for n, key in enumerate(keys)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema={**OPEN_ALERTS, "is_new": pl.Boolean})


def bring(desk: Desk, raw: bytes, file: str = sheet_name(), as_of: date = LATER) -> Taken:
    (desk.inbox / file).write_bytes(raw)
    told = next(t for t in take_in(desk, as_of) if file.startswith(t.file))
    assert told.accepted + told.set_aside == told.received
    return told


def open_on(desk: Desk, day: date) -> dict[str, tuple[Any, ...]]:
    found = alerts.open_alerts(desk.engine, day)
    return {row[0]: row[1:] for row in found.select("alert_id", "outcome", "attempts").rows()}


def reply(desk: Desk, file: str = sheet_name()) -> list[dict[str, str]]:
    text = (desk.replies / f"{file}.reply.csv").read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_sheet_is_taken_answered_and_archived(desk: Desk) -> None:
    raw = sheet({"alert_id": "A0", **SPOKEN}, {"alert_id": "A1", **TRIED}, {"alert_id": "A2"})
    told = bring(desk, raw)
    assert (told.state, told.source, told.received, told.accepted) == ("taken", "sheets", 3, 3)
    assert (told.answers, told.new_answers, told.unanswered) == (2, 2, 1)
    assert open_on(desk, LATER) == {"A1": ("unreached", 1), "A2": (None, 0)}
    assert len(open_on(desk, LATER - timedelta(days=1))) == 3, "nobody knew it before"
    assert not list(desk.inbox.iterdir())
    kept = deliveries.listed(desk.engine, LATER)[0]
    assert (kept.source, kept.received_on, kept.base_month) == ("sheets", LATER, date(2026, 11, 1))
    assert desk.archive.open(kept.id) == raw
    assert "3줄 가운데 답 2줄" in reply(desk)[0]["내용"]


def workbook(capacity: int) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in (["답"], [ALERT_HEADER, "접촉일", "처리결과"], ["A0", datetime(2026, 11, 4, tzinfo=None), UNREACHED]):  # noqa: DTZ001
        page.append(row)
    book.create_sheet("안내").append([CAPACITY_LABEL, capacity])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def test_a_workbook_an_officer_saved_under_any_name(desk: Desk) -> None:
    told = bring(desk, workbook(7), "사본 - 발굴 명단(김주무관).xlsx")
    assert (told.state, told.answers) == ("taken", 1)
    assert told_capacities(desk, LATER) == {OFFICE: 7}
    assert told_capacities(desk, NIGHT) == {}


def test_nobody_tells_the_capacity_of_another_office(desk: Desk) -> None:
    file = f"queue_{OTHER}_20261102.xlsx"
    told = bring(desk, workbook(7), file)
    assert (told.set_aside, told_capacities(desk, LATER)) == (1, {})
    assert [line for line in reply(desk, file) if "반영하지 않았습니다" in line["내용"]]


def test_a_long_korean_name_gets_its_reply(desk: Desk) -> None:
    told = bring(desk, workbook(7), "발굴대상자처리결과" * 8 + ".xlsx")
    assert told.state == "taken"
    assert len(list(desk.replies.iterdir())) == 1


FAULTS: dict[str, tuple[dict[str, str], str]] = {
    "no alert of ours": ({"alert_id": "A9", **SPOKEN}, "보내 드린 적이 없는"),
    "the row tells another office": ({"alert_id": "A0", "office": OTHER, **SPOKEN}, "다른 읍면동"),
    "after the file came": ({"alert_id": "A0", **SPOKEN, "contacted_on": "2026-11-06"}, "보내신 날보다 뒤"),
    "before the alert": ({"alert_id": "A0", **SPOKEN, "contacted_on": "2026-11-01"}, "알림일보다 앞"),
    "no such word": ({"alert_id": "A0", **SPOKEN, "outcome": "글쎄요"}, "목록에 없는"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_row_our_records_speak_against_is_set_aside_and_told(desk: Desk, case: str) -> None:
    row, words = FAULTS[case]
    told = bring(desk, sheet(row, {"alert_id": "A1", **SPOKEN}))
    assert (told.received, told.accepted, told.set_aside, told.answers) == (2, 1, 1, 1)
    lines = [line for line in reply(desk) if line["구분"] == "제외"]
    assert [line["줄"] for line in lines] == ["2"]
    assert words in lines[0]["내용"]
    assert sorted(open_on(desk, LATER)) == ["A0", "A2"]
    assert len(deliveries.rows_set_aside(desk.engine, deliveries.listed(desk.engine, LATER)[0].id)) == 1
    assert contacts_known_on(desk, LATER)["alert"].to_list() == ["A1"]


def test_another_offices_sheet_answers_for_nobody_and_may_be_named_right_then(desk: Desk) -> None:
    raw = sheet({"alert_id": "A0", **SPOKEN})
    first = bring(desk, raw, sheet_name(OTHER))
    assert (first.set_aside, first.answers, len(open_on(desk, LATER))) == (1, 0, 3)
    again = bring(desk, raw, sheet_name())
    assert (again.state, again.answers) == ("taken", 1)
    assert "A0" not in open_on(desk, LATER)


def test_both_offices_of_an_alert_that_moved_may_answer(desk: Desk) -> None:
    run = ledger.start(desk.engine, "nightly", LATER, inputs="", settings="", code="", now=EVENING)
    moved = three_alerts(desk).with_columns(is_new=pl.lit(False), office=pl.lit(OTHER), moved_from=pl.lit(OFFICE))
    alerts.save(desk.engine, run.id, LATER, moved, EVENING)
    ledger.finish(desk.engine, run.id, "done", now=EVENING)
    next_day = LATER + timedelta(days=1)
    told = bring(desk, sheet({"alert_id": "A0", "office": OFFICE, **TRIED}), sheet_name(OFFICE), next_day)
    assert told.answers == 1
    told = bring(desk, sheet({"alert_id": "A0", "office": OTHER, **SPOKEN}), sheet_name(OTHER), next_day)
    assert told.answers == 1
    assert contacts_known_on(desk, next_day)["office"].unique().to_list() == [OTHER], "it is with that one now"


def test_a_date_that_lay_ahead_comes_to_pass(desk: Desk) -> None:
    raw = sheet({"alert_id": "A0", **SPOKEN, "contacted_on": "2026-11-06"})
    assert bring(desk, raw).set_aside == 1
    assert bring(desk, raw).state == "again"
    told = bring(desk, raw, as_of=LATER + timedelta(days=1))
    assert (told.state, told.new_answers) == ("taken", 1)


def test_the_same_file_twice_changes_nothing(desk: Desk) -> None:
    raw = sheet({"alert_id": "A0", **SPOKEN})
    bring(desk, raw)
    before = state(desk)
    assert bring(desk, raw).state == "again"
    assert bring(desk, raw, "다른 이름.csv", LATER + timedelta(days=1)).state == "again"
    assert state(desk) == before


def test_a_correction_and_an_older_copy_after_it(desk: Desk) -> None:
    bring(desk, sheet({"alert_id": "A0", **SPOKEN}), "1.csv")
    bring(desk, sheet({"alert_id": "A0", **TRIED, "contacted_on": "11/5/2026"}), "2.csv")
    assert open_on(desk, LATER)["A0"] == ("unreached", 1)
    told = bring(desk, sheet({"alert_id": "A0", **TRIED}), "3.csv", LATER + timedelta(days=1))
    assert (told.state, told.new_answers) == ("taken", 1)
    assert open_on(desk, LATER + timedelta(days=1))["A0"] == ("unreached", 2)
    assert len(answers.told_of(desk.engine, "A0")) == 3
    assert [e.event for e in alerts.history(desk.engine, "A0")] == ["opened", "closed", "reopened", "answered"]


def test_two_officers_copies_blank_nothing_of_each_other(desk: Desk) -> None:
    one, two = {"alert_id": "A0", **SPOKEN}, {"alert_id": "A1", **TRIED}
    bring(desk, sheet(one, {"alert_id": "A1"}, {"alert_id": "A2"}), "queue (김).csv")
    bring(desk, sheet({"alert_id": "A0"}, two, {"alert_id": "A2"}), "queue (이).csv")
    assert open_on(desk, LATER) == {"A1": ("unreached", 1), "A2": (None, 0)}


def test_a_try_without_an_outcome_is_kept_and_teaches_nothing(desk: Desk) -> None:
    assert bring(desk, sheet({"alert_id": "A0", "contacted_on": "2026-11-04", "channel": "전화"})).answers == 1
    assert open_on(desk, LATER)["A0"] == (None, 0)
    assert [(a.outcome, a.channel) for a in answers.told_of(desk.engine, "A0")] == [(None, "phone")]
    assert contacts_known_on(desk, LATER).is_empty()


def test_answers_teach_exactly_once(desk: Desk) -> None:
    """The officer's sheet, a second copy of it, and at last the register tell of one contact."""
    bring(desk, sheet({"alert_id": "A0", **SPOKEN}), "1.csv")
    bring(desk, sheet({"alert_id": "A0", **SPOKEN, "channel": "전화"}), "2.csv", LATER + timedelta(days=1))
    header = ("관리번호", "세대번호", "행정동코드", "구분", "선정일", "접촉일", "처리결과", "지원급여", "입력일")
    rows = [
        ("A0", "H000-00000", OFFICE, "risk", "2026-11-02", "2026-11-04", NO_NEED, "", "2026-11-05"),
        ("A1", "H000-00001", OFFICE, "risk", "2026-11-02", "2026-11-05", UNREACHED, "", "2026-11-05"),
        ("A2", "H000-00000", OFFICE, "risk", "2026-11-02", "2026-11-05", NO_NEED, "", "2026-11-05"),
    ]
    register = bring(
        desk, letters.csv(header, rows).encode("utf-8-sig"), "contacts_202611_20261107.csv", date(2026, 11, 8)
    )
    assert any("1건" in warning for warning in register.warnings), "A2 is another household's"
    day = date(2026, 11, 8)
    told = contacts_known_on(desk, day)
    taught = label(told, day, answering_days=0)
    key = tokens(pl.Series(["H00000000"]), "household", desk.keys)[0]
    assert taught.filter(pl.col("household_key") == key).select("selected_on", "label").rows() == [(NIGHT, 0)]
    assert open_on(desk, day) == {"A1": ("unreached", 1), "A2": (None, 0)}
    assert len(answers.told_of(desk.engine, "A0")) == 3
    assert label(contacts_known_on(desk, LATER - timedelta(days=1)), LATER, answering_days=0).is_empty()


def test_a_sheet_never_changes_what_a_done_night_knew(desk: Desk) -> None:
    (desk.inbox / sheet_name()).write_bytes(sheet({"alert_id": "A0", **TRIED}))
    assert next(iter(take_in(desk, NIGHT))).state == "future"
    assert (desk.inbox / sheet_name()).exists()
    assert take_in(desk, NIGHT + timedelta(days=1))[0].state == "taken"


@pytest.mark.parametrize("raw", [b"PK\x03\x04 half", sheet({"alert_id": "A0"}, header=["office", "outcome"])])
def test_a_sheet_nobody_can_read_is_refused_with_a_reply(desk: Desk, raw: bytes) -> None:
    file = "queue_1111051500_20261102.xlsx"
    path = desk.inbox / file
    path.write_bytes(raw)
    os.utime(path, (0, 0))
    told = take_in(desk, LATER)[0]
    assert (told.state, told.source) == ("refused", "sheets")
    assert reply(desk, file)[0]["구분"] == "파일 전체 거절"


def state(desk: Desk) -> dict[str, Any]:
    """All that a night reads of answers."""
    ids = ("A0", "A1", "A2")
    events = [(e.alert, e.event, e.source, e.known_on, e.outcome) for a in ids for e in alerts.history(desk.engine, a)]
    told = [(a.alert, a.version, a.delivery, a.received_on) for i in ids for a in answers.told_of(desk.engine, i)]
    found = [
        (d.id, d.source, d.received, d.accepted, d.set_aside, d.received_on) for d in deliveries.listed(desk.engine)
    ]
    return {
        "open": alerts.open_alerts(desk.engine, LATER).rows(), "events": events, "answers": told, "deliveries": found,
        "contacts": contacts_known_on(desk, LATER).rows(), "capacity": told_capacities(desk, LATER),
        "replies": {f.name: f.read_bytes() for f in desk.replies.iterdir()}, "inbox": list(desk.inbox.iterdir()),
    }  # fmt: skip


KILLED = [
    ("archive", 0),
    ("archive", 1),
    ("lake", 0),
    ("lake", 3),
    ("reply", 1),
    ("record", 0),
    ("record", 1),
    ("unlink", 0),
]


@pytest.mark.parametrize(("point", "calls"), KILLED)
def test_killed_at_any_commit_point_and_run_again_is_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, point: str, calls: int
) -> None:
    """Killed before call number `calls` of one commit point."""
    files = {
        sheet_name(): sheet({"alert_id": "A0", **SPOKEN}, {"alert_id": "A9", **TRIED}),
        "queue (김).csv": sheet({"alert_id": "A0", **SPOKEN}, {"alert_id": "A1", **TRIED}),
    }
    for name, raw in files.items():
        (desk.inbox / name).write_bytes(raw)
    places: dict[str, tuple[Any, str]] = {
        "archive": (Archive, "keep"), "lake": (Lake, "append_many"), "reply": (inbox, "write_whole"),
        "record": (answers, "record"), "unlink": (Path, "unlink"),
    }  # fmt: skip
    with monkeypatch.context() as patched:
        place, name = places[point]
        patched.setattr(place, name, after(calls, getattr(place, name)))
        with pytest.raises(KeyboardInterrupt):
            take_in(desk, LATER)
    take_in(desk, LATER)
    told = state(desk)
    assert told["inbox"] == []
    assert [row[0] for row in told["answers"]] == ["A0", "A1"]
    assert sorted(told["replies"]) == sorted(f"{name}.reply.csv" for name in files)
    assert {d[2:5] for d in told["deliveries"] if d[1] == "sheets"} == {(2, 1, 1), (2, 2, 0)}
    assert open_on(desk, LATER) == {"A1": ("unreached", 1), "A2": (None, 0)}
    assert len(told["events"]) == 5
    assert set(contacts_known_on(desk, LATER)["alert"]) == {"A0", "A1"}


def test_the_same_on_postgresql(desk_on_postgres: Desk) -> None:
    test_a_correction_and_an_older_copy_after_it(desk_on_postgres)
    told = bring(desk_on_postgres, sheet({"alert_id": "A1", **SPOKEN}, {"alert_id": "A9", **TRIED}), "4.csv",
                 LATER + timedelta(days=1))  # fmt: skip
    assert (told.answers, told.set_aside) == (1, 1)
    assert open_on(desk_on_postgres, LATER + timedelta(days=1)) == {"A0": ("unreached", 2), "A2": (None, 0)}
