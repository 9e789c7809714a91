"""Filling an office's free places: by the district's own criteria, by risk, and a few at random below the cut."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

# How households of equal probability are ordered. Written into decisions and never changed silently: a queue made
# again must be the same queue.
TIE_RULE = "probability desc, points desc, splitmix64(household_key)"

# Of the alerts of one office and night whose band is not told, at most one in so many was drawn for explore.
MIXED = 5


def splitmix64(keys: pl.Series) -> pl.Series:
    """A fixed hash of Int64 keys (Steele, Lea, Flood 2014): no order of registration, the same on every machine."""
    x = keys.to_numpy().astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return pl.Series("tie", x ^ (x >> np.uint64(31)), dtype=pl.UInt64)


def draw_salt(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 2**63))


def lots(households: pl.Series, salt: int) -> pl.Series:
    """lot: each household's number in the night's draw, the lowest first. It depends on nobody else's being there, so
    that a country can be worked in parts."""
    return splitmix64(pl.Series(households.to_numpy() ^ np.int64(salt))).rename("lot")


@dataclass(frozen=True, slots=True)
class Claim:
    """A district's own criterion and the waiting households that meet it."""

    name: str
    offices: frozenset[str]
    share: float  # of an office's free places
    households: pl.Series


def place(
    candidates: pl.DataFrame,
    free: pl.DataFrame,
    explore_share: float,
    rng: np.random.Generator,
    claims: Sequence[Claim] = (),
) -> pl.DataFrame:
    """candidates (household_key, office, probability, points, lot), free (office, free, waiting: how many wait in all,
    of whom `candidates` may leave out who cannot be chosen) -> household_key, decision (queued_criterion | queued_risk
    | queued_explore | below_cut), criterion, inclusion, told_over.

    An office with room for everybody draws nobody. Otherwise its share of places for the draw is rounded at random, so
    that five free places still explore in one night of four. Claims choose first, in their order, but never a place of
    the draw. `inclusion` is the chance of being queued before any draw, given what the claims took: weighting by it
    needs no more. `told_over`: see _told_over.
    """
    places = _explore_places(free, explore_share, rng)
    ranked = _rank(candidates)
    claimed = _claim(ranked, places, claims, rng)
    rest, places = _without(ranked, places, claimed)
    ranked = rest.join(places, on="office", how="left", maintain_order="left")
    in_pool = pl.col("position") >= pl.col("free") - pl.col("explore")
    drawn = ranked.with_columns(
        is_pool=in_pool, draw=pl.when(in_pool).then("lot").rank("ordinal").over("office")
    ).select(
        "household_key",
        "office",
        decision=pl.when(~pl.col("is_pool"))
        .then(pl.lit("queued_risk"))
        .when(pl.col("draw") <= pl.col("explore"))
        .then(pl.lit("queued_explore"))
        .otherwise(pl.lit("below_cut")),
        inclusion=_inclusion(),
    )
    taken = claimed.with_columns(decision=pl.lit("queued_criterion"), inclusion=pl.lit(1.0))
    placed = pl.concat([taken, drawn], how="diagonal")
    return placed.join(_told_over(ranked, explore_share), on="office", how="left").drop("office")


def _claim(
    ranked: pl.DataFrame, places: pl.DataFrame, claims: Sequence[Claim], rng: np.random.Generator
) -> pl.DataFrame:
    """household_key, office, criterion. A claim takes its share of the places, rounded at random, likeliest first."""
    left = places.select("office", "free", left=pl.col("free") - _most_drawn())
    taken = pl.DataFrame(schema={"household_key": pl.Int64, "office": pl.String, "criterion": pl.String})
    for claim in claims:
        here = left.filter(pl.col("office").is_in(list(claim.offices)))
        wanted = ((pl.col("free") * claim.share).round(9) + pl.Series(rng.random(here.height))).floor().cast(pl.Int64)
        wants = here.select("office", wanted=pl.min_horizontal(wanted, "left"))
        chosen = (
            ranked.filter(pl.col("household_key").is_in(claim.households.implode()))
            .join(taken, on="household_key", how="anti", maintain_order="left")
            .join(wants, on="office", how="inner", maintain_order="left")
            .filter(pl.int_range(pl.len()).over("office") < pl.col("wanted"))
            .select("household_key", "office", criterion=pl.lit(claim.name))
        )
        taken = pl.concat([taken, chosen])
        used = chosen.group_by("office").agg(used=pl.len().cast(pl.Int64))
        left = left.join(used, on="office", how="left", maintain_order="left").with_columns(
            left=pl.col("left") - pl.col("used").fill_null(0)
        ).drop("used")  # fmt: skip
    return taken


def _without(ranked: pl.DataFrame, places: pl.DataFrame, claimed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Who still waits, for the places that are left; the draw keeps all of its own."""
    if claimed.is_empty():
        return ranked, places
    rest = ranked.join(claimed, on="household_key", how="anti", maintain_order="left")
    used = claimed.group_by("office").agg(used=pl.len().cast(pl.Int64))
    fewer = places.join(used, on="office", how="left", maintain_order="left").with_columns(pl.col("used").fill_null(0))
    return (
        rest.with_columns(position=pl.int_range(pl.len()).over("office")),
        fewer.with_columns(pl.col("free") - pl.col("used"), pl.col("waiting") - pl.col("used")).drop("used"),
    )


def _most_drawn() -> pl.Expr:
    return pl.col("whole") + (pl.col("part") > 0).cast(pl.Int64)


def _told_over(ranked: pl.DataFrame, explore_share: float) -> pl.DataFrame:
    """office, told_over: the probability above whose band a band may be told; null: there is nothing to hide.

    Of those whose band is not told, at most one in MIXED can come of the draw. It is set before the draw: where a told
    band ends must not tell how the draw fell.
    """
    hidden_from = pl.col("free") - MIXED * _most_drawn()
    has_draw = (pl.col("waiting") > pl.col("free")).first() & (explore_share > 0)
    last_told = pl.col("probability").filter(pl.col("position") == hidden_from).first().fill_null(1.0)
    return ranked.group_by("office").agg(told_over=pl.when(has_draw).then(last_told))


def _rank(candidates: pl.DataFrame) -> pl.DataFrame:
    """Sorted by the tie rule, with position 0, 1, 2 ... within the office."""
    return (
        candidates.with_columns(splitmix64(candidates["household_key"]))
        .sort("office", "probability", "points", "tie", descending=[False, True, True, False])
        .with_columns(position=pl.int_range(pl.len()).over("office"))
    )


def likeliest_and_luckiest(candidates: pl.DataFrame, capacity: pl.DataFrame, criteria: Sequence[str]) -> pl.Series:
    """Marks who could be given one of the office's places (capacity: office, capacity), whoever else waits for them.

    Whoever is given one has, of all that wait, fewer before him than there are places: in likelihood, in lot, or in
    likelihood among those that meet a criterion.
    """
    ranked = _rank(candidates.with_row_index("row")).join(capacity, on="office", how="left", maintain_order="left")
    nth_lot = pl.col("lot").rank("ordinal").over("office")
    can = (pl.col("position") < pl.col("capacity")) | (nth_lot <= pl.col("capacity"))
    for name in criteria:
        meets = pl.col("criteria").list.contains(name)
        can |= meets & (meets.cast(pl.Int64).cum_sum().over("office") <= pl.col("capacity"))
    return ranked.with_columns(can=can.fill_null(True)).sort("row")["can"]


def bars(candidates: pl.DataFrame, capacity: pl.DataFrame, criteria: Sequence[str]) -> pl.DataFrame:
    """office, probability, lot, and a probability by the name of each criterion: of the last of the `candidates` who
    could be given one of the office's places. Null: there are more places than candidates.

    Whoever lies beyond all of them cannot be given one (likeliest_and_luckiest), whoever else waits.
    """
    last = pl.col("capacity").first() - 1

    def nth(values: pl.Expr, *, descending: bool) -> pl.Expr:
        return pl.when(last >= 0).then(values.sort(descending=descending).get(last, null_on_oob=True))

    meeting = {name: pl.col("probability").filter(pl.col("criteria").list.contains(name)) for name in criteria}
    return (
        candidates.join(capacity, on="office")
        .group_by("office")
        .agg(
            nth(pl.col("probability"), descending=True),
            nth(pl.col("lot"), descending=False),
            **{_bar_of(name): nth(probability, descending=True) for name, probability in meeting.items()},
        )
    )


def within_bars(candidates: pl.DataFrame, bars: pl.DataFrame, criteria: Sequence[str]) -> pl.DataFrame:
    """Those not beyond all `bars`; who stands beside the last is kept, whatever the tie rule says of them."""
    likely = (pl.col("probability") >= pl.col("probability_bar")).fill_null(True)
    may = likely | (pl.col("lot") <= pl.col("lot_bar")).fill_null(True)
    for name in criteria:
        is_likely = (pl.col("probability") >= pl.col(_bar_of(name))).fill_null(True)
        may |= pl.col("criteria").list.contains(name) & is_likely
    told = candidates.join(bars, on="office", how="left", suffix="_bar", maintain_order="left")
    return told.filter(may).select(candidates.columns)


def _bar_of(criterion: str) -> str:
    return f"{criterion}\0bar"


def _explore_places(free: pl.DataFrame, explore_share: float, rng: np.random.Generator) -> pl.DataFrame:
    """office, free, waiting, whole, part, explore: `whole` places, and one more with chance `part`."""
    offices = free.sort("office")
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
