"""What Prefect's pages show of a night: tables and progress, in Korean, of counts and places. Nothing of a person.

Only within a flow run. What fails here is no reason for a night to fail: it is told on the error stream.
"""

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from flows.engine import in_flow_run
from flows.summary import NightSummary, State, Taken
from signals.agencies import AGENCIES
from signals.registers import REGISTERS

T = TypeVar("T")

# Prefect's pages grow slow with more.
MOST_ROWS: Final = 100
# Work that is over sooner needs no bar, and its server no letter more often.
FIRST_AFTER_SECONDS: Final = 2.0

STEPS_KO: Final[Mapping[str, str]] = {
    "Taking in deliveries": "받은 파일 읽기",
    "Recording deliveries": "받은 파일 기록",
    "Who lives with whom": "가구 구성",
    "Who lives where": "거주지 연결",
    "Whose household is told of": "자료와 가구 연결",
    "Scoring households": "위험도 계산",
    "Explaining alerts": "발굴 이유 쓰기",
    "Writing sheets": "명단 쓰기",
    "Building features per round": "회차별 자료 만들기",
}
STATES_KO: Final[Mapping[State, str]] = {
    "taken": "받음",
    "refused": "돌려보냄",
    "again": "이미 받음",
    "waiting": "기다림",
    "future": "날짜가 아직 아님",
}


def tell_night(night: NightSummary) -> None:
    if not in_flow_run():
        return
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    day = night.as_of
    queues, deliveries = queues_of(night), deliveries_of(night.taken)
    _try(lambda: create_table_artifact(queues, key="queues", description=_of(f"{day} 읍면동 명단", night.offices)))
    _try(lambda: create_table_artifact(deliveries, key="deliveries", description=f"{day} 받은 자료의 품질"))
    _try(lambda: create_markdown_artifact(pages_of(night), key="pages", description=f"{day} 명단과 현황이 놓인 곳"))


def queues_of(night: NightSummary) -> list[dict[str, Any]]:
    """The fullest first."""
    offices = sorted(night.offices, key=lambda office: (-office.open, office.office))[:MOST_ROWS]
    return [
        {"읍면동": o.name_ko, "정원": o.capacity, "진행 중": o.open, "새로 선정": o.new, "다음 순번": o.below_cut}
        for o in offices
    ]


def deliveries_of(taken: Iterable[Taken]) -> list[dict[str, Any]]:
    """By source and what became of its files. No file's name: an office may call its sheet whatever it likes."""
    told: dict[tuple[str, State], Counter[str]] = {}
    for one in taken:
        counts = {"파일": 1, "받은 행": one.received, "쓴 행": one.accepted, "제외한 행": one.set_aside}
        more = {"주의": len(one.warnings), "모르는 칸": len(one.leftover)}
        told.setdefault((one.source, one.state), Counter()).update(counts | more)
    rows = sorted(told.items(), key=lambda item: (-item[1]["제외한 행"], item[0]))[:MOST_ROWS]
    return [
        {"기관": _source_ko(source), "처리": STATES_KO[state], **{name: int(count) for name, count in counts.items()}}
        for (source, state), counts in rows
    ]


def pages_of(night: NightSummary) -> str:
    """Prefect's pages may not open files of the machine: places to go to."""
    lines = [f"실행 `{night.run}` · 모형 `{night.model}` · {night.households:,}가구", ""]
    board = night.outbox / "board.html"
    places = [("현황판", board)] if board.exists() else []
    places += [("읍면동 명단", night.outbox), ("기관 회신", night.replies)]
    return "\n".join(lines + [f"- {name}: [{place}]({place.as_uri()})" for name, place in places])


def with_progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """A bar in Prefect's pages for what takes longer."""
    from prefect.artifacts import create_progress_artifact, update_progress_artifact

    shown: Any = None
    last = time.monotonic()
    key = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - last < FIRST_AFTER_SECONDS and not (shown and done == total):
            continue
        share, last = 100 * done / total, time.monotonic()
        if shown is None:
            title = f"{STEPS_KO.get(what, what)} ({total:,})"
            shown = _try(lambda: create_progress_artifact(share, key=key, description=title))  # noqa: B023
        else:
            _try(lambda: update_progress_artifact(shown, share))  # noqa: B023


def _source_ko(source: str) -> str:
    if source in AGENCIES:
        return AGENCIES[source].name_ko
    if source in REGISTERS:
        return REGISTERS[source].name_ko
    return "읍면동 회신 명단" if source == "sheets" else "알 수 없음"


def _of(title: str, rows: tuple[object, ...]) -> str:
    return title if len(rows) <= MOST_ROWS else f"{title} (모두 {len(rows):,}곳, 진행 중이 많은 {MOST_ROWS}곳)"


def _try(tell: Callable[[], T]) -> T | None:
    try:
        return tell()
    except Exception as error:
        sys.stderr.write(f"Prefect took no artifact ({type(error).__name__})\n")
        return None
