"""What a household is made of, as plain arrays: what can happen to it, and to which of its people."""

import zlib
from dataclasses import dataclass

import numpy as np
import polars as pl

from signals.signal import Who
from synthetic.calendar import NEVER
from synthetic.hardship import Household
from synthetic.life import Life
from synthetic.settings import generator

NOBODY = -1
WORKS = ((20, 64, 0.78), (65, 79, 0.33))  # age from, to, share
SELF_EMPLOYED = 0.21


@dataclass(frozen=True, slots=True)
class Members:
    size: np.ndarray
    head_age: np.ndarray
    is_self_employed: np.ndarray
    pick: dict[str, np.ndarray]  # per household: head, other, worker, senior, child, infant; person or NOBODY
    reserve: np.ndarray  # who takes over when the one picked is gone
    person_until: np.ndarray  # per person and home: last day in the household they were picked for
    birth: np.ndarray

    def facts(self, is_renter: np.ndarray) -> Household:
        has = {name: people != NOBODY for name, people in self.pick.items()}
        return Household(
            self.size,
            self.head_age,
            has["worker"],
            self.is_self_employed,
            has["senior"],
            has["child"],
            has["infant"],
            is_renter,
        )

    def eligible(self, who: Who, is_renter: np.ndarray) -> np.ndarray:
        if who in ("anyone", "severe_strain"):
            return np.full(len(self.size), True)
        if who == "renter":
            return is_renter
        if who == "self_employed":
            return self.is_self_employed
        return np.asarray(self.pick[who] != NOBODY)

    def holders(self, who: Who, name: str, household: np.ndarray, day: np.ndarray) -> np.ndarray:
        """The person a row is about, or NOBODY. By the signal's name some households have it on another adult."""
        if who in ("worker", "self_employed"):
            person = self.pick["worker"][household]
        elif who in ("senior", "child", "infant"):
            person = self.pick[who][household]
        else:
            head, other = self.pick["head"][household], self.pick["other"][household]
            person = np.where(((household + zlib.crc32(name.encode()) % 6) % 6 == 0) & (other != NOBODY), other, head)
        gone = self.person_until[person] <= day
        person = np.where(gone & (who not in ("child", "infant")), self.reserve[household], person)
        known = (person != NOBODY) & (self.person_until[person] > day) & (self.birth[person] <= day)
        if who == "infant":
            known &= day - self.birth[person] < 5 * 365
        return np.where(known, person, NOBODY).astype(np.int32)


def make_members(life: Life, today: int, seed: int) -> Members:
    rng = generator(seed, "members")
    people = life.people
    age = people.age(today)
    works = np.zeros(len(people), dtype=bool)
    for since, until, share in WORKS:
        works |= (age >= since) & (age <= until) & (rng.random(len(people)) < share)
    real = life.spells.filter(~pl.col("is_error")).select("person", "household", "is_head", "since", "until")
    real = real.with_columns(
        age=pl.lit(pl.Series(age)).gather(pl.col("person")), works=pl.lit(pl.Series(works)).gather(pl.col("person"))
    ).sort("household", "is_head", "person", descending=[False, True, False])
    pick = {
        "head": _first(real, pl.col("is_head"), life.households),
        "other": _first(real, ~pl.col("is_head") & (pl.col("age") >= 19), life.households),
        "worker": _first(real, pl.col("works"), life.households),
        "senior": _first(real, pl.col("age") >= 65, life.households),
        "child": _first(real, pl.col("age").is_between(3, 18), life.households),
        "infant": _first(real, pl.col("age") < 3, life.households),
    }
    reserve = _first(real, (pl.col("until") == NEVER) & (pl.col("age") >= 19), life.households)
    size = np.bincount(real.filter(pl.col("age") >= 0)["household"].to_numpy(), minlength=life.households)
    person_until = np.zeros(len(people), dtype=np.int32)
    last = real.sort("since").unique("person", keep="last")
    person_until[last["person"].to_numpy()] = last["until"].to_numpy()
    self_employed = (pick["worker"] != NOBODY) & (rng.random(life.households) < SELF_EMPLOYED)
    return Members(size, age[pick["head"]], self_employed, pick, reserve, person_until, people.birth)


def _first(spells: pl.DataFrame, condition: pl.Expr, households: int) -> np.ndarray:
    chosen = spells.filter(condition).unique("household", keep="first", maintain_order=True)
    person = np.full(households, NOBODY, dtype=np.int32)
    person[chosen["household"].to_numpy()] = chosen["person"].to_numpy()
    return person
