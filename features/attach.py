"""Whose household an observation is. What fits nobody, or several, is counted and never guessed."""

from typing import NamedTuple

import numpy as np
import polars as pl

from features.feeds import HORIZON_DAYS
from features.known import holds_on
from features.links import Counts, Links
from signals.signal import KeyKind


class Attached(NamedTuple):
    observations: pl.DataFrame  # with household_key
    ambiguous: pl.DataFrame  # household_key, notices: told of its address or building, but it may be another's
    counts: Counts


def attach(observations: pl.DataFrame, links: Links) -> Attached:
    """`observations`: key, key_kind, signal (number), days_ago, observed_on and more. Finds their household_key."""
    by_person, persons = _of_persons(_of_kind(observations, "person"), links)
    by_household, households = _of_households(_of_kind(observations, "household"), links)
    by_address, ambiguous, addresses = _of_addresses(_of_kind(observations, "address"), links)
    return Attached(pl.concat([by_person, by_household, by_address]), ambiguous, persons | households | addresses)


def _of_kind(observations: pl.DataFrame, kind: KeyKind) -> pl.DataFrame:
    return observations.filter(pl.col("key_kind") == kind).drop("key_kind")


def _of_persons(told: pl.DataFrame, links: Links) -> tuple[pl.DataFrame, Counts]:
    joined = told.join(links.persons, left_on="key", right_on="person_key", how="left")
    is_homeless = pl.col("household_key").is_null()
    homeless = joined.filter(is_homeless)
    known = _count_in(homeless, links.known_persons)
    return joined.filter(~is_homeless), {"unknown_person": homeless.height - known, "person_without_household": known}


def _of_households(told: pl.DataFrame, links: Links) -> tuple[pl.DataFrame, Counts]:
    rest = told.join(links.households, left_on="key", right_on="household_key", how="anti")
    known = _count_in(rest, links.known_households)
    # Those of ended households stay in: no part asks for them.
    return told.with_columns(household_key="key"), {
        "unknown_household": rest.height - known,
        "ended_household": known,
    }


def _of_addresses(told: pl.DataFrame, links: Links) -> tuple[pl.DataFrame, pl.DataFrame, Counts]:
    """An address's observation is of who lived there on that day: not of who lives there since."""
    told = told.with_row_index("told")
    is_building = told["key"].is_in(_buildings_with_units(links.spells).implode())
    there = _living_there(told.filter(~is_building), links.spells)
    households = pl.Series(np.bincount(there["told"], minlength=told.height))
    alone = there.filter(households.gather(there["told"]) == 1).drop("told")
    attached = alone.join(links.households, on="household_key", how="semi")
    unclear = told.filter(is_building | (households > 1))
    nobody = told.filter(~is_building & (households == 0))
    known = _count_in(nobody, pl.concat([links.spells["address_key"], links.spells["building_key"]]))
    unknown = nobody.height - known
    counts = {
        "ambiguous": unclear.height,
        "unknown_address": unknown,
        "address_without_household": told.height - attached.height - unclear.height - unknown,
    }
    return attached, _notices(unclear, links.spells), counts


def _count_in(told: pl.DataFrame, known: pl.Series) -> int:
    return told.select("key").join(known.to_frame("key"), on="key", how="semi").height


def _buildings_with_units(spells: pl.DataFrame) -> pl.Series:
    """A notice that names only such a building may be anybody's there."""
    return spells.filter(pl.col("address_key") != pl.col("building_key"))["building_key"].unique()


def _living_there(told: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """One row per observation and household that lived at that very address when it was observed."""
    joined = told.join(spells.drop("building_key"), left_on="key", right_on="address_key", how="inner")
    there = joined.filter(holds_on(pl.col("observed_on"))).drop("valid_from", "valid_to")
    several = pl.col("told").is_duplicated()
    # Two overlapping spells of one household are one household.
    return pl.concat([there.filter(~several), there.filter(several).unique(["told", "household_key"])])


def _notices(unclear: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """Per household: notices of the last two years to its address or building while it lived there."""
    recent = unclear.filter(pl.col("days_ago") <= HORIZON_DAYS)
    # A building is told of again and again: first its days, then its many households.
    days = recent.select("key", "signal", "observed_on").unique().group_by("key", "observed_on").agg(notices=pl.len())
    dates = ("household_key", "valid_from", "valid_to")
    holders = pl.concat([spells.select(*dates, key=column) for column in ("address_key", "building_key")])
    there = days.join(holders, on="key").filter(holds_on(pl.col("observed_on")))
    # Two spells of one household, or its unit and building being the same: one notice all the same.
    once = there.select("household_key", "key", "observed_on", "notices").unique()
    return once.group_by("household_key").agg(pl.col("notices").sum())
