"""Whether today's households still look like those the model learned to order, without waiting for a single answer."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calibration import Numbers

BANDS: Final = 10
# The industry's usual reading of the population stability index: below 0.10 alike, above 0.25 another population.
WATCH: Final = 0.10
DRIFTED: Final = 0.25
# A signal's monthly arrivals beyond these many times its usual (median) count are told, and below one over it.
ARRIVAL_FACTOR: Final = 2.0
FEWEST_ARRIVALS: Final = 30
DRAWS: Final = 500


class Drift(NamedTuple):
    name: str
    psi: float
    then_unknown: float  # share without a value
    now_unknown: float


def psi(then: Numbers, now: Numbers) -> float:
    """Population stability index over ten bands of `then`, what is unknown being a band of its own. 0: alike.
    Half a row is added to every band: an empty one must not make it infinite."""
    known = then[np.isfinite(then)]
    cuts = np.linspace(0, 1, BANDS + 1)[1:-1]
    # Real values as edges: between 0 and 1 month overdue lies nobody.
    edges = np.unique(np.quantile(known, cuts, method="inverted_cdf")) if known.size else np.empty(0)
    a, b = (_shares(values, edges) for values in (then, now))
    return float(((b - a) * np.log(b / a)).sum())


def _shares(values: Numbers, edges: Numbers) -> Numbers:
    band = np.where(np.isfinite(values), np.searchsorted(edges, values, side="left"), len(edges) + 1)
    counts = np.bincount(band, minlength=len(edges) + 2) + 0.5
    shares: Numbers = counts / counts.sum()
    return shares


def drift_of_features(then: pl.DataFrame, now: pl.DataFrame, names: Sequence[str]) -> tuple[Drift, ...]:
    """Every feature's shift between two days, the largest first."""
    told = []
    for name in names:
        a, b = (frame.get_column(name).cast(pl.Float64).fill_null(np.nan).to_numpy() for frame in (then, now))
        told.append(Drift(name, psi(a, b), float(np.isnan(a).mean()), float(np.isnan(b).mean())))
    return tuple(sorted(told, key=lambda d: (-d.psi, d.name)))


def arrival_rates(told: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Notices per signal, agency and `by`, month by month told of, beside the usual number there: the median of up to
    twelve such months before. `told`: signal, agency, area, month, notices. A month of which the agency told anything
    at all and nothing of a signal is a month with 0; one of which it has not told yet is no month."""
    keys = ["signal", "agency", *by]
    counts = told.group_by(*keys, "month").agg(pl.col("notices").sum())
    months = counts.select("agency", "month").unique()
    full = (
        counts.select(keys)
        .unique()
        .join(months, on="agency")
        .join(counts, on=[*keys, "month"], how="left", nulls_equal=True)
    )
    full = full.with_columns(pl.col("notices").fill_null(0).cast(pl.Int64)).sort(*keys, "month")
    usual = pl.col("notices").cast(pl.Float64).shift(1).rolling_median(window_size=12, min_samples=3).over(keys)
    beside = full.with_columns(usual=usual)
    enough = pl.max_horizontal("notices", "usual") >= FEWEST_ARRIVALS
    factor = pl.col("notices") / pl.col("usual").clip(lower_bound=1.0)
    unusual = (factor > ARRIVAL_FACTOR) | (factor < 1 / ARRIVAL_FACTOR)
    return beside.with_columns(is_unusual=(enough & unusual).fill_null(False))


def expected_precision(
    probability: Numbers, observed: tuple[int, int], rng: np.random.Generator
) -> dict[str, float] | None:
    """What a queue should find before any answer: mean calibrated chance of those it would hold. The interval holds the
    luck of the draw, and how well the chances were calibrated: `observed` = (rows, needs) of the top bands that the
    calibration was judged on."""
    if not probability.size:
        return None
    value = float(probability.mean())
    rows, needs = observed
    level = (
        rng.beta(needs + 0.5, rows - needs + 0.5, DRAWS) / max(needs / max(rows, 1), 1e-9) if rows else np.ones(DRAWS)
    )
    drawn = rng.binomial(probability.size, np.clip(value * level, 0.0, 1.0)) / probability.size
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"value": value, "low": float(low), "high": float(high), "places": float(probability.size)}


def summary(drifts: Sequence[Drift], worst: int = 10) -> dict[str, Any]:
    values: npt.NDArray[np.float64] = np.array([d.psi for d in drifts])
    return {
        "features": len(drifts),
        "watch": int((values > WATCH).sum()),
        "drifted": int((values > DRIFTED).sum()),
        "worst": [d._asdict() for d in drifts[:worst]],
    }
