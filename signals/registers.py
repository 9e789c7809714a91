"""Who lives where, and what officers did: three registers with the words their columns may carry."""

from signals.layout import Column, Layout, Register
from signals.signal import Housing

HOUSING_KO: dict[Housing, str] = {
    "apartment": "아파트",
    "public_rental": "공공임대주택",
    "redevelopment_rental": "재개발임대주택",
    "row_house": "연립·다세대주택",
    "detached": "단독·다가구주택",
    "one_room": "원룸·오피스텔",
    "non_dwelling": "주택 이외의 거처",
}

END_REASONS_KO = {"moved": "전출", "died": "사망", "split": "세대분리"}

# Written in the contacts file as they stand: a past round's work is "incumbent", the others are our own lanes.
LANES = ("incumbent", "urgent", "risk", "explore", "trace", "partial")

_REGISTERS = (
    Register(
        "residents",
        "주민등록 세대원 명부",
        Layout(
            "utf-8-sig",
            (
                Column("주민등록번호", "person_no"),
                Column("성명", "name"),
                Column("연락처", "phone"),
                Column("세대번호", "household_no"),
                Column("세대주여부", "is_head"),  # Y | N
                Column("편입일", "valid_from"),
                Column("말소일", "valid_to"),  # the first day it no longer holds; empty: still so
                Column("말소사유", "end_reason"),  # END_REASONS_KO
            ),
            dates="2026-08-31",
        ),
        1,
        True,
        "시·군·구 주민등록 전산 담당",
    ),
    Register(
        "addresses",
        "세대별 등록 주소",
        Layout(
            "cp949",
            (
                Column("세대번호", "household_no"),
                Column("도로명주소", "address"),
                Column("주거유형", "housing"),  # HOUSING_KO
                Column("행정동코드", "office"),  # 10 digits
                Column("전입일", "valid_from"),
                Column("전출일", "valid_to"),
            ),
            separator="|",
            dates="20260831",
        ),
        1,
        True,
        "시·군·구 주민등록 전산 담당",
    ),
    Register(
        "contacts",
        "발굴대상자 처리결과",
        Layout(
            "utf-8-sig",
            (
                Column("관리번호", "case_no"),
                Column("세대번호", "household_no"),
                Column("행정동코드", "office"),
                Column("구분", "lane"),  # LANES
                Column("선정일", "selected_on"),
                Column("접촉일", "contacted_on"),
                Column("처리결과", "outcome"),  # label_ko of OUTCOMES
                Column("지원급여", "benefit"),
                Column("입력일", "recorded_on"),
            ),
            dates="2026-08-31",
        ),
        1,
        True,
        "한국사회보장정보원 발굴지원 담당",
    ),
)

REGISTERS: dict[str, Register] = {r.code: r for r in _REGISTERS}
