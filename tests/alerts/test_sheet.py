import csv
import io
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from alerts.columns import ADDRESS_FLAGS, COLUMNS, STATES, words
from alerts.sheet import write_csv, write_workbook
from tests.alerts.drawn import AS_OF, OFFICE
from tests.alerts.sheets import BENEFITS, HERE, PLAIN_ALERT, people, queue

GOLDEN = Path(__file__).parents[1] / "golden" / "queue.csv"


def read(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def by_household(alerts: pl.DataFrame, column: str) -> dict[int, str]:
    keys = {f"A{key:0>13}": key for key in alerts["household_key"]}
    return {keys[row["알림번호"]]: row[column] for row in read(write_csv(alerts, people(*range(1, 10))))}


def test_the_sheet_is_as_it_was_agreed() -> None:
    """A change here is a change of what officers see: look at it, then copy the new file to tests/golden."""
    assert write_csv(queue(), people(*range(1, 9))) == GOLDEN.read_bytes()


def test_it_reads_back_equal_in_csv_and_pandas() -> None:
    raw = write_csv(queue(), people(*range(1, 10)))
    frame = pd.read_csv(io.BytesIO(raw), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    assert frame.to_dict("records") == read(raw)
    assert list(frame.columns) == [column.header for column in COLUMNS]
    assert set(frame["행정동코드"]) == {OFFICE}
    assert set(frame["전화번호"]) == {"010-1234-5678"}


def test_rows_come_by_lane_as_worked_then_repeats_then_band_then_due_date() -> None:
    rows = read(write_csv(queue().sample(fraction=1.0, shuffle=True, seed=3), people(*range(1, 10))))
    assert [int(row["알림번호"][1:]) for row in rows] == [1, 2, 6, 8, 3, 4, 5, 7, 9]
    assert [row["구분"] for row in rows] == ["긴급", "일반 · 재발굴", *["일반"] * 5, "주소 확인", "부분 수급"]


@pytest.mark.parametrize("works_as", ["risk", "urgent", "trace", "partial"])
def test_explore_cannot_be_told_from_what_it_is_worked_as(works_as: str) -> None:
    chosen = queue().head(5).with_columns(lane=pl.lit(works_as), works_as=pl.lit(works_as))
    drawn = chosen.with_columns(
        lane=pl.lit("explore"), inclusion=pl.lit(0.01), probability=pl.lit(0.02), true_band=pl.lit("moderate")
    )
    assert write_csv(drawn, people(1, 2)) == write_csv(chosen, people(1, 2))
    book = write_workbook(drawn, people(1, 2), HERE, BENEFITS, AS_OF)
    assert book == write_workbook(chosen, people(1, 2), HERE, BENEFITS, AS_OF)


def test_no_number_ranks_a_household() -> None:
    names = {column.name for column in COLUMNS}
    assert not names & {"probability", "inclusion", "rank", "points", "household_key", "true_band"}
    assert str(PLAIN_ALERT["probability"]) not in write_csv(queue(), people(1)).decode("utf-8-sig")


def test_answers_are_left_to_the_officer_at_the_right() -> None:
    by = [column.filled_by for column in COLUMNS]
    assert by == sorted(by, reverse=True)  # us ... us officer ... officer
    answers = [column.header for column in COLUMNS if column.filled_by == "officer"]
    assert answers == [
        *("접촉일", "접촉방법", "접촉결과", "욕구확인", "처리결과", "지원급여"),
        *(f"이유 {n} 맞음/틀림" for n in range(1, 5)),
        *("거부·종결 사유", "다음 예정일"),
    ]
    assert not any(row[header] for row in read(write_csv(queue(), people(1))) for header in answers)


def test_every_answer_column_knows_its_words() -> None:
    chosen = {column.name for column in COLUMNS if column.filled_by == "officer" and column.answer == "word"}
    assert set(words(BENEFITS)) == chosen
    assert all(len(set(known.values())) == len(known) for known in words(BENEFITS).values())


def test_addresses_that_must_be_found_first_are_flagged() -> None:
    alerts = queue()
    flags = [row["주소 확인"] for row in read(write_csv(alerts, people(1, 2, 3, 4, 5)))]
    unknown = [key for key in alerts["household_key"] if key > 5]  # nobody knows their address
    assert sorted(flag for flag in flags if flag) == sorted(
        [ADDRESS_FLAGS["no_unit"], ADDRESS_FLAGS["mismatch_suspected"], *[ADDRESS_FLAGS["unknown"]] * len(unknown)]
    )


def test_the_state_tells_lateness_and_transfer() -> None:
    states = by_household(queue(), "진행 상태")
    assert states == {
        **dict.fromkeys((1, 2, 3, 4, 5, 9), "신규"),
        **{6: "기한 지남", 7: "기한 크게 지남", 8: "처리 중 · 이관됨"},
    }
    assert {part for state in states.values() for part in state.split(" · ")} == set(STATES)


def test_what_happened_before_is_told() -> None:
    alerts = queue()
    assert by_household(alerts, "발굴 이력")[2] == "이전 4회, 마지막 결과: 연락두절·부재"
    past = by_household(alerts, "지난 접촉")
    assert past[7] == "2026년 10월 20일 연락두절·부재 · 만나지 못함 3회 · 다음 예정 2026년 11월 3일"
    assert past[9] == "2026년 10월 29일 접촉을 시도함"
    assert past[1] == ""


def test_an_office_without_alerts_gets_its_header() -> None:
    raw = write_csv(queue().clear(), people())
    assert raw.decode("utf-8-sig").count("\r\n") == 1
    assert read(raw) == []


def test_two_offices_never_share_a_sheet() -> None:
    alerts = queue().with_columns(
        office=pl.when(pl.col("household_key") == 3).then(pl.lit("2611010100")).otherwise("office")
    )
    with pytest.raises(ValueError, match="one office"):
        write_csv(alerts, people(1, 2))
    with pytest.raises(ValueError, match="other offices"):
        write_workbook(alerts.filter(pl.col("office") != OFFICE), people(3), HERE, BENEFITS, AS_OF)


@pytest.mark.parametrize("number", ["900101-1234567", "9001011234567", "900101 - 1******", "900101-1234567 김영희"])
def test_a_resident_number_stops_the_sheet(number: str) -> None:
    with pytest.raises(ValueError, match="resident number") as stopped:
        write_csv(queue(), people(1, head_name=number))
    assert "900101" not in str(stopped.value)
    with pytest.raises(ValueError, match="resident number"):
        write_workbook(queue(), people(1, address=number), HERE, BENEFITS, AS_OF)


def test_a_name_that_computes_is_disarmed() -> None:
    rows = read(write_csv(queue(), people(1, head_name='=HYPERLINK("http://x","김")', phone="+82-10-1234-5678")))
    assert rows[0]["세대주"].startswith("'=")
    assert rows[0]["전화번호"].startswith("'+82")


def test_a_household_left_out_of_the_registers_keeps_its_row() -> None:
    rows = read(write_csv(queue().filter(pl.col("household_key") == 1), people()))
    assert [(row["세대주"], row["주소"], row["처리기한"]) for row in rows] == [("", "", str(date(2026, 11, 5)))]
