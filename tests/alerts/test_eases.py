from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.eases import COVERED, EASES, SILENCE_DAYS, ease
from alerts.live import is_warning
from alerts.reasons import GROUPS
from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from tests.alerts.drawn import AS_OF, evidence, facts

ALERT = pl.DataFrame({"household_key": [1], "as_of": [AS_OF]})
UNTIL = date(2026, 9, 30)
POWER = {"household_key": 1, "signal": "power_arrears"}


def silent(*names: str, until: date = UNTIL) -> pl.DataFrame:
    return pl.DataFrame([(1, name, until) for name in names], schema=COVERED, orient="row")


def eased(
    pushes: Mapping[str, float | None], *told: dict[str, Any], covered: pl.DataFrame | None = None, **known: Any
) -> list[str]:
    people, seen = facts({"household_key": 1, **known}), evidence(*(told or (POWER,)))
    wide = pl.DataFrame([{"household_key": 1, "base": -2.0, **pushes}])
    row = ease(ALERT, wide, seen, people, silent() if covered is None else covered).row(0, named=True)
    return [row[f"ease_{n + 1}"] for n in range(EASES) if row[f"ease_{n + 1}"]]


def test_silence_is_told_with_its_month_and_what_the_agency_leaves_out() -> None:
    told = eased({"water_arrears": -0.3, "business_closed": -0.2}, covered=silent("water_arrears", "business_closed"))
    assert told == [
        "2026년 9월 자료까지 ‘수도요금 체납’ 정보가 없습니다(3개월 이상 밀린 집만 통보됩니다).",
        "2026년 9월 자료까지 ‘휴업·폐업’ 정보가 없습니다.",
    ]


def test_silence_is_not_claimed_where_the_agency_could_not_have_told() -> None:
    assert eased({"water_arrears": -0.3}, covered=silent("gas_arrears")) == []


@pytest.mark.parametrize(("days", "count"), [(SILENCE_DAYS, 1), (SILENCE_DAYS + 1, 0)])
def test_old_silence_is_not_told(days: int, count: int) -> None:
    assert len(eased({"water_arrears": -1.0}, covered=silent("water_arrears", until=AS_OF - timedelta(days)))) == count


def test_a_running_benefit_and_a_level_are_told_by_their_own_sentences() -> None:
    benefit = {"household_key": 1, "signal": "housing_benefit", "months": 5, "amount_won": None}
    premium = {"household_key": 1, "signal": "health_premium", "months": None, "amount_won": 98_000}
    told = eased({"housing_benefit": -0.5, "health_premium": -0.4}, benefit, premium)
    assert told[0].startswith("2026년 8월 기준으로 이미 받고 있는 급여가 있습니다(주거급여")
    assert told[1].startswith("이 집에 매겨진 건강보험료는 월 98,000원입니다(2026년 8월 기준")


def test_a_live_warning_is_no_relief_however_it_was_pushed() -> None:
    assert eased({"power_arrears": -2.0}, POWER, covered=silent("power_arrears")) == []


def test_paid_up_is_told() -> None:
    paid = {"household_key": 1, "signal": "card_arrears", "months": 0, "amount_won": None}
    assert eased({"card_arrears": -1.0}, paid) == ["‘신용카드대금 연체’: 2026년 8월까지 밀린 것이 없습니다."]


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"prior_selections": 0}, ["이전에 발굴된 적이 없는 가구입니다."]),
        ({"prior_selections": 2, "last_outcome": "unreached"}, []),
        ({"prior_selections": 2, "last_outcome": "not_living_there"}, []),
        ({"prior_selections": 2, "last_outcome": None}, []),
        (
            {"prior_selections": 2, "last_outcome": "no_need", "last_contacted_on": date(2026, 3, 1)},
            ["이전에 2번 발굴되었고, 마지막 상담 결과는 ‘어려움 없음 확인’입니다(2026년 3월)."],
        ),
    ],
)
def test_earlier_contacts_ease_only_when_somebody_was_met(known: dict[str, Any], told: list[str]) -> None:
    assert eased({"contacts": -0.5}, **known) == told


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"members": 4}, ["4명이 함께 사는 것으로 등록되어 있습니다."]),
        ({"members": 1, "lives_alone": True}, ["아파트에 사는 것으로 등록되어 있습니다."]),
        ({"members": 1, "housing": "one_room"}, []),
        ({"members": None, "housing": None}, []),
    ],
)
def test_the_household(known: dict[str, Any], told: list[str]) -> None:
    assert eased({"household": -0.5}, **known) == told


def test_one_signal_alone_is_told_only_when_it_is_one() -> None:
    assert eased({"across": -0.5}, POWER) == ["지금 확인되는 위기 신호는 한 가지입니다."]
    assert eased({"across": -0.5}, POWER, {"household_key": 1, "signal": "severe_illness"}) == []


@given(
    st.dictionaries(st.sampled_from([*SIGNALS, *GROUPS]), st.none() | st.floats(-2, 2, width=16), max_size=12),
    st.sets(st.sampled_from(list(SIGNALS)), max_size=8),
    st.sets(st.sampled_from(list(SIGNALS)), max_size=8),
    st.sampled_from([None, *OUTCOMES]),
)
@settings(max_examples=60, deadline=None)
def test_only_what_lowered_is_told_most_negative_first_and_only_when_true(
    pushes: dict[str, float | None], live: set[str], covered: set[str], outcome: str | None
) -> None:
    rows = [{"household_key": 1, "signal": name} for name in sorted(live)]
    table = pl.DataFrame([(1, n, UNTIL) for n in sorted(covered)], schema=COVERED, orient="row")
    told = eased(pushes, *rows or [POWER], covered=table, prior_selections=1, last_outcome=outcome)
    assert len(told) == len(set(told)) <= EASES
    lowered = [g for _, g in sorted((v, g) for g, v in pushes.items() if v is not None and v < 0)]
    found = [next(i for i, g in enumerate(lowered) if _is_of(text, g)) for text in told]
    assert found == sorted(found)
    for text in told:
        for name in live | ({"power_arrears"} if not live else set()):
            if is_warning(SIGNALS[name]):
                assert SIGNALS[name].name_ko not in text or SIGNALS[name].name_ko in _others(name)
        if "정보가 없습니다" in text:
            assert any(f"‘{SIGNALS[name].name_ko}’" in text for name in covered - live)


def _is_of(text: str, group: str) -> bool:
    if group == "contacts":
        return "발굴" in text
    if group == "household":
        return "등록되어" in text
    if group == "across":
        return "한 가지" in text
    signal = SIGNALS[group]
    return f"‘{signal.name_ko}’" in text or signal.reason_ko.split("{")[0][:8] in text or "급여가 있습니다" in text


def _others(name: str) -> str:
    return "|".join(s.name_ko for s in SIGNALS.values() if s.name != name)


def test_a_household_without_a_score_or_out_of_the_registers_is_told_nothing() -> None:
    nothing = pl.DataFrame(schema={"household_key": pl.Int64, "base": pl.Float64})
    told = ease(ALERT, nothing, evidence(), facts(), silent("water_arrears"))
    assert told.select("ease_1", "ease_2").row(0) == (None, None)
    gone = ease(
        ALERT,
        pl.DataFrame({"household_key": [1], "base": [0.0], "household": [-1.0], "contacts": [-1.0]}),
        evidence(),
        facts(),
        silent(),
    )
    assert gone.select("ease_1", "ease_2").row(0) == (None, None)


def test_pushes_of_an_unknown_group_are_refused() -> None:
    with pytest.raises(ValueError, match="nobody has sentences for: weather"):
        eased({"weather": -1.0})
