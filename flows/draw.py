"""The night's only chance: one generator per seed and day, so that a night drawn again draws the same."""

from datetime import date

import numpy as np


def seeded(seed: int, as_of: date) -> np.random.Generator:
    return np.random.default_rng([seed, as_of.toordinal()])
