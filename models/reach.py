"""What the random lane tells of those nobody asked: base rate, reach and precision, with effective n and intervals.

A household in the explore lane was drawn with a chance that was written down. Weighting each answer by 1 / chance gives
the share with need among all who waited (Hajek's ratio estimator). Of those drawn or queued, some are never reached:
they weigh in through the answered of the same stratum (office and band) if it holds enough, else of all small strata.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from models.calibration import Numbers

# Fewer answers in a stratum cannot stand for those who did not answer there.
FEWEST_ANSWERS: Final = 10
DRAWS: Final = 2_000


@dataclass(frozen=True)
class Estimate:
    value: float
    low: float
    high: float  # 95 %
    drawn: int
    answered: int
    effective: float  # equal draws that would tell as much (Kish)


@dataclass(frozen=True)
class Reach:
    base_rate: Estimate  # of those who waited and were not taken
    precision: Estimate  # of those taken by the order
    reach: Estimate  # share of all need that has a place
    needs_waiting: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def estimate_reach(selected: pl.DataFrame, waiting: int, rng: np.random.Generator) -> Reach:
    """`selected`: one row per household with a place: is_explore, chance (of being drawn; 1 when taken by order),
    stratum (office and band, a String), label (1 need, 0 none, null: nothing known). `waiting`: households that had a
    signal and got no place by the order, whether drawn or not."""
    explored, ordered = selected.filter("is_explore"), selected.filter(~pl.col("is_explore"))
    if explored.is_empty() or ordered.is_empty():
        raise ValueError("reach needs households of both lanes")
    below, p_below = _share(explored, rng)
    taken, p_taken = _share(ordered, rng)
    inside = p_taken * ordered.height
    outside = p_below * waiting
    drawn = inside / np.maximum(inside + outside, 1e-12)
    value = taken.value * ordered.height / max(taken.value * ordered.height + below.value * waiting, 1e-12)
    low, high = np.quantile(drawn, [0.025, 0.975])
    reach = Estimate(
        value, float(low), float(high), selected.height, taken.answered + below.answered,
        min(below.effective, taken.effective),
    )  # fmt: skip
    return Reach(below, taken, reach, below.value * waiting)


def weights_of(lane: pl.DataFrame) -> pl.DataFrame:
    """The answered rows with `weight`: 1 / chance, times all over answered of their stratum."""
    design = 1 / pl.col("chance")
    is_told = pl.col("label").is_not_null()
    enough = is_told.sum().over("stratum") >= FEWEST_ANSWERS
    stratum = pl.when(enough).then(pl.col("stratum")).otherwise(pl.lit("all others"))
    told = lane.with_columns(design=design, cell=stratum)
    response = pl.col("design").sum().over("cell") / pl.col("design").filter(is_told).sum().over("cell")
    return told.with_columns(weight=pl.col("design") * response).filter(is_told)


def _share(lane: pl.DataFrame, rng: np.random.Generator) -> tuple[Estimate, Numbers]:
    """Jeffreys' interval at the effective number: holds its level near 0, where few draws found anything."""
    told = weights_of(lane)
    weight, label = told.get_column("weight").to_numpy(), told.get_column("label").to_numpy().astype(np.float64)
    if not weight.size:
        return Estimate(0.5, 0.0, 1.0, lane.height, 0, 0.0), rng.random(DRAWS)
    value = float((weight * label).sum() / weight.sum())
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    drawn = rng.beta(value * effective + 0.5, (1 - value) * effective + 0.5, DRAWS)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, float(low), float(high), lane.height, len(weight), effective), drawn
