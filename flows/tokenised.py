"""One delivery: agency words to ours, identifiers to keyed tokens at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from signals.agencies import AGENCIES
from signals.delivery import DeliveryName
from signals.intake import Split, split_addresses, split_contacts, split_observations, split_residents
from signals.tables import ADDRESSES, CONTACTS, OBSERVATIONS, RESIDENTS
from store.keys import Keys
from store.lake import Table
from store.tokens import Domain, tokens


@dataclass(frozen=True, slots=True)
class Tokenised:
    table: Table
    frame: pl.DataFrame  # a schema of signals.tables: no identifier in clear
    split: Split


def tokenise(raw: bytes, name: DeliveryName, delivery: str, received_on: date, keys: Keys) -> Tokenised:
    """Raises DeliveryRefused when the file as a whole cannot be taken."""
    stamps = {"received_on": pl.lit(received_on, dtype=pl.Date), "delivery": pl.lit(delivery)}
    match name.source:
        case "residents":
            split = split_residents(raw, name)
            keyed = _keyed(split, {"person_no": ("person_key", "person"), **_HOUSEHOLD}, keys)
            return Tokenised("residents", _shaped(keyed, stamps, RESIDENTS), split)
        case "addresses":
            split = split_addresses(raw, name)
            places: dict[str, tuple[str, Domain]] = {
                "address": ("address_key", "address"),
                "building": ("building_key", "address"),
            }
            return Tokenised(
                "addresses", _shaped(_keyed(split, {**places, **_HOUSEHOLD}, keys), stamps, ADDRESSES), split
            )
        case "contacts":
            split = split_contacts(raw, name)
            keyed = _keyed(split, _HOUSEHOLD, keys).with_columns(alert="case_no")
            return Tokenised("contacts", _shaped(keyed, stamps, CONTACTS), split)
        case code:
            agency = AGENCIES[code]
            split = split_observations(raw, agency, name)
            keyed = _keyed(split, {"identifier": ("key", agency.key_kind)}, keys)
            stamps["key_kind"] = pl.lit(agency.key_kind)
            return Tokenised("observations", _shaped(keyed, stamps, OBSERVATIONS), split)


_HOUSEHOLD: dict[str, tuple[str, Domain]] = {"household_no": ("household_key", "household")}


def _keyed(split: Split, columns: Mapping[str, tuple[str, Domain]], keys: Keys) -> pl.DataFrame:
    return split.accepted.with_columns(
        tokens(split.accepted[clear], domain, keys).alias(key) for clear, (key, domain) in columns.items()
    )


def _shaped(keyed: pl.DataFrame, stamps: Mapping[str, pl.Expr], schema: pl.Schema) -> pl.DataFrame:
    return keyed.with_columns(**stamps).select(pl.col(name).cast(kind) for name, kind in schema.items())
