from datetime import date, timedelta
from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.life import STANDS, TOLD, TRANSITIONS, State, current, move, stand, state_of
from signals.outcomes import OUTCOMES, Effect
from tests.alerts.reading import stands as slowly

STATES: tuple[State, ...] = get_args(State)
DAY = date(2026, 11, 2)
days = st.integers(0, 6).map(lambda n: DAY + timedelta(days=n))
rows = st.fixed_dictionaries(
    {
        "alert_id": st.sampled_from(["A1", "A2"]),
        "contacted_on": days,
        "received_on": days,
        "channel": st.sampled_from([None, "phone", "visit"]),
        "outcome": st.sampled_from([None, *OUTCOMES]),
        "next_on": st.none() | days,
    }
)
answers = st.lists(rows, max_size=7).map(lambda told: [{**row, "version": f"v{n}"} for n, row in enumerate(told)])


def told(*rows: dict[str, Any]) -> pl.DataFrame:
    plain = dict.fromkeys(TOLD) | {"alert_id": "A1", "contacted_on": DAY, "received_on": DAY, "version": "v"}
    return pl.DataFrame([{**plain, **row} for row in rows], schema=TOLD, orient="row")


def one(*rows: dict[str, Any]) -> dict[str, Any]:
    return stand(told(*rows)).row(0, named=True)


@settings(max_examples=100, deadline=None)
@given(answers)
def test_how_an_alert_stands_by_a_slow_reading(rows: list[dict[str, Any]]) -> None:
    found = stand(told(*rows))
    assert found.schema == STANDS
    ids = sorted({row["alert_id"] for row in rows})
    assert found.to_dicts() == [slowly([row for row in rows if row["alert_id"] == id_]) for id_ in ids]


@settings(max_examples=40, deadline=None)
@given(answers, st.randoms())
def test_neither_order_nor_sending_a_copy_again_changes_anything(rows: list[dict[str, Any]], random: Any) -> None:
    again = rows + rows[:3]
    random.shuffle(again)
    assert stand(told(*again)).equals(stand(told(*rows)))


@settings(max_examples=25, deadline=None)
@given(answers)
def test_an_answer_taken_back_was_never_given(rows: list[dict[str, Any]]) -> None:
    for n in range(len(rows)):
        left = rows[:n] + rows[n + 1 :]
        ids = sorted({row["alert_id"] for row in left})
        assert stand(told(*left)).to_dicts() == [slowly([r for r in left if r["alert_id"] == i]) for i in ids]


@settings(max_examples=80, deadline=None)
@given(answers)
def test_the_table_of_transitions_leads_where_the_answers_say(rows: list[dict[str, Any]]) -> None:
    """Answers in the order they were given, one after the other, end where all of them together stand."""
    mine = sorted(
        (row for row in rows if row["alert_id"] == "A1" and row["outcome"]),
        key=lambda row: (row["contacted_on"], row["received_on"], row["version"]),
    )
    state: State = "waiting"
    for row in mine:
        state = move(state, row["outcome"])
    assert state == (one(*mine)["state"] if mine else "waiting")


def test_the_table_tells_every_state_and_every_effect() -> None:
    assert set(TRANSITIONS) == set(STATES)
    assert all(set(way) == set(get_args(Effect)) for way in TRANSITIONS.values())
    assert {then for way in TRANSITIONS.values() for then in way.values()} == set(STATES) - {"waiting"}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_only_an_answer_that_ends_it_closes_an_alert(state: State, outcome: str) -> None:
    assert (move(state, outcome) == "closed") is OUTCOMES[outcome].ends
    assert state_of(outcome) == move(state, outcome)
    assert move("closed", outcome, has_other_open=True) == "closed"
    if state != "closed":
        assert move(state, outcome, has_other_open=True) == move(state, outcome)


def test_not_reached_not_living_there_and_moved_are_never_an_end() -> None:
    never = {"unreached": "retrying", "in_hospital": "retrying", "not_living_there": "tracing", "moved": "moving"}
    assert {outcome: state_of(outcome) for outcome in never} == never
    assert state_of(None) == "waiting"


def test_an_older_copy_that_arrives_late_changes_nothing_and_a_correction_takes_it_up_again() -> None:
    done = {"outcome": "no_need", "contacted_on": DAY + timedelta(days=2), "received_on": DAY + timedelta(days=3)}
    late = {"outcome": "unreached", "contacted_on": DAY, "received_on": DAY + timedelta(days=9)}
    assert one(done, late)["state"] == "closed"
    assert one(done, late)["closed_on"] == DAY + timedelta(days=3)
    correction = {**late, "contacted_on": DAY + timedelta(days=2)}
    assert (one(done, correction)["state"], one(done, correction)["closed_on"]) == ("retrying", None)


def test_two_answers_of_one_day_are_one_try() -> None:
    twice = one({"outcome": "unreached", "version": "a"}, {"outcome": "in_hospital", "version": "b"})
    assert (twice["attempts"], twice["outcome"]) == (1, "in_hospital")


def test_a_note_without_an_outcome_decides_nothing_but_tells_when_to_try_again() -> None:
    later = {"contacted_on": DAY + timedelta(days=4), "channel": "phone", "next_on": DAY + timedelta(days=8)}
    noted = one({"outcome": "unreached", "channel": "visit"}, later)
    assert (noted["outcome"], noted["was_visited"], noted["attempts"]) == ("unreached", True, 1)
    assert (noted["answered_on"], noted["next_on"]) == (later["contacted_on"], later["next_on"])
    assert current(told(later)).is_empty()
