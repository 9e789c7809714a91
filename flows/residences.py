"""Whom to ask for and where, for households in a queue: keys only."""

import polars as pl


def residences(roll: pl.DataFrame, homes: pl.DataFrame, households: pl.Series) -> pl.DataFrame:
    """household_key, person_key (head, else the eldest), address_key (the newest); null where no register tells.

    `roll`: features.links.Enrolled.roll, `homes`: features.links.Housed.households.
    """
    wanted = households.unique().sort().to_frame("household_key")
    people = roll.filter("is_current").join(wanted, on="household_key", how="semi")
    heads = people.sort(
        "household_key", "is_head", "birth_year", "person_key", descending=[False, True, False, False], nulls_last=True
    ).unique("household_key", keep="first", maintain_order=True)
    return (
        wanted.join(heads.select("household_key", "person_key"), on="household_key", how="left")
        .join(homes.select("household_key", "address_key"), on="household_key", how="left")
        .sort("household_key")
    )
