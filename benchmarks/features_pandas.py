"""The same features in plain pandas, as one would write them: merge, groupby, unstack, columns by windows.

python -m benchmarks.features_pandas FOLDER PARTS. By parts too: two million rows of all columns at once do not fit.
"""

import json
import resource
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.features_pandas_homes import current_addresses, holds, households, officers
from benchmarks.features_pandas_shapes import HORIZON, TODAY, Frame, across, measure, spread, together_of
from benchmarks.features_tables import AS_OF
from features import FEATURES
from signals.catalogue import SIGNALS


def last_told(frame: Frame, keys: list[str]) -> Frame:
    known = frame[frame["received_on"] <= TODAY].sort_values([*keys, "received_on"])
    return known.drop_duplicates(keys, keep="last")


def standing(contacts: Frame) -> Frame:
    """Of several tellings of an answer, the one with the newest contact date."""
    keys = ["household_key", "alert"]
    known = contacts[contacts["received_on"] <= TODAY].assign(is_answered=contacts["outcome"].notna())
    order = [*keys, "is_answered", "contacted_on", "received_on", "selected_on", "outcome"]
    return known.sort_values(order, na_position="first").drop_duplicates(keys, keep="last")


@dataclass
class Prepared:
    people: Frame
    spells: Frame
    addresses: Frame  # each household's current one
    contacts: Frame
    observations: Frame  # with household_key and bucket
    notices: "pd.Series[int]"
    months: dict[str, list[int]]  # told months of each signal, newest first
    first_received: "pd.Series[Any]"
    households: "pd.Index[int]"


def prepare(tables: dict[str, Frame]) -> Prepared:
    residents = last_told(tables["residents"], ["person_key", "household_key", "valid_from"])
    spells = last_told(tables["addresses"], ["household_key", "address_key", "valid_from"])
    current = residents[holds(residents, TODAY)].sort_values(["valid_from", "received_on", "household_key"])
    people = current.drop_duplicates("person_key", keep="last")
    held = spells[holds(spells, TODAY)]
    unlisted = held.loc[~held["household_key"].isin(residents["household_key"]), "household_key"]
    households = pd.Index(np.union1d(people["household_key"], unlisted), name="household_key")
    told = tables["observations"]
    told = told[(told["received_on"] <= TODAY) & (told["observed_on"] <= TODAY)]
    told = told.assign(month=told["observed_on"].dt.year * 12 + told["observed_on"].dt.month - 1)
    months = calendars(told)
    told = told.assign(days_ago=(TODAY - told["observed_on"]).dt.days)
    is_event = told["signal"].isin([s.name for s in SIGNALS.values() if s.kind == "event"])
    latest = told["signal"].map({name: found[0] for name, found in months.items()})
    told["bucket"] = np.where(is_event, told["days_ago"], latest - told["month"])
    told = told[np.where(is_event, told["bucket"] <= HORIZON, told["bucket"] < 24)]
    attached, notices = attach(told, people, spells, households)
    contacts = standing(tables["contacts"])
    contacts = contacts[(contacts["selected_on"] <= TODAY) & contacts["household_key"].isin(households)]
    first = tables["observations"].query("received_on <= @TODAY").groupby("signal", observed=True)["received_on"].min()
    addresses = current_addresses(spells[spells["household_key"].isin(households)])
    return Prepared(people, spells, addresses, contacts, attached, notices, months, first, households)


def calendars(told: Frame) -> dict[str, list[int]]:
    own = told.groupby("signal", observed=True)["month"].unique()
    by_agency: dict[str, set[int]] = {}
    for name, signal in SIGNALS.items():
        if name in own and signal.kind != "event":
            by_agency.setdefault(signal.agency, set()).update(own[name])
    found = {}
    for name, signal in SIGNALS.items():
        if name in own and signal.available_from <= AS_OF:
            months = set(own[name]) if signal.kind == "event" else by_agency[signal.agency]
            found[name] = sorted((m for m in months if m >= min(own[name])), reverse=True)
    return found


def attach(told: Frame, people: Frame, spells: Frame, households: "pd.Index[int]") -> tuple[Frame, "pd.Series[int]"]:
    of = dict(list(told.groupby("key_kind", observed=True)))
    by_person = of["person"].merge(people[["person_key", "household_key"]], left_on="key", right_on="person_key")
    by_household = of["household"].assign(household_key=of["household"]["key"])
    by_household = by_household[by_household["household_key"].isin(households)]
    crowded = spells.loc[spells["address_key"] != spells["building_key"], "building_key"].unique()
    unclear = of["address"]["key"].isin(crowded)
    at = spells[["household_key", "address_key", "valid_from", "valid_to"]]
    there = of["address"][~unclear].reset_index(names="told").merge(at, left_on="key", right_on="address_key")
    there = there[holds(there, there["observed_on"])].drop_duplicates(["told", "household_key"])
    several = there["told"].duplicated(keep=False)
    by_address = there[~several & there["household_key"].isin(households)]
    unclear_rows = pd.concat([of["address"][unclear], of["address"].loc[there.loc[several, "told"].unique()]])
    columns = ["household_key", "signal", "bucket", "key", "months", "amount_won", "observed_on", "received_on"]
    attached = pd.concat([frame[columns] for frame in (by_person, by_household, by_address)], ignore_index=True)
    return attached, notices_of(unclear_rows, spells)


def notices_of(unclear: Frame, spells: Frame) -> "pd.Series[int]":
    recent = unclear[unclear["days_ago"] <= HORIZON].drop_duplicates(["key", "signal", "observed_on"])
    days = recent.groupby(["key", "observed_on"]).size().rename("notices").reset_index()
    spans = ["household_key", "valid_from", "valid_to"]
    holders = pd.concat([spells[[*spans, c]].rename(columns={c: "key"}) for c in ("address_key", "building_key")])
    there = days.merge(holders, on="key")
    there = there[holds(there, there["observed_on"])].drop_duplicates(["household_key", "key", "observed_on"])
    return there.groupby("household_key")["notices"].sum()


def build(prepared: Prepared, i: int, parts: int) -> Frame:
    index = prepared.households[prepared.households % parts == i]
    people = prepared.people[prepared.people["household_key"].isin(index)]
    spells = prepared.spells[prepared.spells["household_key"].isin(index)]
    contacts = prepared.contacts[prepared.contacts["household_key"].isin(index)]
    address = prepared.addresses[prepared.addresses.index.isin(index)]
    home = households(index, people, address, spells, contacts, prepared.notices)
    together = together_of(prepared.observations[prepared.observations["household_key"].isin(index)])
    by_signal = dict(list(together.groupby("signal", observed=True)))
    housing = address["housing"].reindex(index)
    blocks, live = [], {}
    for name, signal in SIGNALS.items():
        if name in prepared.months:
            figures = by_signal.get(name, together.iloc[:0])
            block, live[name] = measure(signal, figures, prepared.months[name])
            blocks.append(spread(signal, block, index, housing))
    running = [live[n]["live"].reindex(index, fill_value=False) for n, s in SIGNALS.items() if n in live and s.relieves]
    home["household__benefits_running"] = np.sum(running, axis=0)
    values = pd.concat([*blocks, across(prepared.first_received, index, live), home, officers(index, contacts)], axis=1)
    return values.reindex(columns=[feature.name for feature in FEATURES]).astype("float32")


def read(folder: Path, names: Iterable[str]) -> dict[str, Frame]:
    tables = {}
    for name in names:
        frame = pd.read_parquet(folder / f"{name}.parquet").drop(columns=["delivery"])
        for column in frame.columns:
            if column.endswith(("_on", "valid_from", "valid_to")):
                frame[column] = pd.to_datetime(frame[column])
            elif column in ("key_kind", "signal", "housing", "office", "lane", "end_reason"):
                frame[column] = frame[column].astype("category")
        tables[name] = frame
    return tables


def main(folder: Path, parts: int) -> None:
    tables = read(folder, ("observations", "residents", "addresses", "contacts"))
    started = time.perf_counter()
    prepared = prepare(tables)
    tables.clear()
    seconds = time.perf_counter() - started
    sums = []
    for i in range(parts):
        started = time.perf_counter()
        built = build(prepared, i, parts)
        seconds += time.perf_counter() - started
        if i == 0:
            built.copy().reset_index().to_parquet(folder / "pandas.parquet")
        sums.append(built.fillna(0).astype("float64").sum().to_numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "peak_gib": peak, "sums": np.sum(sums, axis=0).tolist()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
