"""Hidden strain becomes what agencies can see: for each signal spells, events or levels, from its catalogue entry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from signals.layout import Agency
from signals.signal import Signal
from synthetic.calendar import day_number
from synthetic.hardship import DRIVERS
from synthetic.homes import HOUSING
from synthetic.members import Members
from synthetic.settings import generator

ENDS_SLOWER = 0.8
MUCH, BEYOND = 1.5, 0.3  # from where a strain shows less in signals, and by how much less
# Some pay late by habit, not for want of money, and catch up soon: many warning signs, short ones.
HABIT_STARTS, HABIT_ENDS = 0.7, 0.35
SPREAD_WON = 0.45  # of amounts between households, log scale
SPREAD_LEVEL = 0.8
NO_VALUE = -1


@dataclass(frozen=True, slots=True)
class Now:
    """One month of all households, as the feeds see it."""

    strain: np.ndarray  # (6, households)
    in_need: np.ndarray
    housing: np.ndarray  # where they really live
    active: np.ndarray
    first_day: int
    last_day: int
    happened: Mapping[str, tuple[np.ndarray, np.ndarray]]  # signal -> households, days: told by life itself
    is_steered: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """What one signal has to tell of one month. Arrays of one length; NO_VALUE where there is none."""

    household: np.ndarray
    day: np.ndarray
    months: np.ndarray
    won: np.ndarray


class Feed:
    """One signal's state over all households."""

    def __init__(self, signal: Signal, members: Members, is_renter: np.ndarray, habit: np.ndarray, seed: int) -> None:
        self.signal = signal
        made = signal.made_up
        self.rng = generator(seed, "signal", signal.name)
        self.eligible = members.eligible(made.who, is_renter)
        count = len(self.eligible)
        self.months = np.zeros(count, dtype=np.int16)
        self.habit = habit if signal.kind == "arrears" else np.zeros(count, dtype=np.float32)
        spread = SPREAD_LEVEL if signal.kind == "amount" else SPREAD_WON
        self.size = np.exp(spread * self.rng.standard_normal(count, dtype=np.float32))
        # Bills (arrears told from 0 months on) reach those who hold such a contract; levels those who have one.
        self.holds = self.rng.random(count) < (made.base if signal.kind == "amount" else signal.per_1000 / 1000)
        covers = HOUSING if signal.covers_housing is None else signal.covers_housing
        self.covers = np.array([kind in covers for kind in HOUSING])
        self.log_odds = np.float32(np.log(made.base / max(1 - made.base, 1e-9)))

    @property
    def is_bill(self) -> bool:
        return self.signal.kind == "arrears" and self.signal.min_months == 0

    def begin(self, now: Now) -> None:
        """Old spells at the very start, as long as they get when nothing changes."""
        if self.signal.kind not in ("arrears", "status"):
            return
        can, chance = self._can(now), self._chance(now)
        end = self.signal.made_up.end
        running = can & (self.rng.random(len(can)) < chance / (chance + end))
        self.months[running] = np.minimum(self.rng.geometric(end, running.sum()), 120)

    def step(self, now: Now) -> Rows | None:
        """Live one month; what happened (events) or holds now (all others)."""
        match self.signal.kind:
            case "arrears" | "status":
                self._move_spells(now)
                return None
            case "event":
                return self._events(now)
            case "amount":
                return None
            case other:
                assert_never(other)

    def level(self, now: Now) -> Rows:
        """What the file of this month tells of spells and amounts."""
        if self.signal.kind == "amount":
            return self._amounts(now)
        least = max(self.signal.min_months, 1)
        told = self.months >= least
        if self.is_bill:
            told = self.holds & self._can(now)
        household = np.flatnonzero(told & now.active).astype(np.int32)
        months = self.months[household]
        return Rows(household, np.full(len(household), now.last_day), months, self._owed(household, months))

    def grant(self, household: np.ndarray) -> None:
        """A benefit begins to run."""
        self.months[household] = np.maximum(self.months[household], 1)

    def _strain(self, now: Now) -> np.ndarray:
        driver = self.signal.made_up.driver
        if driver == "chance":
            return np.zeros(len(self.months), dtype=np.float32)
        strain = now.strain[DRIVERS.index(driver)]
        # Beyond some point everything that can go unpaid already does.
        return np.asarray(strain - BEYOND * np.maximum(strain - MUCH, 0))

    def _can(self, now: Now) -> np.ndarray:
        can = self.eligible & now.active & self.covers[now.housing]
        if self.signal.made_up.who == "severe_strain":
            can = can & now.in_need
        return np.asarray(can & self.holds if self.is_bill else can)

    def _chance(self, now: Now) -> np.ndarray:
        lift = np.float32(self.signal.made_up.lift)
        odds = np.exp(self.log_odds + lift * self._strain(now) + np.float32(HABIT_STARTS) * self.habit)
        return np.asarray(odds / (1 + odds))

    def _move_spells(self, now: Now) -> None:
        draw = self.rng.random(len(self.months), dtype=np.float32)
        made = self.signal.made_up
        slower = ENDS_SLOWER * made.lift * np.clip(self._strain(now), -3, 3) - HABIT_ENDS * self.habit
        end = made.end * np.exp(-slower)
        runs = self.months > 0
        can = self._can(now)
        stays = runs & can & (draw >= end)
        starts = ~runs & can & (draw < self._chance(now))
        self.months = np.where(stays, self.months + 1, starts).astype(np.int16)

    def _events(self, now: Now) -> Rows:
        if self.signal.name in now.happened:
            household, day = now.happened[self.signal.name]
        else:
            draw, chance = self.rng.random(len(self.months), dtype=np.float32), self._chance(now)
            household = np.flatnonzero(self._can(now) & (draw < chance)).astype(np.int32)
            # In a steered year everybody draws: no shock may hang on whom officers helped.
            at = self.rng.random(len(draw))[household] if now.is_steered else self.rng.random(len(household))
            day = now.first_day + np.floor(at * (now.last_day + 1 - now.first_day)).astype(np.int32)
        nothing = np.full(len(household), NO_VALUE)
        return Rows(household, day, nothing, nothing)

    def _amounts(self, now: Now) -> Rows:
        household = np.flatnonzero(self.holds & self._can(now)).astype(np.int32)
        moved = np.exp(self.signal.made_up.lift * self._strain(now)[household])
        won = _round_won(self.signal.made_up.won * self.size[household] * moved)
        return Rows(household, np.full(len(household), now.last_day), np.full(len(household), NO_VALUE), won)

    def _owed(self, household: np.ndarray, months: np.ndarray) -> np.ndarray:
        if self.signal.kind != "arrears":
            return np.full(len(household), NO_VALUE)
        wobble = self.rng.uniform(0.9, 1.1, len(household)) if self.is_bill else 1.0
        return _round_won(self.signal.made_up.won * self.size[household] * np.maximum(months, 1) * wobble)


def _round_won(won: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(np.rint(won / 10) * 10, 10), dtype=np.int64)


def is_told(signal: Signal, day: int) -> bool:
    """Nobody was told of a signal before its feed began."""
    return day >= day_number(signal.available_from)


def make_feeds(
    signals: Iterable[Signal], agencies: Mapping[str, Agency], members: Members, is_renter: np.ndarray, seed: int
) -> list[Feed]:
    chosen = sorted(signals, key=lambda signal: signal.name)
    for signal in chosen:
        if signal.agency not in agencies:
            raise ValueError(f"signal {signal.name}: no agency {signal.agency} in AGENCIES")
    habit = generator(seed, "habit").standard_normal(len(is_renter), dtype=np.float32)
    return [Feed(signal, members, is_renter, habit, seed) for signal in chosen]
