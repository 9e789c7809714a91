"""Which delivery is expected when: from how often each source sends, how long it takes, and its days of grace."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile
from typing import Final, Literal

from signals.agencies import AGENCIES
from signals.layout import Agency, Register
from signals.registers import REGISTERS

SOURCES: Final[Mapping[str, Agency | Register]] = {**AGENCIES, **REGISTERS}

# current: nothing more is expected yet. due: expected by now, within its days of grace. late: they are over.
# stale: so are those of the delivery after it. never: nothing was ever taken in.
State = Literal["current", "due", "late", "stale", "never"]


@dataclass(frozen=True, slots=True, order=True)
class Expected:
    """One delivery as it usually comes."""

    source: str  # key of SOURCES
    base_month: date  # first day of the month told of
    due_on: date  # by then it is usually there
    late_after: date  # by then it is there, or somebody should call


@dataclass(frozen=True, slots=True)
class Standing:
    """How one source stands on a day."""

    source: str
    state: State
    newest: date | None  # month told of, of what was taken in
    awaited: Expected  # the delivery after that one
    late: int  # deliveries whose grace is over, from the awaited one on
    gaps: tuple[date, ...]  # months between the first and the newest that nobody told of, oldest first


def expected(day: date) -> tuple[Expected, ...]:
    """Of every source the newest delivery that is due by `day`, by code."""
    return tuple(_newest_due(code, day) for code in sorted(SOURCES))


def standings(told: Mapping[str, Collection[date]], day: date) -> tuple[Standing, ...]:
    """told: by source, the months told of (their first days) in what was taken in. Every source, by code."""
    return tuple(_standing(code, told.get(code, ()), day) for code in sorted(SOURCES))


def delivery_of(source: str, base_month: date) -> Expected:
    one = SOURCES[source]
    due_on = last_of(base_month) + timedelta(days=one.lag_days[1])
    return Expected(source, base_month, due_on, due_on + timedelta(days=one.grace_days))


def last_of(month: date) -> date:
    """month: its first day."""
    return _plus(month, 1) - timedelta(days=1)


def is_told(source: str, base_month: date) -> bool:
    """Who sends every so many months tells of the month that ends such a part of the year."""
    return base_month.month % SOURCES[source].every_months == 0


def _newest_due(source: str, day: date) -> Expected:
    told = _from(source, _plus(day.replace(day=1), -12))
    return list(takewhile(lambda one: one.due_on <= day, told))[-1]


def _standing(source: str, told: Collection[date], day: date) -> Standing:
    if not told:
        return Standing(source, "never", None, _newest_due(source, day), 0, ())
    first, newest = min(told), max(told)
    awaited = next(_from(source, _plus(newest, 1)))
    late = sum(1 for _ in takewhile(lambda one: one.late_after < day, _from(source, awaited.base_month)))
    before = takewhile(lambda one: one.base_month < newest, _from(source, first))
    gaps = tuple(one.base_month for one in before if one.base_month not in told)
    return Standing(source, _state(awaited, late, day), newest, awaited, late, gaps)


def _state(awaited: Expected, late: int, day: date) -> State:
    if late:
        return "stale" if late > 1 else "late"
    return "due" if awaited.due_on <= day else "current"


def _from(source: str, month: date) -> Iterator[Expected]:
    """The deliveries that tell of this month and those after it, without end."""
    while True:
        if is_told(source, month):
            yield delivery_of(source, month)
        month = _plus(month, 1)


def _plus(month: date, months: int) -> date:
    """month: a first day."""
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
