"""What an officer can answer, what it does to the queue, and what it teaches the model."""

from dataclasses import dataclass
from typing import Literal

Teaches = Literal["need", "no_need", "nothing"]
NEED_DEFINITION = "need-v1"  # public support granted, or need confirmed that no benefit fits


@dataclass(frozen=True, slots=True)
class Outcome:
    code: str
    label_ko: str
    teaches: Teaches
    is_contact: bool  # somebody of the household was spoken to: it cools down
    is_public_support: bool = False
    removes: bool = False  # leaves the queue for good (died)
    traces: bool = False  # find them first: never an end


OUTCOMES: dict[str, Outcome] = {
    o.code: o
    for o in (
        Outcome("basic_livelihood", "기초생활보장 지원", "need", True, is_public_support=True),
        Outcome("emergency", "긴급복지 지원", "need", True, is_public_support=True),
        Outcome("other_public", "기타 공적급여 지원", "need", True, is_public_support=True),
        Outcome("private_support", "민간자원 연계", "no_need", True),
        Outcome("need_no_benefit", "어려움 확인, 맞는 급여 없음", "need", True),
        Outcome("watch", "지켜보기로 함", "nothing", True),
        Outcome("no_need", "어려움 없음 확인", "no_need", True),
        Outcome("already_served", "이미 지원받고 있음", "nothing", True),
        Outcome("refused", "상담·지원 거부", "nothing", True),
        Outcome("unreached", "연락두절·부재", "nothing", False),
        Outcome("not_living_there", "등록지에 살지 않음", "nothing", False, traces=True),
        Outcome("moved", "전출", "nothing", False, traces=True),
        Outcome("died", "사망", "nothing", False, removes=True),
        Outcome("in_hospital", "입원·시설 입소", "nothing", False),
        Outcome("mistaken", "잘못된 정보", "nothing", True),
    )
}
