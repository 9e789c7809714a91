"""At least k alike, counted again by a plain loop; as fine as that allows; refused where too many would go."""

import os
from collections import Counter, defaultdict

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.anonymous import QUASI, Anonymous, TooFewAlike, anonymise

REGIONS = ("서울특별시", "경기도", "부산광역시", "강원특별자치도", None)


def country(size: int, seed: int, *, rare: int = 0, label: bool = True) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    weights = (0.4, 0.3, 0.2, 0.08, 0.02)
    frame = pl.DataFrame(
        {
            "household_key": rng.permutation(size * 7)[:size],
            "region_ko": [REGIONS[at] for at in rng.choice(5, size, p=weights)],
            "household__head_age": rng.normal(52, 16, size).clip(18, 99).round(),
            "household__members": rng.geometric(0.45, size).astype(float),
            "household__has_child": (rng.random(size) < 0.2).astype(float),
            "household__has_senior": (rng.random(size) < 0.3).astype(float),
            "household__housing_rank": rng.choice([0.0, 1, 2, 3, 4, 5, 6, np.nan], size),
            "household__months_at_address": rng.integers(0, 400, size).astype(float),
            "address__ambiguous_notices": np.zeros(size),
            "power_arrears__owed_now": rng.lognormal(11, 1, size).round(),
        }
    )
    frame[0, "household__head_age"] = np.nan
    odd = pl.int_range(pl.len()) < rare
    frame = frame.with_columns(pl.when(odd).then(17.0).otherwise("household__members").alias("household__members"))
    found = pl.Series("label", (rng.random(size) < 0.3).astype(int))
    return frame.with_columns(found) if label else frame


def alike(frame: pl.DataFrame) -> Counter[tuple[str, ...]]:
    """A plain loop over what a neighbour could see."""
    return Counter(tuple(row[name] for name in QUASI) for row in frame.iter_rows(named=True))


def holds(rows: pl.DataFrame, told: Anonymous, k: int, most: float) -> None:
    sizes = alike(told.frame)
    assert min(sizes.values()) >= k
    assert (told.groups, told.smallest) == (len(sizes), min(sizes.values()))
    assert told.suppressed == rows.height - told.frame.height <= most * rows.height
    assert set(told.frame["household_key"]) <= set(rows["household_key"])
    if "label" in rows.columns:
        by_group = defaultdict(set)
        for row in told.frame.iter_rows(named=True):
            by_group[tuple(row[name] for name in QUASI)].add(row["label"])
        assert {1} not in by_group.values(), "of such a group everybody knows what was found"


@settings(deadline=None, max_examples=int(os.environ.get("COUNTRIES", "5")))
@given(st.integers(40, 1500), st.integers(0, 10**6), st.sampled_from([3, 5, 20]), st.sampled_from([0.0, 0.05, 0.2]))
def test_k_holds_by_an_independent_count(size: int, seed: int, k: int, most: float) -> None:
    rows = country(size, seed, rare=seed % 3)
    try:
        told = anonymise(rows, k, most)
    except TooFewAlike as refused:
        assert refused.share > most
        return
    holds(rows, told, k, most)


def test_no_finer_levels_would_do() -> None:
    rows = country(3000, 1, label=False)
    told = anonymise(rows, 5, 0.02)
    holds(rows, told, 5, 0.02)
    exact = rows.with_columns(exprs[0].alias(f"x_{name}") for name, exprs in QUASI.items())
    lost = exact.group_by(f"x_{name}" for name in QUASI).len().filter(pl.col("len") < 5)["len"].sum()
    assert lost > 0.02 * 3000, "the finest would leave out too many"
    assert 0 < sum(told.levels.values()) < sum(len(levels) for levels in QUASI.values())
    loose = anonymise(rows, 5, 0.2)
    cost = [sum(at / len(QUASI[n]) for n, at in one.levels.items()) for one in (loose, told)]
    assert cost[0] < cost[1], "who may leave out more is told more"


def test_too_few_alike_is_refused_with_the_share() -> None:
    with pytest.raises(TooFewAlike) as refused:
        anonymise(country(4, 1), 5, 0.2)
    assert refused.value.share == 1
    everybody = country(50, 1).with_columns(label=pl.lit(1))
    with pytest.raises(TooFewAlike):
        anonymise(everybody, 5, 0.2)


def test_nothing_but_the_coarse_columns_tells_who_lives_there() -> None:
    told = anonymise(country(2000, 3), 5, 0.05).frame
    assert told.columns == ["household_key", *QUASI, "label", "power_arrears__owed_now"]
    owed = told["power_arrears__owed_now"]
    assert (owed.round_sig_figs(2) == owed).all()
    assert (owed > 1000).any()


def test_of_equal_rows_the_order_does_not_matter() -> None:
    rows = country(800, 5)
    told, again = anonymise(rows, 5, 0.05), anonymise(rows.sample(fraction=1, shuffle=True, seed=1), 5, 0.05)
    assert told.frame.sort("household_key").equals(again.frame.sort("household_key"))
