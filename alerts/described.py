"""What each column of a published table means, in Korean and English: the words of its datapackage.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from alerts.bands import BANDS
from alerts.benefit_table import BenefitTable
from alerts.columns import ADDRESS_FLAGS, COLUMNS, REPEATED, STATES, words
from alerts.considered import COUNTED, CUT, HIDDEN, NOT_QUEUED, URGENT
from alerts.lanes import LANES, WORKS_AS
from alerts.workload import PERIOD_DAYS

Type = Literal["string", "date", "integer"]


@dataclass(frozen=True, slots=True)
class Column:
    header: str  # as it stands in the file
    title_en: str
    what_ko: str
    what_en: str
    type: Type = "string"
    unit: str = ""
    values: Mapping[str, str] = field(default_factory=dict)  # word in the file -> what it means, in English
    pattern: str = ""
    is_key: bool = False


_OFFICE: Final = r"[0-9]{10}"
_DAY: Final = {
    "due_on": ("First contact due", "이날까지 처음 연락하거나 찾아갑니다.", "First contact is to be made by this day."),
    "opened_on": ("Opened on", "명단에 처음 오른 날입니다.", "Day on which the alert was opened."),
    "as_of": ("Known as of", "이날까지 알려진 자료로 만들었습니다.", "Made from what was known on this day."),
    "contacted_on": ("Contacted on", "연락하거나 찾아간 날입니다.", "Day of the call or visit."),
    "next_on": ("Next try on", "다음에 연락할 날입니다.", "Day of the next try."),
}
# Of alerts.columns.COLUMNS, by name: title, then what it is.
_TEXT: Final[Mapping[str, tuple[str, str, str]]] = {
    "alert_id": ("Alert", "알림마다 하나뿐인 번호입니다.", "Number of the alert; it names nobody."),
    "lane": ("Lane", "왜 올라왔고 어떻게 살펴볼지입니다.", "Why it is in the queue and how it is worked."),
    "head_name": ("Head of household", "세대주 이름입니다.", "Name; in this file only."),
    "band": ("Band", "먼저 살펴볼 차례를 돕는 말입니다.", "Order of looking, in words; a low one is no evidence."),
    "state": ("State", "처리가 어디까지 왔는지입니다.", "How the alert stands against its due day."),
    "phone": ("Telephone", "세대주 전화번호입니다.", "Telephone; in this file only."),
    "address": ("Address", "등록된 주소입니다.", "Registered address; in this file only."),
    "address_flag": (
        "Address to be checked",
        "주소를 확인해야 하는지입니다.",
        "Whether and how the address is doubtful.",
    ),
    "household": ("Household", "가구원 수와 구성입니다.", "Size and make-up of the household."),
    "repeats": ("Earlier selections", "이전에 몇 번 발굴되었는지입니다.", "How often it was selected before."),
    "last_contact": ("Last contact", "이번 알림의 마지막 접촉입니다.", "Newest answer to this alert."),
    "criterion": ("Local criterion", "시·군·구가 정한 발굴 기준입니다.", "The district's own rule that chose it."),
    "data_age_days": ("Age of newest signal", "가장 최근 신호가 며칠 전인지입니다.", "Days since the newest signal."),
    "office": ("Office", "행정동코드 10자리입니다.", "Code of the office (행정동)."),
    "channel": ("Channel", "어떻게 연락했는지입니다.", "How contact was made."),
    "result": ("Result of contact", "연락이 닿았는지입니다.", "Whether somebody was reached."),
    "need_confirmed": ("Need confirmed", "어려움을 확인했는지입니다.", "Whether need was found."),
    "outcome": ("Outcome", "어떻게 처리했는지입니다.", "What was done; decides whether the alert is closed."),
    "benefit": ("Benefit", "이어 드린 급여입니다.", "Benefit applied for or granted."),
    "dismissal": ("Reason for closing", "거부하거나 종결한 까닭입니다.", "Why it was dismissed."),
}
# Families of columns that are numbered.
_NUMBERED: Final[Mapping[str, tuple[str, str, str]]] = {
    "reason": ("Reason", "점수를 올린 사정입니다.", "What raised the score, as a true sentence."),
    "check": ("To be checked", "찾아가서 확인할 점입니다.", "What to look at."),
    "benefit": ("Benefit to look at", "살펴볼 만한 급여입니다.", "A benefit worth checking."),
    "right": ("Reason right or wrong", "발굴 이유가 맞았는지입니다.", "Whether the reason held."),
}


def queue_columns(table: BenefitTable) -> tuple[Column, ...]:
    """Of the office's sheet, in its order."""
    chosen = {name: {word: code for code, word in of.items()} for name, of in words(table).items()}
    codes = {**chosen, **_WORDS}
    return tuple(_column(column.header, column.name, codes.get(column.name, {})) for column in COLUMNS)


_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "lane": {
        word: code + again
        for code in WORKS_AS
        for word, again in ((LANES[code].label_ko, ""), (f"{LANES[code].label_ko} · {REPEATED}", ", again"))
    },
    "band": {word: code for code, word in BANDS.items()} | {f"{BANDS['moderate']} 이상": "moderate or more"},
    "state": {
        word + moved: code + also
        for word, code in zip(STATES, ("new", "open", "overdue", "long overdue"), strict=False)
        for moved, also in (("", ""), (f" · {[*STATES][-1]}", ", from another office"))
    },
    "address_flag": {
        word: {"no_unit": "unit is missing", "mismatch_suspected": "may live elsewhere"}.get(str(code), "unknown")
        for code, word in ADDRESS_FLAGS.items()
        if word
    },
}


def _column(header: str, name: str, values: Mapping[str, str]) -> Column:
    if name in _DAY:
        return Column(header, *_DAY[name], type="date")
    stem, _, rest = name.partition("_")
    if rest[:1].isdigit():
        title, what_ko, what_en = _NUMBERED["right" if rest.endswith("_right") else stem]
        return Column(header, f"{title} {rest[0]}", what_ko, what_en, values=values)
    pattern, unit = (_OFFICE if name == "office" else ""), ("days (일)" if name == "data_age_days" else "")
    return Column(header, *_TEXT[name], values=values, pattern=pattern, unit=unit, is_key=name == "alert_id")


_OFFICE_COLUMNS: Final = (
    Column("행정동코드", "Office", "행정동코드 10자리입니다.", "Code of the office.", pattern=_OFFICE, is_key=True),
    Column("행정동", "Name of the office", "읍면동 이름입니다.", "Name of the office."),
)
_DECIDED_EN: Final[Mapping[str, tuple[str, str]]] = {
    "below_cut": ("Below the cut", "Live signals, but no free place."),
    "cooling_down": ("Spoken to lately", "Rests after a completed contact."),
    "already_relieved": ("Relieved already", "Running benefits cover what the signals show."),
    "no_signal": ("No live signal", "No signal that holds today."),
    "not_scored": ("No score", "Could not be scored."),
    "removed": ("Died", "Everybody known of it has died."),
    "stopped": ("Processing stopped", "Asked that its data be not processed."),
    "no_office": ("No office", "Lives under no listed office."),
}
_HIDDEN_KO: Final = f"10 이하이거나 다른 칸에서 알아낼 수 있으면 ‘{HIDDEN}’으로 적습니다."
_HIDDEN_EN: Final = f"{HIDDEN}: 1 to 10, or hidden lest such a count be told."


def _counted(header: str, title_en: str, what_ko: str, what_en: str) -> Column:
    return Column(
        header, title_en, f"{what_ko} {_HIDDEN_KO}", f"{what_en} {_HIDDEN_EN}", "integer", "households (가구)"
    )


CONSIDERED_COLUMNS: Final[tuple[Column, ...]] = (
    *_OFFICE_COLUMNS,
    _counted(NOT_QUEUED, "Not in the queue", "살펴보았으나 명단에 없는 가구입니다.", "All that is in no queue."),
    *(
        _counted(word, _DECIDED_EN[code][0], f"{NOT_QUEUED} 가운데 ‘{word}’입니다.", _DECIDED_EN[code][1])
        for word, code in COUNTED.items()
    ),
    _counted(URGENT, "Urgent signal", "아직 답이 없는 긴급 신호가 있는 가구입니다.", "An urgent signal not answered."),
    Column(
        CUT, "Lowest band chosen", "이번에 일반으로 올린 가구의 가장 낮은 위험 수준입니다.",
        "Lowest band that joined by risk.",
        values={word: code for code, word in BANDS.items()},
    ),
)  # fmt: skip

# Of alerts.workload.WORKLOAD: header, name, English title, what it is.
_WORK: Final[Sequence[tuple[str, str, str, str]]] = (
    ("정원", "capacity", "Capacity", "한 번에 맡을 수 있는 알림입니다."),
    ("열린 알림", "open", "Open alerts", "처리 중인 알림이며 새 알림도 들어 있습니다."),
    ("신규", "new", "New alerts", "이번에 처음 올라온 알림입니다."),
    *((LANES[c].label_ko, c, f"Open, worked as {c}", "열린 알림 가운데 이 구분의 알림입니다.") for c in WORKS_AS),
    ("기한 지남", "overdue", "Overdue", "처리기한이 지난 알림입니다."),
    ("기한 크게 지남", "long_overdue", "Long overdue", "처리기한이 많이 지난 알림입니다."),
    ("재발굴", "repeats", "Repeats", "거듭 발굴된 알림입니다."),
    ("이관됨", "transferred_in", "Transferred in", "다른 읍면동에서 넘어와 아직 답이 없는 알림입니다."),
    ("기한이 된 첫 접촉", "due_contacts", "First contacts due", f"최근 {PERIOD_DAYS}일 안에 기한이 된 알림입니다."),
    ("기한 내 첫 접촉", "contacted_in_time", "First contacts in time", "그 가운데 기한 안에 접촉한 알림입니다."),
)  # fmt: skip
WORKLOAD_NAMES: Final = tuple(name for _, name, *_ in _WORK)
WORKLOAD_COLUMNS: Final[tuple[Column, ...]] = (
    *_OFFICE_COLUMNS,
    *(
        Column(header, title, what, f"{title}; work to be shared out, told exactly.", "integer", "alerts (건)")
        for header, _, title, what in _WORK
    ),
)

REPLY_COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "구분", "Kind of line", "이 줄이 무엇을 알리는지입니다.", "What the line tells.",
        values={
            "요약": "summary", "안내": "note", "주의": "warning", "제외": "row set aside",
            "파일 전체 거절": "file refused",
        },
    ),
    Column("줄", "Row", "보내신 파일의 줄 번호입니다.", "Row of the file, as its sender counts.", "integer"),
    Column("칸", "Column", "고칠 칸의 이름입니다.", "Name of the column at fault."),
    Column("내용", "What", "무엇이 맞지 않는지입니다.", "What is wrong; no cell is repeated."),
    Column("고치는 방법", "Cure", "어떻게 고치면 되는지입니다.", "How to mend it."),
)  # fmt: skip
