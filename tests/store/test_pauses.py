from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine, select

from store.database import reading
from store.pauses import pause, paused_on, resume
from store.tables import Pause

NOW = datetime(2026, 9, 1, 1, 30, tzinfo=UTC)
DAY = date(2026, 9, 1)


def test_a_pause_holds_up_to_its_last_day_and_not_a_day_longer(engine: Engine) -> None:
    assert paused_on(engine, DAY) is None
    pause(engine, DAY + timedelta(days=2), "엘리베이터 점검", "김담당", NOW)
    held = [paused_on(engine, DAY + timedelta(days=n)) is not None for n in range(4)]
    assert held == [True, True, True, False]


def test_a_pause_without_an_end_holds_until_somebody_ends_it(engine: Engine) -> None:
    pause(engine, None, "audit", "kim", NOW)
    assert paused_on(engine, DAY + timedelta(days=900)) is not None
    assert resume(engine, "lee", NOW + timedelta(hours=1)) == 1
    assert paused_on(engine, DAY) is None
    assert resume(engine, "lee", NOW) == 0


def test_the_last_word_holds_and_every_word_stays(engine: Engine) -> None:
    pause(engine, None, "first", "kim", NOW)
    pause(engine, DAY, "second", "lee", NOW + timedelta(minutes=1))
    told = paused_on(engine, DAY)
    assert told is not None
    assert str(told) == f"paused up to and including {DAY} by lee: second"
    assert paused_on(engine, DAY + timedelta(days=1)) is None, "the first ended with the second"
    with reading(engine) as session:
        kept = session.scalars(select(Pause).order_by(Pause.id)).all()
    assert [(one.because, one.by, one.ended_by) for one in kept] == [("first", "kim", "lee"), ("second", "lee", None)]
