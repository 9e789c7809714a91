"""How well an order of households finds need: at offices' real capacity first, with ties and intervals."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

Numbers = npt.NDArray[np.float64]

DRAWS: Final = 200
SHARE: Final = 0.10
CROWDED: Final = 0.5


class Interval(NamedTuple):
    value: float
    low: float
    high: float  # 2.5 % and 97.5 % of a seeded bootstrap


@dataclass(frozen=True)
class AtCapacity:
    """Ties at the cut could fall either way: worst, mean and best are kept apart."""

    selected: int
    worst: float  # precision
    mean: float
    best: float
    recall: float  # of the mean
    lift: float  # mean precision over the share with need among all


@dataclass(frozen=True)
class Judgement:
    name_ko: str
    roc_auc: Interval
    average_precision: Interval
    precision_at_tenth: AtCapacity
    precision_at_capacity: AtCapacity | None  # None: no capacities were handed in
    precision_interval: Interval | None

    def as_dict(self) -> dict[str, Any]:
        told = asdict(self)
        return {k: v._asdict() if isinstance(v, Interval) else v for k, v in told.items()}


def judge(
    name_ko: str, judged: pl.DataFrame, score: Numbers, capacity: Mapping[str, int] | None, rng: np.random.Generator
) -> Judgement:
    """`judged` has household_key, selected_on, office, label; `score` one number a row, higher first."""
    label = judged.get_column("label").to_numpy().astype(np.float64)
    households = judged.get_column("household_key").to_numpy()
    auc, precision = ranking_intervals(label, score, households, rng)
    taken = per_office(judged, score, capacity) if capacity is not None else None
    return Judgement(
        name_ko,
        auc,
        precision,
        at_share(label, score, SHARE),
        None if taken is None else at_capacity(taken, float(label.sum()), float(label.mean())),
        None if taken is None else _precision_interval(taken, rng),
    )


def roc_auc(label: Numbers, score: Numbers, weight: Numbers | None = None) -> float:
    """Chance that a household with need stands above one without; ties count half."""
    return _roc_auc(*_per_score(label, _ranks(score), weight))


def average_precision(label: Numbers, score: Numbers, weight: Numbers | None = None) -> float:
    return _average_precision(*_per_score(label, _ranks(score), weight))


def _ranks(score: Numbers) -> npt.NDArray[np.int64]:
    return np.unique(score, return_inverse=True)[1]


def _per_score(label: Numbers, ranks: npt.NDArray[np.int64], weight: Numbers | None) -> tuple[Numbers, Numbers]:
    """Weight with and without need at each distinct score, lowest first."""
    weight = np.ones_like(label) if weight is None else weight
    needs: Numbers = np.bincount(ranks, weight * label).astype(np.float64)
    return needs, np.bincount(ranks, weight * (1 - label)).astype(np.float64)


def _roc_auc(needs: Numbers, rest: Numbers) -> float:
    if not needs.sum() or not rest.sum():
        return 0.5  # nothing to tell apart
    below = np.cumsum(rest) - rest
    return float((needs * (below + rest / 2)).sum() / (needs.sum() * rest.sum()))


def _average_precision(needs: Numbers, rest: Numbers) -> float:
    if not needs.sum():
        return 0.0
    found, taken = np.cumsum(needs[::-1]), np.cumsum((needs + rest)[::-1])
    precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
    return float((precision * needs[::-1]).sum() / needs.sum())


def ranking_intervals(
    label: Numbers, score: Numbers, households: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[Interval, Interval]:
    """ROC-AUC and average precision. Households are drawn, not rows: one may stand in several rounds."""
    ranks = _ranks(score)
    members = np.unique(households, return_inverse=True)[1]
    drawn = []
    for _ in range(DRAWS):
        times = np.bincount(rng.integers(0, members.max() + 1, members.max() + 1), minlength=members.max() + 1)
        needs, rest = _per_score(label, ranks, times[members].astype(np.float64))
        if needs.sum() and rest.sum():
            drawn.append((_roc_auc(needs, rest), _average_precision(needs, rest)))
    told = _per_score(label, ranks, None)
    if not drawn:
        return Interval(_roc_auc(*told), 0.0, 1.0), Interval(_average_precision(*told), 0.0, 1.0)
    aucs, precisions = np.array(drawn).T
    return _interval(_roc_auc(*told), aucs), _interval(_average_precision(*told), precisions)


def _interval(value: float, drawn: Numbers) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def per_office(judged: pl.DataFrame, score: Numbers, capacity: Mapping[str, int]) -> pl.DataFrame:
    """One row per office and round: taken = min(places, households), and the need found among them: worst, mean, best
    over ties. An office without a capacity is an error."""
    places = pl.col("office").replace_strict(dict(capacity), return_dtype=pl.Int64)
    rows = judged.select("office", "selected_on", pl.col("label").cast(pl.Int64), places=places)
    return _taken(rows.with_columns(score=pl.Series(score)), ["office", "selected_on"])


def contested(judged: pl.DataFrame, capacity: Mapping[str, int]) -> tuple[pl.DataFrame, dict[str, int], str]:
    """Rows and places on which one order can differ from another: the offices' own, or, where their places hold more
    than half of the rows judged and so nearly everybody whatever the order, the top fifth of each round."""
    places = pl.col("office").replace_strict(dict(capacity), return_dtype=pl.Int64)
    rounds = judged.group_by("office", "selected_on").agg(pl.len(), places=places.first())
    taken = rounds.select(pl.min_horizontal("len", "places").sum()).item() or 0
    if taken <= CROWDED * judged.height:
        return judged, dict(capacity), "at the offices' capacity"
    fifth = max(1, round(judged.height / max(judged.get_column("selected_on").n_unique(), 1) / 5))
    return (
        judged.with_columns(office=pl.lit("all")),
        {"all": fifth},
        f"top {fifth} of each round: offices hold nearly all",
    )


def chance_taken(judged: pl.DataFrame, score: Numbers, capacity: Mapping[str, int]) -> Numbers:
    """Each row's chance of a place in its office and round: 1 above the cut, 0 below, what is left shared by ties."""
    places = pl.col("office").replace_strict(dict(capacity), return_dtype=pl.Int64)
    by = ["office", "selected_on"]
    rows = _with_cut(judged.select(*by, places=places).with_columns(score=pl.Series(score)), by)
    above, tied = pl.col("score") > pl.col("cut"), pl.col("score") == pl.col("cut")
    left = (pl.col("taken") - above.sum().over(by).cast(pl.Int64)) / tied.sum().over(by)
    chance = rows.select(pl.when(above).then(1.0).when(tied).then(left).otherwise(0.0).fill_null(0.0)).to_series()
    return chance.to_numpy().astype(np.float64)


def _with_cut(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Adds `taken`, places that are filled, and `cut`, the lowest score among them (null: no place)."""
    order = pl.col("score").rank("ordinal", descending=True).over(by)
    rows = rows.with_columns(order=order, taken=pl.min_horizontal("places", pl.len().over(by)))
    return rows.with_columns(cut=pl.col("score").filter(pl.col("order") <= pl.col("taken")).min().over(by))


def _taken(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    rows = _with_cut(rows, by)
    above, tied = pl.col("score") > pl.col("cut"), pl.col("score") == pl.col("cut")
    counted = rows.group_by(by, maintain_order=True).agg(
        pl.col("taken").first(),
        sure=(above & (pl.col("label") == 1)).sum().cast(pl.Int64),
        left=pl.col("taken").first() - above.sum().cast(pl.Int64),
        tied=tied.sum().cast(pl.Int64),
        tied_needs=(tied & (pl.col("label") == 1)).sum().cast(pl.Int64),
    )
    return _over_ties(counted.filter(pl.col("taken") > 0)).sort(by)


def _over_ties(counted: pl.DataFrame) -> pl.DataFrame:
    left, tied, needs = pl.col("left"), pl.col("tied"), pl.col("tied_needs")
    return counted.with_columns(
        worst=pl.col("sure") + (left - (tied - needs)).clip(lower_bound=0),
        mean=pl.col("sure") + left * needs / tied,
        best=pl.col("sure") + pl.min_horizontal(left, needs),
    )


def at_capacity(taken: pl.DataFrame, needs: float, share: float) -> AtCapacity:
    selected = int(taken.get_column("taken").sum())
    if not selected:
        return AtCapacity(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    worst, mean, best = (float(taken.get_column(c).sum()) for c in ("worst", "mean", "best"))
    precision = mean / selected
    return AtCapacity(selected, worst / selected, precision, best / selected, mean / needs, precision / share)


def at_share(label: Numbers, score: Numbers, share: float) -> AtCapacity:
    """The highest `share` of all households, offices aside."""
    places = max(1, round(share * len(label)))
    rows = pl.DataFrame({"all": 0, "label": label.astype(np.int64), "score": score, "places": places})
    return at_capacity(_taken(rows, ["all"]), float(label.sum()), float(label.mean()))


def _precision_interval(taken: pl.DataFrame, rng: np.random.Generator) -> Interval | None:
    """Offices and rounds are drawn: what one officer finds is not independent."""
    if not taken.height:
        return None
    found, places = taken.get_column("mean").to_numpy(), taken.get_column("taken").to_numpy()
    rows = rng.integers(0, taken.height, (DRAWS, taken.height))
    return _interval(float(found.sum() / places.sum()), found[rows].sum(axis=1) / places[rows].sum(axis=1))


def ratio_interval(ours: pl.DataFrame, theirs: pl.DataFrame, rng: np.random.Generator) -> Interval:
    """Precision of one order over another's at the same capacity: both tables from `per_office`, drawn together."""
    a, b = ours.get_column("mean").to_numpy(), theirs.get_column("mean").to_numpy()
    rows = rng.integers(0, len(a), (DRAWS, len(a)))
    drawn = a[rows].sum(axis=1) / np.maximum(b[rows].sum(axis=1), 1e-9)
    return _interval(float(a.sum() / max(b.sum(), 1e-9)), drawn)
