"""Births, deaths, splits and moves: who lives where, from when to when, and when the registers hear of it."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from synthetic.calendar import NEVER
from synthetic.people import CHILD, HEAD, SPOUSE, People
from synthetic.settings import CountrySettings, generator

# A year's chance of dying, by age from ... on. Rough life table, both sexes.
DEATH_AGES = np.array([0, 40, 50, 60, 70, 80, 90])
DEATHS_A_YEAR = np.array([0.0004, 0.0012, 0.003, 0.007, 0.018, 0.06, 0.16])
SPLITS_A_YEAR = 0.045  # grown children founding a household of their own
BIRTHS_A_YEAR = 0.07  # couples with a woman of 25 to 39
LEAVES_A_YEAR = 0.008  # whole households out of the made-up country; as many come in
REPORTED_WITHIN = 14  # days to tell the office of a move or a birth
TWICE_REGISTERED = 0.0008  # people in two households by error


@dataclass(frozen=True, slots=True)
class Life:
    people: People  # with the newborn
    households: int  # with those that come or split off later
    spells: (
        pl.DataFrame
    )  # person, household, is_head, since, until, reason, is_error, told_since, told_until, head_told
    active_since: np.ndarray  # per household
    active_until: np.ndarray
    earner_died: np.ndarray  # day the head died and left others behind, or NEVER
    left: np.ndarray  # moved out of the country rather than died


def live(people: People, arrivals: int, start: int, stop: int, settings: CountrySettings) -> Life:
    """`arrivals`: the last so many households of `people` come in later. Days from start to stop."""
    rng = generator(settings.seed, "life")
    households = int(people.household[-1]) + 1
    arrival = np.full(households, -NEVER)
    if arrivals:
        arrival[-arrivals:] = rng.integers(start + 31, stop, arrivals)
    leaving = _waiting(np.full(households, LEAVES_A_YEAR), start, stop, rng)
    leaving = np.where(leaving > arrival + 60, leaving, NEVER)
    dying = _waiting(_death_rates(people, start), start, stop, rng)
    splitting = _split_days(people, start, stop, rng)
    spells = pl.concat(
        [
            _first_spells(people, arrival, leaving, dying, splitting, start, rng),
            _split_spells(people, households, leaving, dying, splitting),
        ]
    )
    spells, people = _add_newborn(spells, people, start, stop, rng)
    spells = _register_twice(spells, start, stop, rng)
    return _finish(spells, people, leaving, rng)


def _waiting(a_year: np.ndarray, start: int, stop: int, rng: np.random.Generator) -> np.ndarray:
    """Day of the first event after start at a yearly rate; NEVER when it falls after stop."""
    days = start + 31 + rng.exponential(365.25, len(a_year)) / np.maximum(a_year, 1e-9)
    return np.where(days < stop, days, NEVER).astype(np.int32)


def _death_rates(people: People, day: int) -> np.ndarray:
    band = np.searchsorted(DEATH_AGES, np.maximum(people.age(day), 0), side="right") - 1
    return np.asarray(DEATHS_A_YEAR[band])


def _split_days(people: People, start: int, stop: int, rng: np.random.Generator) -> np.ndarray:
    age = people.age(start)
    can = (people.role == CHILD) & (age >= 19) & (age <= 38)
    divorced = (people.role == SPOUSE) & (age <= 65)
    return _waiting(np.where(can, SPLITS_A_YEAR, np.where(divorced, 0.006, 0.0)), start, stop, rng)


def _first_spells(
    people: People,
    arrival: np.ndarray,
    leaving: np.ndarray,
    dying: np.ndarray,
    splitting: np.ndarray,
    start: int,
    rng: np.random.Generator,
) -> pl.DataFrame:
    home = people.household
    long_ago = start - 30 - rng.exponential(1_800, len(people)).astype(np.int32)
    since = np.where(arrival[home] > 0, arrival[home], np.maximum(long_ago, people.birth))
    ends = np.stack([np.where(splitting > since, splitting, NEVER), dying, leaving[home]])
    ends = np.where(ends > since, ends, NEVER)
    until = ends.min(axis=0)
    return _spell_frame(np.arange(len(people)), home, people.role == HEAD, since, until, ends.argmin(axis=0))


def _split_spells(
    people: People, households: int, leaving: np.ndarray, dying: np.ndarray, splitting: np.ndarray
) -> pl.DataFrame:
    """Those who split off live alone in a household that did not exist before."""
    gone_before = np.minimum(dying, leaving[people.household])
    person = np.flatnonzero((splitting < NEVER) & (splitting < gone_before))
    new_home = households + np.arange(len(person))
    return _spell_frame(
        person, new_home, np.full(len(person), True), splitting[person], dying[person], np.full(len(person), 1)
    )


def _spell_frame(
    person: np.ndarray,
    household: np.ndarray,
    is_head: np.ndarray,
    since: np.ndarray,
    until: np.ndarray,
    why: np.ndarray,
) -> pl.DataFrame:
    """`why`: 0 split, 1 died, 2 moved; counts only where the spell ends."""
    reason = pl.Series(["split", "died", "moved"]).gather(why)
    return pl.DataFrame(
        {
            "person": person.astype(np.int32),
            "household": household.astype(np.int32),
            "is_head": is_head,
            "since": since.astype(np.int32),
            "until": until.astype(np.int32),
            "reason": reason,
            "is_error": False,
        }
    ).with_columns(pl.when(pl.col("until") < NEVER).then("reason").alias("reason"))


def _add_newborn(
    spells: pl.DataFrame, people: People, start: int, stop: int, rng: np.random.Generator
) -> tuple[pl.DataFrame, People]:
    age = people.age(start)
    mother = people.is_female & (age >= 25) & (age <= 39) & np.isin(people.role, (HEAD, SPOUSE))
    born = _waiting(np.where(mother, BIRTHS_A_YEAR, 0.0), start, stop, rng)
    of = spells.filter(pl.col("person").is_in(np.flatnonzero(born < NEVER))).sort("since").unique("person", keep="last")
    of = of.with_columns(born=pl.lit(pl.Series(born)).gather(pl.col("person"))) if of.height else of
    if not of.height:
        return spells, people
    of = of.filter((pl.col("born") > pl.col("since")) & (pl.col("born") < pl.col("until"))).sort("person")
    number = of.height
    home, day = of["household"].to_numpy(), of["born"].to_numpy()
    grown = People(
        np.concatenate([people.household, home]),
        np.concatenate([people.role, np.full(number, CHILD, dtype=np.int8)]),
        np.concatenate([people.birth, day]),
        np.concatenate([people.is_female, rng.random(number) < 0.49]),
    )
    person = len(people) + np.arange(number)
    nobody, never = np.full(number, False), np.full(number, NEVER)
    babies = _spell_frame(person, home, nobody, day, never, np.zeros(number, dtype=np.int64))
    return pl.concat([spells, babies]), grown


def _register_twice(spells: pl.DataFrame, start: int, stop: int, rng: np.random.Generator) -> pl.DataFrame:
    """A second open spell elsewhere, and the first one never closed."""
    open_ones = spells.filter(pl.col("until") == NEVER, ~pl.col("is_head"))
    chosen = np.flatnonzero(rng.random(open_ones.height) < TWICE_REGISTERED)
    again = open_ones[chosen]
    homes = spells["household"].to_numpy()
    elsewhere = homes[rng.integers(len(homes), size=again.height)]
    since = rng.integers(start + 31, stop, again.height)
    keep = elsewhere != again["household"].to_numpy()
    twice = again.with_columns(
        pl.Series("household", elsewhere, dtype=pl.Int32),
        pl.Series("since", since, dtype=pl.Int32),
        is_error=pl.lit(True),
    ).filter(pl.Series(keep, dtype=pl.Boolean))
    return pl.concat([spells, twice])


def _finish(spells: pl.DataFrame, people: People, leaving: np.ndarray, rng: np.random.Generator) -> Life:
    spells = spells.sort("household", "person", "since")
    count = int(spells["household"].max()) + 1  # type: ignore[arg-type]  # never empty
    real = spells.filter(~pl.col("is_error"))
    home = real["household"].to_numpy()
    active_since, active_until = np.full(count, NEVER), np.full(count, -NEVER)
    np.minimum.at(active_since, home, real["since"].to_numpy())
    np.maximum.at(active_until, home, real["until"].to_numpy())
    active_until = np.where(active_until == -NEVER, active_since, active_until)
    left = np.full(count, False)
    left[: len(leaving)] = (leaving < NEVER) & (active_until[: len(leaving)] == leaving)
    spells, earner_died = _succeed(spells, count, active_until)
    delay = rng.integers(0, REPORTED_WITHIN, (2, spells.height))
    spells = spells.with_columns(
        told_since=pl.col("since") + pl.Series(delay[0]).cast(pl.Int32),
        told_until=pl.min_horizontal(pl.col("until") + pl.Series(delay[1]).cast(pl.Int32), pl.lit(NEVER)),
    )
    return Life(people, count, spells, active_since, active_until, earner_died, left)


def _succeed(spells: pl.DataFrame, households: int, active_until: np.ndarray) -> tuple[pl.DataFrame, np.ndarray]:
    """When the head is gone and others remain, the eldest of them is told again as head."""
    ended = spells.filter(pl.col("is_head"), pl.col("until") < NEVER)
    gone = np.full(households, NEVER)
    died = np.full(households, NEVER)
    home, day = ended["household"].to_numpy(), ended["until"].to_numpy()
    stays = active_until[home] > day
    gone[home[stays]] = day[stays]
    by_death = stays & (ended["reason"] == "died").to_numpy()
    died[home[by_death]] = day[by_death]
    after = pl.Series("head_told", gone[spells["household"].to_numpy()], dtype=pl.Int32)
    heir = (
        spells.with_columns(after)
        .filter(pl.col("head_told") < NEVER, ~pl.col("is_head"), ~pl.col("is_error"))
        .filter(pl.col("until") > pl.col("head_told"), pl.col("since") < pl.col("head_told"))
        .unique("household", keep="first", maintain_order=True)  # persons are in order of their place in the family
        .select("person", "household", "since", "head_told")
    )
    spells = spells.join(heir, on=["person", "household", "since"], how="left", maintain_order="left")
    return spells.with_columns(pl.col("head_told").fill_null(NEVER)), died
