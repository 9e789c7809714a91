"""The tables that rooms hand to each other: names and types, nothing else."""

import polars as pl

# One long table: a new signal needs no migration. Nothing with received_on > as_of may reach a feature.
OBSERVATIONS = pl.Schema(
    {
        "key": pl.Int64,  # keyed token, domain = key_kind
        "key_kind": pl.String,  # person | address | household
        "signal": pl.String,  # Signal.name
        "observed_on": pl.Date,  # when it happened (arrears, status, amount: last day of the month told of)
        "received_on": pl.Date,  # when we knew it
        "months": pl.Int16,  # months overdue, or length of the spell; null where it has no meaning
        "amount_won": pl.Int64,  # null where it has no meaning
        "delivery": pl.String,  # id of the delivery it came with
    }
)

# Who lives in which household. A closed spell is told again with valid_to; the last telling known wins.
RESIDENTS = pl.Schema(
    {
        "person_key": pl.Int64,
        "household_key": pl.Int64,
        "birth_year": pl.Int16,
        "is_head": pl.Boolean,
        "valid_from": pl.Date,
        "valid_to": pl.Date,  # exclusive; null = still so
        "end_reason": pl.String,  # moved | died | split | null
        "received_on": pl.Date,
        "delivery": pl.String,
    }
)

# Where a household is registered. address_key names the unit, building_key the building.
ADDRESSES = pl.Schema(
    {
        "household_key": pl.Int64,
        "address_key": pl.Int64,
        "building_key": pl.Int64,
        "has_unit": pl.Boolean,  # False: 동·호수 missing, address_key == building_key
        "housing": pl.String,  # Housing
        "office": pl.String,  # 행정동 code, 10 digits
        "valid_from": pl.Date,
        "valid_to": pl.Date,
        "received_on": pl.Date,
        "delivery": pl.String,
    }
)

# What officers did with the households of a round: past rounds of the incumbent and our own alerts alike.
CONTACTS = pl.Schema(
    {
        "household_key": pl.Int64,
        "alert": pl.String,  # alert id, or the past round's case number
        "office": pl.String,
        "lane": pl.String,  # incumbent | urgent | risk | explore | trace | partial
        "selected_on": pl.Date,
        "contacted_on": pl.Date,  # null: nobody tried yet
        "outcome": pl.String,  # key of OUTCOMES
        "benefit": pl.String,  # null, or what was granted
        "received_on": pl.Date,
        "delivery": pl.String,
    }
)
