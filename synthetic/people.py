"""Households and the people in them, by real margins; numbers, names and phones that nobody can have."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from faker import Faker

from synthetic.calendar import EPOCH
from synthetic.settings import generator

SIZES = np.array([1, 2, 3, 4, 5, 6])
# DOMAIN 7: 36 / 29 / 19 / 16 % (the last: four and more)
SIZE_SHARES = np.array([0.361, 0.289, 0.190, 0.126, 0.027, 0.007])

AGE_BANDS = np.array([[19, 29], [30, 39], [40, 49], [50, 59], [60, 69], [70, 92]])
# One-person households: <= 20s 17.8, 30s 17.4, 60s 17.6 % (DOMAIN 7); the others and larger households: rough.
HEAD_AGES = {
    1: np.array([0.178, 0.174, 0.125, 0.151, 0.176, 0.196]),
    2: np.array([0.05, 0.13, 0.12, 0.22, 0.26, 0.22]),
    3: np.array([0.02, 0.19, 0.28, 0.30, 0.14, 0.07]),
    4: np.array([0.005, 0.24, 0.48, 0.21, 0.045, 0.02]),
}
COUPLE_SHARE = np.array([0.0, 0.0, 0.74, 0.86, 0.95, 0.96, 0.96])  # by size; the rest: one parent with children

HEAD, SPOUSE, CHILD, ELDER = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class PartOf:
    """Which of so many parts of a country a world is: what is unique in it stays unique among them."""

    number: int = 0
    parts: int = 1
    seed: int | None = None  # of the country; None: the world's own

    def shift(self, rng: np.random.Generator) -> int:
        """Any number in a country of one part; among several the same one in each, so that ranks keep them apart."""
        return int(rng.integers(970_000)) if self.parts == 1 else 0


WHOLE = PartOf()
NAMES_IN_POOL = 700
WITHOUT_PHONE = 0.12


@dataclass(frozen=True, slots=True)
class People:
    """One entry per person, ordered by household. Days count from 1970."""

    household: np.ndarray  # where they live at first
    role: np.ndarray
    birth: np.ndarray  # day number
    is_female: np.ndarray

    def __len__(self) -> int:
        return len(self.household)

    def age(self, day: int) -> np.ndarray:
        return ((day - self.birth) // 365.25).astype(np.int32)


def make_people(households: int, today: int, seed: int) -> People:
    rng = generator(seed, "people")
    size = rng.choice(SIZES, households, p=SIZE_SHARES)
    head_age = _head_ages(size, rng)
    is_couple = rng.random(households) < COUPLE_SHARE[size]
    household = np.repeat(np.arange(households, dtype=np.int32), size)
    slot = np.arange(len(household)) - np.repeat(np.cumsum(size) - size, size)
    role = _roles(slot, is_couple[household], size[household], rng)
    age = _ages(role, head_age[household], rng)
    birth = today - np.floor(age * 365.25 + rng.random(len(age)) * 365).astype(np.int32)
    head_is_female = rng.random(households) < np.where(size == 1, 0.5, np.where(is_couple, 0.2, 0.7))
    is_female = np.where(role == HEAD, head_is_female[household], rng.random(len(age)) < 0.49)
    is_female = np.where(role == SPOUSE, ~head_is_female[household], is_female)
    return People(household, role, birth.astype(np.int32), is_female)


def _head_ages(size: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    ages = np.zeros(len(size))
    for kind, shares in HEAD_AGES.items():
        chosen = np.flatnonzero(np.minimum(size, 4) == kind)
        band = AGE_BANDS[rng.choice(len(shares), len(chosen), p=shares / shares.sum())]
        ages[chosen] = rng.integers(band[:, 0], band[:, 1] + 1)
    return ages


def _roles(slot: np.ndarray, is_couple: np.ndarray, size: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    role = np.where(slot == 0, HEAD, np.where((slot == 1) & is_couple, SPOUSE, CHILD))
    is_elder = (slot >= 3) & (slot == size - 1) & (rng.random(len(slot)) < 0.12)
    return np.where(is_elder, ELDER, role).astype(np.int8)


def _ages(role: np.ndarray, head_age: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spouse = np.clip(head_age + rng.normal(-1.0, 3.0, len(role)), 19, 95)
    child = np.clip(head_age - rng.uniform(25.0, 37.0, len(role)), 0, 60)
    elder = np.clip(head_age + rng.uniform(24.0, 33.0, len(role)), 50, 99)
    return np.select([role == HEAD, role == SPOUSE, role == CHILD], [head_age, spouse, child], elder)


def person_numbers(people: People, seed: int, part: PartOf = WHOLE) -> pl.Series:
    """900101-1234567 without the hyphen; unique, also among the parts of one country.

    Until 2020-09 an area code, a serial and a check digit; since 2020-10 six free digits. The area codes 97 to 99
    were never given out, as far as we know: with them no number here is a living person's.
    """
    rng = generator(seed, "person numbers")
    date = EPOCH_DAY + people.birth.astype("timedelta64[D]")
    year, month, day = _calendar_parts(date)
    sex = 1 + people.is_female.astype(np.int64) + 2 * (year >= 2000)
    front = (year % 100) * 10_000 + month * 100 + day
    rank = _rank_within(front * 10 + sex) * part.parts + part.number
    is_new = (year * 12 + month > 2020 * 12 + 9) | (rng.random(len(people)) < 0.002)  # a few changed theirs
    if (rank[~is_new] >= 3_000).any():
        raise ValueError("more people of one birthday than there are numbers nobody has: fewer households, or parts")
    old = 97_000 + (rank * 7 + front % 3_000) % 3_000
    base = front * 1_000_000 + sex * 100_000 + old
    free = (rank * 77_773 + front * 31 + part.shift(rng)) % 970_000  # below 97: never an old one again
    number = np.where(is_new, front * 10_000_000 + sex * 1_000_000 + free, base * 10 + _check_digit(base))
    return pl.Series("person_no", number).cast(pl.String).str.zfill(13)


EPOCH_DAY = np.datetime64(EPOCH)


def _calendar_parts(date: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    months = date.astype("datetime64[M]")
    year = date.astype("datetime64[Y]").astype(np.int64) + 1970
    day = (date - months).astype(np.int64) + 1
    return year, months.astype(np.int64) % 12 + 1, day


def _rank_within(group: np.ndarray) -> np.ndarray:
    """0, 1, 2 ... among equal values, in their order."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    is_first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    start = np.maximum.accumulate(np.where(is_first, np.arange(len(group)), 0))
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - start
    return rank


def _check_digit(twelve: np.ndarray) -> np.ndarray:
    weights = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
    total = sum(weight * (twelve // 10 ** (11 - place) % 10) for place, weight in enumerate(weights))
    return np.asarray((11 - total % 11) % 10)


def names(people: People, seed: int) -> pl.Series:
    """Drawn by index from a pool: Faker is asked some hundred times, not once per person."""
    rng = generator(seed, "names")
    fake = Faker("ko_KR")
    fake.seed_instance(seed)
    women = [fake.name_female() for _ in range(NAMES_IN_POOL)]
    men = [fake.name_male() for _ in range(NAMES_IN_POOL)]
    pool = pl.Series("name", women + men)
    index = rng.integers(NAMES_IN_POOL, size=len(people)) + np.where(people.is_female, 0, NAMES_IN_POOL)
    return pool.gather(index)


def phones(people: People, today: int, seed: int) -> pl.Series:
    """010-0xxx-xxxx: no such number is in service. Null: the register knows none (always for children)."""
    rng = generator(seed, "phones")
    number = rng.integers(10_000_000, size=len(people))
    is_known = (people.age(today) >= 14) & (rng.random(len(people)) >= WITHOUT_PHONE)
    digits = pl.Series("phone", number).cast(pl.String).str.zfill(7)
    text = "010-0" + digits.str.slice(0, 3) + "-" + digits.str.slice(3)
    return pl.select(pl.when(pl.lit(pl.Series(is_known))).then(pl.lit(text))).to_series().alias("phone")
