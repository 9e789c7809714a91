"""One office's sheet: who to call, why, what to check, which benefits may apply, and room for the answers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from alerts.bands import BANDS
from alerts.cells import csv_bytes
from alerts.korean import age_band
from alerts.lanes import LANES
from signals.outcomes import OUTCOMES

PEOPLE = pl.Schema(
    {"household_key": pl.Int64(), "head_name": pl.String(), "address": pl.String(), "phone": pl.String()}
)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SheetColumn:
    header: str
    name: str
    filled_by: Literal["us", "officer"]
    text: Callable[[Row], str]


def _as_is(name: str) -> Callable[[Row], str]:
    return lambda row: "" if row[name] is None else str(row[name])


def _empty(_row: Row) -> str:
    return ""


def _lane(row: Row) -> str:
    return LANES[row["lane"]].label_ko


def _band(row: Row) -> str:
    return BANDS[row["band"]] if row["band"] is not None else ""


def _deadline_state(row: Row) -> str:
    if row["is_overdue"]:
        return "기한 지남"
    return "신규" if row["is_new"] else "처리 중"


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


def _days(name: str) -> Callable[[Row], str]:
    return lambda row: "" if row[name] is None else f"{row[name]}일"


def _told(name: str, header: str) -> SheetColumn:
    return SheetColumn(header, name, "us", _as_is(name))


# The sheet, left to right. No rank, no probability, no resident number; explore shows the word of the risk lane.
COLUMNS: tuple[SheetColumn, ...] = (
    _told("alert_id", "알림번호"),
    SheetColumn("구분", "lane", "us", _lane),
    SheetColumn("위험 수준", "band", "us", _band),
    _told("due_on", "처리기한"),
    SheetColumn("진행 상태", "deadline_state", "us", _deadline_state),
    _told("office", "행정동코드"),
    _told("head_name", "세대주"),
    SheetColumn("전화번호", "phone", "us", _phone),
    _told("address", "주소"),
    SheetColumn("주소 확인", "address_flag", "us", _address_flag),
    SheetColumn("가구 구성", "household", "us", _household),
    SheetColumn("발굴 이력", "repeats", "us", _repeats),
    _told("reason_1", "발굴 이유 1"),
    _told("reason_2", "발굴 이유 2"),
    _told("reason_3", "발굴 이유 3"),
    _told("reason_4", "발굴 이유 4"),
    _told("check_1", "확인할 점 1"),
    _told("check_2", "확인할 점 2"),
    _told("check_3", "확인할 점 3"),
    _told("benefit_1", "살펴볼 급여 1"),
    _told("benefit_2", "살펴볼 급여 2"),
    _told("benefit_3", "살펴볼 급여 3"),
    SheetColumn("최근 신호 경과일", "data_age_days", "us", _days("data_age_days")),
    _told("opened_on", "알림일"),
    _told("as_of", "자료 기준일"),
    SheetColumn("접촉일", "contacted_on", "officer", _empty),
    SheetColumn("접촉방법", "channel", "officer", _empty),
    SheetColumn("결과", "outcome", "officer", _empty),
    SheetColumn("욕구확인", "need_confirmed", "officer", _empty),
    SheetColumn("지원급여", "benefit", "officer", _empty),
    SheetColumn("다음 예정일", "next_action_on", "officer", _empty),
    SheetColumn("비고코드", "note_code", "officer", _empty),
)

_RESIDENT_NO = re.compile(r"(?<!\d)\d{6}\s*[-–]?\s*[0-9*]{7}(?!\d)")


def write_csv(alerts: pl.DataFrame, people: pl.DataFrame) -> bytes:
    """alerts of one office (with reasons and benefits) and its `people` in clear -> the sheet's bytes.

    Sorted by lane, band, due date, alert id: the place in the sheet tells an officer no more than these columns do.
    """
    if alerts["office"].n_unique() > 1:
        raise ValueError("a sheet holds one office; split the alerts by office first")
    joined = alerts.join(people.select(PEOPLE.names()), on="household_key", how="left", validate="m:1")
    ranked = joined.sort(
        pl.col("lane").replace_strict({lane.code: lane.rank for lane in LANES.values()}, return_dtype=pl.Int64),
        pl.col("band").to_physical(),
        "due_on",
        "alert_id",
        descending=[False, True, False, False],
        nulls_last=True,
    )
    rows = [[column.text(row) for column in COLUMNS] for row in ranked.iter_rows(named=True)]
    _refuse_resident_numbers(ranked)
    return csv_bytes([column.header for column in COLUMNS], rows)


def _refuse_resident_numbers(people: pl.DataFrame) -> None:
    for name in ("head_name", "address", "phone"):
        if any(_RESIDENT_NO.search(text) for text in people[name].drop_nulls()):
            raise ValueError(f"{name} holds what looks like a resident number; no sheet was written")
