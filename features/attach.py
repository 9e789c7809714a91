"""Whose household an observation is. What fits nobody, or several, is counted and never guessed."""

from typing import NamedTuple

import numpy as np
import polars as pl

from features.feeds import HORIZON_DAYS
from features.known import holds_on
from features.links import Counts
from signals.signal import KeyKind


class Keyed(NamedTuple):
    """All that is known of the keys of one range, whatever their kind."""

    persons: pl.DataFrame  # links.Enrolled.persons
    holders: pl.DataFrame  # links.Housed.holders
    households: pl.Series  # living ones
    known_households: pl.Series  # ended ones too


class Attached(NamedTuple):
    observations: pl.DataFrame  # with household_key
    notices: pl.DataFrame  # household_key, key, signal, observed_on: told of where it lives, but it may be another's
    counts: Counts


def attach(observations: pl.DataFrame, keyed: Keyed) -> Attached:
    """`observations`: key, key_kind, signal (number), days_ago, observed_on and more, with keys of the same range."""
    by_person, persons = _of_persons(_of_kind(observations, "person"), keyed.persons)
    by_household, households = _of_households(_of_kind(observations, "household"), keyed)
    by_address, notices, addresses = _of_addresses(_of_kind(observations, "address"), keyed.holders)
    attached = pl.concat([by_person, by_household, by_address]).drop("days_ago")
    return Attached(attached, notices, persons | households | addresses)


def _of_kind(observations: pl.DataFrame, kind: KeyKind) -> pl.DataFrame:
    return observations.filter(pl.col("key_kind") == kind).drop("key_kind")


def _of_persons(told: pl.DataFrame, persons: pl.DataFrame) -> tuple[pl.DataFrame, Counts]:
    joined = told.join(persons.with_columns(is_known=True), left_on="key", right_on="person_key", how="left")
    at_home = joined.filter(pl.col("household_key").is_not_null()).drop("is_known")
    known = int(joined["is_known"].count())
    return at_home, {
        "unknown_person": told.height - known,
        "person_without_household": known - at_home.height,
    }


def _of_households(told: pl.DataFrame, keyed: Keyed) -> tuple[pl.DataFrame, Counts]:
    living, known = _count_in(told, keyed.households), _count_in(told, keyed.known_households)
    # Those of ended households stay in: no part asks for them.
    return told.with_columns(household_key="key"), {
        "unknown_household": told.height - known,
        "ended_household": known - living,
    }


def _of_addresses(told: pl.DataFrame, holders: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, Counts]:
    """An address's observation is of who lived there on that day: not of who lives there since."""
    told = told.with_row_index("told")
    holders = holders.join(told.select("key").unique(), on="key", how="semi")
    is_building = told["key"].is_in(_buildings_with_units(holders).implode())
    there = _living_there(told.filter(~is_building), holders)
    households = pl.Series(np.bincount(there["told"], minlength=told.height))
    alone = there.filter(households.gather(there["told"]) == 1).drop("told")
    attached = alone.filter("is_living").drop("is_living")
    unclear = told.filter(is_building | (households > 1))
    nobody = told.filter(~is_building & (households == 0))
    unknown = nobody.height - _count_in(nobody, holders["key"])
    counts = {
        "ambiguous": unclear.height,
        "unknown_address": unknown,
        "address_without_household": told.height - attached.height - unclear.height - unknown,
    }
    return attached, _notices(unclear, holders), counts


def _count_in(told: pl.DataFrame, known: pl.Series) -> int:
    return told.select("key").join(known.to_frame("key"), on="key", how="semi").height


def _buildings_with_units(holders: pl.DataFrame) -> pl.Series:
    """A notice that names only such a building may be anybody's there."""
    return holders.filter("is_building")["key"].unique()


def _living_there(told: pl.DataFrame, holders: pl.DataFrame) -> pl.DataFrame:
    """One row per observation and household that lived at that very address when it was observed."""
    units = holders.filter(~pl.col("is_building")).drop("is_building", "is_current")
    there = told.join(units, on="key", how="inner").filter(holds_on(pl.col("observed_on")))
    there = there.drop("valid_from", "valid_to")
    several = pl.col("told").is_duplicated()
    # Two overlapping spells of one household are one household.
    return pl.concat([there.filter(~several), there.filter(several).unique(["told", "household_key"])])


def _notices(unclear: pl.DataFrame, holders: pl.DataFrame) -> pl.DataFrame:
    """Different notices of the last two years to a household's address or building while it lived there."""
    recent = unclear.filter(pl.col("days_ago") <= HORIZON_DAYS)
    # A building is told of again and again: first its days, then its many households.
    days = recent.select("key", "signal", "observed_on").unique()
    there = days.join(holders, on="key").filter(holds_on(pl.col("observed_on")))
    # Two spells of one household: one notice all the same.
    return there.select("household_key", "key", "signal", "observed_on").unique()
