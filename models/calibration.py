"""From a margin to a chance that a visit finds need: Platt's two numbers, fitted on rows the model had not seen."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

Numbers = npt.NDArray[np.float64]

DRAWS: Final = 200
# Two numbers are learned: fewer answers than this of either kind teach them nothing.
FEWEST: Final = 20


class Calibration(NamedTuple):
    slope: float  # above 0: the order of households never changes
    intercept: float

    def probability(self, margin: Numbers) -> Numbers:
        return 1.0 / (1.0 + np.exp(-np.clip(self.slope * margin + self.intercept, -36.0, 36.0)))


def fit(margin: Numbers, label: npt.NDArray[np.int64]) -> Calibration:
    """Logistic regression of the label on the margin (Platt 1999, with his smoothed targets), by Newton's method."""
    needs, rest = int(label.sum()), int((1 - label).sum())
    target = np.where(label == 1, (needs + 1) / (needs + 2), 1 / (rest + 2))
    design = np.column_stack([margin, np.ones_like(margin)])
    weights = np.array([0.0, np.log((needs + 1) / (rest + 1))])
    for _ in range(100):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -36.0, 36.0)))
        gradient = design.T @ (target - chance)
        # The ridge keeps the first step finite when all margins are nearly equal.
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights + step
        if np.abs(step).max() < 1e-10:
            break
    return Calibration(float(weights[0]), float(weights[1]))


class Band(NamedTuple):
    rows: int
    told: float  # mean probability told
    found: float  # share that had need


def table(probability: Numbers, label: npt.NDArray[np.int64], bands: int = 10) -> tuple[Band, ...]:
    """Equal-sized bands from the lowest to the highest probability."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bands) if part.size]
    return tuple(Band(part.size, float(probability[part].mean()), float(label[part].mean())) for part in parts)


def expected_error(bands: tuple[Band, ...]) -> float:
    """Expected calibration error: mean gap between told and found, weighted by rows."""
    return sum(b.rows * abs(b.told - b.found) for b in bands) / sum(b.rows for b in bands)


@dataclass(frozen=True)
class Curve:
    """Told against found, with the gap that chance alone would show."""

    bands: tuple[Band, ...]
    expected_error: float
    low: float  # 2.5 % and 97.5 % of a seeded bootstrap of rows
    high: float
    by_chance: float  # 97.5 % of what a model that is right would show, of so few rows and answers to learn from


def curve(
    probability: Numbers,
    label: npt.NDArray[np.int64],
    rng: np.random.Generator,
    bands: int = 10,
    right: Callable[[], float] | None = None,
) -> Curve:
    """`right`: draws the error of a model that is right; unsaid, of these probabilities told to others like these."""
    n, told = len(label), table(probability, label, bands)
    drawn, perfect = np.empty(DRAWS), np.empty(DRAWS)
    for i in range(DRAWS):
        rows = rng.integers(0, n, n)
        drawn[i] = _quick_error(probability[rows], label[rows], bands)
        perfect[i] = right() if right else _quick_error(probability, _labels(probability, rng), bands)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Curve(told, expected_error(told), float(low), float(high), float(np.quantile(perfect, 0.975)))


def curve_out_of_time(judged: pl.DataFrame, chance: Numbers, rng: np.random.Generator, bands: int = 10) -> Curve | None:
    """Of what `out_of_time` tells; None where it tells nothing. Chance shows here twice: in a round's answers, and in
    the earlier ones that the two numbers were fitted on. So a model that is right is fitted anew in each draw, on
    answers drawn from `chance`, a number for each row."""
    rounds = _rounds(judged)
    if not rounds:
        return None
    margin, label = _margin_and_label(judged)
    is_told = np.any([at.rows for at in rounds], axis=0)

    def right() -> float:
        drawn = _labels(chance, rng)
        return _quick_error(_told(rounds, margin, drawn)[is_told], drawn[is_told], bands)

    return curve(_told(rounds, margin, label)[is_told], label[is_told], rng, bands, right)


def _labels(chance: Numbers, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    return (rng.random(len(chance)) < chance).astype(np.int64)


def _quick_error(probability: Numbers, label: npt.NDArray[np.int64], bands: int) -> float:
    gap = (probability - label)[np.argsort(probability)]
    edges = np.linspace(0, len(gap), bands + 1).astype(np.int64)[:-1]
    return (
        float(np.abs(np.add.reduceat(gap, edges)).sum() / len(gap))
        if len(gap) >= bands
        else expected_error(table(probability, label, bands))
    )


class _Round(NamedTuple):
    known: npt.NDArray[np.bool_]  # rows of earlier rounds whose answers had arrived on its day
    rows: npt.NDArray[np.bool_]


def out_of_time(judged: pl.DataFrame) -> Numbers:
    """Chance of each row as it would have been told on its round's day: from the margins and answers of earlier rounds
    that had arrived by then. NaN where too few had. `judged`: selected_on, received_on, label, margin."""
    return _told(_rounds(judged), *_margin_and_label(judged))


def _margin_and_label(judged: pl.DataFrame) -> tuple[Numbers, npt.NDArray[np.int64]]:
    return judged.get_column("margin").to_numpy(), judged.get_column("label").cast(pl.Int64).to_numpy()


def _rounds(judged: pl.DataFrame) -> list[_Round]:
    """Those before which enough was known."""
    _, label = _margin_and_label(judged)
    found = []
    days: list[date] = sorted(judged.get_column("selected_on").unique().to_list())
    for day in days[1:]:
        known = judged.select((pl.col("selected_on") < day) & (pl.col("received_on") < day)).to_series().to_numpy()
        if min(label[known].sum(), (1 - label[known]).sum()) >= FEWEST:
            found.append(_Round(known, judged.select(pl.col("selected_on") == day).to_series().to_numpy()))
    return found


def _told(rounds: list[_Round], margin: Numbers, label: npt.NDArray[np.int64]) -> Numbers:
    told = np.full(len(margin), np.nan)
    for at in rounds:
        told[at.rows] = fit(margin[at.known], label[at.known]).probability(margin[at.rows])
    return told
