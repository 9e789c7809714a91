"""The review names what a person must look at, and nothing else."""

from datetime import UTC, date, datetime, timedelta

import pytest

from store.review import FINDINGS_KO, Found, Rules, days_overdue, findings
from store.tables import Access

RULES = Rules(day_begins=7, day_ends=20, mass_export=500, review_days=31, unattended="night")
MORNING = datetime(2026, 9, 1, 0, 30, tzinfo=UTC)  # 09:30 in Seoul
DAY = date(2026, 9, 1)


def record(
    seq: int = 1,
    account: str = "kim",
    at: datetime = MORNING,
    rows: int = 1,
    office: str | None = None,
    run: str | None = None,
) -> Access:
    return Access(
        seq=seq, at=at, account=account, place="h", task="matrix", purpose="model", reason="r", subjects=[], rows=rows,
        office=office, run=run, previous=b"", hash=b"",
    )  # fmt: skip


def found(*records: Access, offices: dict[str, set[str]] | None = None, now: datetime = MORNING) -> list[Found]:
    return findings(records, RULES, offices or {}, MORNING, now)


def test_ordinary_work_is_no_finding() -> None:
    ordinary = [record(n, rows=100) for n in range(5)]
    mine = record(9, office="1", account="lee")
    assert found(*ordinary, mine, offices={"lee": {"1", "2"}}) == []


@pytest.mark.parametrize(("hour", "is_night"), [(6, True), (7, False), (19, False), (20, True), (0, True)])
def test_hours_are_those_of_seoul(hour: int, is_night: bool) -> None:
    at = datetime(2026, 9, 1, tzinfo=UTC) - timedelta(hours=9) + timedelta(hours=hour, minutes=59)
    assert found(record(at=at)) == ([Found("night_access", "kim", DAY, 1, 1)] if is_night else [])


def test_the_night_itself_works_at_night_and_nobody_else_under_its_name() -> None:
    night = MORNING + timedelta(hours=16)
    assert found(record(account="night", at=night, rows=90_000, run="r")) == []
    assert [one.kind for one in found(record(account="night", at=night, rows=90_000))] == [
        "mass_export",
        "night_access",
    ]
    assert [one.kind for one in found(record(account="kim", at=night, rows=1, run="r"))] == ["night_access"]


def test_many_small_exports_are_a_large_one() -> None:
    assert found(*(record(n, rows=100) for n in range(1, 6))) == []
    assert found(*(record(n, rows=100) for n in range(1, 7))) == [Found("mass_export", "kim", DAY, 600, 1)]
    assert (
        found(record(rows=500), record(2, rows=500, at=MORNING + timedelta(days=1)), record(3, "lee", rows=500)) == []
    )


def test_another_offices_records_are_named_by_day_and_account() -> None:
    held = {"kim": {"1"}}
    told = found(
        record(3, office="2"), record(4, office="1"), record(5, office="3"), record(6, "lee", office="2"), offices=held
    )
    assert told == [Found("foreign_office", "kim", DAY, 2, 3)]


def test_a_review_that_is_late_is_a_finding_itself() -> None:
    assert found(now=MORNING + timedelta(days=31)) == []
    assert found(now=MORNING + timedelta(days=40)) == [Found("idle_review", "", date(2026, 10, 11), 9, 0)]
    assert findings([], RULES, {}, None, MORNING) == []
    first = record()
    assert [one.kind for one in findings([first], RULES, {}, None, MORNING + timedelta(days=33))] == ["idle_review"]
    assert [days_overdue(MORNING, RULES, MORNING + timedelta(days=n)) for n in (0, 31, 32)] == [0, 0, 1]


def test_every_finding_has_its_words() -> None:
    late = MORNING + timedelta(days=50)
    told = found(record(at=late - timedelta(hours=12), rows=501, office="2"), offices={"kim": {"1"}}, now=late)
    assert {one.kind for one in told} == set(FINDINGS_KO)
