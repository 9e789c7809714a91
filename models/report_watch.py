"""What a report tells of today, before any answer: what arrives, what a queue should find, what random draws told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from models.columns import matrix_of
from models.drift import expected_precision
from models.model import Model

SHOWN_MONTHS: Final = 12
UNUSUAL_SHOWN: Final = 20


@dataclass(frozen=True)
class Watch:
    arrivals: pl.DataFrame  # drift.arrival_rates by agency
    arrivals_by_region: pl.DataFrame  # and by area
    sources: pl.DataFrame  # agency, newest (month told of), last_received, is_late
    queue: pl.DataFrame  # office and features today of all households of some offices
    reach: Mapping[str, Any] | None  # reach.Reach as dict; None: the random lane has told nothing yet
    capacity: Mapping[str, int]
    agencies_ko: Mapping[str, str]


def tell_watch(
    watch: Watch, model: Model, training: Mapping[str, Any], names_ko: Mapping[str, str], rng: np.random.Generator
) -> dict[str, Any]:
    """JSON-able."""
    return {
        "expected": expected(watch, model, training["metrics"]["calibration"]["bands"], rng),
        "reach": watch.reach,
        "arrivals": _arrivals(watch, names_ko),
    }


def expected(
    watch: Watch, model: Model, bands: list[dict[str, float]], rng: np.random.Generator
) -> dict[str, Any] | None:
    """Were all places of those offices filled by today's order. None: there is no place, or nobody."""
    queue = watch.queue.filter(pl.col("office").is_in(list(watch.capacity)))
    if queue.is_empty():
        return None
    chance = model.calibration.probability(model.margin(matrix_of(queue, model.columns)))
    places = pl.col("office").replace_strict(dict(watch.capacity), return_dtype=pl.Int64)
    ranked = queue.select("household_key", "office", places=places, chance=pl.Series(chance)).sort(
        "chance", "household_key", descending=[True, False]
    )
    taken = ranked.filter(pl.int_range(pl.len()).over("office") < pl.col("places"))["chance"].to_numpy()
    told = expected_precision(taken, _observed(bands, float(taken.min()) if taken.size else 1.0), rng)
    offices = {"offices": queue["office"].n_unique(), "households": queue.height}
    return None if told is None else told | {"places": int(told["places"])} | offices


def _observed(bands: list[dict[str, float]], cut: float) -> tuple[int, int]:
    """Rows and needs of the bands that were told at least the chance at the cut; of the highest, if none was."""
    above = [b for b in bands if b["told"] >= cut] or bands[-1:]
    return int(sum(b["rows"] for b in above)), round(sum(b["rows"] * b["found"] for b in above))


def _arrivals(watch: Watch, names_ko: Mapping[str, str]) -> dict[str, Any] | None:
    """Per signal the newest month its agency told of beside the usual one; per agency month by month; regions that
    stand out; when each agency was last heard of."""
    if watch.arrivals.is_empty():
        return None
    signals, regions = (
        [
            row | {"name_ko": names_ko.get(row["signal"], row["signal"]), "agency_ko": watch.agencies_ko[row["agency"]]}
            for row in _newest(frame)
        ]
        for frame in (watch.arrivals, watch.arrivals_by_region.drop_nulls("area"))
    )
    unusual = sorted((r for r in regions if r["is_unusual"]), key=lambda r: (r["area"], r["agency_ko"], r["name_ko"]))
    months = watch.arrivals["month"].unique().sort().tail(SHOWN_MONTHS)
    return {
        "months": [str(month)[:7] for month in months],
        "agencies": _agencies(watch, months),
        "signals": sorted(signals, key=lambda s: (not s["is_unusual"], s["agency_ko"], s["name_ko"])),
        "regions": unusual[:UNUSUAL_SHOWN],
        "regions_in_all": len(unusual),
    }


def _newest(arrivals: pl.DataFrame) -> list[dict[str, Any]]:
    newest = arrivals.filter(pl.col("month") == pl.col("month").max().over("agency"))
    told = newest.with_columns(pl.col("month").dt.strftime("%Y-%m"))
    return told.sort(told.columns[:3]).to_dicts()


def _agencies(watch: Watch, months: pl.Series) -> list[dict[str, Any]]:
    """Notices over the usual number, month by month; null: not told of yet, or nothing was usual yet."""
    factor = pl.when(pl.col("usual") > 0).then(pl.col("notices") / pl.col("usual"))
    summed = watch.arrivals.group_by("agency", "month").agg(pl.col("notices", "usual").sum())
    told = []
    for row in watch.sources.iter_rows(named=True):
        own = summed.filter(agency=row["agency"]).select("month", factor=factor)
        factors = months.to_frame("month").join(own, on="month", how="left", maintain_order="left")["factor"].to_list()
        told.append({
            "agency": row["agency"], "name_ko": watch.agencies_ko[row["agency"]], "factors": factors,
            "newest": str(row["newest"])[:7], "last_received": str(row["last_received"]), "is_late": row["is_late"],
        })  # fmt: skip
    return told
