import numpy as np
import polars as pl
import pytest

from alerts.bands import told_band
from alerts.draw import MIXED, Claim, lots, place, splitmix64
from alerts.settings import QueueSettings

OFFICES = 6000


def _placed(
    waiting: int, free: int, share: float, claims: dict[str, tuple[float, list[int]]] | None = None
) -> pl.DataFrame:
    """OFFICES equal offices at once: as many independent draws. `nth` is a household's place in its office; `claims`
    gives the share of each criterion and the nth that meet it."""
    households = pl.DataFrame({"office": np.repeat(np.arange(OFFICES), waiting)}).with_columns(
        pl.col("office").cast(pl.String),
        household_key=pl.int_range(pl.len(), dtype=pl.Int64),
        nth=pl.int_range(pl.len()) % waiting,
        points=pl.lit(1, pl.Int64),
    )
    candidates = households.with_columns(lots(households["household_key"], 7), probability=1 - pl.col("nth") / 100)
    places = pl.DataFrame({"office": [str(n) for n in range(OFFICES)], "free": free, "waiting": waiting})
    everywhere = frozenset(places["office"])
    claimed = [
        Claim(name, everywhere, part, households.filter(pl.col("nth").is_in(nth))["household_key"])
        for name, (part, nth) in (claims or {}).items()
    ]
    placed = place(candidates.drop("nth"), places, share, np.random.default_rng(7), claimed)
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
    ).with_columns(lots(pl.Series(keys), 1))
    places = pl.DataFrame({"office": [str(n) for n in range(50)], "free": 3, "waiting": 8})
    drawn = [
        place(candidates.sample(fraction=1, shuffle=True, seed=seed), places, 0.2, np.random.default_rng(1)).sort(
            "household_key"
        )
        for seed in range(5)
    ]
    assert all(again.equals(drawn[0]) for again in drawn)


CLAIMS = {"old": (0.25, [7, 8, 9]), "alone": (0.3, [0, 8, 11])}


@pytest.mark.parametrize(
    ("waiting", "free", "share", "ways"), [(12, 5, 0.3, 2), (12, 4, 0.5, 1), (12, 8, 0.4, 1), (14, 6, 0.05, 3)]
)
def test_inclusion_stays_exact_when_criteria_choose_first(waiting: int, free: int, share: float, ways: int) -> None:
    """Given what the criteria took: offices in which they took the same are as many equal draws."""
    placed = _placed(waiting, free, share, CLAIMS)
    queued = pl.col("decision") != "below_cut"
    took = pl.col("nth").filter(pl.col("criterion").is_not_null()).sort().implode().over("office")
    kinds = placed.with_columns(took=took.list.eval(pl.element().cast(pl.String)).list.join(","))
    by_place = kinds.group_by("took", "nth").agg(
        queued.mean().alias("rate"), pl.col("inclusion").mean(), spread=pl.col("inclusion").std(), offices=pl.len()
    )
    assert by_place["took"].n_unique() == ways
    assert by_place["spread"].max() == pytest.approx(0, abs=1e-12)
    late = (pl.col("rate") - pl.col("inclusion")).abs() - 4.5 * (0.25 / pl.col("offices")).sqrt()
    assert by_place.select(late.max()).item() < 0
    totals = placed.group_by("office").agg(pl.col("inclusion").sum(), queued=queued.sum())
    assert (totals["inclusion"] - free).abs().max() < 1e-9  # type: ignore[operator]
    assert totals["queued"].unique().to_list() == [free]


def test_criteria_take_their_share_on_average_and_the_likeliest_first() -> None:
    placed = _placed(12, 5, 0.05, {"old": (0.25, [7, 8, 9])}).filter(decision="queued_criterion")
    assert placed["criterion"].unique().to_list() == ["old"]
    assert placed["inclusion"].unique().to_list() == [1.0]
    assert placed.height / OFFICES == pytest.approx(1.25, abs=0.03)  # a quarter of 5
    taken = dict(placed.group_by("nth").len().iter_rows())
    assert (taken[7], set(taken)) == (OFFICES, {7, 8})


def test_a_household_of_two_criteria_is_taken_once_by_the_first() -> None:
    placed = _placed(12, 6, 0.0, {"first": (0.5, [0, 1, 2]), "second": (0.5, [0, 1, 2, 3])})
    by = dict(placed.filter(decision="queued_criterion").group_by("nth").agg(pl.col("criterion").unique()).iter_rows())
    assert by == {0: ["first"], 1: ["first"], 2: ["first"], 3: ["second"]}


def test_criteria_never_take_a_place_of_the_draw() -> None:
    placed = _placed(12, 4, 0.5, {"all": (0.5, list(range(12))), "again": (1.0, list(range(12)))})
    per_office = placed.group_by("office").agg(
        drawn=(pl.col("decision") == "queued_explore").sum(), claimed=(pl.col("decision") == "queued_criterion").sum()
    )
    assert per_office.select("drawn", "claimed").unique().rows() == [(2, 2)]


def test_where_everybody_has_a_place_a_criterion_takes_no_more_than_its_share() -> None:
    placed = _placed(4, 8, 0.5, {"old": (0.25, [0, 1, 2, 3])})
    assert placed.group_by("decision").len().sort("decision").rows() == [
        ("queued_criterion", 2 * OFFICES),
        ("queued_risk", 2 * OFFICES),
    ]


@pytest.mark.parametrize(("free", "share"), [(40, 0.05), (40, 0.1), (30, 0.03), (30, 0.07), (12, 0.05), (3, 0.3)])
def test_no_told_band_gives_the_drawn_away(free: int, share: float) -> None:
    """Of those whose band is left out, at most one in MIXED was drawn; where that cannot be, no band is told at all."""
    settings = QueueSettings(capacity=free, high=0.6, very_high=0.85)
    placed = _placed(80, free, share).filter(pl.col("decision") != "below_cut")
    drawn_by = pl.col("decision") == "queued_explore"
    probability = 1 - pl.col("nth") / 100
    band = pl.when(probability >= 0.85).then(2).when(probability >= 0.6).then(1).otherwise(0)
    told = placed.with_columns(
        band=band.replace_strict({0: "moderate", 1: "high", 2: "very_high"}).cast(
            pl.Enum(["moderate", "high", "very_high"])
        )
    ).with_columns(told=told_band(pl.col("band"), pl.col("told_over"), settings))
    assert told.filter(drawn_by)["told"].null_count() == told.filter(drawn_by).height > 0
    untold = pl.col("told").is_null()
    by_office = told.group_by("office").agg(
        drawn=drawn_by.sum(), untold=untold.sum(), told=(~untold).sum(), known=pl.col("told").n_unique()
    )
    mixed = by_office.filter((pl.col("drawn") * MIXED > pl.col("untold")) & (pl.col("told") > 0))
    assert mixed.is_empty()
    assert by_office["told"].n_unique() == 1, "where told bands end must not tell how the draw fell"
    assert (by_office["told"].max() or 0) == (16 if free >= 30 and share != 0.07 else 0)


def test_where_nobody_is_drawn_every_band_is_told() -> None:
    assert _placed(4, 4, 0.5)["told_over"].null_count() == 4 * OFFICES
    assert _placed(9, 4, 0.0)["told_over"].null_count() == 9 * OFFICES
