"""How large the made-up country is, how long it lasts, and how badly its agencies deliver."""

import zlib
from dataclasses import dataclass, field
from datetime import date

import numpy as np


@dataclass(frozen=True, slots=True)
class FlawRates:
    """Shares of deliveries, except bad_rows: a share of rows. All zero: perfect agencies."""

    late: float = 0.03
    twice: float = 0.015
    corrected: float = 0.02
    broken: float = 0.015
    extra_column: float = 0.015
    bad_rows: float = 0.003


@dataclass(frozen=True, slots=True)
class CountrySettings:
    """`end` is the last day the night knows of: no file is sent later.

    About 4.5 % of households are selected per round, so that a small country has enough answers to learn from;
    the real share is 0.4 % of the population (DOMAIN 0.1).
    """

    households: int = 20_000
    months: int = 24
    end: date = date(2026, 10, 31)
    seed: int = 1
    households_per_office: int = 1_000
    has_real_districts: bool = False  # as many in each region as there are, instead of eight offices to each
    rounds: int = 12
    round_share: float = 0.045
    own_choice: float = 0.25  # share of a round that offices choose themselves (DOMAIN 2: 25 % of 2024 round 2)
    need_share: float = 0.055  # households in need at a time, before any support
    capacity_share: float = 0.015  # open alerts an office can carry, of its households; offices differ around it
    steered_months: int = 0  # of `months`, the last ones: no round of its own, somebody else says whom to visit
    # Levels, running benefits and paid bills are told only of households with so many warning signs; 0: of everybody.
    context_from: int = 0
    cases_from: int = 0  # case numbers count from here on: unique among the parts of a country
    lead_months: int = 4  # handed over at the start, so that the first round is not blind
    burn_in_months: int = 48  # lived but never told: the first month already has old spells
    flaws: FlawRates = field(default_factory=FlawRates)

    def __post_init__(self) -> None:
        if self.households < 200:
            raise ValueError(f"a made-up country needs at least 200 households, not {self.households}")
        if self.months - self.steered_months < 2 * self.rounds:
            least = 2 * self.rounds + self.steered_months
            raise ValueError(f"{self.rounds} rounds every two months need {least} months, not {self.months}")

    @property
    def live_months(self) -> int:
        return self.lead_months + self.months


def generator(seed: int, *words: str | int) -> np.random.Generator:
    """One stream per purpose: a new signal or flaw does not shift anybody else's draws."""
    return np.random.default_rng([seed, *(zlib.crc32(str(word).encode()) for word in words)])
