"""The review of the access log (안전성 확보조치 기준 art. 8): what a person must look at, found by plain rules."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from store.tables import Access

SEOUL: Final = ZoneInfo("Asia/Seoul")
Finding = Literal["night_access", "mass_export", "foreign_office", "idle_review"]
# Korean for whoever answers for the review.
FINDINGS_KO: Final[Mapping[Finding, str]] = {
    "night_access": "업무 시간 밖의 접속",
    "mass_export": "하루에 많은 가구를 열람",
    "foreign_office": "맡지 않은 사무소의 자료 열람",
    "idle_review": "정해진 점검 시기를 넘김",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    day_begins: int  # hour in Seoul
    day_ends: int
    mass_export: int  # households of one account on one day
    review_days: int
    unattended: str  # the account of nightly runs


@dataclass(frozen=True, slots=True)
class Found:
    kind: Finding
    account: str
    day: date  # in Seoul
    count: int  # records; households for mass_export; days for idle_review
    first: int  # record; 0: none


def findings(
    records: Iterable[Access],
    rules: Rules,
    offices: Mapping[str, Collection[str]],
    reviewed_at: datetime | None,
    now: datetime,
) -> list[Found]:
    """records: those since the last review, in order. offices: of every officer's account, the ones it works for."""
    told: dict[tuple[Finding, str, date], list[int]] = defaultdict(list)
    opened: dict[tuple[str, date], tuple[int, int]] = {}
    begun = reviewed_at
    for record in records:
        begun = begun or record.at
        at, who = record.at.astimezone(SEOUL), record.account
        if record.run is not None and who == rules.unattended:
            continue
        if not rules.day_begins <= at.hour < rules.day_ends:
            told["night_access", who, at.date()].append(record.seq)
        if who in offices and record.office is not None and record.office not in offices[who]:
            told["foreign_office", who, at.date()].append(record.seq)
        # A large export cut into small ones is a large export.
        count, first = opened.get((who, at.date()), (0, record.seq))
        opened[who, at.date()] = (count + record.rows, first)
    found = [Found(kind, who, day, len(seqs), seqs[0]) for (kind, who, day), seqs in told.items()]
    many = ((who, day, *held) for (who, day), held in opened.items())
    found += [Found("mass_export", who, day, n, first) for who, day, n, first in many if n > rules.mass_export]
    return sorted([*found, *_idle(begun, rules, now)], key=lambda one: (one.day, one.kind, one.account))


def days_overdue(begun: datetime | None, rules: Rules, now: datetime) -> int:
    """begun: the last review, or the first record if there was none. 0: not due, or nothing to review."""
    if begun is None:
        return 0
    return max(0, (now - begun - timedelta(days=rules.review_days)).days)


def _idle(begun: datetime | None, rules: Rules, now: datetime) -> Iterator[Found]:
    if late := days_overdue(begun, rules, now):
        yield Found("idle_review", "", now.astimezone(SEOUL).date(), late, 0)
