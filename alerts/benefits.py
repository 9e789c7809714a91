"""Benefits an officer may check with a household, one function per programme.

A pointer, never a decision: nothing here says that somebody is not entitled to a benefit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from alerts.benefit_table import BenefitTable, Edition, load_benefits
from alerts.korean import won
from alerts.live import EVIDENCE, live_warnings
from alerts.tables import TOLD_FACTS, take
from signals.catalogue import SIGNALS
from signals.signal import Domain, Signal

__all__ = ["BENEFITS", "BenefitTable", "Household", "Pointer", "load_benefits", "point_out", "point_to"]

BENEFIT_COLUMNS = 3

# worth: what we know speaks for it. worth_if: it does if something else, named in the sentence, holds too.
# no_sign: nothing we know speaks for it, which says nothing about entitlement.
Sign = Literal["worth", "worth_if", "no_sign"]


@dataclass(frozen=True, slots=True)
class Household:
    members: int  # at least 1
    head_age: int | None
    has_child: bool
    has_senior: bool
    lives_alone: bool
    housing: str | None
    domains: frozenset[Domain]  # of its live warning signals
    signals: frozenset[str]
    running: frozenset[str]  # live signals that tell of a running benefit


@dataclass(frozen=True, slots=True)
class Pointer:
    programme: str
    sign: Sign
    sentence_ko: str


Say = Callable[[Household, BenefitTable, date], tuple[Sign, str]]


def emergency(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    """Always worth it: being passed on as 발굴대상자 is itself a 위기사유 (DOMAIN 6.2)."""
    edition = table.programmes["emergency"].edition(on)
    return "worth", f"{household.members}인 가구 월 {won(edition.of(household.members))}"


def livelihood(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    """Trouble of two kinds at once speaks for want of income, rather than of one thing."""
    limit = _income_limit("livelihood", household, table, on)
    if len(household.domains) >= 2:
        return "worth", limit
    return ("worth_if" if household.domains else "no_sign"), limit


def medical(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    sign: Sign = "worth" if "health" in household.domains else "no_sign"
    return sign, _income_limit("medical", household, table, on)


def housing(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    rented = household.housing in ("public_rental", "redevelopment_rental", "one_room", "non_dwelling")
    limit = _income_limit("housing", household, table, on)
    if "housing" in household.domains:
        return "worth", limit
    return ("worth_if" if rented else "no_sign"), limit


def energy_voucher(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    edition = table.programmes["energy_voucher"].edition(on)
    amount = f"{household.members}인 가구 연 {won(edition.of(household.members))}"
    if "utilities" not in household.domains:
        return "no_sign", amount
    return "worth_if", f"{amount}, {_application(edition, on)}"


def catastrophic_medical(household: Household, _table: BenefitTable, _on: date) -> tuple[Sign, str]:
    """Sources disagree on rate and ceiling: no figure is told."""
    amount = "부담이 큰 의료비의 일부, 지원율과 한도는 자료마다 달라 국민건강보험공단에 확인"
    return ("worth_if" if COSTLY_CARE & household.signals else "no_sign"), amount


def education(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    return ("worth_if" if household.has_child else "no_sign"), _income_limit("education", household, table, on)


def single_parent(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    edition = table.programmes["single_parent"].edition(on)
    amount = f"자녀 1인당 월 {won(edition.figures['monthly'])}"
    return ("worth_if" if household.has_child and household.members >= 2 else "no_sign"), amount


def basic_pension(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    figures = table.programmes["basic_pension"].edition(on).figures
    limit = f"소득인정액 단독 월 {won(figures['limit_single'])}·부부 {won(figures['limit_couple'])} 이하"
    return ("worth" if household.has_senior else "no_sign"), f"월 최대 {won(figures['monthly'])}, {limit}"


def disability_pension(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    figures = table.programmes["disability_pension"].edition(on).figures
    return ("worth_if" if DISABLING & household.signals else "no_sign"), f"기초급여 월 최대 {won(figures['monthly'])}"


def telecom_discount(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    figures = table.programmes["telecom_discount"].edition(on).figures
    most = f"월 최대 {won(max(figures.values()))}, 자격에 따라 다름"
    return ("worth_if" if TELECOM & household.signals else "no_sign"), most


def near_poor(household: Household, table: BenefitTable, on: date) -> tuple[Sign, str]:
    return ("worth_if" if household.domains else "no_sign"), _income_limit("near_poor", household, table, on)


# In the order they are told when they are equally worth checking: the help for this very trouble before the general.
BENEFITS: Mapping[str, Say] = {
    "emergency": emergency,
    "energy_voucher": energy_voucher,
    "telecom_discount": telecom_discount,
    "catastrophic_medical": catastrophic_medical,
    "livelihood": livelihood,
    "housing": housing,
    "medical": medical,
    "basic_pension": basic_pension,
    "disability_pension": disability_pension,
    "single_parent": single_parent,
    "education": education,
    "near_poor": near_poor,
}

TELECOM = frozenset({"telecom_arrears"})
COSTLY_CARE = frozenset({"severe_illness", "medical_disaster", "high_medical_cost", "premature_baby"})
DISABLING = frozenset({"severe_illness", "care_grade", "visiting_health", "injury_care_ended"})

# Signals that tell of a benefit the household already draws: what it has need not be checked.
# 긴급복지 is never left out: it ends after months, and the referral stands.
RUNNING: Mapping[str, frozenset[str]] = {
    "livelihood": frozenset({"livelihood_benefit"}),
    "medical": frozenset({"medical_benefit"}),
    "housing": frozenset({"housing_benefit"}),
    "education": frozenset({"education_benefit"}),
    "near_poor": frozenset({"near_poor", "livelihood_benefit", "medical_benefit"}),
    "basic_pension": frozenset({"basic_pension"}),
    "single_parent": frozenset({"single_parent_support"}),
    "energy_voucher": frozenset({"energy_voucher"}),
}


def point_out(household: Household, table: BenefitTable, on: date) -> list[Pointer]:
    """Every programme of the table once, best first; ties as in BENEFITS."""
    pointers = [_pointer(code, household, table, on) for code in BENEFITS]
    order: dict[Sign, int] = {"worth": 0, "worth_if": 1, "no_sign": 2}
    return sorted(pointers, key=lambda p: order[p.sign])


def point_to(
    alerts: pl.DataFrame,
    facts: pl.DataFrame,
    evidence: pl.DataFrame,
    table: BenefitTable,
    on: date,
    signals: Mapping[str, Signal] = SIGNALS,
) -> pl.DataFrame:
    """alerts with benefit_1..3: whole sentences, 긴급복지 always among them; amounts in force on `on`."""
    keys = alerts.select("household_key")
    live = take(evidence.join(keys, on="household_key", how="semi"), EVIDENCE, "evidence")
    schema = pl.Schema({"household_key": pl.Int64(), **TOLD_FACTS})
    known = take(facts.join(keys, on="household_key", how="semi"), schema, "facts").rows_by_key(
        "household_key", named=True, unique=True
    )
    warnings = _names(live_warnings(live, signals))
    running = _names(live.filter(pl.col("signal").is_in([s.name for s in signals.values() if s.relieves])))
    rows = [
        _told(_household(known.get(key), warnings.get(key, []), running.get(key, []), signals), table, on)
        for key in alerts["household_key"]
    ]
    schema = pl.Schema({f"benefit_{n + 1}": pl.String() for n in range(BENEFIT_COLUMNS)})
    return alerts.hstack(pl.DataFrame(rows, schema=schema, orient="row"))


def _names(live: pl.DataFrame) -> dict[int, list[str]]:
    grouped = live.group_by("household_key").agg(pl.col("signal").unique().sort())
    return dict(grouped.iter_rows())


def _household(
    facts: dict[str, Any] | None, warnings: list[str], running: list[str], signals: Mapping[str, Signal]
) -> Household:
    """A household that left the registers counts as one person of whom nothing else is known."""
    known: dict[str, Any] = facts or dict.fromkeys(TOLD_FACTS)
    return Household(
        members=max(known["members"] or 1, 1),
        head_age=known["head_age"],
        has_child=bool(known["has_child"]),
        has_senior=bool(known["has_senior"]),
        lives_alone=bool(known["lives_alone"]),
        housing=known["housing"],
        domains=frozenset(signals[name].domain for name in warnings),
        signals=frozenset(warnings),
        running=frozenset(running),
    )


def _told(household: Household, table: BenefitTable, on: date) -> list[str | None]:
    worth = [p.sentence_ko for p in point_out(household, table, on) if p.sign != "no_sign"]
    told = worth[:BENEFIT_COLUMNS]
    return [*told, *[None] * (BENEFIT_COLUMNS - len(told))]


def _pointer(code: str, household: Household, table: BenefitTable, on: date) -> Pointer:
    """긴급복지 생계지원: 1인 가구 월 783,000원 (소득·재산 확인 필요) · 긴급복지지원법"""
    programme = table.programmes[code]
    sign, amount = BENEFITS[code](household, table, on)
    if RUNNING.get(code, frozenset()) & household.running:
        sign = "no_sign"
    edition = programme.edition(on)
    unknown = f"{programme.unknown_ko} 확인 필요"
    if edition.confidence != "weak" and not edition.valid_from <= on <= edition.valid_to:
        unknown = f"{edition.valid_from.year}년 금액, {unknown}"
    return Pointer(code, sign, f"{programme.name_ko}: {amount} ({unknown}) · {programme.law_ko}")


def _income_limit(code: str, household: Household, table: BenefitTable, on: date) -> str:
    percent = table.programmes[code].edition(on).income_percent
    if percent is None:
        raise ValueError(f"benefits.yaml · {code}: the edition for {on} needs income_percent")
    limit = won(table.income_limit(percent, household.members, on))
    return f"{household.members}인 가구 소득인정액 월 {limit} 이하"


def _application(edition: Edition, on: date) -> str:
    first, last = edition.apply_from, edition.apply_to
    if first is None or last is None or not first <= on <= last:
        return "다음 신청 기간 확인"
    return f"신청 {last.month}월 {last.day}일까지"
