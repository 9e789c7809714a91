import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import alerts as room
from alerts.benefits import load_benefits, point_to
from alerts.reasons import tell
from alerts.sheet import COLUMNS, PEOPLE, write_csv
from tests.alerts.drawn import AS_OF, OFFICE, evidence, facts, fill, opened

GOLDEN = Path(__file__).parents[1] / "golden" / "queue.csv"
BENEFITS = load_benefits((Path(room.__path__[0]) / "benefits.yaml").read_text(encoding="utf-8"))


def people(*keys: int, **known: Any) -> pl.DataFrame:
    plain = {"head_name": "김영희", "address": "서울특별시 종로구 새문안로 1, 101동 202호", "phone": "01012345678"}
    return pl.DataFrame([{"household_key": key, **plain, **known} for key in keys], schema=PEOPLE)


def queue() -> pl.DataFrame:
    """Six households of one office, every lane that is filled today, and what an officer can meet."""
    who = facts(
        {"household_key": 1, "members": 1, "lives_alone": True, "head_age": 83, "has_senior": True},
        {"household_key": 2, "members": 3, "has_child": True, "prior_selections": 4, "last_outcome": "unreached"},
        {"household_key": 3, "address_status": "no_unit", "housing": "one_room"},
        {"household_key": 4, "address_status": "mismatch_suspected"},
        {"household_key": 5, "head_age": None},
        {"household_key": 6},
    )
    told = evidence(
        {"household_key": 1, "signal": "power_cut", "months": None, "amount_won": None},
        {"household_key": 1, "months": 5, "amount_won": 412_300},
        {"household_key": 2, "signal": "rent_arrears", "months": 4, "amount_won": 1_234_000},
        {"household_key": 2, "signal": "severe_illness"},
        {"household_key": 3, "signal": "telecom_arrears", "months": 3, "amount_won": 214_500},
        {"household_key": 4, "signal": "business_closed", "months": None, "amount_won": None},
        {"household_key": 5, "signal": "loan_arrears", "months": 2, "amount_won": None},
    )
    open_ = opened({"household_key": 6, "lane": "risk"})
    filled = fill({1: 0.1, 2: 0.61, 3: 0.3, 4: 0.27, 5: 0.12, 6: 0.3}, who, told, open_, explore_share=0.3, capacity=5)
    pushes = pl.DataFrame(
        {
            "household_key": [1, 2, 3, 4, 5],
            "base": -2.0,
            "power_arrears": [0.4, 0.0, 0.0, 0.0, 0.0],
            "rent_arrears": [0.0, 0.9, 0.0, 0.0, 0.0],
            "across": [0.2, 0.5, 0.0, 0.0, 0.0],
            "household": [0.3, -0.1, 0.0, 0.1, -0.2],
            "contacts": [0.0, 0.7, 0.0, -0.2, 0.0],
        }
    )
    return point_to(tell(filled.alerts, pushes, told, who), who, told, BENEFITS, AS_OF)


def read(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def test_the_sheet_is_as_it_was_agreed() -> None:
    """A change here is a change of what officers see: look at it, then copy the new file to tests/golden."""
    assert write_csv(queue(), people(1, 2, 3, 4, 5, 6)) == GOLDEN.read_bytes()


def test_it_reads_back_equal_in_csv_and_pandas() -> None:
    raw = write_csv(queue(), people(1, 2, 3, 4, 5, 6))
    frame = pd.read_csv(io.BytesIO(raw), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    assert frame.to_dict("records") == read(raw)
    assert list(frame.columns) == [column.header for column in COLUMNS]
    assert set(frame["행정동코드"]) == {OFFICE}
    assert set(frame["전화번호"]) == {"010-1234-5678"}


def test_lanes_come_in_order_and_explore_cannot_be_told_from_risk() -> None:
    alerts = queue()
    lanes = dict(alerts.select("alert_id", "lane").iter_rows())
    rows = read(write_csv(alerts, people(1)))
    assert sorted(set(lanes.values())) == ["explore", "risk", "urgent"]
    assert [row["구분"] for row in rows] == ["긴급", *["일반"] * (len(rows) - 1)]
    of_risk = {row["처리기한"] for row in rows if lanes[row["알림번호"]] == "risk" and row["진행 상태"] == "신규"}
    assert {row["처리기한"] for row in rows if lanes[row["알림번호"]] == "explore"} == of_risk
    bands = [row["위험 수준"] for row in rows[1:]]
    assert bands == sorted(bands, key=["매우 높음", "높음", "보통"].index)


def test_no_number_ranks_a_household() -> None:
    names = {column.name for column in COLUMNS}
    assert not names & {"probability", "inclusion", "rank", "points", "household_key"}
    assert "0.61" not in write_csv(queue(), people(1)).decode("utf-8-sig")


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


def test_addresses_that_must_be_found_first_are_flagged() -> None:
    rows = read(write_csv(queue(), people(1, 2, 3, 4, 5)))  # nobody knows household 6's address
    assert sorted(row["주소 확인"] for row in rows if row["주소 확인"]) == [
        "상세주소 확인 필요",
        "실거주지 확인 필요",
        "주소 확인 필요",
    ]


def test_repeats_and_lateness_are_flagged() -> None:
    rows = read(write_csv(queue(), people(1)))
    assert [row["발굴 이력"] for row in rows if row["발굴 이력"]] == ["이전 4회, 마지막 결과: 연락두절·부재"]
    assert [row["진행 상태"] for row in rows].count("기한 지남") == 1


def test_an_office_without_alerts_gets_its_header() -> None:
    raw = write_csv(queue().clear(), people())
    assert raw.decode("utf-8-sig").count("\r\n") == 1
    assert read(raw) == []


def test_two_offices_never_share_a_sheet() -> None:
    who = facts({"household_key": 1}, {"household_key": 2, "office": "2611010100"})
    alerts = fill({1: 0.3, 2: 0.3}, who, evidence({"household_key": 1}, {"household_key": 2})).alerts
    with pytest.raises(ValueError, match="one office"):
        write_csv(alerts, people(1, 2))


@pytest.mark.parametrize("number", ["900101-1234567", "9001011234567", "900101 - 1******", "900101-1234567 김영희"])
def test_a_resident_number_stops_the_sheet(number: str) -> None:
    with pytest.raises(ValueError, match="resident number") as stopped:
        write_csv(queue(), people(1, head_name=number))
    assert "900101" not in str(stopped.value)


def test_a_name_that_computes_is_disarmed() -> None:
    rows = read(write_csv(queue(), people(1, head_name='=HYPERLINK("http://x","김")', phone="+82-10-1234-5678")))
    assert rows[0]["세대주"].startswith("'=")
    assert rows[0]["전화번호"].startswith("'+82")
