"""Answers kept as they were told: every version once, the newest contact stands, any day can be told again."""

from datetime import date, timedelta
from itertools import permutations
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine

from store import alerts, answers, stops
from store.tables import Delivery
from tests.store.test_alerts_and_models import DAY, NEXT, NOW, alert, answer, night, queue

THIRD = NEXT + timedelta(days=1)
FOURTH = NEXT + timedelta(days=2)
TRIED = {"alert_id": "A1", "contacted_on": NEXT, "outcome": "unreached", "channel": "phone"}
SPOKEN = {"alert_id": "A1", "contacted_on": THIRD, "outcome": "no_need", "dismissal": "paid_off", "channel": "visit"}


@pytest.fixture
def opened(engine: Engine) -> Engine:
    alerts.save(engine, night(engine), DAY, queue(alert(1), alert(2)), NOW)
    return engine


def open_on(engine: Engine, day: date) -> dict[str, tuple[Any, ...]]:
    found = alerts.open_alerts(engine, day)
    return {row[0]: row[1:] for row in found.select("alert_id", "outcome", "attempts", "answered_on").rows()}


def test_an_answer_is_known_from_the_day_it_was_received(opened: Engine) -> None:
    answer(opened, "d1", THIRD, TRIED)
    answer(opened, "d2", FOURTH, SPOKEN)
    assert open_on(opened, NEXT)["A1"] == (None, 0, None)
    assert open_on(opened, THIRD)["A1"] == ("unreached", 1, NEXT)
    assert list(open_on(opened, FOURTH)) == ["A2"]
    kept = alerts.find(opened, "A1")
    assert kept
    assert (kept.state, kept.closed_on, kept.closed_by, kept.outcome) == ("closed", FOURTH, "d2", "no_need")
    assert (kept.attempts, kept.answered_on, kept.was_visited) == (1, THIRD, True)
    events = [(e.event, e.outcome, e.known_on) for e in alerts.history(opened, "A1")]
    assert events[1:] == [("answered", "unreached", THIRD), ("closed", "no_need", FOURTH)]


def test_the_same_words_are_kept_once_and_other_words_beside_them(opened: Engine) -> None:
    assert answer(opened, "d1", THIRD, TRIED) == 1
    assert answer(opened, "d1", THIRD, TRIED) == 0, "the same delivery"
    assert answer(opened, "d2", THIRD, TRIED) == 0, "the same words in another file"
    assert answer(opened, "d3", THIRD, TRIED | {"channel": "visit"}) == 1
    assert [a.delivery for a in answers.told_of(opened, "A1")].count("d1") == 1
    assert len(answers.told_of(opened, "A1")) == 2
    assert open_on(opened, THIRD)["A1"][1] == 1, "one day is one try"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_in_which_copies_arrive_changes_nothing(opened: Engine, order: tuple[int, ...]) -> None:
    told = [TRIED, SPOKEN, {"alert_id": "A1", "contacted_on": NEXT, "next_on": FOURTH}]
    for number in order:
        answer(opened, f"d{number}", FOURTH, told[number])
    kept = alerts.find(opened, "A1")
    assert kept
    assert (kept.state, kept.outcome, kept.attempts, kept.answered_on) == ("closed", "no_need", 1, THIRD)
    assert len(answers.told_of(opened, "A1")) == 3


def test_a_blank_in_a_newer_copy_takes_nothing_away(opened: Engine) -> None:
    answer(opened, "d1", THIRD, SPOKEN)
    answer(opened, "d2", FOURTH, {"alert_id": "A1", "contacted_on": FOURTH, "channel": "phone"})
    kept = alerts.find(opened, "A1")
    assert kept
    assert (kept.state, kept.outcome) == ("closed", "no_need")


def test_a_correction_takes_an_alert_up_again(opened: Engine) -> None:
    answer(opened, "d1", THIRD, SPOKEN | {"contacted_on": NEXT})
    answer(opened, "d2", FOURTH, TRIED | {"contacted_on": THIRD})
    assert "A1" not in open_on(opened, THIRD)
    assert open_on(opened, FOURTH)["A1"] == ("unreached", 1, THIRD)
    assert [e.event for e in alerts.history(opened, "A1")] == ["opened", "closed", "reopened"]


def test_but_not_when_the_household_has_a_later_one(opened: Engine) -> None:
    answer(opened, "d1", THIRD, SPOKEN | {"contacted_on": NEXT})
    run = night(opened, THIRD)
    alerts.save(opened, run, THIRD, queue(alert(3, household_key=1 - 2**62, opened_on=THIRD)), NOW)
    answer(opened, "d2", FOURTH, TRIED | {"contacted_on": THIRD})
    assert list(open_on(opened, FOURTH)) == ["A2", "A3"]
    answer(opened, "d3", FOURTH, {"alert_id": "A3", "outcome": "no_need"})
    assert list(open_on(opened, FOURTH)) == ["A2"]


def test_a_night_before_a_known_correction_may_give_the_household_a_new_alert(opened: Engine) -> None:
    """Training on a later day took the correction in; the night of an earlier one does not know it."""
    answer(opened, "d1", NEXT, SPOKEN | {"contacted_on": NEXT})
    answer(opened, "d2", FOURTH, TRIED | {"contacted_on": FOURTH})
    assert "A1" not in open_on(opened, THIRD)
    alerts.save(opened, night(opened, THIRD), THIRD, queue(alert(3, household_key=1 - 2**62, opened_on=THIRD)), NOW)
    assert list(open_on(opened, FOURTH)) == ["A2", "A3"]


def test_what_is_asked_of_alerts_before_answers_are_taken(opened: Engine) -> None:
    moved = alert(1, is_new=False, office="2611051000", moved_from="1111053000", moved_on=NEXT)
    alerts.save(opened, night(opened, NEXT), NEXT, queue(moved), NOW)
    found = answers.asked(opened, ["A1", "A9", "A1"])
    assert found.rows() == [("A1", 1 - 2**62, "risk", DAY, ["1111053000", "2611051000"], "2611051000")]


def test_answers_another_file_has_told_are_known(opened: Engine) -> None:
    answer(opened, "d1", THIRD, TRIED)
    blank = dict.fromkeys(answers.BROUGHT)
    told = pl.DataFrame([blank | TRIED, blank | SPOKEN], schema=answers.BROUGHT)
    assert answers.unknown_yet(opened, told, "d2")["outcome"].to_list() == ["no_need"]
    assert answers.unknown_yet(opened, told, "d1").height == 2, "a second attempt brings what the first brought"


def register(engine: Engine, revision: int, received_on: date, *told: dict[str, Any]) -> int:
    came = Delivery(id=f"r{revision}", source="contacts", base_month=DAY, received_on=received_on, revision=revision,
                    file_name=f"r{revision}", state="taken", recorded_at=NOW)  # fmt: skip
    rows = [dict.fromkeys(answers.BROUGHT) | row for row in told]
    return answers.record(engine, came, pl.DataFrame(rows, schema=answers.BROUGHT), now=NOW)


def test_what_a_corrected_file_had_told_counts_until_its_correction_is_known(opened: Engine) -> None:
    two = {"alert_id": "A2", "contacted_on": THIRD, "outcome": "no_need"}
    register(opened, 0, THIRD, SPOKEN, two)
    assert open_on(opened, THIRD) == {}
    assert register(opened, 1, FOURTH, two) == 1, "told again by the correction"
    assert open_on(opened, THIRD) == {}, "that day is as it was"
    assert open_on(opened, FOURTH) == {"A1": (None, 0, None)}, "the correction takes the answer back"
    kept = alerts.find(opened, "A1")
    assert kept
    assert (kept.state, kept.outcome, kept.closed_on) == ("open", None, None)
    assert answer(opened, "d1", FOURTH, SPOKEN) == 1, "and an officer may give it again in the same words"
    assert open_on(opened, FOURTH) == {}
    assert [e.event for e in alerts.history(opened, "A1")] == ["opened", "closed", "reopened", "closed"]


def test_capacity_told_last_counts_from_the_day_it_is_known(engine: Engine) -> None:
    for name, day, places in (("d1", NEXT, 7), ("d2", THIRD, 9)):
        came = Delivery(id=name, source="sheets", base_month=DAY, received_on=day, file_name=name, state="taken",
                        recorded_at=NOW)  # fmt: skip
        nothing = pl.DataFrame(schema=answers.BROUGHT)
        answers.record(engine, came, nothing, capacity={"1111053000": places}, now=NOW)
    assert [answers.capacities(engine, day) for day in (DAY, NEXT, THIRD)] == [
        {}, {"1111053000": 7}, {"1111053000": 9},
    ]  # fmt: skip


def test_a_household_is_stopped_from_a_day_until_a_day(engine: Engine) -> None:
    told = {"source": "u", "now": NOW}
    assert stops.stop(engine, 5, NEXT, THIRD, "requested", **told)  # type: ignore[arg-type]
    assert not stops.stop(engine, 5, NEXT, THIRD, "requested", **told)  # type: ignore[arg-type]
    assert stops.stop(engine, 7, NEXT, None, "requested", **told)  # type: ignore[arg-type]
    days = (DAY, NEXT, THIRD, FOURTH)
    assert [stops.stopped_on(engine, day).to_list() for day in days] == [[], [5, 7], [5, 7], [7]]
    assert stops.lift(engine, 7, THIRD) == 1
    assert stops.lift(engine, 7, THIRD) == 0
    assert [stops.stopped_on(engine, day).to_list() for day in days] == [[], [5, 7], [5], []]
    assert stops.stop(engine, 7, FOURTH, None, "requested", **told)  # type: ignore[arg-type]
    assert stops.lift(engine, 7, FOURTH) == 1, "lifted on the day it began: it never held"
    assert stops.stopped_on(engine, FOURTH).to_list() == []
