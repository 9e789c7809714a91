import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
import pytest

from alerts.facts_told import told_contacts, told_household
from alerts.live import is_warning
from alerts.reasons import GROUPS, NO_SIGNAL_LEFT, Seen, tell, told_of
from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from tests.alerts.drawn import AS_OF, PLAIN_FACTS, evidence, facts, fill

SENTENCE = re.compile(r"^[^{}]+(니다|세요)(\([^()]*\))?\.$")
POWER, RENT, CUT = ({"household_key": 1, "signal": s} for s in ("power_arrears", "rent_arrears", "power_cut"))


def reasons(pushes: Mapping[str, float | None], *told: dict[str, Any], **known: Any) -> list[str]:
    return [text for name, text in row(pushes, *told, **known).items() if name.startswith("reason_") and text]


def row(pushes: Mapping[str, float | None], *told: dict[str, Any], **known: Any) -> dict[str, Any]:
    people, seen = facts({"household_key": 1, **known}), evidence(*told)
    alerts = fill({1: 0.3}, people, seen).alerts
    wide = pl.DataFrame([{"household_key": 1, "base": -2.0, **pushes}])
    return tell(alerts, wide, seen, people).row(0, named=True)


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("months", [None, 4])
@pytest.mark.parametrize("amount", [None, 0, 1_234_000])
def test_every_signal_is_told_in_a_whole_sentence(name: str, months: int | None, amount: int | None) -> None:
    seen = Seen(SIGNALS[name], months, amount, date(2026, 8, 31), date(2026, 10, 12), 1)
    sentence = told_of(seen)
    assert SENTENCE.match(sentence), sentence
    assert "2026년 8월" in sentence
    assert "10월 12일 접수" in sentence
    assert "None" not in sentence
    assert " 0원" not in sentence
    if amount and months and "{amount}" in SIGNALS[name].reason_ko:
        assert "1,234,000원" in sentence


def test_the_year_of_receipt_is_told_when_it_is_another() -> None:
    seen = Seen(SIGNALS["power_cut"], None, None, date(2025, 12, 20), date(2026, 1, 4), 1)
    assert told_of(seen) == "2025년 12월에 전기가 끊기거나 전류제한기가 설치되었습니다(2026년 1월 4일 접수)."


def test_reasons_follow_the_pushes_and_name_nothing_that_did_not_push_up() -> None:
    pushes = {"power_arrears": 0.2, "rent_arrears": 0.9, "severe_illness": 0.5, "across": -0.1, "household": 0.0}
    told = reasons(pushes, POWER, RENT)
    assert [text.split(" ")[0] for text in told] == ["공공임대주택", "전기요금이"]


@pytest.mark.parametrize("nothing", [{}, {"power_arrears": -0.4}, {"power_arrears": None}, {"severe_illness": 2.0}])
def test_what_is_known_is_told_when_nothing_pushed_up(nothing: dict[str, float | None]) -> None:
    assert [text.split(" ")[0] for text in reasons(nothing, POWER)] == ["전기요금이"]


def test_a_household_is_never_called_for_its_kind_alone() -> None:
    told = reasons({"household": 0.5, "power_arrears": -0.1}, POWER, lives_alone=True, members=1)
    assert told[0].startswith("전기요금이")
    assert told[1] == "40대가 혼자 사는 가구입니다."


def test_what_can_be_asked_about_comes_before_levels_and_kinds_of_household() -> None:
    premium = {"household_key": 1, "signal": "health_premium", "amount_won": 17_260}
    told = reasons({"household": 2.0, "health_premium": 1.5, "power_arrears": 0.1}, POWER, premium, lives_alone=True)
    assert [text.split(" ")[0] for text in told] == ["전기요금이", "이", "40대가"]


def test_the_urgent_signal_comes_first() -> None:
    assert reasons({"power_arrears": 0.9, "power_cut": -0.3}, POWER, CUT)[0].startswith("2026년 8월에 전기가 끊기거나")


def test_at_most_four_reasons_and_three_checks_without_repeats() -> None:
    names = [name for name, signal in SIGNALS.items() if is_warning(signal)][:9]
    found = row(dict.fromkeys(names, 1.0), *({"household_key": 1, "signal": name} for name in names))
    told = [found[f"reason_{n}"] for n in range(1, 5)]
    checks = [found[f"check_{n}"] for n in range(1, 4)]
    assert None not in told
    assert len(set(told)) == 4
    assert len(set(checks)) == 3
    assert found["data_age_days"] == (AS_OF - date(2026, 8, 31)).days


def test_agencies_are_counted_only_when_there_are_several() -> None:
    assert "서로 다른 기관 2곳에서 위기 신호가 왔습니다." in reasons({"across": 1.0}, POWER, RENT)
    assert not any("기관" in text for text in reasons({"across": 1.0}, POWER))


def test_a_running_benefit_is_no_reason() -> None:
    told = reasons({"housing_benefit": 2.0}, POWER, {"household_key": 1, "signal": "housing_benefit"})
    assert len(told) == 1
    assert told[0].startswith("전기요금이")


def test_an_open_alert_whose_signals_are_gone_says_so() -> None:
    from tests.alerts.drawn import opened

    people = facts({"household_key": 1})
    alerts = fill({1: 0.3}, people, evidence(), opened({"household_key": 1}, {"household_key": 2})).alerts
    told = tell(alerts, pl.DataFrame({"household_key": [1], "base": [0.0]}), evidence(), people)
    assert told["reason_1"].to_list() == [NO_SIGNAL_LEFT] * 2
    assert told["data_age_days"].to_list() == [None, None]


def test_pushes_of_an_unknown_group_are_refused() -> None:
    with pytest.raises(ValueError, match="nobody has sentences for: weather"):
        reasons({"weather": 1.0}, POWER)


def test_every_group_has_sentences() -> None:
    told = reasons(dict.fromkeys(GROUPS, 1.0), POWER, RENT, has_child=True, members=3, prior_selections=2)
    assert len(told) == 4


@pytest.mark.parametrize("outcome", [None, *OUTCOMES])
@pytest.mark.parametrize("on", [None, date(2026, 3, 1)])
def test_every_outcome_of_an_earlier_round_can_be_told(outcome: str | None, on: date | None) -> None:
    known = {**PLAIN_FACTS, "prior_selections": 2, "last_outcome": outcome, "last_contacted_on": on}
    sentence = told_contacts(known) or ""
    assert sentence.startswith("이전에 2번 발굴되었")
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({"lives_alone": True, "head_age": 83}, "80대 어르신이 혼자 사는 가구입니다."),
        ({"lives_alone": True, "head_age": 101}, "100세 이상 어르신이 혼자 사는 가구입니다."),
        ({"lives_alone": True, "head_age": None}, "혼자 사는 가구입니다."),
        ({"has_child": True, "members": 3}, "아동이 있는 3인 가구입니다."),
        ({"has_senior": True, "members": 4}, "65세 이상 어르신이 있는 4인 가구입니다."),
        ({"address_status": "mismatch_suspected"}, "등록된 주소와 실제 사는 곳이 다를 수 있습니다."),
        ({"housing": "non_dwelling"}, "고시원·쪽방처럼 주택이 아닌 곳에 사는 것으로 등록되어 있습니다."),
        ({}, None),
    ],
)
def test_household_sentences(known: dict[str, Any], sentence: str | None) -> None:
    assert told_household({**PLAIN_FACTS, **known}) == sentence
