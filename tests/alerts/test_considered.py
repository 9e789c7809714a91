import csv
import io
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings

from alerts.considered import COUNTED, OPEN, UNASSIGNED, summarise, tally, write_csv
from alerts.tables import DECISIONS
from tests.alerts.drawn import evidence, facts, fill, opened
from tests.alerts.towns import Home, tables, towns

OFFICES = pl.DataFrame(
    {
        "office": ["1111051500", "1111053000", "4113510300"],
        "name_ko": ["청운효자동", "사직동", "신흥1동"],
        "district": ["11110", "11110", "41135"],
        "district_ko": ["종로구", "종로구", "분당구"],
        "capacity": [12, 12, 12],
    }
)


@settings(max_examples=30, deadline=None)
@given(towns())
def test_every_household_is_counted_exactly_once(town: list[Home]) -> None:
    filled = fill(*tables(town), capacity=2, explore_share=0.3)
    summary = summarise(tally(filled.considered), OFFICES)
    assert summary["considered"].sum() == len(town)
    assert summary.select(pl.sum_horizontal(*DECISIONS)).to_series().to_list() == summary["considered"].to_list()
    assert set(OFFICES["office"]) <= set(summary["office"])


def test_every_decision_is_one_column_of_the_file() -> None:
    counted = [code for codes in COUNTED.values() for code in codes]
    assert sorted(counted) == sorted(DECISIONS)


def test_a_district_as_its_office_reads_it() -> None:
    people = facts(*({"household_key": key} for key in range(6)), {"household_key": 9, "office": None})
    told = evidence(*({"household_key": key} for key in (1, 2, 3, 4, 9)), {"household_key": 5, "signal": "power_cut"})
    filled = fill(dict.fromkeys(range(10), 0.3), people, told, capacity=3, explore_share=0)
    summary = summarise(tally(filled.considered), OFFICES)
    rows = list(csv.DictReader(io.StringIO(write_csv(summary.filter(district="11110")).decode("utf-8-sig"))))
    assert [row["행정동"] for row in rows] == ["청운효자동", "사직동"]
    assert {k: v for k, v in rows[0].items() if v not in ("0", "")} == {
        "행정동코드": "1111051500",
        "행정동": "청운효자동",
        "검토 가구": "6",
        "신규 긴급": "1",
        "신규 일반": "2",
        "이번 인원 밖": "2",
        "현재 신호 없음": "1",
        "긴급 신호 가구": "1",
        "선정 최저 위험 수준": "높음",
        "현재 알림": "3",
        "현재 긴급": "1",
        "현재 일반": "2",
    }
    lost = summary.filter(district="").row(0, named=True)
    assert (lost["name_ko"], lost["considered"], lost["no_office"]) == (UNASSIGNED, 1, 1)


def test_two_districts_never_share_a_file() -> None:
    with pytest.raises(ValueError, match="one district"):
        write_csv(summarise(tally(fill({}, facts(), evidence()).considered), OFFICES))


def test_open_alerts_are_counted_as_they_are_worked_and_by_how_late_they_are() -> None:
    people = facts(*({"household_key": key} for key in range(5)))
    due = [date(2026, 11, 2), date(2026, 11, 1), date(2026, 10, 19), date(2026, 10, 18)]
    lanes = [("explore", "trace"), ("explore", "risk"), ("partial", "partial"), ("trace", "trace")]
    carried = opened(
        *(
            {"household_key": key, "lane": lane, "works_as": works_as, "due_on": day}
            for key, (day, (lane, works_as)) in enumerate(zip(due, lanes, strict=True))
        )
    )
    filled = fill({}, people, evidence({"household_key": 4, "signal": "self_report"}), carried)
    row = summarise(tally(filled.considered), OFFICES).filter(office="1111051500").row(0, named=True)
    assert {name: row[name] for name in OPEN} == {
        "open": 5,
        "open_urgent": 1,
        "open_risk": 1,
        "open_trace": 2,
        "open_partial": 1,
        "overdue": 3,  # a day, 14 days and 15 days
        "escalated": 1,
    }
