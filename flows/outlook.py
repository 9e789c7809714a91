"""Today without a single answer: what arrives, whom the queue would hold, and what the random lane has told so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from features import Known, build, prepare
from flows.desk import Desk
from flows.knowledge import known_on
from models.drift import arrival_rates
from models.folds import hashed
from models.labels import ANSWERING_DAYS, label
from models.reach import estimate_reach
from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from store import explored

# Of all households, to see whether scores moved.
SAMPLE: Final = 5_000
# Whole offices, since each has its own places: enough households to tell what a queue should find.
QUEUED: Final = 50_000
AGENCY_OF: Final = {signal.name: signal.agency for signal in SIGNALS.values()}
# Monthly counts beside the median of the twelve files before, some of which come every third month.
MONTHS: Final = 26
# Need changes with the seasons: a year of the random lane, or as much of it as there is.
YEAR: Final = timedelta(days=365)


@dataclass(frozen=True)
class Outlook:
    sample: pl.DataFrame  # features of every n-th household today
    queue: pl.DataFrame  # office and features of all households of some offices today
    arrivals: pl.DataFrame  # drift.arrival_rates by agency
    arrivals_by_region: pl.DataFrame  # and by region
    sources: pl.DataFrame  # sources_of
    reach: Mapping[str, Any] | None  # reach.Reach as dict, with `nights`; None: the random lane has told nothing yet


def look_at_today(desk: Desk, as_of: date, contacts: pl.DataFrame) -> Outlook:
    """`contacts`: as known on `as_of`."""
    known = known_on(desk, as_of)
    arrived, sources = arrivals_of(known), sources_of(known)
    prepared = prepare(known)
    del known
    keys = prepared.households["household_key"]
    part = hashed(keys.to_numpy(), max(1, len(keys) // SAMPLE)) == 0
    sample = build(prepared, households=keys.filter(pl.Series(part))).features
    built = build(prepared, households=_of_some_offices(prepared.households, QUEUED))
    queue = built.facts.select("household_key", "office").join(
        built.features, on="household_key", maintain_order="left"
    )
    by_agency, by_region = (arrival_rates(arrived, by) for by in ((), ("area",)))
    return Outlook(sample, queue, by_agency, by_region, sources, reach_so_far(desk, as_of, contacts))


def _of_some_offices(households: pl.DataFrame, least: int) -> pl.Series:
    """All households of the first offices by code that together have so many."""
    sizes = households.drop_nulls("office").group_by("office").len().sort("office")
    before = sizes.with_columns(before=pl.col("len").cum_sum() - pl.col("len"))
    offices = before.filter(pl.col("before") < least)["office"]
    return households.filter(pl.col("office").is_in(offices.implode()))["household_key"]


def arrivals_of(known: Known) -> pl.DataFrame:
    """signal, agency, area (region; null: no household of ours), month told of, notices. A month is that of the newest
    notice in its file: a source that sends every third month tells of three at once."""
    first = pl.lit(known.as_of.replace(day=1)).dt.offset_by(f"-{MONTHS}mo")
    told = known.observations.filter(pl.col("observed_on") >= first, pl.col("signal").is_in(list(AGENCY_OF)))
    files = told.group_by("delivery").agg(month=pl.col("observed_on").max().dt.truncate("1mo"))
    return (
        told.group_by("key_kind", "key", "signal", "delivery")
        .agg(notices=pl.len())
        .join(files, on="delivery")
        .join(_areas(known), on=["key_kind", "key"], how="left")
        .with_columns(agency=_agency())
        .group_by("signal", "agency", "area", "month")
        .agg(pl.col("notices").sum())
        .sort("signal", "area", "month")
    )


def sources_of(known: Known) -> pl.DataFrame:
    """agency, newest (month told of), last_received, is_late: the file after the newest one should have come by now."""
    told = known.observations.filter(pl.col("signal").is_in(list(AGENCY_OF))).with_columns(agency=_agency())
    newest = told.group_by("agency").agg(newest=pl.col("observed_on").max(), last_received=pl.col("received_on").max())
    due = {code: (source.every_months, source.lag_days[1]) for code, source in AGENCIES.items()}
    every, lag = (
        pl.col("agency").replace_strict({code: d[i] for code, d in due.items()}, return_dtype=pl.Int64)
        for i in range(2)
    )
    next_told = pl.col("newest").dt.month_end().dt.offset_by(pl.format("{}mo", every)).dt.month_end()
    expected = next_told + pl.duration(days=lag)
    return newest.with_columns(is_late=expected < known.as_of, newest=pl.col("newest").dt.truncate("1mo")).sort(
        "agency"
    )


def _agency() -> pl.Expr:
    return pl.col("signal").replace_strict(AGENCY_OF, return_dtype=pl.String)


def _areas(known: Known) -> pl.DataFrame:
    """key_kind, key, area: where each key was last told to live. Good enough to count by region, not to attach."""
    area = pl.col("office").str.slice(0, 2).alias("area")
    spells = known.addresses.sort("valid_from", "received_on")
    homes = spells.unique("household_key", keep="last").select("household_key", area)
    buildings = [
        spells.select(area, key=pl.col(name)).unique("key", keep="last") for name in ("address_key", "building_key")
    ]
    people = known.residents.sort("valid_from", "received_on").unique("person_key", keep="last")
    persons = people.join(homes, on="household_key").select("area", key="person_key")
    kinds = (("person", persons), ("household", homes.rename({"household_key": "key"})))
    by_address = pl.concat(buildings).unique("key", keep="first", maintain_order=True)
    return pl.concat(
        frame.select(pl.lit(kind).alias("key_kind"), "key", "area") for kind, frame in (*kinds, ("address", by_address))
    )


def reach_so_far(desk: Desk, as_of: date, contacts: pl.DataFrame) -> dict[str, Any] | None:
    """Share of all need that the queue reached: by answers of the random lane, weighted by the chance of each draw."""
    last = as_of - timedelta(days=ANSWERING_DAYS)
    opened = explored.opened_between(desk.engine, last - YEAR, last)
    waiting = explored.waited(desk.engine, last - YEAR, last)
    labels = label(contacts, as_of).select("household_key", "label", opened_on="selected_on")
    told = opened.join(labels, on=["household_key", "opened_on"], how="left", maintain_order="left")
    selected = told.select(
        "label",
        is_explore=pl.col("lane") == "explore",
        chance=pl.when(pl.col("lane") == "explore").then("inclusion").otherwise(1.0),
        stratum=pl.concat_str("office", pl.col("band").fill_null("-"), separator=" "),
    )
    if waiting is None or selected["is_explore"].sum() in (0, selected.height):
        return None
    rng = np.random.default_rng([desk.settings.model.seed, as_of.toordinal()])
    return estimate_reach(selected, round(waiting), rng).as_dict() | {"first": str(opened["opened_on"].min())}
