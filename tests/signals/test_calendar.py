"""The calendar against a plain walk through the days, and what it calls late."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.agencies import AGENCIES
from signals.calendar import SOURCES, Standing, delivery_of, expected, standings
from synthetic.calendar import first_day
from synthetic.deliveries import told_months

DAYS = st.dates(date(2024, 1, 1), date(2028, 12, 31))
CODES = st.sampled_from(sorted(SOURCES))


def months_of(source: str, first_year: int = 2022, last_year: int = 2029) -> list[date]:
    """As the made-up agencies count them, which know nothing of the calendar."""
    every = SOURCES[source].every_months
    return [first_day(month) for month in told_months(every, first_year * 12, last_year * 12 + 11)]


def one(source: str, told: list[date], day: date) -> Standing:
    (found,) = (s for s in standings({source: told}, day) if s.source == source)
    return found


@settings(deadline=None, max_examples=50)
@given(DAYS)
def test_the_newest_that_is_due_is_found_as_by_walking_through_all(day: date) -> None:
    found = expected(day)
    assert [e.source for e in found] == sorted(SOURCES)
    for e in found:
        assert e == max(d for m in months_of(e.source) if (d := delivery_of(e.source, m)).due_on <= day)


@settings(deadline=None, max_examples=50)
@given(CODES, DAYS, st.integers(0, 3))
def test_deliveries_behind_are_counted_as_by_walking_through_all(source: str, day: date, behind: int) -> None:
    due = [m for m in months_of(source) if delivery_of(source, m).late_after < day]
    found = one(source, due[: len(due) - behind], day)
    assert found.late == behind
    assert found.awaited.base_month > due[-1 - behind]
    expected_state = ["current", "late", "stale", "stale"][behind]
    assert found.state == expected_state or (behind == 0 and found.state == "due")
    assert not found.gaps


def test_a_delivery_is_due_then_late_and_with_the_next_one_late_it_is_stale() -> None:
    told = [date(2026, 6, 1), date(2026, 7, 1)]
    states = {
        date(2026, 11, 13): "current",
        date(2026, 11, 14): "due",  # 31 August and 75 days
        date(2026, 11, 28): "due",
        date(2026, 11, 29): "late",  # and 14 of grace
        date(2026, 12, 28): "late",
        date(2026, 12, 29): "stale",
    }
    assert {day: one("nhis", told, day).state for day in states} == states


def test_what_is_worth_nothing_late_is_late_soon() -> None:
    for code in ("supply-stop", "er-notice", "welfare-app"):
        assert delivery_of(code, date(2026, 10, 1)).late_after == date(2026, 11, 6)
    assert delivery_of("residents", date(2026, 10, 1)).late_after == date(2026, 11, 12)


def test_who_was_never_heard_of_and_what_was_left_out() -> None:
    silent = one("nps", [], date(2026, 11, 2))
    assert (silent.state, silent.newest, silent.awaited.base_month) == ("never", None, date(2026, 6, 1))
    told = [date(2026, 2, 1), date(2026, 8, 1)]
    assert one("nps", told, date(2026, 11, 2)).gaps == (date(2026, 4, 1), date(2026, 6, 1))
    assert one("nps", told[:1], date(2026, 3, 1)).gaps == ()


@pytest.mark.parametrize("code", sorted(AGENCIES))
def test_a_file_that_comes_within_its_usual_time_is_never_late(code: str) -> None:
    agency = AGENCIES[code]
    told = months_of(code, 2026, 2026)
    for before, month in pairwise(told):
        last_usual = delivery_of(code, month).due_on
        assert one(code, [before], last_usual).state == "due"
        assert delivery_of(code, month).late_after - last_usual == timedelta(days=agency.grace_days)
