from datetime import date, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.folds import HASHED_FOLDS, Folds, hashed, split

START = date(2025, 1, 1)
ROW = st.tuples(st.integers(0, 40), st.integers(0, 5), st.integers(0, 150), st.integers(0, 1))


def frame(drawn: list[tuple[int, int, int, int]], days_between: int) -> pl.DataFrame:
    selected = [START + timedelta(days=days_between * r) for _, r, _, _ in drawn]
    return pl.DataFrame(
        {
            "household_key": [h for h, *_ in drawn],
            "selected_on": selected,
            "received_on": [day + timedelta(days=late) for day, (_, _, late, _) in zip(selected, drawn, strict=True)],
            "label": [y for *_, y in drawn],
        },
        schema={"household_key": pl.Int64, "selected_on": pl.Date, "received_on": pl.Date, "label": pl.Int8},
    )


def leaks(rows: pl.DataFrame, folds: Folds, gap_days: int) -> bool:
    """The slow way: every row that is learned from, one by one."""
    told = rows.to_dicts()
    for fold in folds.folds:
        if folds.kind == "household":
            if {told[i]["household_key"] for i in fold.train} & {told[i]["household_key"] for i in fold.test}:
                return True
            continue
        assert fold.judged_on is not None
        for i in fold.train:
            if told[i]["received_on"] >= fold.judged_on:
                return True
            if (fold.judged_on - told[i]["selected_on"]).days < max(gap_days, 1):
                return True
        if any(told[i]["selected_on"] != fold.judged_on for i in fold.test):
            return True
    return False


@settings(deadline=None)
@given(st.lists(ROW, min_size=1, max_size=80), st.integers(1, 90), st.integers(0, 120))
def test_nothing_is_learned_that_was_not_known_on_the_judged_day(
    drawn: list[tuple[int, int, int, int]], days_between: int, gap_days: int
) -> None:
    rows = frame(drawn, days_between)
    folds = split(rows, gap_days)
    assert not leaks(rows, folds, gap_days)
    for fold in folds.folds:
        for part in (fold.train, fold.test):
            assert set(rows.get_column("label").gather(part)) == {0, 1}


def test_few_rounds_fall_back_to_households_and_say_so() -> None:
    drawn = [(h, 0, 10, h % 2) for h in range(200)]
    folds = split(frame(drawn, 60), 60)
    assert folds.kind == "household"
    assert "1 rounds" in folds.why
    assert sorted(np.concatenate([f.test for f in folds.folds])) == list(range(200))


def test_households_are_spread_evenly_and_always_alike() -> None:
    keys = np.arange(-50_000, 50_000, dtype=np.int64)
    counts = np.bincount(hashed(keys, HASHED_FOLDS))
    assert counts.min() > 0.95 * counts.max()
    drawn = [0, 1, -1, 2**62, -(2**63)]
    assert hashed(np.array(drawn, dtype=np.int64), 5).tolist() == [slow_splitmix64(key) % 5 for key in drawn]


def slow_splitmix64(key: int) -> int:
    mask = 2**64 - 1
    z = (key + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)
