"""From a margin to a chance that a visit finds need: Platt's two numbers, fitted on rows the model had not seen."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


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
