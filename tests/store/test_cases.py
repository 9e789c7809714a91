"""What came of alerts, for the managers: told before a night is recorded as after it."""

import random
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from alerts.workload import CASES
from store import alerts
from store.cases import cases
from tests.store.test_alerts_and_models import DAY, NOW, alert, answer, night, queue

OFFICES = ("1111053000", "2611051000", "4111051000")


@pytest.mark.parametrize("seed", range(20))
def test_a_night_is_told_alike_before_and_after_it_is_recorded(engine: Engine, seed: int) -> None:
    """Weeks in which alerts are opened, move between offices, are answered and leave the period."""
    rng, number, standing = random.Random(seed), 0, dict[int, str]()
    seen_moved = seen_new = False
    for turn in range(8):
        day = DAY + timedelta(days=14 * turn)
        since = day - timedelta(days=30)
        for known in rng.sample(sorted(standing), len(standing) // 3):
            outcome = rng.choice(("unreached", "no_need", "died"))
            answer(engine, f"d{day}-{known}", day, {"alert_id": f"A{known:03}", "outcome": outcome, "channel": "visit"})
        still = set(alerts.open_alerts(engine, day)["alert_id"])
        standing = {known: office for known, office in standing.items() if f"A{known:03}" in still}
        standing = {known: rng.choice((office, office, *OFFICES)) for known, office in standing.items()}
        fresh = {number + i: rng.choice(OFFICES) for i in range(1, rng.randint(1, 6))}
        number += 6
        told = queue(*(_of(k, office, day, k in fresh) for k, office in (standing | fresh).items()))
        before = cases(engine, since, day)
        expected = cases(engine, since, day, told)
        alerts.save(engine, night(engine, day), day, told, NOW)
        after = cases(engine, since, day)
        assert after.schema == CASES
        assert expected.equals(after)
        assert cases(engine, since, day, told).equals(after), "a replay, of what is recorded"
        seen_new |= after.height > before.height
        seen_moved |= not after["office"].head(before.height).equals(before["office"])
        standing |= fresh
    assert seen_new
    assert seen_moved


def test_without_alerts_there_are_no_cases(engine: Engine) -> None:
    assert cases(engine, date.min, DAY, queue()).schema == CASES
    assert cases(engine, date.min, DAY).is_empty()


def _of(number: int, office: str, day: date, is_new: bool) -> dict[str, object]:
    due = day + timedelta(days=number % 20)
    opened = {"opened_on": day, "due_on": due} if is_new else {"due_on": due}
    return alert(number, alert_id=f"A{number:03}", office=office, is_new=is_new, **opened)
