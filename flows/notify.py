"""Tells people what became of a run, by webhook, e-mail or whatever else Apprise knows.

A message holds codes, counts, days and what to do. What fails here is written down and stops no run.
"""

import logging
import os
import re
import stat
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal

from flows import journal
from flows.desk import glance, now, today
from flows.errors import OperatorError
from flows.incidents import incidents_of
from flows.kinds import KINDS
from flows.refusals import as_operator_error, end_by
from flows.schedule import check_done, last_to_be_done, nightly_time
from flows.settings import Notify, Settings, load_settings
from flows.summary import NightSummary, Taken, TrainingSummary

State = Literal["refused", "failed", "warnings", "late"]
ENVIRONMENT: Final = "BLINDSPOT_NOTIFY"

TITLES: Final[Mapping[State | Literal["test"], str]] = {
    "refused": "명단을 내보내지 않았습니다",
    "failed": "실행이 오류로 멈췄습니다",
    "warnings": "명단을 내보냈습니다. 살펴볼 것이 있습니다",
    "late": "정해진 시각을 넘겼습니다",
    "test": "시험 알림입니다",
}
WORK: Final = {"nightly": "밤 실행", "retrain": "재학습", "demo": "시연"}
# What a finished night may still want looked at, as counts. Rows set aside alone are no news: every night has some.
WARNINGS: Final[Mapping[str, str]] = {
    "files_refused": "받지 않고 돌려보낸 파일",
    "files_waiting": "아직 다 오지 않아 기다리는 파일",
    "files_warned": "주의할 점이 있는 파일",
    "sources_late": "받기로 한 날이 지난 자료",
    "unknown_columns": "약속되지 않은 칸",
}
# Numbers that may be of a person, a phone or a token; e-mail addresses. Codes of offices and districts are none.
_MASKED: Final = re.compile(
    r"\b\d{6}[- ]?\d{7}\b|\b0\d{1,2}[- ]?\d{3,4}[- ]?\d{4}\b|-?\b\d{12,}\b|[^\s@]+@[^\s@]+", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Message:
    title: str
    body: str
    is_bad: bool


@dataclass
class Watch:
    """What a run has to tell when it ends."""

    summary: NightSummary | TrainingSummary | None = None


@contextmanager
def watching(config: Path, work: Path | None, kind: Literal["nightly", "retrain"], as_of: date) -> Iterator[Watch]:
    """Around a whole run, from its first look at key and database: told of however it ends."""
    settings, watch, begun = load_settings(config, work), Watch(), now()
    try:
        yield watch
    except Exception as error:
        refused = as_operator_error(error)
        state: State = "failed" if refused is None else "refused"
        _note_end(settings, kind, as_of, begun, error)
        tell(settings, state, message_of_end(kind, as_of, refused or error))
        raise
    if watch.summary is None:
        return
    counts = warnings_of(watch.summary.taken) | _late(watch.summary)
    beside = incidents_of(settings.work, as_of) if kind == "nightly" else []
    if any(counts.values()) or beside:
        tell(settings, "warnings", message_of_warnings(kind, as_of, watch.summary.run, counts, beside))
    if kind == "nightly" and last_to_be_done(now(), nightly_time(), settings.schedule.done_by) >= as_of:
        tell(settings, "late", message_of_late(as_of))


def _note_end(settings: Settings, kind: str, as_of: date, begun: datetime, error: Exception) -> None:
    """Of a run that ended before it could open its journal: its key or its database was not to be had."""
    last = journal.last(settings.work, "ended", as_of=as_of.isoformat())
    if last is None or datetime.fromisoformat(last["at"]) < begun:
        journal.note(settings.work, now(), "ended", kind=kind, as_of=as_of, **end_by(error))


def check_in_time(config: Path, work: Path | None) -> date:
    """Asked by a timer of the system's own. The last night that had to be done, and was; if it was not, or nobody can
    tell, everybody who wants to know is told, and the refusal raised."""
    settings = load_settings(config, work)
    try:
        seen = glance(config, work)
        try:
            return check_done(seen, now())
        finally:
            seen.engine.dispose()
    except Exception as error:
        if refused := as_operator_error(error):
            tell(settings, "late", message_of_late(today(), refused))
        raise


def warnings_of(taken: tuple[Taken, ...]) -> dict[str, int]:
    return {
        "files_refused": sum(t.state == "refused" for t in taken),
        "files_waiting": sum(t.state == "waiting" for t in taken),
        "files_warned": sum(bool(t.warnings) for t in taken),
        "unknown_columns": len({(t.source, header) for t in taken for header in t.leftover}),
    }


def message_of_end(kind: str, as_of: date, error: OperatorError | Exception) -> Message:
    if isinstance(error, OperatorError):
        known = next(k for k in KINDS if k.name == error.kind)
        lines = [known.meaning_ko, f"할 일: {known.cure_ko}", f"자세히: {error.what}", f"To do: {error.cure}"]
        state: State = "refused"
        lines.append(f"종료 코드: {error.exit_code} ({error.kind})")
    else:
        lines = [
            f"프로그램 오류입니다({type(error).__name__}). 어제 명단은 그대로 있습니다.",
            "할 일: 같은 날짜로 다시 실행해 주십시오. 되풀이되면 logs 폴더의 그날 파일과 함께 알려 주십시오.",
        ]
        state = "failed"
    return _message(state, kind, as_of, lines)


def _late(summary: NightSummary | TrainingSummary) -> dict[str, int]:
    return {"sources_late": len(summary.late)} if isinstance(summary, NightSummary) else {}


def message_of_warnings(
    kind: str, as_of: date, run: str, counts: Mapping[str, int], beside: Sequence[Mapping[str, Any]] = ()
) -> Message:
    """`beside`: flows.incidents; of those that are counted already, nothing more."""
    lines = [f"{WARNINGS[name]}: {count:,}" for name, count in counts.items() if count]
    for one in beside:
        if one["code"] != "waiting":
            where = f" ({', '.join(one['where'])})" if one["where"] else ""
            lines.append(f"{one['name_ko']}: {one['count']:,}{where}")
    lines += ["할 일: `blindspot status`와 replies 폴더의 회신을 보고 보낸 곳에 알려 주십시오.", f"실행: {run}"]
    return _message("warnings", kind, as_of, lines)


def message_of_late(as_of: date, overdue: OperatorError | None = None) -> Message:
    """`overdue`: it is not done at all yet."""
    if overdue is None:
        lines = [
            "정해진 시각이 지나서 끝났습니다. 명단은 나왔습니다.",
            "할 일: `blindspot status`에서 오래 걸린 단계를 살펴봐 주십시오.",
        ]
    else:
        lines = [
            "정해진 시각이 지났는데 끝난 실행을 확인할 수 없습니다. 읍면동에는 어제 명단이 그대로 있습니다.",
            "할 일: `blindspot doctor`로 까닭을 확인하고 `blindspot nightly`를 실행해 주십시오.",
            f"자세히: {overdue.what}",
        ]
    return _message("late", "nightly", as_of, lines)


def message_of_again(as_of: date, tries: int) -> Message:
    """By `blindspot serve`, of a night that was killed, or that nobody began."""
    lines = [
        "실행이 중단되었거나 시작되지 않아 다시 시작했습니다. 끝나면 따로 알리지 않습니다.",
        f"다시 시작한 횟수: {tries}",
        "할 일: 되풀이되면 `blindspot status`와 서버 기록(journalctl -u blindspot)을 확인해 주십시오.",
    ]
    return Message(f"[사각지대 발굴] {as_of} 밤 실행: 다시 시작했습니다", "\n".join(lines), is_bad=False)


def message_of_test() -> Message:
    return _message("test", "nightly", today(), ["받으셨다면 알림 설정이 맞습니다. 하실 일은 없습니다."])


def _message(state: State | Literal["test"], kind: str, as_of: date, lines: list[str]) -> Message:
    where = [f"현황판: board/{as_of}/board.html"] if kind == "nightly" and state != "test" else []
    body = "\n".join(_MASKED.sub("…", line) for line in (*lines, *where))
    title = f"[사각지대 발굴] {as_of} {WORK[kind]}: {TITLES[state]}"
    return Message(title, body, is_bad=state in ("refused", "failed"))


def addresses(settings: Notify) -> tuple[str, ...]:
    """Raises OperatorError where they cannot be read; their text is in no message."""
    if told := os.environ.get(ENVIRONMENT):
        return tuple(told.split())
    if settings.urls_file is None:
        return ()
    try:
        mode = settings.urls_file.stat().st_mode
        lines = settings.urls_file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        what = f"{settings.urls_file} cannot be read ({type(error).__name__})"
        raise OperatorError("notify", what, "write it, one address a line, or set notify.urls_file to null") from None
    if stat.S_IMODE(mode) & 0o077:
        cure = f"chmod 0600 {settings.urls_file}: addresses hold passwords"
        raise OperatorError("notify", f"{settings.urls_file} can be read by others", cure)
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def tell(settings: Settings, state: State, message: Message) -> None:
    """To every address, if it is wanted. Whatever goes wrong is noted, and stops nothing."""
    if state not in settings.notify.when:
        return
    try:
        wanted = addresses(settings.notify)
        told = send(wanted, message) if wanted else 0
    except Exception as error:
        journal.note(settings.work, now(), "notified", state=state, told=0, error=type(error).__name__)
        return
    if wanted:
        journal.note(settings.work, now(), "notified", state=state, told=told, counts={"addresses": len(wanted)})


def send(wanted: tuple[str, ...], message: Message) -> int:
    """How many addresses took it. Apprise is slow to import: only where somebody wants to be told."""
    import apprise

    # It logs addresses that it cannot read as they are, passwords and all.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    asset = apprise.AppriseAsset(app_id="Blindspot", app_desc="Blindspot", async_mode=False, secure_logging=True)
    kind = apprise.NotifyType.FAILURE if message.is_bad else apprise.NotifyType.WARNING
    told = 0
    with warnings.catch_warnings():
        # The first address loads all of its plugins, and one of them something that Python 3.13 drops.
        warnings.simplefilter("ignore", DeprecationWarning)
        for url in wanted:
            channel = apprise.Apprise(asset=asset)
            # False where the address cannot be understood, or the other side did not take it.
            told += bool(channel.add(url) and channel.notify(body=message.body, title=message.title, notify_type=kind))
    return told
