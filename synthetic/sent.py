"""What had been sent by a day, as the tables that rooms hand to each other, without a detour through files.

Keys are small whole numbers instead of keyed tokens. The post keeps its faults that matter in time: what is late is
late, what nobody can read comes with its second file. Rows that intake would set aside (0.3 %) are told all the same,
and so is what a first, partly wrong file should have said.
"""

from collections.abc import Iterable

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


def observations(world: World, after: int, until: int) -> pl.DataFrame:
    """OBSERVATIONS of the files sent after one day and until another, both day numbers."""
    frames = [OBSERVATIONS.to_frame()]
    for source, frame in _rows(world, _readable(world.planned, after, until)):
        frames.append(_observed(frame, world, world.agencies[source]))
    return pl.concat(frames)


def _readable(planned: Iterable[Delivery], after: int, until: int) -> list[Delivery]:
    in_time = [delivery for delivery in planned if after < delivery.sent <= until]
    return [delivery for delivery in in_time if delivery.flaw != "broken" and delivery.flaw not in AGAIN]


def _rows(world: World, sent: list[Delivery]) -> Iterable[tuple[str, pl.DataFrame]]:
    for source, frames in sorted(world.record.observations.items()):
        days = {delivery.base: delivery.sent for delivery in sent if delivery.source == source}
        told = [part for frame in frames if (part := frame.filter(pl.col("base").is_in(list(days)))).height]
        if told:
            rows = with_holders(pl.concat(told), world)
            yield source, rows.with_columns(sent=pl.col("base").replace_strict(days, return_dtype=pl.Int32))


def _observed(rows: pl.DataFrame, world: World, agency: Agency) -> pl.DataFrame:
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
    key = pl.col("holder").cast(pl.Int64)
    if agency.key_kind == "address":
        key = pl.lit(address_keys(world)["supply"]).gather(pl.col("holder"))
    return rows.select(
        key=key,
        key_kind=pl.lit(agency.key_kind),
        signal=pl.lit(pl.Series([signal.name for signal in signals])).gather(pl.col("signal")),
        observed_on=pl.when(has_day).then(day).otherwise(pl.min_horizontal(day.dt.month_end(), sent)),
        received_on=sent,
        months=pl.when(has_months & (pl.col("months") != NO_VALUE)).then("months"),
        amount_won=pl.when(has_amount & (pl.col("won") != NO_VALUE)).then(won),
        delivery=pl.lit(agency.code),
    ).cast(OBSERVATIONS)


def address_keys(world: World) -> pl.DataFrame:
    """address, supply, building: Int64, one row per stay. The same words, the same key."""
    stays = world.homes.stays
    building = stays["address"].str.split(", ").list.first()
    words = pl.concat([stays["address"], stays["supply"], building.alias("building")])
    keys = words.rank("dense").cast(pl.Int64)
    return pl.DataFrame(
        {name: keys.slice(i * stays.height, stays.height) for i, name in enumerate(("address", "supply", "building"))}
    )


def residents(world: World, until: int) -> pl.DataFrame:
    """RESIDENTS, told at the end of each month."""
    spells = world.life.spells.with_columns(household_no="household")
    born = pl.DataFrame({"birth": world.life.people.birth}).select(_date("birth").dt.year()).to_series()
    frames = [
        changed_residents(spells, since, day).select(
            person_key="person",
            household_key="household",
            birth_year=pl.lit(born).gather(pl.col("person")),
            is_head=pl.col("is_head") == "Y",
            valid_from="valid_from",
            valid_to="valid_to",
            end_reason=pl.when("is_over").then("reason"),
            received_on=pl.lit(EPOCH) + pl.duration(days=day),
            delivery=pl.lit("residents"),
        )
        for since, day in _month_ends(world, until)
    ]
    return pl.concat(frames).cast(RESIDENTS)


def addresses(world: World, until: int) -> pl.DataFrame:
    """ADDRESSES, told at the end of each month."""
    stays = world.homes.stays
    keys = address_keys(world)
    table = stays.with_columns(
        household_no="household",
        address_key=keys["address"],
        building_key=keys["building"],
        housing=pl.lit(pl.Series(HOUSING)).gather(pl.col("housing")),
        office=pl.lit(world.places.offices["code"]).gather(pl.col("office")),
    ).filter("is_registered")
    frames = [
        changed(table, since, day).select(
            "address_key",
            "building_key",
            "housing",
            "office",
            "valid_from",
            "valid_to",
            household_key="household",
            has_unit=pl.col("address_key") != pl.col("building_key"),
            received_on=pl.lit(EPOCH) + pl.duration(days=day),
            delivery=pl.lit("addresses"),
        )
        for since, day in _month_ends(world, until)
    ]
    return pl.concat(frames).select(ADDRESSES.names()).cast(ADDRESSES)


def contacts(world: World, until: int) -> pl.DataFrame:
    """CONTACTS of the incumbent's rounds, told at the end of each month."""
    told = pl.concat(world.record.contacts)
    ends = pl.Series([day for _, day in _month_ends(world, until)])
    day = ends.gather_every(1).search_sorted(told["recorded"])
    told = told.with_columns(sent=pl.Series([*ends, NEVER]).gather(day)).filter(pl.col("sent") <= until)
    return told.select(
        household_key="household",
        alert="case_no",
        office=pl.lit(world.places.offices["code"]).gather(pl.col("office")),
        lane=pl.lit("incumbent"),
        selected_on=_date("selected"),
        contacted_on=_date("contacted"),
        outcome="outcome",
        benefit=pl.col("benefit").replace("", None),
        received_on=_date("sent"),
        delivery=pl.lit("contacts"),
    ).cast(CONTACTS)


def _month_ends(world: World, until: int) -> list[tuple[int, int]]:
    """(day of the telling before, day told) of every month until then; everybody is told of at first."""
    months = range(world.first, world.first + world.settings.live_months)
    days = [day_number(last_day(month)) for month in months]
    return [(before, day) for before, day in zip([-NEVER, *days], days, strict=False) if day <= until]


def _date(column: str) -> pl.Expr:
    return (pl.lit(EPOCH) + pl.duration(days=pl.col(column))).cast(pl.Date)
