import csv
import io

import polars as pl
import pytest
from hypothesis import given, settings

from alerts.considered import (
    COUNTED,
    HIDDEN,
    IN_QUEUE,
    NOT_QUEUED,
    TALLY,
    UNASSIGNED,
    hide_small,
    summarise,
    tally,
    write_csv,
)
from alerts.tables import DECISIONS
from tests.alerts.drawn import evidence, facts, fill
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


def test_whoever_is_in_no_queue_is_one_column_of_the_file() -> None:
    assert {*COUNTED.values(), *IN_QUEUE} == set(DECISIONS)
    assert not set(COUNTED.values()) & set(IN_QUEUE)


def counted(**rows: dict[str, int]) -> pl.DataFrame:
    """By office and decision -> TALLY."""
    plain = {"band": None, "is_urgent": False, "works_as": None, "escalation": None}
    told = [
        {"office": office.removeprefix("_"), "decision": code, "households": count, **plain}
        for office, decisions in rows.items()
        for code, count in decisions.items()
    ]
    return pl.DataFrame(told, schema=TALLY)


def read(told: pl.DataFrame) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(write_csv(told).decode("utf-8-sig"))))


def test_a_district_as_its_office_reads_it() -> None:
    told = hide_small(
        summarise(
            counted(
                _1111051500={"queued_risk": 5, "below_cut": 40, "no_signal": 300, "cooling_down": 20, "removed": 2},
                _1111053000={"carried": 12, "below_cut": 30, "no_signal": 500, "cooling_down": 15},
                _4113510300={"no_signal": 900, "below_cut": 70, "removed": 25},
            ),
            OFFICES,
        )
    )
    first, second = read(told.filter(district="11110"))
    assert {k: v for k, v in first.items() if v not in ("0", "")} == {
        "행정동코드": "1111051500",
        "행정동": "청운효자동",
        NOT_QUEUED: "362",
        "이번 인원 밖": "40",
        "최근 상담 완료": "20",
        "사망 확인": HIDDEN,
        "현재 신호 없음": HIDDEN,  # or the small one could be subtracted
    }
    assert [second[name] for name in (NOT_QUEUED, "이번 인원 밖", "현재 신호 없음")] == ["545", "30", HIDDEN]
    whole = told.filter(pl.col("office").is_null(), district="11110").row(0, named=True)
    assert (whole["not_queued"], whole["removed"], whole["below_cut"]) == (907, None, 70)


def test_households_that_no_office_has_are_counted_apart() -> None:
    lost = summarise(counted(_={"no_office": 30}), OFFICES).filter(district="").row(0, named=True)
    assert (lost["name_ko"], lost["considered"], lost["no_office"]) == (UNASSIGNED, 30, 30)


@settings(max_examples=20, deadline=None)
@given(towns())
def test_no_small_count_leaves_the_house(town: list[Home]) -> None:
    summary = summarise(tally(fill(*tables(town), capacity=2, explore_share=0.3).considered), OFFICES)
    told = hide_small(summary)
    assert set(told["office"].drop_nulls()) == set(summary["office"])
    for row in told.drop("office", "name_ko", "district", "district_ko", "cut_band").iter_rows():
        assert not [count for count in row if count is not None and 1 <= count <= 10]


def test_two_districts_never_share_a_file() -> None:
    with pytest.raises(ValueError, match="one district"):
        write_csv(hide_small(summarise(tally(fill({}, facts(), evidence()).considered), OFFICES)))
