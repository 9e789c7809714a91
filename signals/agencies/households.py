"""Sources that know a household."""

from signals.layout import USUAL_LAG, Agency, Column, Layout

HOUSEHOLDS = (
    Agency(
        "lh",
        "한국토지주택공사·지방공사",
        "household",
        Layout(
            "cp949",
            (
                Column("세대번호", "household_no"),
                Column("계약자명", "dropped"),
                Column("임대료구분", "source_code"),
                Column("체납개월수", "months"),
                Column("체납임대료(천원)", "amount"),
                Column("기준년월", "month"),
            ),
            separator="|",
            dates="202608",
            won_per_unit=1000,
        ),
        2,
        USUAL_LAG,
        False,
        "한국토지주택공사 임대관리 담당",
    ),
    Agency(
        "haengbok",
        "보건복지부(사회보장정보시스템 행복이음)",
        "household",
        Layout(
            "utf-8-sig",
            (
                Column("세대번호", "household_no"),
                Column("급여·처리코드", "source_code"),
                Column("기준일자", "month"),
                Column("수급개월수", "months"),
            ),
            dates="2026-08-31",
        ),
        1,
        USUAL_LAG,
        True,
        "한국사회보장정보원 발굴지원 담당",
    ),
    Agency(
        "mois",
        "행정안전부(주민등록·재난)",
        "household",
        Layout(
            "cp949",
            (
                Column("변동일", "month"),
                Column("세대번호", "household_no"),
                Column("변동구분", "source_code"),
                Column("세대주성명", "dropped"),
            ),
            dates="20260831",
            digits="full_width",
        ),
        2,
        USUAL_LAG,
        False,
        "행정안전부 주민과 전산자료 담당",
    ),
    Agency(
        "molit",
        "국토교통부(전월세 자료)",
        "household",
        Layout(
            "cp949",
            (
                Column("기준년월", "month"),
                Column("세대번호", "household_no"),
                Column("유지개월", "months"),
                Column("취약유형", "source_code"),
            ),
            separator="\t",
            dates="202608",
        ),
        3,
        USUAL_LAG,
        False,
        "국토교통부 주거복지 자료 담당",
    ),
    Agency(
        "moe",
        "교육부(학교)",
        "household",
        Layout(
            "utf-8-sig",
            (
                Column("학교명", "dropped"),
                Column("세대번호", "household_no"),
                Column("판단일", "month"),
                Column("위기구분", "source_code"),
            ),
            separator="|",
            dates="2026. 8. 31.",
        ),
        2,
        USUAL_LAG,
        False,
        "교육부 학생지원 담당",
    ),
)
