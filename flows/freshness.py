"""How each source stands by the calendar of deliveries, and which silence stops a night."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from flows.desk import Glance
from signals.calendar import SOURCES, Standing, last_of, standings
from store import deliveries, ledger


@dataclass(frozen=True, slots=True)
class Silence:
    """A required source, and what is wrong with it: nothing, a word of warning, or what stops the night."""

    source: str
    told: str
    stops: bool
    call: str


def standings_on(seen: Glance, day: date) -> tuple[Standing, ...]:
    return standings(deliveries.months_told(seen.engine, day), day)


def required_on(seen: Glance, day: date) -> Iterator[Silence]:
    """Every required source, by code."""
    received = deliveries.latest(seen.engine, day)
    wanted = seen.settings.night.required_sources
    for standing in standings_on(seen, day):
        code, source = standing.source, SOURCES[standing.source]
        if not (source.is_required if wanted is None else code in wanted):
            continue
        call = f"call {source.contact_ko} ({source.name_ko})"
        if code not in received:
            yield Silence(code, f"{code}: nothing was ever taken in", True, call)
            continue
        month, on = received[code]
        told = f"{code}: the newest file came on {on}, told of {month:%Y-%m}"
        bound = seen.settings.night.stale_after_days
        if bound is not None:
            age = (day - on).days
            yield Silence(code, told if age > bound * 3 // 4 else "", age > bound, call)
        else:
            words = f"{told}; that of {standing.awaited.base_month:%Y-%m} was due on {standing.awaited.due_on}"
            yield Silence(code, words if standing.late else "", standing.state == "stale", call)


def late_since_last_night(seen: Glance, day: date) -> tuple[str, ...]:
    """Sources, by code, of which another delivery is late since the last night before `day` that was done."""
    last = ledger.night_before(seen.engine, day)
    if last is None:
        return ()
    told = deliveries.months_told(seen.engine, day)
    both = zip(standings(told, last), standings(told, day), strict=True)
    return tuple(now.source for then, now in both if now.late > then.late)


def told_until(seen: Glance, day: date) -> dict[str, date]:
    """Of every source whose next delivery should have come by now, the last day that its newest one tells of."""
    told = ((one.source, one.newest) for one in standings_on(seen, day) if one.late)
    return {source: last_of(newest) for source, newest in told if newest is not None}
