"""The workbook's guide: what the sheet is, how to fill it in and send it back, and every word of it in plain Korean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from alerts.answers import CHANNELS, DISMISSALS, NEED_CONFIRMED, REASON_COLUMNS, RESULTS, RIGHT_OR_WRONG
from alerts.bands import BANDS
from alerts.benefit_table import BenefitTable
from alerts.columns import REPEATED, STATES, Office, words
from alerts.lanes import LANES
from alerts.returned import CAPACITY_LABEL
from signals.outcomes import OUTCOMES, Effect

Kind = Literal["title", "section", "text", "code", "capacity"]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the guide, in three columns. `of` names the answer column whose drop-down this word belongs to."""

    kind: Kind
    first: str = ""
    word: str = ""
    meaning: str = ""
    of: str = ""


LANE_MEANINGS: Mapping[str, str] = {
    "urgent": "단전·단수나 신고처럼 바로 확인해야 하는 소식이 있는 가구입니다. 가장 먼저 연락해 주세요.",
    "risk": "여러 기관의 정보를 함께 보아 어려움이 있을 수 있는 가구입니다.",
    "trace": "등록된 주소에 살지 않거나 거듭 만나지 못한 가구입니다. 실제 사는 곳부터 찾아 주세요.",
    "partial": "급여를 이미 받고 있지만 그 급여로는 풀리지 않는 어려움이 보이는 가구입니다.",
}
REPEATED_MEANING = "여러 번 발굴되었지만 아직 한 번도 상담하지 못한 가구입니다. 다른 방법으로도 연락해 주세요."
BAND_MEANINGS: Mapping[str, str] = {
    "very_high": "비슷한 가구에서 어려움이 확인된 일이 매우 많았습니다.",
    "high": "비슷한 가구에서 어려움이 확인된 일이 많았습니다.",
    "moderate": "연락이 필요한 가구입니다. ‘보통’이나 빈칸이라고 해서 어려움이 없다는 뜻이 아닙니다.",
}
RESULT_MEANINGS: Mapping[str, str] = {
    "talked": "본인이나 가족과 이야기를 나누었습니다.",
    "absent": "찾아갔지만 사람이 없었습니다.",
    "no_answer": "전화를 걸었지만 받지 않았습니다.",
    "wrong_number": "없는 번호이거나 다른 사람의 번호였습니다.",
    "wrong_address": "등록된 주소에 살고 있지 않았습니다.",
    "declined": "연락은 되었지만 상담을 원하지 않았습니다.",
}
NEED_MEANINGS: Mapping[str, str] = {
    "yes": "도움이 필요한 어려움이 있었습니다.",
    "no": "도움이 필요한 어려움이 없었습니다.",
    "unknown": "만나지 못했거나 아직 알 수 없습니다.",
}
RIGHT_OR_WRONG_MEANINGS: Mapping[str, str] = {
    "right": "표에 적힌 발굴 이유가 사실과 같았습니다.",
    "wrong": "표에 적힌 발굴 이유가 사실과 달랐습니다.",
}

_WHAT = (
    "여러 기관이 보내 온 위기 정보를 모아, 도움이 필요할 수 있는 가구를 알려 드리는 표입니다.",
    "어떤 도움을 드릴지는 담당자가 만나 보고 결정합니다. 이 표는 아무것도 결정하지 않습니다.",
)
_FILL_IN = (
    "‘목록’ 시트의 노란 칸에만 적을 수 있습니다. 나머지 칸은 잠겨 있고, 암호는 없습니다.",
    "한 칸이라도 적은 줄에는 접촉일을 꼭 적어 주세요. 2026-11-05처럼 연도까지 적습니다.",
    "칸을 누르면 나오는 화살표에서 말을 골라 주세요. 목록에 없는 말은 읽을 수 없어 되돌려 드립니다.",
    "발굴 이유가 사실과 같은지 이유마다 ‘맞음’이나 ‘틀림’을 골라 주세요. 모르면 비워 두세요.",
    "아직 연락하지 못한 가구는 비워 두세요. 답이 없는 알림은 종결되지 않고 다음 표에 다시 나옵니다.",
    "이름, 주민등록번호, 건강 상태 같은 개인정보나 메모를 노란 칸에 적지 마세요.",
    "줄을 걸러 보거나 칸의 너비를 바꾸어도 됩니다. 첫머리의 칸 이름과 알림번호는 지우지 마세요.",
    "들고 나갈 종이가 필요하면 ‘방문용’ 시트를 인쇄해 주세요(A4 가로). 다 쓴 종이는 파쇄해 주세요.",
)
_SEND = (
    "저장한 파일을 받으신 곳의 회신함에 그대로 넣어 주세요. 파일 이름은 바꾸지 않는 것이 좋습니다.",
    "일부만 적어 보내고 나중에 더 적어 다시 보내도 됩니다. 같은 답은 두 번 세지 않습니다.",
    "한 가구의 답이 서로 다르면 둘 다 남기고, 접촉일이 가장 늦은 답을 따릅니다.",
    "읽지 못한 줄은 줄 번호와 고치는 방법을 적어 돌려드립니다. 고쳐서 다시 보내 주세요.",
)
_NEVER = (
    "위험 수준이 낮거나 이 표에 없다고 해서 어려움이 없다는 뜻이 아닙니다.",
    "이 자료로 급여를 줄이거나 거절하거나 되돌려 받지 않습니다.",
    "‘살펴볼 급여’는 함께 확인해 볼 급여이며, 받을 수 있는지 없는지를 판정한 것이 아닙니다.",
    "알림은 담당자의 답으로만 종결됩니다. 시간이 지났다고 저절로 없어지지 않습니다.",
)


def guide_lines(office: Office, table: BenefitTable) -> Iterator[Line]:
    """The guide from top to bottom; every word that can be chosen in the sheet stands in it once."""
    yield Line("title", f"{office.district_ko} {office.name_ko} · 안내")
    yield Line("section", "맡을 수 있는 가구 수")
    yield Line("capacity", CAPACITY_LABEL, "", f"지금은 {office.capacity:,}가구입니다. 바꾸지 않으려면 비워 두세요.")
    for heading, sentences in (
        ("이 표는", _WHAT),
        ("적는 방법", _FILL_IN),
        ("보내는 방법", _SEND),
        ("이 표로 하지 않는 일", _NEVER),
    ):
        yield Line("section", heading)
        for n, sentence in enumerate(sentences, start=1):
            yield Line("text", f"{n}.", sentence)
    yield Line("section", "표에 나오는 말")
    yield from _told_words()
    yield Line("section", "골라 적는 말")
    yield from _answer_words(table)


def _told_words() -> Iterator[Line]:
    lanes = {code: LANES[code].label_ko for code in LANE_MEANINGS}
    repeated = {"repeated": REPEATED_MEANING}
    yield from _codes("구분", "", {**lanes, "repeated": REPEATED}, {**LANE_MEANINGS, **repeated})
    yield from _codes("위험 수준", "", dict(reversed(list(BANDS.items()))), BAND_MEANINGS)
    yield from _codes("진행 상태", "", {state: state for state in STATES}, STATES)


def _answer_words(table: BenefitTable) -> Iterator[Line]:
    known = words(table)
    yield from _codes("접촉방법", "channel", CHANNELS, {})
    yield from _codes("접촉결과", "result", RESULTS, RESULT_MEANINGS)
    yield from _codes("욕구확인", "need_confirmed", NEED_CONFIRMED, NEED_MEANINGS)
    outcomes = {o.code: f"[{effect_ko(o.effect)}] {o.meaning_ko}" for o in OUTCOMES.values()}
    yield from _codes("처리결과", "outcome", known["outcome"], outcomes)
    laws = {code: f"근거: {programme.law_ko}" for code, programme in table.programmes.items()}
    yield from _codes(
        "지원급여", "benefit", known["benefit"], laws | {"other": "위 목록에 없는 급여나 서비스를 이었을 때."}
    )
    yield from _codes("이유 맞음/틀림", REASON_COLUMNS[0], RIGHT_OR_WRONG, RIGHT_OR_WRONG_MEANINGS)
    needing = ", ".join(f"‘{o.label_ko}’" for o in OUTCOMES.values() if o.needs_reason)
    yield from _codes("거부·종결 사유", "dismissal", DISMISSALS, {"paid_off": f"{needing}에는 사유가 꼭 필요합니다."})


def _codes(header: str, of: str, known: Mapping[str, str], meanings: Mapping[str, str]) -> Iterator[Line]:
    for n, (code, word) in enumerate(known.items()):
        yield Line("code", "" if n else header, word, meanings.get(code, ""), of)


def effect_ko(effect: Effect) -> str:
    match effect:
        case "closes" | "removes":
            return "종결"
        case "retries":
            return "다시 연락"
        case "traces":
            return "주소 확인"
        case "transfers":
            return "이관"
        case other:
            assert_never(other)
