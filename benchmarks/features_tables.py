"""Made-up tables for the features benchmark, as Parquet: shapes and sizes of a real lake, nothing to learn from."""

import sys
from calendar import monthrange
from datetime import date
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from signals.signal import Housing, KeyKind
from signals.tables import ADDRESSES, CONTACTS, OBSERVATIONS, RESIDENTS

AS_OF = date(2026, 11, 2)
MONTHS = 24
PERSONS_PER_HOUSEHOLD = 2.25  # census 2022: mean household size
HOUSEHOLDS_PER_BUILDING = 20

Rng = np.random.Generator
Ints = npt.NDArray[np.int64]


def tokens(numbers: Ints, domain: int) -> Ints:
    """Distinct 64-bit keys, as keyed hashes look: nothing sorted, half of them negative."""
    mixed = (numbers.astype(np.uint64) * 4 + domain) * np.uint64(0x9E3779B97F4A7C15)
    # The low bits decide the part: they must be as mixed as the high ones.
    return (mixed ^ (mixed >> np.uint64(32))).view(np.int64)


def write_tables(folder: Path, households: int, observations: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    persons = int(households * PERSONS_PER_HOUSEHOLD)
    homes = np.concatenate([np.arange(households), rng.integers(0, households, persons - households)])
    _residents(rng, homes, households).write_parquet(folder / "residents.parquet")
    _addresses(rng, households).write_parquet(folder / "addresses.parquet")
    _contacts(rng, households).write_parquet(folder / "contacts.parquet")
    _observations(rng, households, persons, observations).write_parquet(folder / "observations.parquet")


def _spells(rng: Rng, keys: pl.DataFrame, closed_share: float) -> pl.DataFrame:
    """Begun in the last six years; a share of them was told again when it ended."""
    n = keys.height
    frame = keys.with_columns(
        valid_from=pl.Series(np.datetime64(AS_OF) - rng.integers(30, 2200, n)),
        valid_to=pl.lit(None, pl.Date),
        received_on=pl.lit(date(2024, 11, 5)),
    )
    closed = frame.filter(pl.Series(rng.random(n) < closed_share)).with_columns(
        valid_to=pl.col("valid_from") + pl.duration(days=400), received_on=pl.lit(date(2026, 3, 5))
    )
    return pl.concat([frame, closed])


def _residents(rng: Rng, homes: Ints, households: int) -> pl.DataFrame:
    n = len(homes)
    keys = pl.DataFrame(
        {
            "person_key": tokens(np.arange(n), 0),
            "household_key": tokens(homes, 1),
            "birth_year": rng.integers(1935, 2025, n),
            "is_head": np.arange(n) < households,
            "end_reason": pl.Series([None], dtype=pl.String).new_from_index(0, n),
            "delivery": pl.Series(["d" * 64]).new_from_index(0, n),
        }
    )
    return _as(_spells(rng, keys, 0.02), RESIDENTS)


def _addresses(rng: Rng, households: int) -> pl.DataFrame:
    number = np.arange(households)
    building = tokens(number // HOUSEHOLDS_PER_BUILDING, 2)
    has_unit = rng.random(households) < 0.97
    keys = pl.DataFrame(
        {
            "household_key": tokens(number, 1),
            "address_key": np.where(has_unit, tokens(number, 3), building),
            "building_key": building,
            "has_unit": has_unit,
            "housing": rng.choice(np.array(get_args(Housing)), households),
            "office": (1111051500 + rng.integers(0, 3500, households)).astype(str),
            "delivery": pl.Series(["d" * 64]).new_from_index(0, households),
        }
    )
    moved = keys.with_columns(address_key=pl.Series(tokens(number + households, 3))).filter(
        pl.Series(rng.random(households) < 0.05)
    )
    return _as(pl.concat([_spells(rng, keys, 0.05), _spells(rng, moved, 0.0)]), ADDRESSES)


def _contacts(rng: Rng, households: int) -> pl.DataFrame:
    n = households // 10
    selected = np.datetime64(AS_OF) - rng.integers(1, 800, n)
    frame = pl.DataFrame(
        {
            "household_key": tokens(rng.integers(0, households, n), 1),
            "alert": np.arange(n).astype(str),
            "office": "1111051500",
            "lane": "incumbent",
            "selected_on": selected,
            "contacted_on": selected + rng.integers(1, 50, n),
            "outcome": rng.choice(np.array(sorted(OUTCOMES)), n),
            "benefit": pl.Series([None], dtype=pl.String).new_from_index(0, n),
            "received_on": selected + 50,
            "delivery": "d" * 64,
        }
    )
    return _as(frame, CONTACTS)


def _observations(rng: Rng, households: int, persons: int, observations: int) -> pl.DataFrame:
    """Spells of a few months, a hundredth of their months told twice."""
    signals = list(SIGNALS.values())
    # Levels told of everybody would crowd out all that makes the work hard.
    weights = np.array([min(signal.per_1000, 50) for signal in signals])
    spells = observations // 3
    which = rng.choice(len(signals), spells, p=weights / weights.sum())
    who, start = rng.integers(0, households, spells), rng.integers(0, MONTHS, spells)
    is_event = np.array([signal.kind == "event" for signal in signals])[which]
    length = np.where(is_event, 1, rng.integers(1, 8, spells))
    rows = np.repeat(np.arange(spells), length)
    into = np.arange(len(rows)) - np.repeat(np.cumsum(length) - length, length)
    month = start[rows] + into
    rows, into = rows[month < MONTHS][:observations], into[month < MONTHS][:observations]
    again = rng.choice(len(rows), observations - len(rows) + len(rows) // 100)
    rows, into = np.r_[rows, rows[again]][-observations:], np.r_[into, into[again]][-observations:]
    kinds: list[KeyKind] = ["person", "address", "household"]
    kind = np.array([kinds.index(signal.key_kind) for signal in signals])[which[rows]]
    keys = [tokens(who[rows] % persons, 0), tokens(who[rows], 3), tokens(who[rows], 1)]
    observed = _month_ends()[start[rows] + into] - np.where(is_event[rows], rng.integers(0, 28, len(rows)), 0)
    frame = pl.DataFrame(
        {
            "key": np.choose(kind, keys),
            "key_kind": np.array(kinds)[kind],
            "signal": np.array([signal.name for signal in signals])[which[rows]],
            "observed_on": observed,
            "received_on": observed + rng.integers(20, 70, len(rows)),
            "months": (rng.integers(1, 6, spells)[rows] + into),
            "amount_won": rng.integers(1, 3000, len(rows)) * 1000,
            "delivery": "d" * 64,
        }
    )
    return _as(frame, OBSERVATIONS)


def _month_ends() -> npt.NDArray[np.datetime64]:
    last = AS_OF.year * 12 + AS_OF.month - 2
    months = [divmod(m, 12) for m in range(last - MONTHS + 1, last + 1)]
    return np.array([date(y, m + 1, monthrange(y, m + 1)[1]) for y, m in months], "datetime64[D]")


def _as(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    return frame.select(schema.names()).cast(schema).sample(fraction=1, shuffle=True, seed=1)


if __name__ == "__main__":
    write_tables(Path(sys.argv[1]), *(int(number) for number in sys.argv[2:]))
