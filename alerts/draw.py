"""Filling an office's free places: the highest risk, and a few drawn at random below the cut."""

import numpy as np
import polars as pl

# How households of equal probability are ordered. Written into decisions and never changed silently: a queue made
# again must be the same queue.
TIE_RULE = "probability desc, points desc, splitmix64(household_key)"


def splitmix64(keys: pl.Series) -> pl.Series:
    """A fixed hash of Int64 keys (Steele, Lea, Flood 2014): no order of registration, the same on every machine."""
    x = keys.to_numpy().astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return pl.Series("tie", x ^ (x >> np.uint64(31)), dtype=pl.UInt64)


def place(candidates: pl.DataFrame, free: pl.DataFrame, explore_share: float, rng: np.random.Generator) -> pl.DataFrame:
    """candidates (household_key, office, probability, points), free (office, free: Int64, one row per office of a
    candidate) -> household_key, decision (queued_risk | queued_explore | below_cut), inclusion.

    An office with room for everybody draws nobody. Otherwise its share of places for the draw is rounded at random, so
    that five free places still explore in one night of four. `inclusion` is the chance of being queued, before any
    draw.
    """
    places = _explore_places(candidates, free, explore_share, rng)
    ranked = _rank(candidates).join(places, on="office", how="left", maintain_order="left")
    in_pool = pl.col("position") >= pl.col("free") - pl.col("explore")
    return (
        ranked.with_columns(u=pl.Series(rng.random(ranked.height)))
        .with_columns(is_pool=in_pool, draw=pl.when(in_pool).then("u").rank("ordinal").over("office"))
        .select(
            "household_key",
            decision=pl.when(~pl.col("is_pool"))
            .then(pl.lit("queued_risk"))
            .when(pl.col("draw") <= pl.col("explore"))
            .then(pl.lit("queued_explore"))
            .otherwise(pl.lit("below_cut")),
            inclusion=_inclusion(),
        )
    )


def _rank(candidates: pl.DataFrame) -> pl.DataFrame:
    """Sorted by the tie rule, with position 0, 1, 2 ... within the office."""
    return (
        candidates.with_columns(splitmix64(candidates["household_key"]))
        .sort("office", "probability", "points", "tie", descending=[False, True, True, False])
        .with_columns(position=pl.int_range(pl.len()).over("office"))
    )


def _explore_places(
    candidates: pl.DataFrame, free: pl.DataFrame, explore_share: float, rng: np.random.Generator
) -> pl.DataFrame:
    """office, free, waiting, whole, part, explore: `whole` places, and one more with chance `part`."""
    offices = (
        candidates.group_by("office")
        .agg(waiting=pl.len().cast(pl.Int64))
        .join(free, on="office", how="left", validate="1:1")
        .sort("office")
    )
    exact = (pl.col("free") * explore_share).round(9)
    is_short = pl.col("waiting") > pl.col("free")
    return (
        offices.with_columns(exact=pl.when(is_short).then(exact).otherwise(0.0))
        .with_columns(whole=pl.col("exact").floor().cast(pl.Int64))
        .with_columns(part=pl.col("exact") - pl.col("whole"), u=pl.Series(rng.random(offices.height)))
        .with_columns(explore=pl.col("whole") + (pl.col("u") < pl.col("part")).cast(pl.Int64))
        .drop("u", "exact")
    )


def _inclusion() -> pl.Expr:
    below = pl.col("waiting") - pl.col("free")  # households without a place, whatever is drawn
    drawn = pl.col("whole") / (below + pl.col("whole"))
    drawn_with_one_more = (pl.col("whole") + 1) / (below + pl.col("whole") + 1)
    cut = pl.col("free") - pl.col("whole")
    has_part = pl.col("part") > 0
    # The household just above the cut has its place by risk, unless the draw takes that place.
    at_the_cut = (1 - pl.col("part")) + pl.col("part") * drawn_with_one_more
    return (
        pl.when((pl.col("waiting") <= pl.col("free")) | (pl.col("position") < cut - has_part.cast(pl.Int64)))
        .then(1.0)
        .when(pl.col("position") < cut)
        .then(at_the_cut)
        .otherwise((1 - pl.col("part")) * drawn + pl.col("part") * drawn_with_one_more)
    )
