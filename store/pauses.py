"""Nothing is published while somebody has said so. Kept for ever: who, why, from when to when."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Engine, Select, or_, select

from store.database import reading, writing
from store.tables import Pause


@dataclass(frozen=True, slots=True)
class Paused:
    since: datetime
    until_on: date | None  # the last day; None: until it is ended
    because: str
    by: str

    def __str__(self) -> str:
        until = f"up to and including {self.until_on}" if self.until_on else "until `blindspot resume`"
        return f"paused {until} by {self.by}: {self.because}"


def pause(engine: Engine, until_on: date | None, because: str, by: str, now: datetime) -> None:
    """The last word holds: a pause that still held ends with the new one."""
    with writing(engine) as session:
        for one in session.scalars(_open()):
            one.ended_at, one.ended_by = now, by
        session.add(Pause(since=now, until_on=until_on, because=because, by=by))


def resume(engine: Engine, by: str, now: datetime) -> int:
    """How many pauses ended."""
    with writing(engine) as session:
        found = session.scalars(_open()).all()
        for one in found:
            one.ended_at, one.ended_by = now, by
    return len(found)


def paused_on(engine: Engine, day: date) -> Paused | None:
    with reading(engine) as session:
        holds = or_(Pause.until_on.is_(None), Pause.until_on >= day)
        one = session.scalars(_open().where(holds).order_by(Pause.id.desc())).first()
        return None if one is None else Paused(one.since, one.until_on, one.because, one.by)


def _open() -> Select[tuple[Pause]]:
    return select(Pause).where(Pause.ended_at.is_(None))
