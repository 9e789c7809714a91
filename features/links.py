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
    persons: pl.DataFrame  # person_key, row (null: lives in no household now)
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
    current, households = _households(known.as_of, rows, homes, addresses)
    all_households = pl.concat([told, addresses["household_key"].unique()]).unique()
    counts = {
        "households": living.len(),
        "ended_households": all_households.len() - living.len(),
        "households_without_residents": unlisted.len(),
        "households_without_address": living.len() - current.height,
        "person_in_two_households": in_two,
    }
    return Links(
        households=households,
        persons=_persons(residents, homes, rows),
        spells=addresses.join(rows, on="household_key", how="left").select(
            "household_key", "row", "address_key", "building_key", "valid_from", "valid_to"
        ),
        known_households=all_households,
        counts=counts,
    )


def _one_household_each(current: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """A person in two households counts in the one joined last. Returns that one, and how many persons were so."""
    ordered = current.sort("person_key", "valid_from", "received_on", "household_key")
    same = pl.col("person_key") == pl.col("person_key").shift(1)
    elsewhere = same & (pl.col("household_key") != pl.col("household_key").shift(1))
    in_two = ordered.filter(elsewhere.fill_null(False))["person_key"].n_unique()
    is_last = pl.col("person_key").ne_missing(pl.col("person_key").shift(-1))
    return ordered.filter(is_last), in_two


def _persons(residents: pl.DataFrame, homes: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    living = homes.join(rows, on="household_key").select("person_key", "row")
    gone = residents.select("person_key").unique().join(living, on="person_key", how="anti")
    return pl.concat([living, gone.with_columns(row=pl.lit(None, pl.get_index_type()))])


def _households(
    as_of: date, rows: pl.DataFrame, homes: pl.DataFrame, addresses: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The current address of each household, and every household with its members and that address."""
    current = (
        addresses.filter(holds_on(as_of))
        .join(rows, on="household_key")
        .sort("row", "valid_from", "received_on", "address_key")
        .unique("row", keep="last", maintain_order=True)
        .drop("household_key", "received_on", "valid_to")
        .with_columns(sharing=pl.len().over("address_key"))
    )
    moves = _moves(as_of, addresses, rows)
    members = _members(as_of, homes, rows)
    joined = rows.join(members, on="row", how="left").join(current, on="row", how="left")
    return current, joined.join(moves, on="row", how="left").sort("row")


def _members(as_of: date, homes: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    age = as_of.year - pl.col("birth_year").cast(pl.Int32)
    people = homes.join(rows, on="household_key").select("row", "is_head", age=age)
    return people.group_by("row").agg(
        members=pl.len(),
        # Two heads told: the older one. No head told: unknown.
        head_age=pl.col("age").filter(pl.col("is_head")).max(),
        oldest_age=pl.col("age").max(),
        youngest_age=pl.col("age").min(),
        children=(pl.col("age") < ADULT_FROM).sum(),
        adults=(pl.col("age") >= ADULT_FROM).sum(),
        has_senior=(pl.col("age") >= SENIOR_FROM).any(),
    )


def _moves(as_of: date, addresses: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Addresses begun within two years, other than the household's first."""
    begun = addresses.filter(pl.col("valid_from") <= as_of).join(rows, on="household_key")
    days_ago = (pl.lit(as_of) - pl.col("valid_from")).dt.total_days()
    is_recent = (days_ago <= MOVES_WITHIN_DAYS) & (pl.col("valid_from") > pl.col("valid_from").min().over("row"))
    return begun.select("row", recent=is_recent).group_by("row").agg(moves_24m=pl.col("recent").sum())
