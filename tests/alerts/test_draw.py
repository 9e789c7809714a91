import numpy as np
import polars as pl
import pytest

from alerts.draw import place, splitmix64

OFFICES = 6000


def _placed(waiting: int, free: int, share: float) -> pl.DataFrame:
    """OFFICES equal offices at once: as many independent draws. `nth` is a household's place in its office."""
    households = pl.DataFrame({"office": np.repeat(np.arange(OFFICES), waiting)}).with_columns(
        pl.col("office").cast(pl.String),
        household_key=pl.int_range(pl.len(), dtype=pl.Int64),
        nth=pl.int_range(pl.len()) % waiting,
        points=pl.lit(1, pl.Int64),
    )
    candidates = households.with_columns(probability=1 - pl.col("nth") / 100)
    places = pl.DataFrame({"office": [str(n) for n in range(OFFICES)], "free": [free] * OFFICES})
    placed = place(candidates.drop("nth"), places, share, np.random.default_rng(7))
    return placed.join(households, on="household_key", validate="1:1")


@pytest.mark.parametrize(
    ("waiting", "free", "share"), [(12, 5, 0.05), (12, 5, 0.3), (9, 8, 0.5), (6, 1, 1.0), (7, 4, 0.5), (3, 2, 0.4)]
)
def test_households_are_queued_as_often_as_the_stored_probability_says(waiting: int, free: int, share: float) -> None:
    placed = _placed(waiting, free, share)
    queued = pl.col("decision") != "below_cut"
    by_place = placed.group_by("nth").agg(queued.mean().alias("rate"), pl.col("inclusion").first()).sort("nth")
    assert by_place["inclusion"].sum() == pytest.approx(free)  # all free places, exactly
    spread = 4 * (0.25 / OFFICES) ** 0.5
    assert (by_place["rate"] - by_place["inclusion"]).abs().max() < spread
    per_office = placed.filter(queued).group_by("office").len()["len"]
    assert per_office.unique().to_list() == [free]


def test_an_office_with_room_for_everybody_draws_nobody() -> None:
    placed = _placed(4, 4, 0.5)
    assert placed["decision"].unique().to_list() == ["queued_risk"]
    assert placed["inclusion"].unique().to_list() == [1.0]


def test_the_explored_lie_below_the_cut() -> None:
    explored = _placed(12, 5, 0.3).filter(decision="queued_explore")
    assert explored.height > OFFICES
    assert explored["nth"].min() == 3  # 5 free: at most 2 of them are drawn


def test_a_full_office_queues_nobody() -> None:
    placed = _placed(4, 0, 0.5)
    assert placed["decision"].unique().to_list() == ["below_cut"]
    assert placed["inclusion"].unique().to_list() == [0.0]


def test_the_hash_is_the_published_one() -> None:
    # First outputs of splitmix64 seeded with 0 and 1234567 (Vigna's reference).
    assert splitmix64(pl.Series([0, 1234567])).to_list() == [16294208416658607535, 6457827717110365317]
    assert splitmix64(pl.Series([-1], dtype=pl.Int64)).dtype == pl.UInt64


def test_the_draw_does_not_depend_on_the_order_of_rows() -> None:
    keys = np.arange(400)
    candidates = pl.DataFrame(
        {"household_key": keys, "office": [str(k % 50) for k in keys], "probability": 0.3, "points": 1}
    )
    places = pl.DataFrame({"office": [str(n) for n in range(50)], "free": 3})
    drawn = [
        place(candidates.sample(fraction=1, shuffle=True, seed=seed), places, 0.2, np.random.default_rng(1)).sort(
            "household_key"
        )
        for seed in range(5)
    ]
    assert all(again.equals(drawn[0]) for again in drawn)
