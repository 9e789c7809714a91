"""Sentences about the household as a whole. Each is true by the facts or is not said."""

from collections.abc import Sequence
from typing import Any

from alerts.korean import age_band, month
from signals.outcomes import OUTCOMES
from signals.signal import Signal

SENIOR_AGE = 65


def told_across(live: Sequence[Signal]) -> str | None:
    """How many sources speak of the same household. `live`: its warning signals."""
    agencies = {signal.agency for signal in live}
    if len(agencies) >= 2:
        return f"서로 다른 기관 {len(agencies)}곳에서 위기 신호가 왔습니다."
    if len(live) >= 2:
        return f"서로 다른 위기 신호 {len(live)}가지가 함께 나타났습니다."
    return None


def told_household(facts: dict[str, Any]) -> str | None:
    """The plainest fact first; None where none of them could make a call more pressing."""
    if facts["address_status"] == "mismatch_suspected":
        return "등록된 주소와 실제 사는 곳이 다를 수 있습니다."
    if facts["housing"] == "non_dwelling":
        return "고시원·쪽방처럼 주택이 아닌 곳에 사는 것으로 등록되어 있습니다."
    if facts["lives_alone"]:
        return _told_alone(facts["head_age"])
    if facts["has_child"]:
        return f"아동이 있는 {facts['members']}인 가구입니다."
    if facts["has_senior"]:
        return f"65세 이상 어르신이 있는 {facts['members']}인 가구입니다."
    return None


def _told_alone(age: int | None) -> str:
    if age is None:
        return "혼자 사는 가구입니다."
    if age >= SENIOR_AGE:
        return f"{age_band(age)} 어르신이 혼자 사는 가구입니다."
    return f"{age_band(age)}가 혼자 사는 가구입니다."


def told_contacts(facts: dict[str, Any]) -> str | None:
    """What became of earlier visits."""
    times, last = facts["prior_selections"], facts["last_outcome"]
    if times is None:
        return None
    if times == 0:
        return "이전에 발굴된 적이 없는 가구입니다."
    found = f"이전에 {times}번 발굴되었"
    if last is None:
        return f"{found}지만 남아 있는 상담 결과가 없습니다."
    match OUTCOMES[last].code:
        case "unreached":
            return f"{found}지만 마지막 연락 때 만나지 못했습니다."
        case "not_living_there":
            return f"{found}지만 마지막 방문 때 등록된 주소에 살지 않았습니다. 실제 사는 곳부터 찾아 주세요."
        case "moved":
            return f"{found}고, 마지막 연락 때 다른 곳으로 옮긴 것으로 확인되었습니다."
        case "in_hospital":
            return f"{found}고, 마지막 연락 때 입원하거나 시설에 들어가 있었습니다."
        case _:
            return f"{found}고, 마지막 상담 결과는 ‘{OUTCOMES[last].label_ko}’입니다{_on(facts)}."


def _on(facts: dict[str, Any]) -> str:
    day = facts["last_contacted_on"]
    return f"({month(day)})" if day else ""


def told_of_group(group: str, facts: dict[str, Any] | None, live: Sequence[Signal]) -> str | None:
    """`group`: across | household | contacts; facts are None when the household left the registers."""
    match group:
        case "across":
            return told_across(live)
        case "household":
            return told_household(facts) if facts else None
        case "contacts":
            return told_contacts(facts) if facts else None
        case other:
            raise ValueError(f"no sentences for the group {other}")
