"""Households whose owners asked that their data be not processed. Known by key alone; nothing is ever deleted."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl
from sqlalchemy import Engine, Select, or_, select

from store.database import reading, writing
from store.tables import Stop


@dataclass(frozen=True, slots=True)
class Stopped:
    from_on: date
    until_on: date | None
    reason: str
    source: str


def stop(
    engine: Engine, household_key: int, from_on: date, until_on: date | None, reason: str, *, source: str, now: datetime
) -> bool:
    """False: it is stopped on that day already, until then or later; nothing changed."""
    with writing(engine) as session:
        held = session.scalars(_held(from_on).where(Stop.household_key == household_key)).all()
        if any(one.until_on is None or (until_on is not None and one.until_on >= until_on) for one in held):
            return False
        new = Stop(
            household_key=household_key, from_on=from_on, until_on=until_on, reason=reason, source=source,
            recorded_at=now,
        )  # fmt: skip
        session.add(new)
    return True


def lift(engine: Engine, household_key: int, day: date) -> int:
    """From `day` on its data may be processed again, the past stays as it was. Returns how many stops ended."""
    last = day - timedelta(days=1)
    ended = or_(Stop.until_on.is_(None), Stop.until_on > last)
    with writing(engine) as session:
        found = session.scalars(select(Stop).where(Stop.household_key == household_key, ended)).all()
        for one in found:
            one.until_on = last  # one that began on that very day, or later, never held
    return len(found)


def stopped_on(engine: Engine, day: date) -> pl.Series:
    """Household keys, sorted."""
    with reading(engine) as session:
        keys = {one.household_key for one in session.scalars(_held(day))}
    return pl.Series("household_key", sorted(keys), dtype=pl.Int64)


def listed(engine: Engine, day: date) -> list[Stopped]:
    """Those that hold on a day, oldest first; without the household."""
    with reading(engine) as session:
        found = session.scalars(_held(day).order_by(Stop.from_on, Stop.id))
        return [Stopped(one.from_on, one.until_on, one.reason, one.source) for one in found]


def of_household(engine: Engine, household_key: int) -> list[Stopped]:
    """All that were ever entered, oldest first."""
    query = select(Stop).where(Stop.household_key == household_key).order_by(Stop.from_on, Stop.id)
    with reading(engine) as session:
        return [Stopped(one.from_on, one.until_on, one.reason, one.source) for one in session.scalars(query)]


def _held(day: date) -> Select[tuple[Stop]]:
    return select(Stop).where(Stop.from_on <= day, or_(Stop.until_on.is_(None), Stop.until_on >= day))
