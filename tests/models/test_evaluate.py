from itertools import pairwise, permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from models.evaluate import at_capacity, average_precision, judge, per_office, ratio_interval, roc_auc

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=2, max_size=40)


@given(ROWS.filter(lambda rows: len({y for _, y in rows}) == 2))
def test_rankings_equal_scikit_learn(rows: list[tuple[int, int]]) -> None:
    score, label = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    assert roc_auc(label, score) == pytest.approx(roc_auc_score(label, score))
    assert average_precision(label, score) == pytest.approx(average_precision_score(label, score))


def test_weights_are_copies() -> None:
    score, label = np.array([0.1, 0.4, 0.4, 0.9]), np.array([0.0, 1.0, 0.0, 1.0])
    times = np.array([2.0, 0.0, 3.0, 1.0])
    copies = np.repeat(np.arange(4), times.astype(int))
    assert roc_auc(label, score, times) == pytest.approx(roc_auc_score(label[copies], score[copies]))
    assert average_precision(label, score, times) == pytest.approx(
        average_precision_score(label[copies], score[copies])
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=6),
    st.integers(0, 4), st.integers(0, 4),
)  # fmt: skip
@example([("A", 0, 0), ("A", 0, 0), ("A", 0, 1), ("B", 1, 1), ("B", 0, 1)], 1, 2)
def test_precision_at_capacity_is_every_order_of_the_ties(drawn: list[tuple[str, int, int]], a: int, b: int) -> None:
    judged = pl.DataFrame(drawn, schema=["office", "score", "label"], orient="row").with_columns(selected_on=pl.lit(1))
    capacity = {"A": a, "B": b}
    found = []
    for order in permutations(sorted(drawn, key=lambda row: row[1], reverse=True)):
        if all(x[1] >= y[1] for x, y in pairwise(order)):
            found.append(sum(y for o in "AB" for _, _, y in [r for r in order if r[0] == o][: capacity[o]]))
    taken = per_office(judged, judged.get_column("score").to_numpy().astype(float), capacity)
    assert taken.get_column("worst").sum() == min(found)
    assert taken.get_column("best").sum() == max(found)
    assert taken.get_column("mean").sum() == pytest.approx(float(np.mean(found)))
    assert taken.get_column("taken").sum() == sum(min(capacity[o], sum(r[0] == o for r in drawn)) for o in "AB")


def test_an_office_without_capacity_is_an_error() -> None:
    judged = pl.DataFrame({"office": ["A"], "selected_on": [1], "label": [1]})
    with pytest.raises(pl.exceptions.InvalidOperationError):
        per_office(judged, np.array([1.0]), {"B": 3})


def test_intervals_hold_the_value_and_are_repeatable() -> None:
    rng = np.random.default_rng(0)
    n = 2_000
    label = (rng.random(n) < 0.2).astype(np.int64)
    judged = pl.DataFrame(
        {"household_key": np.arange(n) // 2, "selected_on": np.arange(n) % 2, "office": ["A"] * n, "label": label}
    )
    score = label + rng.normal(0, 2, n)
    told = judge("모형", judged, score, {"A": 50}, np.random.default_rng(1))
    assert told == judge("모형", judged, score, {"A": 50}, np.random.default_rng(1))
    assert told.precision_interval is not None
    for interval in (told.roc_auc, told.average_precision):
        assert interval.low < interval.value < interval.high
    assert told.precision_at_capacity is not None
    assert told.precision_at_capacity.lift == pytest.approx(told.precision_at_capacity.mean / label.mean())
    ours, theirs = per_office(judged, score, {"A": 50}), per_office(judged, rng.normal(size=n), {"A": 50})
    ratio = ratio_interval(ours, theirs, np.random.default_rng(1))
    assert ratio.low <= ratio.value <= ratio.high


def test_no_places_at_all_find_nothing() -> None:
    judged = pl.DataFrame({"office": ["A"], "selected_on": [1], "label": [1]})
    assert at_capacity(per_office(judged, np.array([1.0]), {"A": 0}), 1.0, 1.0).selected == 0
