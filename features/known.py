"""What was known on a day: the last telling of every spell, and nothing received later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import get_args

import polars as pl

from signals.answers import last_told
from signals.signal import Housing

HOUSINGS = pl.Enum(get_args(Housing))


@dataclass(frozen=True, slots=True)
class Known:
    """Frames of signals.tables. They may hold rows received after `as_of`: those are left out here."""

    as_of: date
    observations: pl.DataFrame
    residents: pl.DataFrame
    addresses: pl.DataFrame
    contacts: pl.DataFrame


def resident_spells(residents: pl.DataFrame, as_of: date) -> pl.DataFrame:
    keys = ("person_key", "household_key", "valid_from")
    columns = (*keys, "received_on", "valid_to", "birth_year", "is_head")
    return _last_told(residents, keys, columns, as_of)


def address_spells(addresses: pl.DataFrame, as_of: date) -> pl.DataFrame:
    keys = ("household_key", "address_key", "valid_from")
    columns = (*keys, "received_on", "valid_to", "building_key", "has_unit", "housing", "office")
    frame = addresses.with_columns(pl.col("housing").cast(HOUSINGS))
    return _last_told(frame, keys, columns, as_of)


def contacts_told(contacts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """One row per household and alert: the answer that stands. Own alerts and past rounds alike."""
    columns = ("household_key", "alert", "received_on", "selected_on", "contacted_on", "outcome")
    told = contacts.lazy().filter(pl.col("received_on") <= as_of).select(columns).collect()
    often = is_repeated(told["household_key"])
    standing = pl.concat([told.filter(~often), last_told(told.filter(often))])
    return standing.filter(pl.col("selected_on") <= as_of)


def holds_on(day: date | pl.Expr) -> pl.Expr:
    """valid_to is exclusive."""
    return (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day))


def is_last(*keys: str) -> pl.Expr:
    """Of sorted rows, the last of each run. The very last row is compared with null, which differs from every key."""
    return pl.any_horizontal([pl.col(key).ne_missing(pl.col(key).shift(-1)) for key in keys])


def is_repeated(keys: pl.Series) -> pl.Series:
    """As Series.is_duplicated, at a third of its cost for millions of keys of which few are repeated."""
    ordered = keys.sort()
    return keys.is_in(ordered.filter(ordered == ordered.shift(1)).unique().implode())


def _last_told(frame: pl.DataFrame, keys: Sequence[str], columns: Sequence[str], as_of: date) -> pl.DataFrame:
    told = frame.lazy().filter(pl.col("received_on") <= as_of).select(columns).collect()
    # Most are told once: only the others are put in order.
    often = is_repeated(told[keys[0]])
    # Told twice on one day: sorting by all that is left decides, so that the order of rows never does.
    again = told.filter(often).sort(columns).filter(is_last(*keys))
    return pl.concat([told.filter(~often), again])
