"""The model of many workers: what any true schedule must keep, whatever was drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale_model import Cluster, Step, live, unlike

SECONDS = st.floats(0.1, 50.0)
STEPS = st.lists(
    st.builds(Step, st.just("step"), st.lists(SECONDS, max_size=12).map(tuple), st.floats(0.0, 5.0)),
    min_size=1,
    max_size=4,
)
SPEEDS = st.lists(st.floats(0.2, 3.0), min_size=1, max_size=6).map(tuple)


@given(STEPS)
def test_one_worker_takes_the_sum(steps: list[Step]) -> None:
    whole = sum(sum(step.ranges) + step.alone for step in steps)
    assert live(steps, Cluster((1.0,))).seconds == pytest.approx(whole)


@given(STEPS, SPEEDS)
def test_no_worker_works_more_than_there_is_and_no_step_ends_before_its_longest_range(
    steps: list[Step], speeds: tuple[float, ...]
) -> None:
    lived = live(steps, Cluster(speeds))
    least = sum(max(sum(s.ranges) / sum(speeds), max(s.ranges, default=0.0) / max(speeds)) + s.alone for s in steps)
    most = sum(sum(s.ranges) / min(speeds) + s.alone for s in steps)
    assert least * (1 - 1e-9) <= lived.seconds <= most * (1 + 1e-9)
    assert lived.busy <= 1 + 1e-9
    assert lived.begun_again == 0


def test_who_is_free_takes_the_next_range() -> None:
    # Four ranges of 10 s at speeds 1 and 1/2: the slow one gets the second; the last begins at 20 s beside it.
    assert live([Step("step", (10.0, 10.0, 10.0, 10.0))], Cluster((1.0, 0.5))).seconds == 30.0


def test_what_a_failing_worker_had_in_hand_is_begun_again() -> None:
    steps = [Step("step", (10.0,) * 40)]
    calm = live(steps, Cluster((1.0, 1.0)))
    failing = live(steps, Cluster((1.0, 1.0), fails_every=60.0, away=5.0))
    assert failing.begun_again > 0
    assert failing.seconds > calm.seconds
    assert failing.busy * failing.seconds * 2 == pytest.approx(400.0)  # every range finished once


def test_the_scheduler_hands_out_one_range_after_the_other() -> None:
    lived = live([Step("step", (1.0,) * 100)], Cluster((1.0,) * 100, hand_out=0.5))
    assert lived.seconds == pytest.approx(51.0)


def test_the_same_seed_the_same_night() -> None:
    steps, cluster = [Step("step", (3.0,) * 50)], Cluster(unlike(7, 0.3), fails_every=30.0)
    assert live(steps, cluster, seed=4) == live(steps, cluster, seed=4)
