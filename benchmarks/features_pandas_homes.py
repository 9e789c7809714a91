"""The features benchmark, pandas side: members, addresses and past contacts."""

from typing import Any

import pandas as pd

from benchmarks.features_pandas_shapes import EMPTY, HORIZON, NEVER, TODAY, Frame
from benchmarks.features_tables import AS_OF
from signals.outcomes import LIVES_ELSEWHERE, OUTCOMES

RANK = ["apartment", "row_house", "detached", "public_rental", "redevelopment_rental", "one_room", "non_dwelling"]


def holds(frame: Frame, day: Any) -> "pd.Series[bool]":
    held: pd.Series[bool] = (frame["valid_from"] <= day) & (frame["valid_to"].isna() | (frame["valid_to"] > day))
    return held


def current_addresses(spells: Frame) -> Frame:
    held = spells[holds(spells, TODAY)].sort_values(["valid_from", "received_on", "address_key"])
    current = held.drop_duplicates("household_key", keep="last").set_index("household_key")
    return current.assign(sharing=current["address_key"].map(current["address_key"].value_counts()))


def households(
    index: "pd.Index[int]", people: Frame, address: Frame, spells: Frame, contacts: Frame, notices: "pd.Series[int]"
) -> Frame:
    age = AS_OF.year - people["birth_year"].astype(int)
    people = people.assign(age=age, child=age < 18, adult=age >= 18, head_age=age.where(people["is_head"]))
    of = people.groupby("household_key")
    values = Frame({"members": of.size(), "head_age": of["head_age"].max()})
    values["oldest_age"], values["youngest_age"] = of["age"].max(), of["age"].min()
    children = of["child"].sum()
    values["lives_alone"] = (values["members"] == 1).astype(float)
    values["has_child"] = (children > 0).astype(float)
    values["has_senior"] = (values["oldest_age"] >= 65).astype(float)
    values["one_adult_with_child"] = ((of["adult"].sum() == 1) & (children > 0)).astype(float)
    values = values.reindex(index)
    moved_in = address["valid_from"]
    values["housing_rank"] = address["housing"].map({name: i for i, name in enumerate(RANK)})
    values["months_at_address"] = (AS_OF.year - moved_in.dt.year) * 12 + AS_OF.month - moved_in.dt.month
    values["moves_24m"] = moves(spells).reindex(index, fill_value=0)
    values = values.join(statuses(index, address, contacts)).add_prefix("household__")
    values["address__ambiguous_notices"] = notices.reindex(index, fill_value=0)
    return values


def moves(spells: Frame) -> "pd.Series[int]":
    begun = spells[spells["valid_from"] <= TODAY]
    later = begun["valid_from"] > begun.groupby("household_key")["valid_from"].transform("min")
    recent = (TODAY - begun["valid_from"]).dt.days <= HORIZON
    counted: pd.Series[int] = (later & recent).groupby(begun["household_key"]).sum()
    return counted


def statuses(index: "pd.Index[int]", address: Frame, contacts: Frame) -> Frame:
    traced = contacts[contacts["outcome"].isin(LIVES_ELSEWHERE)]
    acted_on = traced["contacted_on"].fillna(traced["selected_on"])
    not_found = acted_on.groupby(traced["household_key"]).max().reindex(index)
    there = address.reindex(index)
    elsewhere = not_found >= there["valid_from"]
    lacks = (there["has_unit"] == False) & ((there["housing"] != "detached") | (there["sharing"] > 1))  # noqa: E712  NaN
    return Frame(
        {
            "address_unknown": there["address_key"].isna(),
            "address_mismatch": elsewhere,
            "address_no_unit": lacks & ~elsewhere,
        }
    )


def officers(index: "pd.Index[int]", contacts: Frame) -> Frame:
    days = (TODAY - contacts["selected_on"]).dt.days
    contact = contacts["outcome"].map({o.code: o.is_contact for o in OUTCOMES.values()})
    told = contacts.assign(
        days_since_selection=days,
        selections_12m=days <= 365,
        selections_24m=days <= HORIZON,
        reached_24m=(contact == True) & (days <= HORIZON),  # noqa: E712  unanswered is neither
        unreached_24m=(contact == False) & (days <= HORIZON),  # noqa: E712
        acted_on=contacts["contacted_on"].fillna(contacts["selected_on"]),
    ).sort_values(["household_key", "acted_on", "selected_on", "alert"])
    of = told.groupby("household_key")
    names = ["selections_12m", "selections_24m", "reached_24m", "unreached_24m"]
    values = of[names].sum().join(of["days_since_selection"].min().clip(upper=NEVER))
    reached = told["acted_on"].where(contact.reindex(told.index) == True)  # noqa: E712
    last = reached.groupby(told["household_key"]).transform("max")
    since = (contact.reindex(told.index) == False) & (last.isna() | (told["acted_on"] > last))  # noqa: E712
    values["unreached_in_a_row"] = since.groupby(told["household_key"]).sum()
    teaches = of["outcome"].last().map({o.code: o.teaches for o in OUTCOMES.values()})
    for word in ("need", "no_need", "nothing"):
        values[f"last_{word}"] = (teaches == word).astype(float)
    values = values.reindex(index).add_prefix("contacts__")
    return values.fillna({column: EMPTY[str(column)] for column in values})
