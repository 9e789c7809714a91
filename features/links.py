"""Persons, addresses and households at `as_of`: who lives where."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.known import holds_on, is_last, is_repeated

ADULT_FROM = 18
MOVES_WITHIN_DAYS = 730

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Links:
    households: pl.DataFrame  # household_key, members, current address; sorted by key
    persons: pl.DataFrame  # person_key, household_key: who lives in a household now
    known_persons: pl.Series  # everybody ever told, some more than once
    spells: pl.DataFrame  # addresses of all households, ended ones too
    known_households: pl.Series
    counts: Counts


def link(residents: pl.DataFrame, addresses: pl.DataFrame, as_of: date) -> Links:
    """`residents`, `addresses`: spells as last told."""
    homes, in_two = _one_household_each(residents.filter(holds_on(as_of)))
    current = _current_addresses(addresses, as_of)
    listed = residents["household_key"].unique()
    # A household of which no resident was ever told, only an address, is a gap in the register, not an empty flat.
    unlisted = current.select("household_key").filter(~pl.col("household_key").is_in(listed.implode()))
    members = pl.concat([_members(homes, as_of), unlisted], how="diagonal").sort("household_key")
    households = members.join(current, on="household_key", how="left")
    households = households.with_columns(is_shared=is_repeated(households["address_key"]))
    moves = _moves(addresses, as_of)
    known_households = pl.concat([listed, addresses["household_key"]]).unique()
    return Links(
        households=households.join(moves, on="household_key", how="left").sort("household_key"),
        persons=homes.select("person_key", "household_key"),
        known_persons=residents["person_key"],
        spells=addresses.select("household_key", "address_key", "building_key", "valid_from", "valid_to"),
        known_households=known_households,
        counts={
            "households": households.height,
            "ended_households": known_households.len() - households.height,
            "households_without_residents": unlisted.height,
            "households_without_address": households["address_key"].null_count(),
            "person_in_two_households": in_two,
        },
    )


def _one_household_each(current: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """A person in two households counts in the one joined last. Returns that one, and how many persons were so."""
    several = is_repeated(current["person_key"])
    ordered = current.filter(several).sort("person_key", "valid_from", "received_on", "household_key")
    same = pl.col("person_key") == pl.col("person_key").shift(1)
    elsewhere = same & (pl.col("household_key") != pl.col("household_key").shift(1))
    in_two = ordered.filter(elsewhere.fill_null(False))["person_key"].n_unique()
    return pl.concat([current.filter(~several), ordered.filter(is_last("person_key"))]), in_two


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
