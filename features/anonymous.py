"""Rows that nobody can be told apart in: what a neighbour could know of a household is told so coarsely that at least k
share it; the few that still stand out are left out.

Every combination of levels is tried and the one that tells most is taken (a full-domain search: Samarati 2001,
doi 10.1109/69.971193). What is measured of a household is rounded. k-anonymity does not hide what all of a group share:
groups in which everybody was found in need are left out too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

import polars as pl

from features.household import HOUSING_RANK

ANY: Final = "*"
_CAPITAL: Final = ("서울특별시", "인천광역시", "경기도")
_RANKS: Final = {rank: housing for housing, rank in HOUSING_RANK.items()}
_region = pl.col("region_ko")
_age, _members = pl.col("household__head_age").fill_nan(None), pl.col("household__members").fill_nan(None)
_child, _senior = pl.col("household__has_child") == 1, pl.col("household__has_senior") == 1
_housing = pl.col("household__housing_rank").fill_nan(None)


def _words(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.Int32).cast(pl.String).fill_null("?")


# What others may know of a household, from the finest to the coarsest that is told. What is unknown stays unknown.
QUASI: Final[Mapping[str, tuple[pl.Expr, ...]]] = {
    "region": (
        _region.fill_null("?"),
        pl.when(_region.is_in(_CAPITAL)).then(pl.lit("수도권")).when(_region.is_not_null()).then(pl.lit("그 밖"))
        .otherwise(pl.lit("?")),
    ),
    "head_age": (
        _words((_age // 10 * 10).clip(20, 80)),
        pl.when(_age >= 65).then(pl.lit("65+")).when(_age >= 40).then(pl.lit("40-64"))
        .when(_age.is_not_null()).then(pl.lit("0-39")).otherwise(pl.lit("?")),
    ),
    "size": (
        _words(_members.clip(1, 4)),
        pl.when(_members <= 1).then(pl.lit("1")).when(_members.is_not_null()).then(pl.lit("2+")).otherwise(pl.lit("?")),
    ),
    "housing": (
        _housing.cast(pl.Int32).replace_strict(_RANKS, default="?", return_dtype=pl.String),
        pl.when(_housing <= 2).then(pl.lit("house or flat")).when(_housing <= 4).then(pl.lit("public rental"))
        .when(_housing.is_not_null()).then(pl.lit("room or not a dwelling")).otherwise(pl.lit("?")),
    ),
    "family": (
        pl.when(_child & _senior).then(pl.lit("child and senior")).when(_child).then(pl.lit("child"))
        .when(_senior).then(pl.lit("senior")).otherwise(pl.lit("neither")),
        pl.when(_child).then(pl.lit("child")).otherwise(pl.lit("no child")),
    ),
}  # fmt: skip
# Told by the columns above alone, or a day by which a household could be found again.
LEFT_OUT: Final = ("household__", "address__")
DIGITS: Final = 2


@dataclass(frozen=True, slots=True)
class Anonymous:
    frame: pl.DataFrame  # household_key, QUASI's columns, rounded features, and `label` where it was given
    levels: Mapping[str, int]  # of each column: 0 the finest; len(QUASI[column]): not told
    suppressed: int  # households left out
    groups: int
    smallest: int
    all_in_need: int  # households left out because their whole group was found in need


class TooFewAlike(Exception):  # noqa: N818 - a refusal, in the words of the matter
    def __init__(self, share: float) -> None:
        super().__init__(f"{share:.1%} would have to be left out")
        self.share = share


def anonymise(rows: pl.DataFrame, k: int, most_suppressed: float) -> Anonymous:
    """rows: one per household, with region_ko and features. Raises TooFewAlike where even the coarsest leave out more
    than the share `most_suppressed`."""
    told = rows.with_columns(_levels())
    # Every level of a cell follows from its finest: few thousand cells stand for millions of households.
    cells = told.group_by(level.meta.output_name() for level in _levels()).agg(n=pl.len())
    levels = _cheapest(cells, rows.height, k, most_suppressed)
    named = told.with_columns(_told(name, level).alias(f"q_{name}") for name, level in levels.items())
    group = [f"q_{name}" for name in QUASI]
    counted = named.with_columns(n=pl.len().over(group))
    alike = counted.filter(pl.col("n") >= k)
    in_need = _all_in_need(alike, group) if "label" in rows.columns else alike.clear()
    kept = alike.join(in_need.select("household_key"), on="household_key", how="anti", maintain_order="left")
    suppressed = rows.height - kept.height
    if not kept.height or suppressed > most_suppressed * rows.height:
        raise TooFewAlike(suppressed / max(rows.height, 1))
    sizes = kept.group_by(group).len()["len"]
    return Anonymous(_tidy(kept, group, rows), levels, suppressed, len(sizes), int(sizes.min()), in_need.height)  # type: ignore[arg-type]


def _levels() -> list[pl.Expr]:
    return [level.alias(f"{name}_{at}") for name, levels in QUASI.items() for at, level in enumerate(levels)]


def _names(levels: Mapping[str, int]) -> list[str]:
    """Columns to group by; what is not told is none."""
    return [f"{name}_{at}" for name, at in levels.items() if at < len(QUASI[name])]


def _told(name: str, level: int) -> pl.Expr:
    return pl.lit(ANY) if level == len(QUASI[name]) else pl.col(f"{name}_{level}")


def _cheapest(cells: pl.DataFrame, households: int, k: int, most_suppressed: float) -> Mapping[str, int]:
    """The levels that tell most among those that leave out few enough; of equal ones, those that leave out fewest."""
    best: tuple[float, int, tuple[int, ...]] | None = None
    fewest = households
    for at in product(*(range(len(levels) + 1) for levels in QUASI.values())):
        levels = dict(zip(QUASI, at, strict=True))
        by = _names(levels)
        sizes = cells.group_by(by).agg(pl.col("n").sum()) if by else cells.select(pl.col("n").sum())
        lost = int(sizes.filter(pl.col("n") < k)["n"].sum())
        fewest = min(fewest, lost)
        cost = sum(level / len(QUASI[name]) for name, level in levels.items())
        if lost <= most_suppressed * households and (best is None or (cost, lost, at) < best):
            best = cost, lost, at
    if best is None:
        raise TooFewAlike(fewest / max(households, 1))
    return dict(zip(QUASI, best[2], strict=True))


def _all_in_need(alike: pl.DataFrame, group: list[str]) -> pl.DataFrame:
    return alike.filter(pl.col("label").min().over(group) == 1)


def _tidy(kept: pl.DataFrame, group: list[str], rows: pl.DataFrame) -> pl.DataFrame:
    """Numbers to two digits: an amount known to the won is a name."""
    measured = [
        name for name, kind in rows.schema.items() if kind.is_float() and not name.startswith(LEFT_OUT)
    ]  # fmt: skip
    label = ["label"] if "label" in rows.columns else []
    rounded = kept.with_columns(pl.col(measured).round_sig_figs(DIGITS))
    return rounded.select("household_key", *(pl.col(c).alias(c.removeprefix("q_")) for c in group), *label, *measured)
