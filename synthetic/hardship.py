"""Hidden hardship, month by month: six strains per household that shocks push up, and when they add up to need.

Need is more than a sum: illness weighs far more where money is short, isolation where nobody helps, and what lasts
weighs more than what comes and goes. Counting warning signs cannot see that; durations and combinations can.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np

from signals.signal import Driver

DRIVERS: tuple[Driver, ...] = tuple(d for d in get_args(Driver) if d != "chance")
INCOME, DEBT, ILLNESS, CARE, ISOLATION, HOUSING = range(6)

# How much of a strain is for life, and what is kept of the rest from month to month.
LASTING = np.array([0.35, 0.35, 0.35, 0.35, 0.45, 0.38], dtype=np.float32)
KEPT = np.array([0.88, 0.92, 0.88, 0.91, 0.93, 0.91], dtype=np.float32)
NOISE = np.array([0.22, 0.20, 0.20, 0.18, 0.16, 0.18], dtype=np.float32)
JOB_LOSS, FALLS_ILL, NEEDS_CARE, LEFT_ALONE, LOSES_HOME = 0.008, 0.006, 0.004, 0.003, 0.003  # a month
SHARED = 0.30  # how far the six strains go together

# Need ends only some way below where it began: spells last.
RELAPSE = 0.2
SMOOTHING = 0.70
HELP_EASES = 0.55  # of the passing strain stays after support was granted
HELP_LASTS = 6  # months during which strain also fades faster


@dataclass(frozen=True, slots=True)
class Household:
    """What life can do to a household: booleans and ages, one entry each."""

    size: np.ndarray
    head_age: np.ndarray
    has_worker: np.ndarray
    is_self_employed: np.ndarray
    has_senior: np.ndarray
    has_child: np.ndarray
    has_infant: np.ndarray
    is_renter: np.ndarray


class Strains:
    """The state of all households; `step` lives one month. Arrays are (6, households), float32."""

    def __init__(self, households: Household, lasting: np.ndarray, need_share: float, rng: np.random.Generator) -> None:
        self.households = households
        self.lasting = lasting * LASTING[:, None]
        self.passing = np.zeros_like(lasting)
        self.memory: np.ndarray = np.zeros(lasting.shape[1], dtype=np.float32)
        self.smooth: np.ndarray = np.zeros(lasting.shape[1], dtype=np.float32)
        self.in_need: np.ndarray = np.zeros(lasting.shape[1], dtype=bool)
        self.helped: np.ndarray = np.zeros(lasting.shape[1], dtype=np.int16)  # months of help left
        self.middle = np.zeros((6, 1), dtype=np.float32)
        self.spread = np.ones((6, 1), dtype=np.float32)
        self.threshold = np.float32(np.inf)
        self.need_share = need_share
        self.rng = rng
        self.chances = _chances(households, self.lasting)

    def burn_in(self, months: int) -> None:
        """Until strains are about N(0, 1), then until need has its share: both fixed from here on."""
        nobody = np.zeros(len(self.in_need), dtype=bool)
        for _ in range(months):
            self._live(nobody)
        raw = self.lasting + self.passing
        self.middle, self.spread = raw.mean(axis=1, keepdims=True), raw.std(axis=1, keepdims=True)
        for _ in range(18):
            self._live(nobody)
            self._weigh()
        self.threshold = np.quantile(self.smooth, 1 - 0.95 * self.need_share).astype(np.float32)

    def step(self, bereaved: np.ndarray) -> np.ndarray:
        """One month; returns the strains (6, households). `bereaved`: the earner died this month."""
        self._live(bereaved)
        self._weigh()
        return self.strain()

    def strain(self) -> np.ndarray:
        return np.asarray((self.lasting + self.passing - self.middle) / self.spread)

    def help(self, households: np.ndarray) -> None:
        """Support was granted: what passes eases, and goes on easing."""
        self.passing[:, households] *= HELP_EASES
        self.memory[households] *= HELP_EASES
        self.helped[households] = HELP_LASTS

    def _live(self, bereaved: np.ndarray) -> None:
        home, passing, rng = self.households, self.passing, self.rng
        fading = np.where(self.helped > 0, np.float32(0.93), np.float32(1.0))
        self.helped = np.maximum(self.helped - 1, 0).astype(np.int16)
        passing *= KEPT[:, None] * fading
        passing += NOISE[:, None] * rng.standard_normal(passing.shape, dtype=np.float32)
        short = np.maximum(self.lasting[INCOME] + passing[INCOME] - 0.6, 0)
        passing[DEBT] += 0.10 * short  # what is missing is borrowed
        passing[HOUSING] += np.where(home.is_renter, 0.05, 0.02).astype(np.float32) * short
        passing[ISOLATION] += 0.03 * np.maximum(passing[ILLNESS] - 1.0, 0)
        _strike(passing, INCOME, 2.0, self.chances[INCOME], rng)
        ill = _strike(passing, ILLNESS, 2.0, self.chances[ILLNESS], rng)
        passing[INCOME] += 0.9 * (ill & home.has_worker)
        passing[CARE] += 0.7 * (ill & (home.size > 1))
        _strike(passing, CARE, 1.8, self.chances[CARE], rng)
        _strike(passing, ISOLATION, 1.8, self.chances[ISOLATION], rng)
        _strike(passing, HOUSING, 2.0, self.chances[HOUSING], rng)
        if bereaved.any():
            passing[:, bereaved] += np.array([[2.0], [0.4], [0.3], [0.8], [1.5], [0.3]], dtype=np.float32)

    def _weigh(self) -> None:
        strain = self.strain()
        short = np.maximum(np.maximum(strain[INCOME], strain[DEBT]), 0)
        self.memory = np.float32(0.88) * self.memory + np.float32(0.12) * short
        now = weigh(strain, self.memory)
        self.smooth = SMOOTHING * self.smooth + (1 - SMOOTHING) * now
        self.in_need = np.where(self.in_need, self.smooth > self.threshold - RELAPSE, self.smooth > self.threshold)


def weigh(strain: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """Hardship of each household: a weak sum, strong combinations, and how long money has been short."""
    over = np.maximum(strain, 0)
    short = np.maximum(over[INCOME], 0.8 * over[DEBT])
    alone = 0.35 * over[ISOLATION] + 0.15 * over[HOUSING]
    return np.asarray(
        0.04 * strain.sum(axis=0)
        + 0.75 * over[ILLNESS] * short
        + 0.40 * alone * short
        + 0.35 * over[CARE] * over[ILLNESS]
        + 0.30 * over[INCOME] * over[HOUSING]
        + 0.55 * memory * over[ILLNESS]
        + 0.15 * memory
    )


def draw_lasting(size: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a household carries for life (6, households): partly shared between strains."""
    count = len(size)
    own = rng.standard_normal((6, count), dtype=np.float32)
    shared = rng.standard_normal(count, dtype=np.float32)
    lasting = np.sqrt(1 - SHARED) * own + np.sqrt(SHARED) * shared
    lasting[ISOLATION] += np.where(size == 1, 0.5, -0.2).astype(np.float32)
    return np.asarray(lasting, dtype=np.float32)


def _chances(home: Household, lasting: np.ndarray) -> dict[int, np.ndarray]:
    """Of a shock in a month, by what it strikes: those harder who already struggle."""
    weak = np.exp(0.5 * np.clip(lasting, -2, 2))
    return {
        INCOME: home.has_worker * JOB_LOSS * weak[INCOME],
        ILLNESS: np.where(home.has_senior, 2.0, 0.8) * FALLS_ILL * weak[ILLNESS],
        CARE: np.where(home.has_senior | home.has_infant, 1.8, 0.5) * NEEDS_CARE * weak[CARE],
        ISOLATION: np.where(home.size == 1, 1.8, 0.5) * LEFT_ALONE * weak[ISOLATION],
        HOUSING: np.where(home.is_renter, 1.7, 0.4) * LOSES_HOME * weak[HOUSING],
    }


def _strike(passing: np.ndarray, which: int, force: float, chance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    struck: np.ndarray = rng.random(len(chance), dtype=np.float32) < chance
    hit = np.flatnonzero(struck)
    passing[which, hit] += (force * rng.lognormal(0.0, 0.35, len(hit))).astype(np.float32)
    return struck
