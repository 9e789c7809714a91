"""At least k alike, counted again by a plain loop; as fine as that allows; refused where too many would go."""

import os
from collections import Counter, defaultdict
from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.anonymous import QUASI, Anonymous, TooFewAlike, anonymise
from features.household import HOUSING_RANK

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


HOUSES = [*["house or flat"] * 3, *["public rental"] * 2, *["room or not a dwelling"] * 2]  # by rank
# As it is seen -> told finely, told coarsely. Written apart from the expressions it judges.
TOLD: dict[str, tuple[str, list[tuple[object, str, str]]]] = {
    "region": (
        "region_ko",
        [("서울특별시", "서울특별시", "수도권"), ("인천광역시", "인천광역시", "수도권"), ("경기도", "경기도", "수도권"),
         ("부산광역시", "부산광역시", "그 밖"), (None, "?", "?")],
    ),
    "head_age": (
        "household__head_age",
        [(17.0, "20", "0-39"), (29.0, "20", "0-39"), (30.0, "30", "0-39"), (39.0, "30", "0-39"), (40.0, "40", "40-64"),
         (64.0, "60", "40-64"), (65.0, "60", "65+"), (79.0, "70", "65+"), (99.0, "80", "65+"), (np.nan, "?", "?")],
    ),
    "size": (
        "household__members",
        [(1.0, "1", "1"), (2.0, "2", "2+"), (4.0, "4", "2+"), (5.0, "4", "2+"), (np.nan, "?", "?")],
    ),
    "housing": (
        "household__housing_rank",
        [*((float(rank), name, HOUSES[rank]) for name, rank in HOUSING_RANK.items()), (np.nan, "?", "?")],
    ),
}  # fmt: skip
FAMILIES = [
    (1.0, 1.0, "child and senior", "child"), (1.0, 0.0, "child", "child"),
    (0.0, 1.0, "senior", "no child"), (0.0, 0.0, "neither", "no child"),
]  # fmt: skip


def seen_as(frame: pl.DataFrame, name: str) -> list[tuple[str, ...]]:
    return frame.select(level.alias(str(at)) for at, level in enumerate(QUASI[name])).rows()


def test_what_is_told_of_a_household_at_each_level() -> None:
    assert list(QUASI) == [*TOLD, "family"]
    for name, (column, told) in TOLD.items():
        frame = pl.DataFrame({column: [value for value, *_ in told]})
        assert seen_as(frame, name) == [tuple(words) for _, *words in told], name
    frame = pl.DataFrame(FAMILIES, schema=["household__has_child", "household__has_senior", "", "c"], orient="row")
    assert seen_as(frame, "family") == [tuple(words) for _, _, *words in FAMILIES]


def plainly_cheapest(rows: pl.DataFrame, k: int, most: float) -> tuple[tuple[int, ...], list[tuple[str, ...]]]:
    """Every combination of levels counted by a plain loop: the best one, and what it tells of each household."""
    words = [[(*told, "*") for told in seen_as(rows, name)] for name in QUASI]
    tried = []
    for at in product(*(range(len(levels) + 1) for levels in QUASI.values())):
        told = [
            tuple(of[level] for of, level in zip(household, at, strict=True)) for household in zip(*words, strict=True)
        ]
        sizes = Counter(told)
        lost = sum(size for size in sizes.values() if size < k)
        cost = sum(level / len(levels) for level, levels in zip(at, QUASI.values(), strict=True))
        if lost <= most * rows.height:
            tried.append((cost, lost, at, [one if sizes[one] >= k else () for one in told]))
    _, _, at, told = min(tried)
    return at, told


@pytest.mark.parametrize(("seed", "k", "most"), [(1, 5, 0.1), (2, 3, 0.0), (3, 3, 0.25), (4, 60, 0.0)])
def test_the_levels_are_those_of_a_plain_search(seed: int, k: int, most: float) -> None:
    rows = country(60, seed, label=False)
    levels, told = plainly_cheapest(rows, k, most)
    found = anonymise(rows, k, most)
    assert tuple(found.levels.values()) == levels
    expected = [(key, *words) for key, words in zip(rows["household_key"], told, strict=True) if words]
    assert found.frame.select("household_key", *QUASI).rows() == expected


def test_groups_all_in_need_count_against_what_may_be_left_out() -> None:
    one = country(1, 1).with_columns(pl.col("household__head_age").fill_nan(50.0))
    rows = pl.concat([one] * 10).with_columns(
        household_key=pl.int_range(10),
        household__has_child=(pl.int_range(10) < 5).cast(pl.Float64),
        label=pl.when(pl.int_range(10) < 5).then(1).otherwise(pl.int_range(10) % 2),
    )
    told = anonymise(rows, 5, 0.5)
    assert (told.frame["household_key"].to_list(), told.suppressed, told.all_in_need) == ([5, 6, 7, 8, 9], 5, 5)
    assert (told.groups, told.smallest) == (1, 5)
    with pytest.raises(TooFewAlike, match=r"50\.0%"):
        anonymise(rows, 5, 0.4)
    for none in (rows.head(5), rows.head(1), rows.clear()):
        with pytest.raises(TooFewAlike) as refused:
            anonymise(none, 1, 1.0)
        assert refused.value.share == bool(none.height)
    with pytest.raises(TooFewAlike) as refused:
        anonymise(rows.tail(1), 2, 0.5)
    assert refused.value.share == 1


def test_of_equal_rows_the_order_does_not_matter() -> None:
    rows = country(800, 5)
    told, again = anonymise(rows, 5, 0.05), anonymise(rows.sample(fraction=1, shuffle=True, seed=1), 5, 0.05)
    assert told.frame.sort("household_key").equals(again.frame.sort("household_key"))
