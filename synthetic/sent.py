"""What had been sent by a day, as the tables that rooms hand to each other, without a detour through files.

The post keeps its faults that matter in time: what is late is late, what nobody can read comes with its second file.
Rows that intake would set aside (0.3 %) are told all the same, and so is what a first, partly wrong file should have
said.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from signals.layout import Agency
from signals.tables import ADDRESSES, CONTACTS, OBSERVATIONS, RESIDENTS
from synthetic.calendar import EPOCH, NEVER, day_number, last_day
from synthetic.deliveries import Delivery
from synthetic.feeds import NO_VALUE
from synthetic.homes import HOUSING
from synthetic.registers import changed, changed_residents
from synthetic.tellings import with_holders
from synthetic.world import World

AGAIN = ("twice", "correction")  # nothing in them that was not told before


@dataclass(frozen=True, slots=True)
class KeysOf:
    """Int64 keys of everybody and everything in a world, by its number there."""

    person: pl.Series
    household: pl.Series
    address: pl.Series  # by row of homes.stays, as the following two
    supply: pl.Series
    building: pl.Series


# Identifiers in one spelling -> their keys.
Tokenise = Callable[[Literal["person", "household", "address"], pl.Series], pl.Series]
Label = Callable[[Delivery], str]  # what a delivery is called in the tables


def by_source(delivery: Delivery) -> str:
    return delivery.source


def numbers_as_keys(world: World) -> KeysOf:
    """Whole numbers, and the same place the same key."""
    place = place_numbers(world.homes.stays)
    return KeysOf(
        pl.Series(np.arange(len(world.life.people))),
        pl.Series(np.arange(world.life.households)),
        place["address"],
        place["supply"],
        place["building"],
    )


def place_numbers(stays: pl.DataFrame, first: int = 0) -> pl.DataFrame:
    """address, supply, building: Int64 from `first` on, one row per stay; equal where the written address is."""
    home = first + (pl.col("office").cast(pl.Int64) * 2**24 + pl.col("building").cast(pl.Int64)) * 2**8
    return stays.select(
        address=home + pl.when("is_unit_told").then(pl.col("unit") + 1).otherwise(0),
        supply=home + pl.when("is_unit_supplied").then(pl.col("unit") + 1).otherwise(0),
        building=home,
    )


def observations(
    world: World,
    keys: KeysOf,
    after: int,
    until: int,
    label: Label = by_source,
    not_again: tuple[str, ...] = AGAIN,
) -> pl.DataFrame:
    """OBSERVATIONS of the files sent after one day and until another, both day numbers."""
    frames = [OBSERVATIONS.to_frame()]
    readable = [
        delivery
        for delivery in world.planned
        if after < delivery.sent <= until and delivery.flaw != "broken" and delivery.flaw not in not_again
    ]
    for source, frame in _rows(world, readable, label):
        frames.append(_observed(frame, world, keys, world.agencies[source]))
    return pl.concat(frames)


def _rows(world: World, sent: list[Delivery], label: Label) -> Iterable[tuple[str, pl.DataFrame]]:
    for source, frames in sorted(world.record.observations.items()):
        of = [(delivery.base, delivery.sent, label(delivery)) for delivery in sent if delivery.source == source]
        days = pl.DataFrame(of, schema={"base": pl.Int32, "sent": pl.Int32, "delivery": pl.String}, orient="row")
        told = [part for frame in frames if (part := frame.join(days, on="base", how="semi")).height]
        if told:
            yield source, with_holders(pl.concat(told), world).join(days, on="base", maintain_order="left")


def _observed(rows: pl.DataFrame, world: World, keys: KeysOf, agency: Agency) -> pl.DataFrame:
    """As the agency's layout lets it be told: some write no day, no months, no amount, or thousands of won."""
    layout = agency.layout
    fields = {column.field for column in layout.columns}
    signals = [feed.signal for feed in world.feeds]
    kind = pl.lit(pl.Series([signal.kind for signal in signals])).gather(pl.col("signal"))
    day, sent = _date("day"), _date("sent")
    has_day = kind.eq("event") & pl.lit(layout.dates != "202608")
    has_months = kind.is_in(["arrears", "status"]) & pl.lit(layout.rows == "spell" or "months" in fields)
    has_amount = kind.is_in(["arrears", "amount"]) & pl.lit("amount" in fields)
    won = (pl.col("won") / layout.won_per_unit).round(0).cast(pl.Int64) * layout.won_per_unit
    of = {"person": keys.person, "address": keys.supply, "household": keys.household}[agency.key_kind]
    return rows.select(
        key=pl.lit(of).gather(pl.col("holder")),
        key_kind=pl.lit(agency.key_kind),
        signal=pl.lit(pl.Series([signal.name for signal in signals])).gather(pl.col("signal")),
        observed_on=pl.when(has_day).then(day).otherwise(pl.min_horizontal(day.dt.month_end(), sent)),
        received_on=sent,
        months=pl.when(has_months & (pl.col("months") != NO_VALUE)).then("months"),
        amount_won=pl.when(has_amount & (pl.col("won") != NO_VALUE)).then(won),
        delivery="delivery",
    ).cast(OBSERVATIONS)


def residents(world: World, keys: KeysOf, until: int, label: Label = by_source) -> pl.DataFrame:
    """RESIDENTS, told at the end of each month."""
    spells = world.life.spells.with_columns(household_no="household")
    born = pl.DataFrame({"birth": world.life.people.birth}).select(_date("birth").dt.year()).to_series()
    frames = [
        changed_residents(spells, since, delivery.sent).select(
            person_key=pl.lit(keys.person).gather(pl.col("person")),
            household_key=pl.lit(keys.household).gather(pl.col("household")),
            birth_year=pl.lit(born).gather(pl.col("person")),
            is_head=pl.col("is_head") == "Y",
            valid_from="valid_from",
            valid_to="valid_to",
            end_reason=pl.when("is_over").then("reason"),
            received_on=pl.lit(EPOCH) + pl.duration(days=delivery.sent),
            delivery=pl.lit(label(delivery)),
        )
        for since, delivery in month_ends(world, "residents", until)
    ]
    return pl.concat(frames).cast(RESIDENTS)


def addresses(world: World, keys: KeysOf, until: int, label: Label = by_source) -> pl.DataFrame:
    """ADDRESSES, told at the end of each month."""
    table = world.homes.stays.with_columns(
        household_no="household",
        address_key=keys.address,
        building_key=keys.building,
        housing=pl.lit(pl.Series(HOUSING)).gather(pl.col("housing")),
        office=pl.lit(world.places.offices["code"]).gather(pl.col("office")),
    ).filter("is_registered")
    frames = [
        changed(table, since, delivery.sent).select(
            "address_key",
            "building_key",
            "housing",
            "office",
            "valid_from",
            "valid_to",
            household_key=pl.lit(keys.household).gather(pl.col("household")),
            has_unit=pl.col("address_key") != pl.col("building_key"),
            received_on=pl.lit(EPOCH) + pl.duration(days=delivery.sent),
            delivery=pl.lit(label(delivery)),
        )
        for since, delivery in month_ends(world, "addresses", until)
    ]
    return pl.concat(frames).select(ADDRESSES.names()).cast(ADDRESSES)


def contacts(world: World, keys: KeysOf, until: int, label: Label = by_source) -> pl.DataFrame:
    """CONTACTS of the incumbent's rounds, told at the end of each month."""
    told = pl.concat(world.record.contacts)
    ends = [delivery for _, delivery in month_ends(world, "contacts", until)]
    at = pl.Series([delivery.sent for delivery in ends]).search_sorted(told["recorded"])
    told = told.with_columns(
        sent=pl.Series([*(delivery.sent for delivery in ends), NEVER]).gather(at),
        delivery=pl.Series([*(label(delivery) for delivery in ends), ""]).gather(at),
    ).filter(pl.col("sent") <= until)
    return told.select(
        household_key=pl.lit(keys.household).gather(pl.col("household")),
        alert="case_no",
        office=pl.lit(world.places.offices["code"]).gather(pl.col("office")),
        lane=pl.lit("incumbent"),
        selected_on=_date("selected"),
        contacted_on=_date("contacted"),
        outcome="outcome",
        benefit=pl.col("benefit").replace("", None),
        received_on=_date("sent"),
        delivery="delivery",
    ).cast(CONTACTS)


def month_ends(world: World, source: str, until: int) -> list[tuple[int, Delivery]]:
    """(day of the telling before, delivery) of every month until then; everybody is told of at first."""
    months = range(world.first, world.first + world.settings.live_months)
    sent = [Delivery(day_number(last_day(month)), source, month) for month in months]
    before = [-NEVER, *(delivery.sent for delivery in sent)]
    return [(since, delivery) for since, delivery in zip(before, sent, strict=False) if delivery.sent <= until]


def _date(column: str) -> pl.Expr:
    return (pl.lit(EPOCH) + pl.duration(days=pl.col(column))).cast(pl.Date)
