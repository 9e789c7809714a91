"""Hidden strain becomes what agencies can see: for each signal spells, events or levels, from its catalogue entry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
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
MILD = 2.0  # strains and habits beyond are rare: only for them the largest chances need to be feared


@dataclass(frozen=True)
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

    @cached_property
    def worst(self) -> np.ndarray:
        """The greatest of each strain."""
        return np.asarray(self.strain.max(axis=1), dtype=np.float64)

    @cached_property
    def is_harsh(self) -> np.ndarray:
        """(6, households): more strain than most have."""
        return np.asarray(self.strain > MILD)


@dataclass(frozen=True, slots=True)
class Rows:
    """What one signal has to tell of one month. Arrays of one length; NO_VALUE where there is none."""

    household: np.ndarray
    day: np.ndarray
    months: np.ndarray
    won: np.ndarray

    def only(self, which: np.ndarray) -> "Rows":
        return Rows(self.household[which], self.day[which], self.months[which], self.won[which])


class Feed:
    """One signal's state over all households."""

    def __init__(self, signal: Signal, members: Members, is_renter: np.ndarray, habit: np.ndarray, seed: int) -> None:
        self.signal = signal
        made = signal.made_up
        self.rng = generator(seed, "signal", signal.name)
        self.eligible = members.eligible(made.who, is_renter)
        count = len(self.eligible)
        self.months = np.zeros(count, dtype=np.int16)
        self.habit, self.worst_habit, self.is_habit_strong = habit, float(habit.max()), habit > MILD
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

    def warns(self, rows: Rows) -> np.ndarray:
        """Which rows are a warning sign: not a level, a running benefit or a bill that is paid."""
        if not self.signal.points:
            return np.zeros(len(rows.household), dtype=bool)
        return (
            np.asarray(rows.months > 0) if self.signal.kind == "arrears" else np.ones(len(rows.household), dtype=bool)
        )

    def begin(self, now: Now) -> None:
        """Old spells at the very start, as long as they get when nothing changes."""
        if self.signal.kind not in ("arrears", "status"):
            return
        everybody = np.arange(len(self.months))
        can, chance = self._can(now, everybody), self._chance(now, everybody)
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
        told = self.holds if self.is_bill else self.months >= max(self.signal.min_months, 1)
        household = np.flatnonzero(told).astype(np.int32)
        household = household[self._can(now, household) if self.is_bill else now.active[household]]
        months = self.months[household]
        return Rows(household, np.full(len(household), now.last_day), months, self._owed(household, months))

    def grant(self, household: np.ndarray) -> None:
        """A benefit begins to run."""
        self.months[household] = np.maximum(self.months[household], 1)

    def _strain(self, now: Now, household: np.ndarray) -> np.ndarray:
        driver = self.signal.made_up.driver
        if driver == "chance":
            return np.zeros(len(household), dtype=np.float32)
        strain = now.strain[DRIVERS.index(driver)][household]
        # Beyond some point everything that can go unpaid already does.
        return np.asarray(strain - BEYOND * np.maximum(strain - MUCH, 0))

    def _can(self, now: Now, household: np.ndarray) -> np.ndarray:
        can = self.eligible[household] & now.active[household] & self.covers[now.housing[household]]
        if self.signal.made_up.who == "severe_strain":
            can &= now.in_need[household]
        return np.asarray(can & self.holds[household] if self.is_bill else can)

    def _chance(self, now: Now, household: np.ndarray) -> np.ndarray:
        lift = np.float32(self.signal.made_up.lift)
        moved = self.log_odds + lift * self._strain(now, household)
        if self.signal.kind == "arrears":
            moved = moved + np.float32(HABIT_STARTS) * self.habit[household]
        odds = np.exp(moved)
        return np.asarray(odds / (1 + odds))

    def _may_start(self, now: Now, draw: np.ndarray) -> np.ndarray:
        """All whose draw lies below their chance, and some others: for the rest nothing needs to be reckoned."""
        made = self.signal.made_up
        if made.lift < 0:
            return np.arange(len(draw))
        strain, worst = (0.0, 0.0) if made.driver == "chance" else (MILD, now.worst[DRIVERS.index(made.driver)])
        habit, worst_habit = (MILD, self.worst_habit) if self.signal.kind == "arrears" else (0.0, 0.0)
        may, could = draw < self._most(strain, habit), draw < self._most(worst, worst_habit)
        if strain:
            may |= could & now.is_harsh[DRIVERS.index(made.driver)]
        if habit:
            may |= could & self.is_habit_strong
        return np.flatnonzero(may)

    def _most(self, strain: float, habit: float) -> np.float32:
        """The chance of those with no more strain and habit than that, rounded up."""
        felt = strain - BEYOND * max(strain - MUCH, 0)
        odds = np.exp(float(self.log_odds) + self.signal.made_up.lift * felt + HABIT_STARTS * habit)
        return np.float32(1.001 * odds / (1 + odds))

    def _move_spells(self, now: Now) -> None:
        draw = self.rng.random(len(self.months), dtype=np.float32)
        made = self.signal.made_up
        running = np.flatnonzero(self.months > 0)
        slower = ENDS_SLOWER * made.lift * np.clip(self._strain(now, running), -3, 3)
        if self.signal.kind == "arrears":
            slower = slower - HABIT_ENDS * self.habit[running]
        stays = self._can(now, running) & (draw[running] >= made.end * np.exp(-slower))
        new = self._may_start(now, draw)
        new = new[(self.months[new] == 0) & self._can(now, new)]
        new = new[draw[new] < self._chance(now, new)]
        self.months[running] = np.where(stays, self.months[running] + 1, 0)
        self.months[new] = 1

    def _events(self, now: Now) -> Rows:
        if self.signal.name in now.happened:
            household, day = now.happened[self.signal.name]
        else:
            draw = self.rng.random(len(self.months), dtype=np.float32)
            household = self._may_start(now, draw).astype(np.int32)
            household = household[self._can(now, household)]
            household = household[draw[household] < self._chance(now, household)]
            # In a steered year everybody draws: no shock may hang on whom officers helped.
            at = self.rng.random(len(draw))[household] if now.is_steered else self.rng.random(len(household))
            day = now.first_day + np.floor(at * (now.last_day + 1 - now.first_day)).astype(np.int32)
        nothing = np.full(len(household), NO_VALUE)
        return Rows(household, day, nothing, nothing)

    def _amounts(self, now: Now) -> Rows:
        household = np.flatnonzero(self.holds).astype(np.int32)
        household = household[self._can(now, household)]
        moved = np.exp(self.signal.made_up.lift * self._strain(now, household))
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
