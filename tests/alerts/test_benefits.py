from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

import alerts
from alerts.benefits import (
    BENEFITS,
    COSTLY_CARE,
    DISABLING,
    RUNNING,
    TELECOM,
    Household,
    load_benefits,
    point_out,
    point_to,
)
from signals.catalogue import SIGNALS
from tests.alerts.drawn import evidence, facts, fill, opened

TEXT = (Path(alerts.__path__[0]) / "benefits.yaml").read_text(encoding="utf-8")
TABLE = load_benefits(TEXT)
NOW, NEXT_YEAR = date(2026, 11, 2), date(2027, 1, 1)

# 기준 중위소득 and its shares as published, won a month: 100, 32, 40, 48, 50 %.
PUBLISHED = {
    2026: """2,564,238|820,556|1,025,695|1,230,834|1,282,119
             4,199,292|1,343,773|1,679,717|2,015,660|2,099,646
             5,359,036|1,714,892|2,143,614|2,572,337|2,679,518
             6,494,738|2,078,316|2,597,895|3,117,474|3,247,369
             7,556,719|2,418,150|3,022,688|3,627,225|3,778,360
             8,555,952|2,737,905|3,422,381|4,106,857|4,277,976""",
    2027: """2,736,042|875,533|1,094,417|1,313,300|1,368,021
             4,480,645|1,433,806|1,792,258|2,150,710|2,240,323
             5,718,091|1,829,789|2,287,236|2,744,684|2,859,046
             6,929,885|2,217,563|2,771,954|3,326,345|3,464,943
             8,063,019|2,580,166|3,225,208|3,870,249|4,031,510
             9,129,201|2,921,344|3,651,680|4,382,016|4,564,601""",
}


def household(
    members: int = 1,
    domains: frozenset[str] = frozenset(),
    signals: frozenset[str] = frozenset(),
    running: frozenset[str] = frozenset(),
    has_child: bool = False,
    has_senior: bool = False,
    housing: str = "apartment",
) -> Household:
    return Household(members, 50, has_child, has_senior, members == 1, housing, domains, signals, running)  # type: ignore[arg-type] # domains by name


def told(of: Household, on: date = NOW) -> dict[str, tuple[str, str]]:
    return {p.programme: (p.sign, p.sentence_ko) for p in point_out(of, TABLE, on)}


@pytest.mark.parametrize("year", PUBLISHED)
def test_limits_agree_with_the_published_table(year: int) -> None:
    for members, line in enumerate(PUBLISHED[year].splitlines(), start=1):
        published = [int(cell.replace(",", "")) for cell in line.split("|")]
        on = date(year, 6, 1)
        assert [TABLE.income_limit(p, members, on) for p in (100, 32, 40, 48, 50)] == published


def test_large_households() -> None:
    assert TABLE.median(NOW).of(7) == 9_515_150
    assert TABLE.median(NOW).of(9) == 9_515_150 + 2 * 959_198
    assert TABLE.income_limit(48, 7, NEXT_YEAR) == 4_873_279
    assert TABLE.programmes["emergency"].edition(NOW).of(8) == 2_636_700 + 2 * 301_700


def test_amounts_change_on_new_years_day() -> None:
    assert "월 820,556원" in told(household(), date(2026, 12, 31))["livelihood"][1]
    assert "월 875,533원" in told(household(), NEXT_YEAR)["livelihood"][1]


def test_an_amount_that_has_run_out_is_told_with_its_year() -> None:
    assert told(household())["emergency"][1] == (
        "긴급복지 생계지원: 1인 가구 월 783,000원 (소득·재산 확인 필요) · 긴급복지지원법"
    )
    assert "(2026년 금액, 소득·재산 확인 필요)" in told(household(), NEXT_YEAR)["emergency"][1]


def test_every_programme_is_pointed_at_once_and_has_its_entry() -> None:
    assert set(TABLE.programmes) == set(BENEFITS)
    assert sorted(told(household())) == sorted(BENEFITS)
    assert len(BENEFITS) >= 12


@pytest.mark.parametrize("on", [date(2025, 5, 1), NOW, date(2027, 3, 1), date(2028, 3, 1)])
def test_no_sentence_denies_anything(on: date) -> None:
    for sign, sentence in told(household(3, has_child=True), on).values():
        assert sign in ("worth", "worth_if", "no_sign")
        assert not any(word in sentence for word in ("불가", "제외", "탈락", "부적합", "해당 없음", "환수"))
        assert "확인 필요" in sentence


@pytest.mark.parametrize(
    ("of", "programme", "sign"),
    [
        (household(), "emergency", "worth"),
        (household(), "livelihood", "no_sign"),
        (household(domains=frozenset({"debt"})), "livelihood", "worth_if"),
        (household(domains=frozenset({"debt", "health"})), "livelihood", "worth"),
        (household(domains=frozenset({"health"})), "medical", "worth"),
        (household(), "medical", "no_sign"),
        (household(domains=frozenset({"housing"})), "housing", "worth"),
        (household(housing="one_room"), "housing", "worth_if"),
        (household(), "housing", "no_sign"),
        (household(domains=frozenset({"utilities"})), "energy_voucher", "worth_if"),
        (household(), "energy_voucher", "no_sign"),
        (household(signals=frozenset({"severe_illness"})), "catastrophic_medical", "worth_if"),
        (household(signals=frozenset({"severe_illness"})), "disability_pension", "worth_if"),
        (household(signals=frozenset({"telecom_arrears"})), "telecom_discount", "worth_if"),
        (household(3, has_child=True), "education", "worth_if"),
        (household(3, has_child=True), "single_parent", "worth_if"),
        (household(1, has_child=True), "single_parent", "no_sign"),
        (household(has_senior=True), "basic_pension", "worth"),
        (household(domains=frozenset({"debt"})), "near_poor", "worth_if"),
    ],
)
def test_when_a_benefit_is_worth_checking(of: Household, programme: str, sign: str) -> None:
    assert told(of)[programme][0] == sign


@pytest.mark.parametrize("programme", RUNNING)
def test_what_already_runs_is_not_pointed_at(programme: str) -> None:
    everything = {"domains": frozenset({"health", "housing", "utilities"}), "has_child": True, "has_senior": True}
    for name in RUNNING[programme]:
        of = household(3, running=frozenset({name}), **everything)  # type: ignore[arg-type] # keywords by name
        assert told(of)[programme][0] == "no_sign"
        assert told(of)["emergency"][0] == "worth"


def test_signals_named_by_rules_exist() -> None:
    assert TELECOM | COSTLY_CARE | DISABLING | frozenset().union(*RUNNING.values()) <= set(SIGNALS)


def test_the_energy_voucher_says_until_when() -> None:
    power = household(4, domains=frozenset({"utilities"}))
    assert "연 701,300원, 신청 12월 31일까지" in told(power)["energy_voucher"][1]
    assert "다음 신청 기간 확인" in told(power, date(2027, 2, 1))["energy_voucher"][1]


def test_sources_that_disagree_give_no_figure() -> None:
    assert "원" not in told(household())["catastrophic_medical"][1].replace("지원", "")


def test_an_alert_gets_three_pointers_with_the_referral_among_them() -> None:
    people = facts({"household_key": 1, "members": 1, "has_senior": True})
    seen = evidence({"household_key": 1}, {"household_key": 1, "signal": "severe_illness"})
    gone = opened({"household_key": 2})
    found = point_to(fill({1: 0.3}, people, seen, gone).alerts, people, seen, TABLE, NOW).sort("household_key")
    assert [text.split(":")[0] for text in found.select("^benefit_.$").row(0)] == [
        "긴급복지 생계지원",
        "생계급여",
        "의료급여",
    ]
    assert found["benefit_1"][1].startswith("긴급복지 생계지원: 1인 가구")
    assert found["benefit_2"][1] is None


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ("law_ko: 에너지법", "law: 에너지법", "energy_voucher.law"),
        ("confidence: weak", "confidence: sure", "confidence"),
        ("valid_to: 2026-12-31", "valid_to: 2025-12-31", "lies before"),
        ("- valid_from: 2027-01-01", "- valid_from: 2026-07-01", "overlap"),
        ("7: 9515150", "8: 9515150", "sizes 1 to 7"),
    ],
)
def test_a_wrong_entry_is_refused(was: str, becomes: str, complaint: str) -> None:
    assert was in TEXT
    with pytest.raises(ValidationError, match=complaint):
        load_benefits(TEXT.replace(was, becomes, 1))


def test_point_to_keeps_the_alerts() -> None:
    empty = fill({}, facts(), evidence()).alerts
    assert point_to(empty, facts(), evidence(), TABLE, NOW).schema == {
        **empty.schema,
        **dict.fromkeys(["benefit_1", "benefit_2", "benefit_3"], pl.String()),
    }
