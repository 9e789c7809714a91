"""Splits in time: learn from earlier rounds, judge on a later one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

# Fewer rounds leave no room to learn, wait for the answers, and judge.
MIN_ROUNDS = 4
# The newest rounds are most like the next one; each costs a model.
MAX_WINDOWS = 6
HASHED_FOLDS = 5

Rows = npt.NDArray[np.int64]
Kind = Literal["time", "household"]


@dataclass(frozen=True)
class Fold:
    judged_on: date | None  # the round's day; None for hashed folds
    train: Rows
    test: Rows


@dataclass(frozen=True)
class Folds:
    kind: Kind
    folds: tuple[Fold, ...]
    why: str  # for the passport


def split(rows: pl.DataFrame, gap_days: int) -> Folds:
    """Rows have household_key, selected_on, received_on, label. Expanding windows over rounds: each learns only from
    rounds at least `gap_days` older, and from answers that had arrived before the judged round's day.
    Too few rounds: folds by household."""
    rounds = sorted(rows.get_column("selected_on").unique().to_list())
    windows = tuple(_windows(rows, rounds, gap_days)) if len(rounds) >= MIN_ROUNDS else ()
    if windows:
        return Folds("time", windows[-MAX_WINDOWS:], f"{len(rounds)} rounds, gap of {gap_days} days")
    why = f"{len(rounds)} rounds do not suffice to judge in time with a gap of {gap_days} days: split by household"
    return Folds("household", tuple(_by_household(rows)), why)


def _windows(rows: pl.DataFrame, rounds: list[date], gap_days: int) -> Iterator[Fold]:
    selected, received = rows.get_column("selected_on"), rows.get_column("received_on")
    label = rows.get_column("label").to_numpy()
    for day in rounds[1:]:
        known = (selected <= day - timedelta(days=gap_days)) & (selected < day) & (received < day)
        train, test = known.arg_true().to_numpy(), (selected == day).arg_true().to_numpy()
        if _has_both(label[train]) and _has_both(label[test]):
            yield Fold(day, train.astype(np.int64), test.astype(np.int64))


def _by_household(rows: pl.DataFrame) -> Iterator[Fold]:
    label = rows.get_column("label").to_numpy()
    fold = hashed(rows.get_column("household_key").to_numpy(), HASHED_FOLDS)
    for number in range(HASHED_FOLDS):
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        if _has_both(label[train]) and _has_both(label[test]):
            yield Fold(None, train.astype(np.int64), test.astype(np.int64))


def hashed(keys: npt.NDArray[np.int64], folds: int) -> npt.NDArray[np.int64]:
    """Fold of each household: one mixing step of splitmix64, the same on every machine and in every version."""
    mixed = keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed % np.uint64(folds)).astype(np.int64)


def _has_both(label: npt.NDArray[np.int64]) -> bool:
    return bool(label.size and label.min() < label.max())
