"""Persons, addresses and households at `as_of`: who lives where, and whose an observation is."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.known import Known, address_spells, holds_on, resident_spells

ADULT_FROM = 18
SENIOR_FROM = 65
MOVES_WITHIN_DAYS = 730

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Links:
    households: pl.DataFrame  # sorted by household_key; row = its place
    persons: pl.DataFrame  # person_key, row: who lives in a household now
    known_persons: pl.Series  # everybody ever told, some more than once
    spells: pl.DataFrame  # household_key, row (null: ended), address_key, building_key, valid_from, valid_to
    known_households: pl.Series
    counts: Counts


def link(known: Known) -> Links:
    residents, addresses = resident_spells(known), address_spells(known)
    homes, in_two = _one_household_each(residents.filter(holds_on(known.as_of)))
    told = residents["household_key"].unique()
    # A household of which no resident was ever told, only an address, is a gap in the register, not an empty flat.
    unlisted = addresses.filter(holds_on(known.as_of))["household_key"].unique()
    unlisted = unlisted.filter(~unlisted.is_in(told.implode()))
    living = pl.concat([homes["household_key"].unique(), unlisted]).sort()
    rows = pl.DataFrame({"household_key": living}).with_row_index("row")
    people = homes.join(rows, on="household_key")
    spells = addresses.join(rows, on="household_key", how="left")
    current = _current_addresses(spells, known.as_of)
    all_households = pl.concat([told, addresses["household_key"].unique()]).unique()
    return Links(
        households=(
            rows.join(_members(people, known.as_of), on="row", how="left")
            .join(current, on="row", how="left")
            .join(_moves(spells, known.as_of), on="row", how="left")
            .sort("row")
        ),
        persons=people.select("person_key", "row"),
        known_persons=residents["person_key"],
        spells=spells.select("household_key", "row", "address_key", "building_key", "valid_from", "valid_to"),
        known_households=all_households,
        counts={
            "households": living.len(),
            "ended_households": all_households.len() - living.len(),
            "households_without_residents": unlisted.len(),
            "households_without_address": living.len() - current.height,
            "person_in_two_households": in_two,
        },
    )


def _one_household_each(current: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """A person in two households counts in the one joined last. Returns that one, and how many persons were so."""
    ordered = current.sort("person_key", "valid_from", "received_on", "household_key")
    same = pl.col("person_key") == pl.col("person_key").shift(1)
    elsewhere = same & (pl.col("household_key") != pl.col("household_key").shift(1))
    in_two = ordered.filter(elsewhere.fill_null(False))["person_key"].n_unique()
    is_last = pl.col("person_key").ne_missing(pl.col("person_key").shift(-1))
    return ordered.filter(is_last), in_two


def _members(people: pl.DataFrame, as_of: date) -> pl.DataFrame:
    age = as_of.year - pl.col("birth_year").cast(pl.Int32)
    return (
        people.select("row", "is_head", age=age)
        .group_by("row")
        .agg(
            members=pl.len(),
            # Two heads told: the older one. No head told: unknown.
            head_age=pl.when("is_head").then("age").max(),
            oldest_age=pl.col("age").max(),
            youngest_age=pl.col("age").min(),
            children=(pl.col("age") < ADULT_FROM).sum(),
            adults=(pl.col("age") >= ADULT_FROM).sum(),
            has_senior=(pl.col("age") >= SENIOR_FROM).any(),
        )
    )


def _current_addresses(spells: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The address each living household moved to last, and how many households share it."""
    return (
        spells.filter(holds_on(as_of) & pl.col("row").is_not_null())
        .sort("row", "valid_from", "received_on", "address_key")
        .filter(pl.col("row").ne_missing(pl.col("row").shift(-1)))
        .drop("household_key", "received_on", "valid_to", "building_key")
        .with_columns(sharing=pl.len().over("address_key"))
    )


def _moves(spells: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Addresses begun within two years, other than the household's first."""
    days_ago = (pl.lit(as_of) - pl.col("valid_from")).dt.total_days()
    begun = spells.filter((pl.col("valid_from") <= as_of) & pl.col("row").is_not_null())
    first = begun.group_by("row").agg(first=pl.col("valid_from").min())
    recent = begun.filter(days_ago <= MOVES_WITHIN_DAYS).join(first, on="row")
    return recent.filter(pl.col("valid_from") > pl.col("first")).group_by("row").agg(moves_24m=pl.len())
