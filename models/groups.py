"""Whose need is reached: shares per group with n and interval, one order beside another on the same rows.

Groups are what the household register tells. Sex, disability and foreign nationality are no features: reach by them is
measured only where an audit table is handed to the training (models.audit), and no report may say so otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from features.household import HOUSING_RANK
from models.audit import AUDIT
from models.calibration import Numbers

INSUFFICIENT: Final = 30  # needs in a group below which a share says nothing
DRAWS: Final = 1000

_AGES: Final = ((40, "under_40"), (65, "40_to_64"), (75, "65_to_74"))


def _age_band() -> pl.Expr:
    age, band = pl.col("household__head_age"), pl.lit("75_and_over")
    for below, name in reversed(_AGES):
        band = pl.when(age < below).then(pl.lit(name)).otherwise(band)
    return pl.when(age.is_null() | age.is_nan()).then(pl.lit("unknown")).otherwise(band)


def _yes_no(column: str) -> pl.Expr:
    return pl.when(pl.col(column) == 1).then(pl.lit("yes")).otherwise(pl.lit("no"))


def _housing() -> pl.Expr:
    names = {float(rank): name for name, rank in HOUSING_RANK.items()}
    rank = pl.col("household__housing_rank").cast(pl.Float64)
    return rank.replace_strict(names, default="unknown", return_dtype=pl.String)


@dataclass(frozen=True)
class Grouping:
    name: str
    name_ko: str
    needs: str  # the column it is read from
    value: pl.Expr


GROUPINGS: Final = (
    Grouping("head_age", "세대주 나이", "household__head_age", _age_band()),
    Grouping("lives_alone", "1인 가구", "household__lives_alone", _yes_no("household__lives_alone")),
    Grouping("has_child", "아동 있는 가구", "household__has_child", _yes_no("household__has_child")),
    Grouping("housing", "주거 유형", "household__housing_rank", _housing()),
    Grouping("region", "시도", "office", pl.col("office").str.slice(0, 2)),
    Grouping("office", "행정동", "office", pl.col("office")),
    *(Grouping(f.name, f.name_ko, f.column, pl.col(f.column)) for f in AUDIT),
)

TITLES_KO: Final[Mapping[str, str]] = {grouping.name: grouping.name_ko for grouping in GROUPINGS}
# What the values of a grouping are called; regions and offices have their own names.
VALUES_KO: Final[Mapping[str, str]] = {
    "yes": "예", "no": "아니요", "unknown": "모름", "under_40": "40세 미만", "40_to_64": "40~64세",
    "65_to_74": "65~74세", "75_and_over": "75세 이상", "apartment": "아파트", "row_house": "연립·다세대",
    "detached": "단독", "public_rental": "공공임대", "redevelopment_rental": "재개발임대", "one_room": "원룸·고시원",
    "non_dwelling": "주택 아닌 곳", "female": "여성", "male": "남성", "korean": "내국인", "foreign": "외국인",
}  # fmt: skip


def groups_of(rows: pl.DataFrame) -> pl.DataFrame:
    """One String column per grouping whose column the rows hold, in the order of the rows."""
    return rows.select(g.value.alias(g.name) for g in GROUPINGS if g.needs in rows.columns)


@dataclass(frozen=True)
class GroupReach:
    grouping: str
    group: str
    rows: int
    needs: int
    ours: float | None  # share of the group's need that has a place; None: insufficient
    ours_low: float | None
    ours_high: float | None
    theirs: float | None
    ratio: float | None  # ours / theirs
    low: float | None
    high: float | None  # of a seeded bootstrap of households, so wide that all groups together err in 5 % of cases


def compare_reach(
    groups: pl.DataFrame, label: Numbers, ours: Numbers, theirs: Numbers, households: Numbers, rng: np.random.Generator
) -> tuple[GroupReach, ...]:
    """`ours`, `theirs`: each row's chance of a place (evaluate.chance_taken). Only rows with need count."""
    is_need = label == 1
    counted: list[tuple[str, str, np.ndarray]] = []
    for grouping in groups.columns:
        column = groups.get_column(grouping)
        counted += [(grouping, str(v), (column == v).to_numpy()) for v in sorted(column.drop_nulls().unique())]
    enough = sum(int((mask & is_need).sum()) >= INSUFFICIENT for *_, mask in counted)
    tail = 0.025 / max(enough, 1)
    told = []
    for grouping, group, mask in counted:
        needs = mask & is_need
        figures: tuple[float | None, ...] = (None,) * 7
        if needs.sum() >= INSUFFICIENT:
            figures = _figures(ours[needs], theirs[needs], households[needs], tail, rng)
        told.append(GroupReach(grouping, group, int(mask.sum()), int(needs.sum()), *figures))
    return tuple(told)


def _figures(
    ours: Numbers, theirs: Numbers, households: Numbers, tail: float, rng: np.random.Generator
) -> tuple[float | None, ...]:
    members = np.unique(households, return_inverse=True)[1]
    a, b = np.bincount(members, ours), np.bincount(members, theirs)
    n = np.bincount(members)
    # Half a place on both sides: a group of whom hardly anybody has one must not give an infinite ratio.
    drawn, shares = np.empty(DRAWS), np.empty(DRAWS)
    for i in range(DRAWS):
        times = rng.integers(0, len(a), len(a))
        taken = a[times].sum()
        drawn[i], shares[i] = (taken + 0.5) / (b[times].sum() + 0.5), taken / n[times].sum()
    reach = (float(ours.mean()), *(float(q) for q in np.quantile(shares, [0.025, 0.975])), float(theirs.mean()))
    if not b.sum():
        return (*reach, None, None, None)
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return (*reach, float(a.sum() / b.sum()), float(low), float(high))


def worst_ratio(groups: tuple[GroupReach, ...]) -> GroupReach | None:
    told = [g for g in groups if g.ratio is not None]
    return min(told, key=lambda g: (g.ratio or 0.0, g.grouping, g.group)) if told else None


def unaudited(evidence: Mapping[str, Any] | None) -> list[str]:
    """What no audit table told of."""
    told = {g["grouping"] for g in evidence["groups"]} if evidence else set()
    return [field.header_ko for field in AUDIT if field.name not in told]
