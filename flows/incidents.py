"""What was out of the ordinary in a night, read from the journal: told on its board, and in the message after it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from flows import journal
from signals.calendar import SOURCES

# By code, in the order in which they are told: what it is, and what a person should do.
INCIDENTS: Final[Mapping[str, tuple[str, str]]] = {
    "begun_again": (
        "이 밤의 실행을 다시 시작함",
        "되풀이되면 최근 실행과 서버 기록(journalctl -u blindspot)을 살펴봐 주십시오.",
    ),
    "stopped": ("도중에 멈춘 실행", "멈춘 까닭마다 할 일은 docs/runbook.md에 있습니다."),
    "retried": (
        "잠깐 읽거나 쓰지 못해 되풀이한 단계",
        "할 일은 없습니다. 잦으면 데이터베이스와 저장 장치를 살펴봐 주십시오.",
    ),
    "restarted": ("멈춰 있어 다시 시작한 것", "되풀이되면 서버 기록(journalctl -u blindspot)을 살펴봐 주십시오."),
    "memory": (
        "메모리가 모자라 강제로 끝난 것",
        "서비스의 MemoryMax를 올리거나 night.households_per_part를 낮춰 주십시오.",
    ),
    "untold": ("아무도 받지 못한 알림", "`blindspot notify`로 알림 주소를 확인해 주십시오."),
    "waiting": ("아직 다 오지 않아 기다리는 파일", "이틀 넘게 남으면 보낸 곳에 알려 주십시오."),
    "again": ("이미 받은 것과 같은 파일", "할 일은 없습니다. 되풀이되면 보낸 곳에 알려 주십시오."),
    "corrected": ("고쳐 보낸 파일", "할 일은 없습니다. 이 밤부터 고친 내용을 씁니다."),
    "spoilt": ("여러 줄을 뺀 파일", "replies 폴더의 회신을 보낸 곳에 전해 주십시오."),
}
# Lines of form that does not fit: some are in every file, so many are not.
SPOILT_SHARE, SPOILT_LINES = 0.05, 20
# Of flows.engine.REPEATABLE.
STAGES_KO: Final = {"load model": "모형 불러오기", "take in": "받은 파일 읽기", "check sources": "자료 도착 확인"}
_PROCESSES: Final = {"server": "Prefect 서버", "worker": "작업자", "serve": "blindspot serve", "night": "밤 실행"}
_SENDERS: Final = {code: source.name_ko for code, source in SOURCES.items()} | {"sheets": "읍면동 회신"}


def incidents_of(work: Path, as_of: date) -> list[dict[str, Any]]:
    """Since the board of the night before: code, name_ko, cure_ko, count and where, only of what there was."""
    found: dict[str, list[str]] = {}
    for code, where in _found(_since_last_board(journal.lines(work), as_of.isoformat()), as_of.isoformat()):
        found.setdefault(code, []).append(where)
    return [
        {
            "code": code, "name_ko": name_ko, "cure_ko": cure_ko, "count": len(found[code]),
            "where": sorted({where for where in found[code] if where}),
        }
        for code, (name_ko, cure_ko) in INCIDENTS.items() if code in found
    ]  # fmt: skip


def _since_last_board(lines: Sequence[Mapping[str, Any]], day: str) -> Sequence[Mapping[str, Any]]:
    """Up to the night's own last line: what came after it is told of the night that follows, whether before its board
    or after it."""
    mine = [n for n, line in enumerate(lines) if line.get("as_of") == day and line["event"] in ("started", "ended")]
    if not mine:
        return []
    others = [n for n in range(mine[-1]) if lines[n].get("as_of") != day]
    told = max((n for n in others if lines[n]["event"] == "board"), default=-1)
    ends = (n for n in others if n < told and lines[n]["event"] == "ended" and lines[n].get("kind") == "nightly")
    return lines[max(ends, default=told) + 1 : mine[-1] + 1]


def _found(lines: Sequence[Mapping[str, Any]], day: str) -> Iterator[tuple[str, str]]:
    tries = 0
    for number, line in enumerate(lines, 1):
        match line:
            case {"event": "started", "kind": "nightly", "as_of": started} if started == day:
                tries += 1
                if tries > 1:
                    yield "begun_again", ""
            case {"event": "ended", "kind": "nightly", "state": "refused" | "failed"} if number < len(lines):
                yield "stopped", line.get("refusal") or line.get("error", "")
            case {"event": "retried", "as_of": came, "stage": stage} if came == day:
                yield "retried", STAGES_KO[stage]
            case {"event": "delivery", "as_of": came} if came == day:
                for code in _of_delivery(line):
                    yield code, _SENDERS.get(line.get("source", ""), "보낸 곳을 알 수 없음")
            case _:
                yield from _of_service(line)


def _of_service(line: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    match line:
        case {"event": "restarted", "process": process}:
            yield "restarted", _PROCESSES[process]
        case {"event": "out_of_memory"}:
            yield "memory", ""
        case {"event": "notified", "told": 0}:
            yield "untold", ""


def _of_delivery(line: Mapping[str, Any]) -> Iterator[str]:
    if line["state"] in ("waiting", "again"):
        yield line["state"]
    if line["state"] == "taken" and line.get("revision"):
        yield "corrected"
    if line["set_aside"] >= max(SPOILT_LINES, SPOILT_SHARE * line["received"]):
        yield "spoilt"
