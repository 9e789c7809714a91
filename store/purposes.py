"""What personal data may be opened for: a closed list. Nothing else can be written into the access log, so that what is
done with the data stays what the law allows. There is no purpose of denying, reducing or recovering a benefit.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Purpose(StrEnum):
    DISCOVERY = "discovery"
    STOP = "stop"
    ACCESS = "access"
    CORRECTION = "correction"
    EXPLANATION = "explanation"
    BREACH = "breach"
    SUPERVISION = "supervision"
    MODEL = "model"
    FAIRNESS = "fairness"
    RESEARCH = "research"
    REVIEW = "review"
    RECOVERY = "recovery"


# In the words of the law, for whoever reads the log. Clauses are for orientation: an operator confirms its own basis.
PURPOSES_KO: Final[Mapping[Purpose, str]] = {
    Purpose.DISCOVERY: "사회보장급여법 제12조의2 발굴조사",
    Purpose.STOP: "개인정보 보호법 제37조 처리정지",
    Purpose.ACCESS: "개인정보 보호법 제35조 열람",
    Purpose.CORRECTION: "개인정보 보호법 제36조 정정·삭제",
    Purpose.EXPLANATION: "개인정보 보호법 제37조의2 자동화된 결정에 대한 설명",
    Purpose.BREACH: "개인정보 보호법 제34조 유출 범위 확인과 통지",
    Purpose.SUPERVISION: "법원·감독기관의 요구",
    Purpose.MODEL: "발굴 모형 개발·검증",
    Purpose.FAIRNESS: "발굴 모형의 집단별 도달 점검(성별·장애·국적)",
    Purpose.RESEARCH: "개인정보 보호법 제28조의2 통계·과학적 연구·공익적 기록보존",
    Purpose.REVIEW: "개인정보의 안전성 확보조치 기준 제8조 접속기록 점검",
    Purpose.RECOVERY: "장애 복구와 재현",
}


def told_ko(code: str) -> str:
    """The words for a record's code; what was recorded before the list was closed stands in words already."""
    return PURPOSES_KO[Purpose(code)] if code in set(Purpose) else code
