"""What a person is told who asks how their household came into a queue, from what the night kept: the four items of
개인정보 보호법 시행령 제44조의3 (result, kinds of data, how they counted, how it was done), and what can be asked for.

No name and no address: whoever hands it over knows them. It hides nothing from whom it concerns: also a random draw.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from alerts.bands import BANDS
from alerts.lanes import LANES
from signals.agencies import AGENCIES
from signals.outcomes import OUTCOMES
from signals.signal import Signal

# What stands beside the signals: features of the household as a whole.
GROUPS_KO: Final[Mapping[str, str]] = {
    "across": "여러 신호를 함께 본 것",
    "household": "가구의 구성과 주거(주민등록·주소 자료)",
    "contacts": "이전 발굴·상담 기록",
}
# Push in log-odds from which a kind of data is told to have counted, and to have counted much: a chance of 20 % becomes
# 22 % and 29 %.
COUNTS_FROM: Final = 0.1
COUNTS_MUCH_FROM: Final = 0.5
_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Decided:
    """One alert, as it was told in the newest night that told it."""

    alert_id: str
    office_ko: str
    opened_on: date
    told_on: date
    lane: str
    works_as: str
    band: str | None  # the true one: what officers see may be left out
    criterion: str | None
    is_open: bool
    outcome: str | None
    closed_on: date | None
    model: str
    model_of: date | None  # learned from answers known then
    reasons: Sequence[str]
    eases: Sequence[str]
    live: Sequence[str]  # names of live signals
    pushes: Mapping[str, float]  # by signal or group, log-odds; empty: not scored


@dataclass(frozen=True, slots=True)
class Answerable:
    """The body that runs it, from config.yaml."""

    organisation: str
    contact: str
    responsible: str
    legal_basis: str
    appeals: str


def write_statement(told: Decided, who: Answerable, signals: Mapping[str, Signal]) -> str:
    parts = (
        ("", _opening(told, who)),
        ("1. 결정의 내용과 결과", _result(told)),
        ("2. 사용된 주요 개인정보의 유형", _kinds(told, signals)),
        ("3. 그 정보가 미친 영향과 주요 기준", _criteria(told, signals)),
        ("4. 이루어진 절차", _procedure(told, who)),
        ("5. 요구하실 수 있는 것", _rights(who)),
    )
    return "\n\n".join("\n".join([title, *lines] if title else lines) for title, lines in parts) + "\n"


def _opening(told: Decided, who: Answerable) -> list[str]:
    return [
        "위기가구 발굴 명단에 대한 설명 (개인정보 보호법 제37조의2)",
        f"{who.organisation} · 알림번호 {told.alert_id} · {_day(told.told_on)} 기준",
        "",
        "이 명단은 담당 공무원이 먼저 연락할 가구를 고르는 데 씁니다. 급여를 주거나 줄이거나 끊는 결정이 아니며,",
        "필요한 지원과 처리 결과는 담당 공무원이 만나거나 연락해 확인한 뒤 정합니다.",
    ]


def _result(told: Decided) -> list[str]:
    label = LANES[told.works_as].label_ko
    lines = [f"- {_day(told.opened_on)}에 {told.office_ko}의 연락할 가구 명단에 ‘{label}’ 구분으로 올랐습니다."]
    if told.band is not None:
        lines.append(f"- 어려움이 있을 가능성은 세 단계 가운데 ‘{BANDS[told.band]}’으로 계산되었습니다.")
    lines.append(f"- 지금은 {_standing(told)}")
    return lines


def _standing(told: Decided) -> str:
    outcome = f"‘{OUTCOMES[told.outcome].label_ko}’" if told.outcome else ""
    if told.is_open:
        tried = f" 최근 처리 내용은 {outcome}입니다." if outcome else ""
        return f"담당 공무원의 확인을 기다리고 있습니다.{tried}"
    when = f"{_day(told.closed_on)}에 " if told.closed_on else ""
    how = f" 담당 공무원이 적은 결과는 {outcome}입니다." if outcome else ""
    return f"{when}종결되어 명단에 없습니다.{how}"


def _kinds(told: Decided, signals: Mapping[str, Signal]) -> list[str]:
    named = dict.fromkeys((*told.live, *(name for name, _ in _counting(told))))
    lines = []
    for name in named:
        if name in signals:
            signal = signals[name]
            lines.append(f"- {signal.name_ko}: {AGENCIES[signal.agency].name_ko}에서 받음 (근거: {signal.legal_basis})")
        elif name in GROUPS_KO:
            lines.append(f"- {GROUPS_KO[name]}")
    lines = lines or ["- 이 가구에 대해 위기 신호로 확인된 자료는 없습니다."]
    lines.append(
        f"- 모든 가구에 같은 자료를 봅니다: 위기 신호 {len(signals)}종, 가구의 구성과 주거, 이전 발굴·상담 기록."
    )
    lines.append("- 쓰지 않은 것: 성별, 국적, 장애 여부, 상담 내용을 적은 글.")
    return lines


def _criteria(told: Decided, signals: Mapping[str, Signal]) -> list[str]:
    lines = [_why_chosen(told)]
    lines += [f"- {reason}" for reason in told.reasons]
    lines += [f"- {ease}" for ease in told.eases]
    counting = _counting(told)
    if counting:
        lines.append("자료 종류마다 순위에 미친 영향은 다음과 같습니다(큰 것부터).")
        lines += [f"- {_name(name, signals)}: {_weight(push)}" for name, push in counting]
    elif told.pushes:
        lines.append("어느 한 자료가 순위를 눈에 띄게 바꾸지는 않았습니다.")
    return lines


def _why_chosen(told: Decided) -> str:
    match told.lane:
        case "urgent":
            return "공급 중단이나 신고처럼 급한 신호가 있으면 점수와 관계없이 명단에 오릅니다. 이 가구가 그러합니다."
        case "explore":
            return "놓치는 가구가 없는지 살피려고 자리의 일부는 무작위로 뽑습니다. 이 가구는 그렇게 뽑혔습니다."
        case _ if told.criterion:
            return f"지역에서 따로 정한 기준 ‘{told.criterion}’에 맞아 명단에 올랐습니다."
        case "risk" | "trace" | "partial":
            return "읍면동마다 맡을 수 있는 수만큼, 어려움이 있을 가능성이 높은 차례로 명단에 오릅니다."
        case other:
            raise ValueError(f"a lane nobody told of: {other}")


def _procedure(told: Decided, who: Answerable) -> list[str]:
    learned = f"{_day(told.model_of)}까지 알려진 처리 결과로 배운 " if told.model_of else ""
    return [
        f"- 근거: {who.legal_basis}",
        "- 여러 기관이 법에 따라 보낸 자료를 확인하고, 주민등록번호와 주소는 받는 즉시 알아볼 수 없는 번호로 바꿉니다.",
        f"- {_day(told.told_on)}까지 알려진 자료만으로 가구마다 수치를 만듭니다.",
        f"- {learned}모형({told.model})이 그 수치로 어려움이 있을 가능성을 계산합니다.",
        "- 이름·주소·연락처는 명단에 오른 가구만, 담당 읍면동의 명단을 만들 때 열며 그 기록이 남습니다.",
        "- 마지막에는 담당 공무원이 연락하거나 방문해 확인하고, 결과를 사람이 적어야만 종결됩니다.",
    ]


def _rights(who: Answerable) -> list[str]:
    return [
        "- 이 설명에 대해 더 묻거나, 의견을 내고 사람이 다시 검토하도록 요구하실 수 있습니다.",
        "- 명단에 오르는 것을 거부하거나, 개인정보의 열람·정정·삭제·처리정지를 요구하실 수 있습니다.",
        "- 설명·검토·거부 요구는 30일, 열람·정정·삭제·처리정지 요구는 10일 안에 조치하고 결과를 알려 드립니다.",
        "- 요구하셨다는 이유로 불이익을 받지 않습니다.",
        f"- 요구하실 곳: {who.contact} (책임: {who.responsible})",
        f"- {who.appeals}",
    ]


def _counting(told: Decided) -> list[tuple[str, float]]:
    found = [(name, push) for name, push in told.pushes.items() if abs(push) >= COUNTS_FROM]
    return sorted(found, key=lambda item: (-abs(item[1]), item[0]))[:_MOST]


def _name(name: str, signals: Mapping[str, Signal]) -> str:
    return signals[name].name_ko if name in signals else GROUPS_KO[name]


def _weight(push: float) -> str:
    much = "크게 " if abs(push) >= COUNTS_MUCH_FROM else ""
    return f"가능성을 {much}{'높였습니다' if push > 0 else '낮췄습니다'}"


def _day(day: date) -> str:
    return f"{day.year}년 {day.month}월 {day.day}일"


def lines_of(row: Mapping[str, object], prefix: str) -> Iterator[str]:
    """Sentences that the night kept, in their order: prefix_1, prefix_2, ..."""
    number = 1
    while f"{prefix}_{number}" in row:
        if text := row[f"{prefix}_{number}"]:
            yield str(text)
        number += 1
