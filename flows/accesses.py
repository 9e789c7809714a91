"""The access log in the hands of those who answer for it: verified, reviewed, told to an office or a household."""

import getpass
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from alerts.cells import csv_bytes
from flows.desk import Desk, Glance, now
from flows.errors import OperatorError
from flows.locksmith import deed
from store import access_log, custody, ledger, review, roles
from store.access_log import Disclosure
from store.custody import Act
from store.files import write_whole
from store.purposes import Purpose, told_ko
from store.review import SEOUL, Found, Rules
from store.tables import Access

HEADER: Final = (
    "기록번호",
    "일시",
    "계정",
    "접속지",
    "업무",
    "목적",
    "사유",
    "가구 수",
    "가구(가명 번호)",
    "실행",
    "모형",
)


@dataclass(frozen=True, slots=True)
class Review:
    records: int
    after: int  # the last record of the review before
    upto: int
    found: list[Found]
    faults: list[str]  # of the chain


@dataclass(frozen=True, slots=True)
class ReviewState:
    reviewed_at: datetime | None
    overdue: int  # days

    def __str__(self) -> str:
        if self.overdue:
            return f"its review is {self.overdue} days overdue: `blindspot log review`"
        if self.reviewed_at is None:
            return "its first review is not due yet"
        return f"last reviewed on {self.reviewed_at.astimezone(SEOUL).date()}"


def verify(desk: Desk) -> list[str]:
    """What is wrong with the logs, in words. A night that is done has left its heads outside the database."""
    anchors = desk.work / "anchors"
    days = {run.as_of for run in ledger.recent(desk.engine, 10_000, "nightly") if run.state == "done"}
    missing = [day for day in sorted(days) if not (anchors / f"heads-{day:%Y%m%d}.json").exists()]
    gone = [f"heads-{day:%Y%m%d}.json of the night of {day} is missing" for day in missing]
    return [*access_log.verify_chain(desk.engine, desk.keys, anchors), *gone]


def review_state(seen: Glance) -> ReviewState:
    """For status and doctor: reads two rows."""
    last = custody.newest(seen.engine, Act.LOG_REVIEWED)
    begun = last.at if last else access_log.first_at(seen.engine)
    return ReviewState(last.at if last else None, review.days_overdue(begun, _rules(seen), now()))


def look_over(desk: Desk) -> Review:
    """Everything since the last review."""
    last = custody.newest(desk.engine, Act.LOG_REVIEWED)
    after = int(last.detail["upto"]) if last else 0
    seen = [after, 0]

    def counted() -> Iterator[Access]:
        for record in access_log.listed(desk.engine, after=after):
            seen[0], seen[1] = record.seq, seen[1] + 1
            yield record

    held = roles.offices_of(desk.engine)
    found = review.findings(counted(), _rules(desk), held, last.at if last else None, now())
    return Review(seen[1], after, seen[0], found, verify(desk))


def mark_reviewed(desk: Desk, told: Review, by: str, note: str) -> None:
    """Who has looked, at what, and what came of the findings."""
    if told.faults:
        raise OperatorError(
            "log", f"{len(told.faults)} faults in the log", "look into them first: `blindspot log verify`"
        )
    if told.found and not note:
        raise OperatorError("log", f"{len(told.found)} findings and no word of them", "say what came of them: --note")
    counts = Counter(str(one.kind) for one in told.found)
    what = deed(Act.LOG_REVIEWED, "access", upto=told.upto, records=told.records, by=by, note=note[:500], **counts)
    custody.note(desk.engine, desk.keys, what, now())


def write_office(desk: Desk, office: str, since: date | None, out: Path) -> int:
    """A CSV for an office's own data-protection officer, by token; logged first. Nothing is written over."""
    if out.exists() or not out.parent.is_dir():
        raise OperatorError("log", f"{out} exists, or its folder does not", "name a new file in a folder that is there")
    first = datetime.combine(since, time(), SEOUL) if since else None
    records = list(access_log.listed(desk.engine, office=office, since=first))
    subjects = sorted({key for record in records for key in record.subjects})
    _log(desk, "log_office", Purpose.REVIEW, f"extract to {out.name}", subjects, office)
    write_whole(out, csv_bytes(HEADER, [_row(record) for record in records]))
    return len(records)


def about_household(desk: Desk, key: int) -> Sequence[Access]:
    """Every record that names it. That somebody asked stands in the log from now on."""
    records = access_log.about(desk.engine, [key])
    _log(desk, "log_subject", Purpose.ACCESS, "who saw this household", [key], None)
    return records


def trim(desk: Desk, day: date) -> dict[str, int]:
    """Delete records older than the settings keep. What is exactly so old stays."""
    keeps, folder = desk.settings.log, desk.work / "anchors"
    gone = {}
    for name, days, remove in (
        ("access", keeps.keep_days, access_log.trim),
        ("custody", keeps.custody_days, custody.trim),
    ):
        before = datetime.combine(day - timedelta(days=days), time(), SEOUL)
        gone[name] = remove(desk.engine, desk.keys, folder, before, now())
    if any(gone.values()):
        custody.note(desk.engine, desk.keys, deed(Act.LOG_TRIMMED, "both", **gone), now())
    return gone


def _rules(seen: Glance) -> Rules:
    told = seen.settings.log
    return Rules(
        day_begins=told.day_begins, day_ends=told.day_ends, mass_export=told.mass_export,
        review_days=told.review_days, unattended=seen.settings.access.account,
    )  # fmt: skip


def _log(desk: Desk, task: str, purpose: Purpose, reason: str, subjects: Sequence[int], office: str | None) -> None:
    told = Disclosure(
        account=getpass.getuser(), place=socket.gethostname(), task=task, purpose=purpose, reason=reason,
        subjects=subjects, office=office,
    )  # fmt: skip
    access_log.record_access(desk.engine, desk.keys, told, now())


def _row(record: Access) -> list[str]:
    at = record.at.astimezone(SEOUL)
    keys = " ".join(f"{key & 0xFFFFFFFFFFFFFFFF:016x}" for key in record.subjects)
    return [
        str(record.seq), f"{at:%Y-%m-%d %H:%M:%S}", record.account, record.place, record.task,
        told_ko(record.purpose), record.reason, str(record.rows), keys, record.run or "", record.model or "",
    ]  # fmt: skip
