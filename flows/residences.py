"""Whom to ask for and where, for households in a queue: keys only."""

import polars as pl

from features import Known
from features.known import address_spells, holds_on, resident_spells


def residences(known: Known, households: pl.Series) -> pl.DataFrame:
    """household_key, person_key (head, else the eldest), address_key (the newest); null where no register tells."""
    wanted = households.unique().sort().to_frame("household_key")
    people = resident_spells(known).filter(holds_on(known.as_of)).join(wanted, on="household_key", how="semi")
    heads = people.sort(
        "household_key", "is_head", "birth_year", "person_key", descending=[False, True, False, False], nulls_last=True
    ).unique("household_key", keep="first", maintain_order=True)
    places = address_spells(known).filter(holds_on(known.as_of)).join(wanted, on="household_key", how="semi")
    newest = places.sort("household_key", "valid_from", "address_key").unique(
        "household_key", keep="last", maintain_order=True
    )
    return (
        wanted.join(heads.select("household_key", "person_key"), on="household_key", how="left")
        .join(newest.select("household_key", "address_key"), on="household_key", how="left")
        .sort("household_key")
    )
