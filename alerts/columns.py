"""The sheet, left to right: one literal table that the CSV, the workbook and the way back are all made from."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from alerts.answers import CHANNELS, DISMISSALS, NEED_CONFIRMED, REASON_COLUMNS, RESULTS, RIGHT_OR_WRONG
from alerts.bands import BANDS
from alerts.benefit_table import BenefitTable
from alerts.korean import age_band
from alerts.lanes import LANES
from signals.outcomes import OUTCOMES

PEOPLE = pl.Schema(
    {"household_key": pl.Int64(), "head_name": pl.String(), "address": pl.String(), "phone": pl.String()}
)

Row = Mapping[str, Any]
Group = Literal["알림", "가구", "지난 일", "발굴 이유", "확인할 점", "살펴볼 급여", "자료", "답변"]


@dataclass(frozen=True, slots=True)
class Office:
    code: str  # 행정동 code, 10 digits
    name_ko: str
    district_ko: str
    capacity: int  # households it holds at once, as set today


@dataclass(frozen=True, slots=True)
class SheetColumn:
    header: str
    name: str  # of an officer's column: its name in ANSWERS
    filled_by: Literal["us", "officer"]
    text: Callable[[Row], str]
    group: Group
    width: int  # in the workbook, in digits of the standard font
    answer: Literal["word", "day"] = "word"  # of an officer's column


REPEATED = "재발굴"
# What stands in 진행 상태; also explained in the guide. The first three are the clock, the last may be added to each.
STATES: Mapping[str, str] = {
    "신규": "이번에 처음 올라온 알림입니다.",
    "처리 중": "지난번에 이미 보내 드렸고 아직 종결되지 않은 알림입니다.",
    "기한 지남": "처리기한이 지났습니다. 먼저 살펴봐 주세요.",
    "기한 크게 지남": "처리기한이 많이 지나 시·군·구에도 함께 알립니다. 도움이 필요하면 시·군·구와 상의해 주세요.",
    "이관됨": "다른 읍면동에서 넘어온 알림입니다. 지난 접촉을 먼저 읽어 주세요.",
}
OTHER_BENEFIT = ("other", "그 밖의 급여")


def _as_is(name: str) -> Callable[[Row], str]:
    return lambda row: "" if row[name] is None else str(row[name])


def _empty(_row: Row) -> str:
    return ""


def _lane(row: Row) -> str:
    word = LANES[row["works_as"]].label_ko
    return f"{word} · {REPEATED}" if row["is_repeat"] else word


def _band(row: Row) -> str:
    """Where the band itself is not told (alerts.bands.told_band): what holds for everybody who was scored."""
    if row["band"] is not None:
        return BANDS[row["band"]]
    return f"{next(iter(BANDS.values()))} 이상" if row["true_band"] is not None else ""


def _state(row: Row) -> str:
    if row["escalation"] >= 2:
        clock = "기한 크게 지남"
    elif row["is_overdue"]:
        clock = "기한 지남"
    else:
        clock = "신규" if row["is_new"] else "처리 중"
    return f"{clock} · 이관됨" if row["moved_from"] is not None else clock


def _phone(row: Row) -> str:
    """With hyphens: Excel would take the first 0 off a bare number."""
    digits = row["phone"] or ""
    if re.fullmatch(r"01\d{8,9}", digits):
        return f"{digits[:3]}-{digits[3:-4]}-{digits[-4:]}"
    return digits


ADDRESS_FLAGS: Mapping[str | None, str] = {
    None: "주소 확인 필요",
    "match": "",
    "no_unit": "상세주소 확인 필요",
    "mismatch_suspected": "실거주지 확인 필요",
    "unknown": "주소 확인 필요",
}


def _address_flag(row: Row) -> str:
    return ADDRESS_FLAGS[row["address_status"]] if row["address"] else "주소 확인 필요"


def _household(row: Row) -> str:
    parts = [f"{row['members']}인 가구"] if row["members"] else []
    if row["head_age"] is not None:
        parts.append(f"세대주 {age_band(row['head_age'])}")
    parts += ["아동 있음"] if row["has_child"] else []
    parts += ["어르신 있음"] if row["has_senior"] else []
    return " · ".join(parts)


def _repeats(row: Row) -> str:
    times, last = row["prior_selections"], row["last_outcome"]
    if not times:
        return ""
    return f"이전 {times}회" + (f", 마지막 결과: {OUTCOMES[last].label_ko}" if last else "")


def _last_contact(row: Row) -> str:
    """2026년 10월 20일 연락두절·부재 · 만나지 못함 2회 · 다음 예정 2026년 11월 3일"""
    if row["answered_on"] is None:
        return ""
    said = OUTCOMES[row["outcome"]].label_ko if row["outcome"] is not None else "접촉을 시도함"
    parts = [f"{_day(row['answered_on'])} {said}"]
    parts += [f"만나지 못함 {row['attempts']}회"] if row["attempts"] else []
    parts += [f"다음 예정 {_day(row['next_on'])}"] if row["next_on"] is not None else []
    return " · ".join(parts)


def _day(day: date) -> str:
    return f"{day.year}년 {day.month}월 {day.day}일"


def _days(name: str) -> Callable[[Row], str]:
    return lambda row: "" if row[name] is None else f"{row[name]}일"


def _us(header: str, name: str, group: Group, width: int, text: Callable[[Row], str] | None = None) -> SheetColumn:
    return SheetColumn(header, name, "us", text or _as_is(name), group, width)


def _officer(header: str, name: str, width: int, answer: Literal["word", "day"] = "word") -> SheetColumn:
    return SheetColumn(header, name, "officer", _empty, "답변", width, answer)


ALERT_HEADER = "알림번호"
OFFICE_HEADER = "행정동코드"

# No rank, no probability, no resident number. Every word is chosen by works_as: explore shows what risk shows.
COLUMNS: tuple[SheetColumn, ...] = (
    _us(ALERT_HEADER, "alert_id", "알림", 16),
    _us("구분", "lane", "알림", 10, _lane),
    _us("세대주", "head_name", "알림", 11),
    _us("위험 수준", "band", "알림", 10, _band),
    _us("처리기한", "due_on", "알림", 12),
    _us("진행 상태", "state", "알림", 12, _state),
    _us("전화번호", "phone", "가구", 15, _phone),
    _us("주소", "address", "가구", 30),
    _us("주소 확인", "address_flag", "가구", 14, _address_flag),
    _us("가구 구성", "household", "가구", 22, _household),
    _us("발굴 이력", "repeats", "지난 일", 20, _repeats),
    _us("지난 접촉", "last_contact", "지난 일", 24, _last_contact),
    _us("자체 발굴 기준", "criterion", "발굴 이유", 16),
    *(_us(f"발굴 이유 {n}", f"reason_{n}", "발굴 이유", 32) for n in range(1, 5)),
    *(_us(f"확인할 점 {n}", f"check_{n}", "확인할 점", 28) for n in range(1, 4)),
    *(_us(f"살펴볼 급여 {n}", f"benefit_{n}", "살펴볼 급여", 38) for n in range(1, 4)),
    _us("최근 신호 경과일", "data_age_days", "자료", 11, _days("data_age_days")),
    _us("알림일", "opened_on", "자료", 12),
    _us("자료 기준일", "as_of", "자료", 12),
    _us(OFFICE_HEADER, "office", "자료", 13),
    _officer("접촉일", "contacted_on", 13, "day"),
    _officer("접촉방법", "channel", 12),
    _officer("접촉결과", "result", 14),
    _officer("욕구확인", "need_confirmed", 12),
    _officer("처리결과", "outcome", 24),
    _officer("지원급여", "benefit", 22),
    *(_officer(f"이유 {n} 맞음/틀림", name, 10) for n, name in enumerate(REASON_COLUMNS, start=1)),
    _officer("거부·종결 사유", "dismissal", 24),
    _officer("다음 예정일", "next_on", 13, "day"),
)
ANSWER_COLUMNS = tuple(column for column in COLUMNS if column.filled_by == "officer")


def words(table: BenefitTable) -> Mapping[str, Mapping[str, str]]:
    """Per answer column to choose from: code -> the word on the sheet, in the order of its drop-down."""
    benefits = {code: programme.name_ko for code, programme in table.programmes.items()}
    return {
        "channel": CHANNELS,
        "result": RESULTS,
        "need_confirmed": NEED_CONFIRMED,
        "outcome": {code: outcome.label_ko for code, outcome in OUTCOMES.items()},
        "benefit": {**benefits, OTHER_BENEFIT[0]: OTHER_BENEFIT[1]},
        **dict.fromkeys(REASON_COLUMNS, RIGHT_OR_WRONG),
        "dismissal": DISMISSALS,
    }
