"""Persons, addresses and households at `as_of`: who lives where.

Two steps, because each needs all that is told of its own keys and no more: a country is worked range by range.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.known import holds_on, is_last, is_repeated

ADULT_FROM = 18
MOVES_WITHIN_DAYS = 730

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """All persons of a range of person keys."""

    persons: pl.DataFrame  # person_key, household_key (null: lives in none now)
    roll: pl.DataFrame  # person_key, household_key, birth_year, is_head, is_current: members; who left: household only
    counts: Counts


@dataclass(frozen=True, slots=True)
class Housed:
    """All households of a range of household keys."""

    households: pl.DataFrame  # household_key, members, current address; sorted by key
    holders: pl.DataFrame  # key (address or building), household_key, valid_from, valid_to, is_building, is_living,
    # is_current: addresses of all households, ended ones too; a building where the address names a unit of it
    known_households: pl.Series
    counts: Counts


def enrol(residents: pl.DataFrame, as_of: date) -> Enrolled:
    """`residents`: spells as last told of whole persons."""
    holds = holds_on(as_of)
    homes, elsewhere, in_two = _one_household_each(residents.filter(holds))
    # Few have left: all others need not be looked up.
    left = pl.concat([residents.filter(~holds), elsewhere])
    listed = _none_of(left.select("person_key").unique(), homes)
    persons = pl.concat([homes.select("person_key", "household_key"), listed], how="diagonal")
    members = homes.select("person_key", "household_key", "birth_year", "is_head", is_current=True)
    once = _none_of(left.select("household_key").unique(), members)
    roll = pl.concat([members, once.with_columns(is_current=pl.lit(False))], how="diagonal")
    return Enrolled(persons, roll, {"person_in_two_households": in_two})


def house(roll: pl.DataFrame, addresses: pl.DataFrame, as_of: date) -> Housed:
    """`roll`: Enrolled.roll, `addresses`: spells as last told, both of whole households."""
    current = _current_addresses(addresses, as_of)
    listed = roll["household_key"].unique()
    # A household of which no resident was ever told, only an address, is a gap in the register, not an empty flat.
    unlisted = current.select("household_key").filter(~pl.col("household_key").is_in(listed.implode()))
    members = pl.concat([_members(roll.filter("is_current"), as_of), unlisted], how="diagonal")
    households = members.join(current, on="household_key", how="left")
    moves = _moves(addresses, as_of)
    known_households = pl.concat([listed, addresses["household_key"]]).unique()
    return Housed(
        households=households.join(moves, on="household_key", how="left").sort("household_key"),
        holders=_holders(addresses, households),
        known_households=known_households,
        counts={
            "households": households.height,
            "ended_households": known_households.len() - households.height,
            "households_without_residents": unlisted.height,
            "households_without_address": households["address_key"].null_count(),
        },
    )


def shared_addresses(holders: pl.DataFrame) -> pl.DataFrame:
    """household_key, is_shared: who lives at an address that is another household's too. Of whole address keys."""
    current = holders.filter("is_current")
    return current.filter(is_repeated(current["key"])).select("household_key", is_shared=pl.lit(True))


def _holders(addresses: pl.DataFrame, households: pl.DataFrame) -> pl.DataFrame:
    spells = addresses.select("household_key", "address_key", "building_key", "valid_from", "valid_to")
    living = households.select("household_key", at="address_key", since="valid_from", is_living=pl.lit(True))
    is_current = (pl.col("address_key") == pl.col("at")) & (pl.col("valid_from") == pl.col("since"))
    spells = spells.join(living, on="household_key", how="left").with_columns(
        pl.col("is_living").fill_null(False), is_current=is_current.fill_null(False)
    )
    columns = ("household_key", "valid_from", "valid_to", "is_living")
    units = spells.select(*columns, "is_current", key="address_key", is_building=pl.lit(False))
    # An address that names no unit is its building: it is there already.
    buildings = spells.filter(pl.col("address_key") != pl.col("building_key")).select(
        *columns, is_current=pl.lit(False), key="building_key", is_building=pl.lit(True)
    )
    return pl.concat([units, buildings])


def _none_of(few: pl.DataFrame, many: pl.DataFrame) -> pl.DataFrame:
    """`few` keys, of one column, that `many` rows do not have."""
    (key,) = few.columns
    there = many.select(key).filter(pl.col(key).is_in(few[key].implode()))
    return few.join(there, on=key, how="anti")


def _one_household_each(current: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """A person in two households counts in the one joined last. These rows, the others, how many were so."""
    several = is_repeated(current["person_key"])
    ordered = current.filter(several).sort("person_key", "valid_from", "received_on", "household_key")
    same = pl.col("person_key") == pl.col("person_key").shift(1)
    elsewhere = same & (pl.col("household_key") != pl.col("household_key").shift(1))
    in_two = ordered.filter(elsewhere.fill_null(False))["person_key"].n_unique()
    last = is_last("person_key")
    return pl.concat([current.filter(~several), ordered.filter(last)]), ordered.filter(~last), in_two


def _members(homes: pl.DataFrame, as_of: date) -> pl.DataFrame:
    age = as_of.year - pl.col("birth_year").cast(pl.Int32)
    return (
        homes.select("household_key", "is_head", age=age)
        .group_by("household_key")
        .agg(
            members=pl.len(),
            # Two heads told: the older one. No head told: unknown.
            head_age=pl.when("is_head").then("age").max(),
            oldest_age=pl.col("age").max(),
            youngest_age=pl.col("age").min(),
            children=(pl.col("age") < ADULT_FROM).sum(),
        )
    )


def _current_addresses(spells: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The address each household moved to last."""
    current = spells.filter(holds_on(as_of)).drop("valid_to", "building_key")
    several = is_repeated(current["household_key"])
    ordered = current.filter(several).sort("household_key", "valid_from", "received_on", "address_key")
    return pl.concat([current.filter(~several), ordered.filter(is_last("household_key"))]).drop("received_on")


def _moves(spells: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Addresses begun within two years, other than the household's first."""
    days_ago = (pl.lit(as_of) - pl.col("valid_from")).dt.total_days()
    begun = spells.filter(is_repeated(spells["household_key"]) & (pl.col("valid_from") <= as_of))
    first = pl.col("valid_from").min().over("household_key")
    later = begun.filter((pl.col("valid_from") > first) & (days_ago <= MOVES_WITHIN_DAYS))
    return later.group_by("household_key").agg(moves_24m=pl.len())
