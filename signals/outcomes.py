"""What an officer can answer, what it does to the queue, and what it teaches the model."""

from dataclasses import dataclass
from typing import Literal

Teaches = Literal["need", "no_need", "nothing"]
NEED_DEFINITION = "need-v1"  # public support granted, or need confirmed that no benefit fits

# closes: spoken to, the case rests. removes: leaves for good (died). The others never end an alert:
# retries: try again on a schedule. traces: find them first. transfers: goes to the office they moved to.
Effect = Literal["closes", "removes", "retries", "traces", "transfers"]


@dataclass(frozen=True, slots=True)
class Outcome:
    code: str
    label_ko: str
    effect: Effect
    teaches: Teaches
    meaning_ko: str  # for the sheet's guide: when to choose it, and what happens then
    is_public_support: bool = False
    needs_reason: bool = False  # an officer who dismisses an alert says why
    # Days until the next try, after the first, second, ... answer of the kind; the last entry goes on for ever.
    again_after_days: tuple[int, ...] = ()

    @property
    def is_contact(self) -> bool:
        """Somebody of the household was spoken to: it cools down."""
        return self.effect == "closes"

    @property
    def ends(self) -> bool:
        return self.effect in ("closes", "removes")


_RESTS = "알림이 종결되고, 새로운 위기가 나타나지 않으면 두 차수 동안 다시 올리지 않습니다."

OUTCOMES: dict[str, Outcome] = {
    o.code: o
    for o in (
        Outcome(
            "basic_livelihood",
            "기초생활보장 지원",
            "closes",
            "need",
            f"생계·의료·주거·교육급여를 신청했거나 결정되었을 때. {_RESTS}",
            is_public_support=True,
        ),
        Outcome(
            "emergency",
            "긴급복지 지원",
            "closes",
            "need",
            f"긴급복지 지원을 신청했거나 결정되었을 때. {_RESTS}",
            is_public_support=True,
        ),
        Outcome(
            "other_public",
            "기타 공적급여 지원",
            "closes",
            "need",
            f"차상위, 한부모, 바우처 등 다른 공적급여로 이었을 때. {_RESTS}",
            is_public_support=True,
        ),
        Outcome(
            "private_support",
            "민간자원 연계",
            "closes",
            "no_need",
            f"후원, 푸드뱅크, 봉사 등 민간자원만 이었을 때. {_RESTS}",
        ),
        Outcome(
            "need_no_benefit",
            "어려움 확인, 맞는 급여 없음",
            "closes",
            "need",
            f"어려움은 분명하지만 받을 수 있는 급여가 없을 때. 빠진 제도를 찾는 자료가 됩니다. {_RESTS}",
        ),
        Outcome(
            "watch",
            "지켜보기로 함",
            "closes",
            "nothing",
            f"지금은 괜찮지만 나빠질 수 있어 지켜볼 때. {_RESTS}",
        ),
        Outcome(
            "no_need",
            "어려움 없음 확인",
            "closes",
            "no_need",
            f"만나 보니 어려움이 없을 때. 종결 사유를 함께 골라 주세요. {_RESTS}",
            needs_reason=True,
        ),
        Outcome(
            "already_served",
            "이미 지원받고 있음",
            "closes",
            "nothing",
            f"필요한 지원을 이미 받고 있을 때. {_RESTS}",
        ),
        Outcome(
            "refused",
            "상담·지원 거부",
            "closes",
            "nothing",
            f"상담이나 지원을 원하지 않을 때. 거부 사유를 함께 골라 주세요. {_RESTS}",
            needs_reason=True,
        ),
        Outcome(
            "unreached",
            "연락두절·부재",
            "retries",
            "nothing",
            "만나지 못했을 때. 종결되지 않습니다. 다음 예정일에 다시 연락하고, 거듭되면 ‘주소 확인’으로 옮깁니다.",
            again_after_days=(3, 7, 14, 30),
        ),
        Outcome(
            "not_living_there",
            "등록지에 살지 않음",
            "traces",
            "nothing",
            "등록된 주소에 살지 않을 때. 종결되지 않습니다. ‘주소 확인’으로 옮겨 실제 사는 곳을 찾습니다.",
            again_after_days=(14,),
        ),
        Outcome(
            "moved",
            "전출",
            "transfers",
            "nothing",
            "다른 읍면동으로 이사했을 때. 종결되지 않습니다. 전입지가 확인되면 그곳으로 넘어갑니다.",
            again_after_days=(14,),
        ),
        Outcome(
            "died",
            "사망",
            "removes",
            "nothing",
            "대상자가 사망했을 때. 알림이 종결됩니다. 남은 가구원이 있으면 새로운 신호에 따라 다시 살핍니다.",
        ),
        Outcome(
            "in_hospital",
            "입원·시설 입소",
            "retries",
            "nothing",
            "입원했거나 시설에 들어가 있을 때. 종결되지 않습니다. 한 달 뒤 다시 확인합니다.",
            again_after_days=(30,),
        ),
        Outcome(
            "mistaken",
            "잘못된 정보",
            "closes",
            "nothing",
            "알림의 근거가 사실과 다를 때. 종결 사유와 틀린 이유를 함께 골라 주세요. 모델이 배우지 않습니다.",
            needs_reason=True,
        ),
    )
}

# Answers after which the registered address is not where to look.
LIVES_ELSEWHERE = tuple(o.code for o in OUTCOMES.values() if o.effect in ("traces", "transfers"))
