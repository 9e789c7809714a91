"""What an office gets back: a CSV in Korean that says which rows were set aside, why, and how to mend them.

It repeats no cell of the sheet: the row as Excel counts it and the name of the column are enough, and name nobody.
"""

from collections.abc import Mapping
from typing import NamedTuple

from alerts.cells import csv_bytes
from alerts.returned import Returned


class AnswerRule(NamedTuple):
    what_ko: str
    cure_ko: str


_FROM_LIST = "목록에서 골라 적어 주십시오."
_DATE = "2026-11-05처럼 연도까지 적어 주십시오."
ANSWER_RULES: Mapping[str, AnswerRule] = {
    "alert_missing": AnswerRule(
        "알림번호가 없는 줄입니다.", "합계나 메모라면 그대로 두셔도 됩니다. 답이라면 알림번호를 채워 주십시오."
    ),
    "alert_unreadable": AnswerRule(
        "알림번호의 형식이 맞지 않습니다.", "보내 드린 표의 알림번호를 그대로 옮겨 주십시오."
    ),
    "wrong_field_count": AnswerRule(
        "칸의 수가 첫머리보다 많아 어느 칸의 값인지 알 수 없습니다.",
        "엑셀에서 열어 칸이 밀리지 않았는지 보고, ‘Excel 통합 문서(.xlsx)’로 저장해 주십시오.",
    ),
    "columns_differ": AnswerRule("같은 이름의 칸이 둘이고 내용이 서로 다릅니다.", "하나만 남겨 주십시오."),
    "contacted_on_missing": AnswerRule("답은 있는데 접촉일이 비어 있습니다.", f"접촉한 날을 {_DATE}"),
    "contacted_on_unreadable": AnswerRule("접촉일을 읽을 수 없습니다.", f"접촉한 날을 {_DATE}"),
    "next_on_unreadable": AnswerRule("다음 예정일을 읽을 수 없습니다.", f"다음에 연락할 날을 {_DATE}"),
    "next_before_contact": AnswerRule("다음 예정일이 접촉일보다 앞섭니다.", "두 날짜를 확인해 고쳐 주십시오."),
    "unknown_channel": AnswerRule("접촉방법이 목록에 없는 말입니다.", _FROM_LIST),
    "unknown_result": AnswerRule("접촉결과가 목록에 없는 말입니다.", _FROM_LIST),
    "unknown_need_confirmed": AnswerRule("욕구확인이 목록에 없는 말입니다.", _FROM_LIST),
    "unknown_outcome": AnswerRule("처리결과가 목록에 없는 말입니다.", _FROM_LIST),
    "unknown_benefit": AnswerRule(
        "지원급여가 목록에 없는 말입니다.",
        "하나만 목록에서 골라 주십시오. 목록에 없으면 ‘그 밖의 급여’를 골라 주십시오.",
    ),
    "unknown_reason_answer": AnswerRule(
        "이유 판단이 맞음이나 틀림이 아닙니다.", "맞음 또는 틀림으로 적거나 비워 주십시오."
    ),
    "unknown_dismissal": AnswerRule("거부·종결 사유가 목록에 없는 말입니다.", _FROM_LIST),
    "dismissal_missing": AnswerRule(
        "이 처리결과에는 거부·종결 사유가 필요합니다.", "거부·종결 사유를 목록에서 골라 주십시오."
    ),
    # Asked of our own records by whoever holds them.
    "unknown_alert": AnswerRule(
        "보내 드린 적이 없는 알림번호입니다.", "보내 드린 표의 알림번호를 그대로 옮겨 주십시오."
    ),
    "foreign_office": AnswerRule(
        "다른 읍면동의 알림입니다.", "담당 읍면동의 표로 보내 주시거나, 담당이 바뀌었으면 시·군·구에 알려 주십시오."
    ),
    "date_in_future": AnswerRule("접촉일이 파일을 보내신 날보다 뒤입니다.", "접촉일을 확인해 고쳐 주십시오."),
    "date_before_alert": AnswerRule("접촉일이 알림일보다 앞섭니다.", "접촉일을 확인해 고쳐 주십시오."),
}

_HEADER = ("구분", "줄", "칸", "내용", "고치는 방법")


def write_answer_reply(returned: Returned, file: str) -> bytes:
    """`returned` after all checks, also those against our own records (Returned.without)."""
    bad = returned.set_aside["row_no"].n_unique()
    counts = f"{file}: 받은 {returned.received:,}줄 가운데 답 {returned.answers.height:,}줄을 받아들였습니다."
    counts += f" 아직 답이 없는 줄은 {returned.unanswered:,}줄, 제외한 줄은 {bad:,}줄입니다."
    cure = "제외한 줄만 고쳐서 표를 다시 보내 주십시오. 이미 받은 답은 두 번 세지 않습니다." if bad else ""
    rows = [("요약", "", "", counts, cure)]
    if returned.capacity is not None:
        rows.append(
            ("안내", "", "", f"한 번에 맡을 수 있는 가구 수를 {returned.capacity:,}가구로 적어 주셨습니다.", "")
        )
    rows += [("주의", "", "", warning, "") for warning in returned.warnings]
    rows += [
        (
            "안내",
            "",
            header,
            "보내 드린 표에 없던 칸이라 읽지 않았습니다.",
            "처리결과와 사유는 정해진 칸에 적어 주십시오.",
        )
        for header in returned.leftover
    ]
    rows += [
        ("제외", str(row_no), column, *ANSWER_RULES[rule])
        for row_no, column, rule in returned.set_aside.sort("row_no", maintain_order=True).iter_rows()
    ]
    return csv_bytes(_HEADER, rows)
