"""More hardship never lowers a score: counted, not believed."""

import numpy as np

from models.columns import Matrix
from models.model import Model

# Margins are sums of doubles.
_EXACT = 1e-12


def violations(model: Model, matrix: Matrix, pairs: int, rng: np.random.Generator) -> int:
    """Of `pairs` households of the matrix, each beside itself with one constrained column moved to the side that must
    not lower the score: how many scores fell. What was unknown counts as 0 before it moves."""
    signs = np.array([c.monotone for c in model.columns])
    constrained = np.flatnonzero(signs)
    if not constrained.size or not len(matrix):
        return 0
    rows = matrix[rng.integers(0, len(matrix), pairs)]
    column = rng.choice(constrained, pairs)
    at = np.arange(pairs)
    before = np.nan_to_num(rows[at, column])
    rows[at, column] = before
    # The usual size of the column, so that thresholds are really crossed.
    size = 1.0 + np.nanmean(np.abs(np.nan_to_num(matrix)), axis=0)
    moved = rows.copy()
    moved[at, column] = before + signs[column] * rng.exponential(2.0 * size[column])
    return int((model.margin(moved) - model.margin(rows) < -_EXACT).sum())
