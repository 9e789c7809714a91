import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

import alerts
from alerts.benefit_programmes import (
    BABIES,
    BENEFITS,
    COSTLY_CARE,
    DAMAGED,
    DISABLING,
    LOSING_HOME,
    POWER,
    RUNNING,
    TELECOM,
    Household,
)
from alerts.benefits import load_benefits, point_out, point_to
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
    head_age: int | None = 50,
) -> Household:
    return Household(members, head_age, has_child, has_senior, members == 1, housing, domains, signals, running)  # type: ignore[arg-type] # domains by name


def told(of: Household, on: date = NOW) -> dict[str, tuple[str, str]]:
    return {p.programme: (p.sign, p.sentence_ko) for p in point_out(of, TABLE, on)}


@pytest.mark.parametrize("year", PUBLISHED)
def test_limits_agree_with_the_published_table(year: int) -> None:
    for members, line in enumerate(PUBLISHED[year].splitlines(), start=1):
        published = [int(cell.replace(",", "")) for cell in line.split("|")]
        on = date(year, 6, 1)
        assert [TABLE.income_limit(p, members, on) for p in (100, 32, 40, 48, 50)] == published


def amounts(text: str) -> list[int]:
    """Won, as printed: 1,644,000 / 1,994,600."""
    return [int(cell.replace(",", "")) for cell in text.split("/")]


# Every other amount, as DOMAIN 6.2 and 6.3 print it: programme, figures in the order of the table.
FIGURES = {
    "emergency_medical": "3,000,000",
    "emergency_housing": "2,000,000",
    "housing": "369,000 / 212,000 / 571,000 / 463,000 / 381,000 / 329,000",
    "housing_repair": "5,900,000 / 10,950,000 / 16,010,000",
    "education": "502,000 / 699,000 / 860,000",
    "single_parent": "230,000 / 100,000",
    "young_parent": "370,000 / 400,000",
    "diapers": "90,000 / 110,000",
    "basic_pension": "2,470,000 / 3,952,000 / 349,700 / 279,760",
    "disability_pension": "1,400,000 / 2,240,000 / 349,700 / 30,000 / 90,000 / 439,700",
    "telecom_discount": "33,500 / 21,500 / 11,000",
    "electricity_discount": "16,000 / 20,000",
}
BY_SIZE = {
    "emergency": "783,000 / 1,286,600 / 1,644,000 / 1,994,600 / 2,324,400 / 2,636,700 / 2,938,400 / 3,240,100",
    "energy_voucher": "295,200 / 407,500 / 532,700 / 701,300 / 701,300 / 701,300",
}
PERCENT = {
    "emergency": 75, "emergency_medical": 75, "emergency_housing": 75, "livelihood": 32, "medical": 40, "housing": 48,
    "housing_repair": 48, "education": 50, "near_poor": 50, "single_parent": 65, "catastrophic_medical": 100,
}  # fmt: skip
KEPT_NOT_TOLD = {
    "more_senior",
    "monthly_each_of_couple",
    "near_poor",
    "basic_pension",
    "rent_4_region_2",
    "rent_4_region_3",
}


def test_amounts_agree_with_the_published_ones() -> None:
    entries = {code: p.edition(NOW) for code, p in TABLE.programmes.items()}
    assert {code: list(e.figures.values()) for code, e in entries.items() if e.figures} == {
        code: amounts(text) for code, text in FIGURES.items()
    }
    assert {code: e.income_percent for code, e in entries.items() if e.income_percent} == PERCENT
    for code, text in BY_SIZE.items():
        assert [entries[code].of(size) for size, _ in enumerate(amounts(text), start=1)] == amounts(text)
    assert {code for code, e in entries.items() if e.by_size} == set(BY_SIZE)


def test_what_is_kept_is_told() -> None:
    """A figure that reaches no sentence is dead, or the sentence says the wrong one."""
    sentences = {code: "".join(told(household(members))[code][1] for members in (1, 4)) for code in BENEFITS}
    for code, programme in TABLE.programmes.items():
        edition = programme.edition(NOW)
        for name, amount in edition.figures.items():
            if edition.confidence != "weak" and name not in KEPT_NOT_TOLD:
                assert f"{amount:,}원" in sentences[code], (code, name)


def median(year: int, members: int) -> int:
    rows = [int(line.split("|")[0].strip().replace(",", "")) for line in PUBLISHED[year].splitlines()]
    seventh = {2026: 9_515_150, 2027: 10_152_665}[year]
    return [*rows, seventh][members - 1] if members <= 7 else seventh + (members - 7) * (seventh - rows[5])


TOLD_LIMITS = (
    "emergency",
    "livelihood",
    "medical",
    "housing",
    "housing_repair",
    "education",
    "single_parent",
    "near_poor",
)
ONLY_2026 = ("emergency", "single_parent")


@pytest.mark.parametrize("members", range(1, 11))
@pytest.mark.parametrize("code", TOLD_LIMITS)
@pytest.mark.parametrize("on", [date(2026, 1, 1), date(2026, 12, 31), NEXT_YEAR, date(2027, 12, 31), date(2028, 3, 1)])
def test_the_limit_told_to_the_won(code: str, members: int, on: date) -> None:
    year = 2026 if on.year == 2026 or code in ONLY_2026 else 2027
    share = Decimal(median(year, members)) * PERCENT[code] / 100
    limit = int(share.quantize(Decimal(1), ROUND_HALF_UP))
    sentence = told(household(members), on)[code][1]
    assert f"월 {limit:,}원 이하" in sentence
    assert f"{limit - 1:,}원" not in sentence and f"{limit + 1:,}원" not in sentence
    assert ("년 금액, " in sentence) == (on.year > year)


def test_the_line_of_emergency_support_as_published_in_thousands() -> None:
    assert [TABLE.income_limit(75, members, NOW) // 1000 for members in (1, 4)] == [1_923, 4_871]


@pytest.mark.parametrize("code", BENEFITS)
def test_every_programme_names_its_law_source_and_days(code: str) -> None:
    programme = TABLE.programmes[code]
    assert programme.name_ko and programme.unknown_ko and re.search("법(률)?$|약관$", programme.law_ko)
    for edition in programme.editions:
        assert edition.source.strip() and edition.confidence in ("second_hand", "weak")
        assert date(2026, 1, 1) <= edition.valid_from < edition.valid_to <= date(2027, 12, 31)


PLAIN = re.compile(r"[가-힣·(),:~. 0-9-]+")


@pytest.mark.parametrize("on", [NOW, date(2026, 12, 31), NEXT_YEAR])
@pytest.mark.parametrize("members", [1, 4, 9])
def test_sentences_are_plain_korean(members: int, on: date) -> None:
    busy = household(members, frozenset({"utilities"}), has_child=members > 1, has_senior=True)
    for code, (_, sentence) in told(busy, on).items():
        programme = TABLE.programmes[code]
        assert PLAIN.fullmatch(sentence), sentence
        assert sentence.startswith(f"{programme.name_ko}: ") and sentence.endswith(f"확인 필요) · {programme.law_ko}")
        assert not any(flaw in sentence for flaw in ("  ", ", ,", "()", " ,", ",,", "··", "None"))


def test_rents_are_told_for_the_sizes_and_the_year_we_hold() -> None:
    rents = {members: "기준임대료" in told(household(members))["housing"][1] for members in range(1, 9)}
    assert [members for members, is_told in rents.items() if is_told] == [1, 4]
    assert "기준임대료 월 329,000원(4급지)~571,000원(1급지), 4인 가구" in told(household(4))["housing"][1]
    assert "기준임대료" not in told(household(4), NEXT_YEAR)["housing"][1]


def test_older_disabled_people_are_told_their_supplement() -> None:
    assert "439,700원" in told(household(has_senior=True))["disability_pension"][1]
    assert "439,700원" not in told(household())["disability_pension"][1]


def test_alternatives_are_always_listed() -> None:
    """DOMAIN 4, R13: somebody over the line of 생계급여 must still hear of the rest."""
    alternatives = {"emergency", "near_poor", "energy_voucher", "catastrophic_medical", "private_help"}
    for of in (household(), household(9, has_child=True), household(running=frozenset(SIGNALS))):
        assert alternatives <= set(told(of))
        assert told(of)["emergency"][0] == "worth" and told(of)["private_help"][0] == "worth_if"


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
        "긴급복지 생계지원: 1인 가구 월 783,000원, 소득 월 1,923,179원 이하 (소득·재산 확인 필요) · 긴급복지지원법"
    )
    assert "(2026년 금액, 소득·재산 확인 필요)" in told(household(), NEXT_YEAR)["emergency"][1]


def test_every_programme_is_pointed_at_once_and_has_its_entry() -> None:
    assert set(TABLE.programmes) == set(BENEFITS)
    assert sorted(told(household())) == sorted(BENEFITS)
    assert len(BENEFITS) >= 16


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
        (household(signals=frozenset({"severe_illness"})), "emergency_medical", "worth_if"),
        (household(), "emergency_medical", "no_sign"),
        (household(signals=frozenset({"rent_arrears"})), "emergency_housing", "worth_if"),
        (household(), "emergency_housing", "no_sign"),
        (household(signals=frozenset({"fire_damage"})), "housing_repair", "worth_if"),
        (household(housing="detached", domains=frozenset({"debt"})), "housing_repair", "worth_if"),
        (household(housing="detached"), "housing_repair", "no_sign"),
        (household(2, has_child=True, head_age=24), "young_parent", "worth_if"),
        (household(2, has_child=True, head_age=25), "young_parent", "worth_if"),
        (household(2, has_child=True, head_age=26), "young_parent", "no_sign"),
        (household(2, has_child=True, head_age=None), "young_parent", "no_sign"),
        (household(2, head_age=24), "young_parent", "no_sign"),
        (household(signals=frozenset({"premature_baby"})), "diapers", "worth_if"),
        (household(signals=frozenset({"premature_baby", "diaper_support"})), "diapers", "no_sign"),
        (household(signals=frozenset({"power_cut"})), "electricity_discount", "worth_if"),
        (household(), "electricity_discount", "no_sign"),
        (household(), "private_help", "worth_if"),
        (household(has_senior=True), "basic_pension", "worth"),
        (household(domains=frozenset({"debt"})), "near_poor", "worth_if"),
    ],
)
def test_when_a_benefit_is_worth_checking(of: Household, programme: str, sign: str) -> None:
    assert told(of)[programme][0] == sign


# Signal of a running benefit: the programmes that need not be checked then.
DRAWN = {
    "livelihood_benefit": {"livelihood", "near_poor"},
    "medical_benefit": {"medical", "near_poor"},
    "housing_benefit": {"housing", "housing_repair"},
    "education_benefit": {"education"},
    "near_poor": {"near_poor"},
    "emergency_support": set(),
    "basic_pension": {"basic_pension"},
    "single_parent_support": {"single_parent", "young_parent"},
    "energy_voucher": {"energy_voucher"},
}


def test_every_running_benefit_has_its_line() -> None:
    assert set(DRAWN) == {name for name, signal in SIGNALS.items() if signal.relieves}


@pytest.mark.parametrize("running", DRAWN)
def test_what_already_runs_is_not_pointed_at(running: str) -> None:
    """And nothing else falls silent: every sign that household had, it keeps."""
    domains = frozenset({"health", "housing", "utilities"})

    def signs(of: frozenset[str]) -> dict[str, str]:
        everything = household(3, domains, frozenset(SIGNALS) - {"diaper_support"}, of, True, True, "detached", 24)
        return {code: sign for code, (sign, _) in told(everything).items()}

    before = signs(frozenset())
    assert "no_sign" not in before.values()
    assert signs(frozenset({running})) == {**before, **dict.fromkeys(DRAWN[running], "no_sign")}


def test_signals_named_by_rules_exist() -> None:
    named = TELECOM | POWER | COSTLY_CARE | DISABLING | LOSING_HOME | DAMAGED | BABIES | {"diaper_support"}
    assert named.union(*RUNNING.values()) <= set(SIGNALS)


def test_the_energy_voucher_says_until_when() -> None:
    power = household(4, domains=frozenset({"utilities"}))
    assert "연 701,300원, 신청 12월 31일까지" in told(power)["energy_voucher"][1]
    assert "다음 신청 기간 확인" in told(power, date(2027, 2, 1))["energy_voucher"][1]


def test_weak_sources_give_no_figure() -> None:
    weak = [code for code, p in TABLE.programmes.items() if p.edition(NOW).confidence == "weak"]
    assert weak == ["emergency_medical", "catastrophic_medical", "electricity_discount"]
    for on in (NOW, NEXT_YEAR):
        assert not any(re.search(r"\d", told(household(), on)[code][1]) for code in weak)


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
    assert found["benefit_2"][1].startswith("민간자원 연계·사례관리: 맞는 공적 급여가 없을 때에도")
    assert found["benefit_3"][1] is None


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
