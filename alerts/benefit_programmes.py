"""The programmes: what speaks for each one at a household, and the amount or the limit an officer is told.

A pointer, never a decision: nothing here says that somebody is not entitled to a benefit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from alerts.benefit_table import BenefitTable, Edition
from alerts.korean import won
from signals.signal import Domain

# worth: what we know speaks for it. worth_if: it does if something else, named in the sentence, holds too.
# no_sign: nothing we know speaks for it, which says nothing about entitlement.
Sign = Literal["worth", "worth_if", "no_sign"]


YOUNG_PARENT_UNTIL = 24  # 한부모가족지원법: 24세 이하

POWER = frozenset({"power_arrears", "power_cut"})
TELECOM = frozenset({"telecom_arrears"})
COSTLY_CARE = frozenset({"severe_illness", "medical_disaster", "high_medical_cost", "premature_baby"})
DISABLING = frozenset({"severe_illness", "care_grade", "visiting_health", "injury_care_ended"})
LOSING_HOME = frozenset({"rent_arrears", "rent_vulnerable", "facility_left", "fire_damage", "disaster_damage"})
DAMAGED = frozenset({"fire_damage", "disaster_damage"})
BABIES = frozenset({"premature_baby", "newborn_hearing", "infant_no_record"})


class HouseholdSize(NamedTuple):
    """All that an amount depends on besides the day."""

    members: int  # at least 1
    has_senior: bool


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

    @property
    def size(self) -> HouseholdSize:
        return HouseholdSize(self.members, self.has_senior)


@dataclass(frozen=True, slots=True)
class Pointer:
    programme: str
    sign: Sign
    sentence_ko: str


# Only what is told needs its amount: of nineteen programmes, three.
Speaks = Callable[[Household], Sign]
Amount = Callable[[HouseholdSize, BenefitTable, date], str]


def _if(speaks: object, sign: Sign = "worth_if") -> Sign:
    return sign if speaks else "no_sign"


def emergency(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    edition = table.programmes["emergency"].edition(on)
    amount = f"{size.members}인 가구 월 {won(edition.of(size.members))}"
    return f"{amount}, 소득 월 {_limit('emergency', size, table, on)} 이하"


def emergency_medical(_size: HouseholdSize, _table: BenefitTable, _on: date) -> str:
    """The ceiling rests on a copy of lower quality: it is in the table and not told."""
    return "중한 질병이나 부상의 의료비, 지원 한도는 시·군·구에 확인"


def emergency_housing(_size: HouseholdSize, table: BenefitTable, on: date) -> str:
    figures = table.programmes["emergency_housing"].edition(on).figures
    return f"금융재산 기준은 생계지원 기준에 {won(figures['financial_more'])}을 더한 금액, 지원액은 시·군·구에 확인"


def _speaks_for_livelihood(household: Household) -> Sign:
    """Trouble of two kinds at once speaks for want of income, rather than of one thing."""
    return "worth" if len(household.domains) >= 2 else _if(household.domains)


def livelihood(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    return _income_limit("livelihood", size, table, on)


def medical(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    return _income_limit("medical", size, table, on)


def _speaks_for_housing(household: Household) -> Sign:
    rented = household.housing in ("public_rental", "redevelopment_rental", "one_room", "non_dwelling")
    return "worth" if "housing" in household.domains else _if(rented)


def housing(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    return _rent(size, table, on) + _income_limit("housing", size, table, on)


def _speaks_for_repair(household: Household) -> Sign:
    """A home of one's own is not in our data: damage, or trouble in a detached house, speaks for asking."""
    return _if(DAMAGED & household.signals or (household.housing == "detached" and household.domains))


def housing_repair(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    figures = table.programmes["housing_repair"].edition(on).figures
    amount = _income_limit("housing_repair", size, table, on)
    if not figures:
        return amount
    light, medium, heavy = (won(figures[name]) for name in ("light", "medium", "heavy"))
    return f"집 상태에 따라 {light}·{medium}·{heavy}까지 수선, {amount}"


def energy_voucher(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    edition = table.programmes["energy_voucher"].edition(on)
    return f"{size.members}인 가구 연 {won(edition.of(size.members))}, {_application(edition, on)}"


def catastrophic_medical(_size: HouseholdSize, _table: BenefitTable, _on: date) -> str:
    """Sources disagree on rate and ceiling: no figure is told."""
    return "부담이 큰 의료비의 일부, 지원율과 한도는 자료마다 달라 국민건강보험공단에 확인"


def education(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    figures = table.programmes["education"].edition(on).figures
    amount = _income_limit("education", size, table, on)
    if not figures:
        return amount
    primary, middle, high = (won(figures[name]) for name in ("elementary", "middle", "high"))
    return f"교육활동지원비 연 초등 {primary}·중등 {middle}·고등 {high}, {amount}"


def _may_be_single_parent(household: Household) -> bool:
    return household.has_child and household.members >= 2


def single_parent(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    figures = table.programmes["single_parent"].edition(on).figures
    more = f"조건에 따라 월 {won(figures['more'])} 추가"
    return f"자녀 1인당 월 {won(figures['monthly'])}, {more}, {_income_limit('single_parent', size, table, on)}"


def _speaks_for_young_parent(household: Household) -> Sign:
    """Ages are counted by birth year: somebody of 24 may stand as 25."""
    is_young = household.head_age is not None and household.head_age <= YOUNG_PARENT_UNTIL + 1
    return _if(is_young and _may_be_single_parent(household))


def young_parent(_size: HouseholdSize, table: BenefitTable, on: date) -> str:
    """No limit is told, the copies disagree on it."""
    figures = table.programmes["young_parent"].edition(on).figures
    return f"자녀 1인당 월 {won(figures['monthly'])}, 0~1세는 월 {won(figures['monthly_infant'])}"


def _speaks_for_diapers(household: Household) -> Sign:
    return _if(BABIES & household.signals and "diaper_support" not in household.signals)


def diapers(_size: HouseholdSize, table: BenefitTable, on: date) -> str:
    figures = table.programmes["diapers"].edition(on).figures
    return f"기저귀 월 {won(figures['diapers'])}, 조제분유 월 {won(figures['formula'])}"


def basic_pension(_size: HouseholdSize, table: BenefitTable, on: date) -> str:
    figures = table.programmes["basic_pension"].edition(on).figures
    limit = f"소득인정액 단독 월 {won(figures['limit_single'])}·부부 {won(figures['limit_couple'])} 이하"
    return f"월 최대 {won(figures['monthly'])}, {limit}"


def disability_pension(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    figures = table.programmes["disability_pension"].edition(on).figures
    more = f"부가급여 월 {won(figures['more_least'])}~{won(figures['more_most'])}"
    if size.has_senior:
        more += f"(65세 이상 생계·의료급여 수급자는 {won(figures['more_senior'])})"
    limit = f"소득인정액 단독 월 {won(figures['limit_single'])}·부부 {won(figures['limit_couple'])} 이하"
    return f"기초급여 월 최대 {won(figures['monthly'])}, {more}, {limit}"


def telecom_discount(_size: HouseholdSize, table: BenefitTable, on: date) -> str:
    figures = table.programmes["telecom_discount"].edition(on).figures
    return f"월 최대 {won(max(figures.values()))}, 자격에 따라 다름"


def electricity_discount(_size: HouseholdSize, _table: BenefitTable, _on: date) -> str:
    """One weak source for the amount: it is in the table and not told."""
    return "할인액은 한국전력에 확인"


def near_poor(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    return _income_limit("near_poor", size, table, on)


def private_help(_size: HouseholdSize, _table: BenefitTable, _on: date) -> str:
    """What is left when no public benefit fits (DOMAIN 4, R13)."""
    return "맞는 공적 급여가 없을 때에도 이어 줄 수 있는 후원·돌봄·상담"


# In the order they are told when they are equally worth checking: the help for this very trouble before the general.
BENEFITS: Mapping[str, tuple[Speaks, Amount]] = {
    # Always worth it: being passed on as 발굴대상자 is itself a 위기사유 (DOMAIN 6.2).
    "emergency": (lambda _: "worth", emergency),
    "energy_voucher": (lambda h: _if("utilities" in h.domains), energy_voucher),
    "telecom_discount": (lambda h: _if(TELECOM & h.signals), telecom_discount),
    "emergency_medical": (lambda h: _if(COSTLY_CARE & h.signals), emergency_medical),
    "catastrophic_medical": (lambda h: _if(COSTLY_CARE & h.signals), catastrophic_medical),
    "livelihood": (_speaks_for_livelihood, livelihood),
    "housing": (_speaks_for_housing, housing),
    "emergency_housing": (lambda h: _if(LOSING_HOME & h.signals), emergency_housing),
    "medical": (lambda h: _if("health" in h.domains, "worth"), medical),
    "basic_pension": (lambda h: _if(h.has_senior, "worth"), basic_pension),
    "disability_pension": (lambda h: _if(DISABLING & h.signals), disability_pension),
    "young_parent": (_speaks_for_young_parent, young_parent),
    "single_parent": (lambda h: _if(_may_be_single_parent(h)), single_parent),
    "diapers": (_speaks_for_diapers, diapers),
    "education": (lambda h: _if(h.has_child), education),
    "housing_repair": (_speaks_for_repair, housing_repair),
    "near_poor": (lambda h: _if(h.domains), near_poor),
    "electricity_discount": (lambda h: _if(POWER & h.signals), electricity_discount),
    # Never without a sign.
    "private_help": (lambda _: "worth_if", private_help),
}

# Signals that tell of a benefit the household already draws: what it has need not be checked.
# 긴급복지 is never left out: it ends after months, and the referral stands.
RUNNING: Mapping[str, frozenset[str]] = {
    "livelihood": frozenset({"livelihood_benefit"}),
    "medical": frozenset({"medical_benefit"}),
    "housing": frozenset({"housing_benefit"}),
    "housing_repair": frozenset({"housing_benefit"}),
    "education": frozenset({"education_benefit"}),
    "near_poor": frozenset({"near_poor", "livelihood_benefit", "medical_benefit"}),
    "basic_pension": frozenset({"basic_pension"}),
    "single_parent": frozenset({"single_parent_support"}),
    "young_parent": frozenset({"single_parent_support"}),
    "energy_voucher": frozenset({"energy_voucher"}),
}


def _income_limit(code: str, size: HouseholdSize, table: BenefitTable, on: date) -> str:
    return f"{size.members}인 가구 소득인정액 월 {_limit(code, size, table, on)} 이하"


def _limit(code: str, size: HouseholdSize, table: BenefitTable, on: date) -> str:
    """Of the edition's own years: an amount that has run out is not told beside a newer year's limit."""
    edition = table.programmes[code].edition(on)
    if edition.income_percent is None:
        raise ValueError(f"benefits.yaml · {code}: the edition for {on} needs income_percent")
    told_for = max(edition.valid_from, min(on, edition.valid_to))
    return won(table.income_limit(edition.income_percent, size.members, told_for))


def _rent(size: HouseholdSize, table: BenefitTable, on: date) -> str:
    """기준임대료 of the cheapest and the dearest region, for the sizes the table holds."""
    figures = table.programmes["housing"].edition(on).figures
    members = size.members
    if f"rent_{members}_region_1" not in figures:
        return ""
    dearest, cheapest = won(figures[f"rent_{members}_region_1"]), won(figures[f"rent_{members}_region_4"])
    return f"기준임대료 월 {cheapest}(4급지)~{dearest}(1급지), "


def _application(edition: Edition, on: date) -> str:
    first, last = edition.apply_from, edition.apply_to
    if first is None or last is None or not first <= on <= last:
        return "다음 신청 기간 확인"
    return f"신청 {last.month}월 {last.day}일까지"
