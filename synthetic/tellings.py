"""From households to what a file says: which person, address or household number each row is about."""

import polars as pl

from synthetic.calendar import EPOCH
from synthetic.feeds import NO_VALUE
from synthetic.members import NOBODY
from synthetic.world import World

COLUMNS = {
    "signal": pl.Int16,  # place in world.feeds
    "household": pl.Int32,
    "holder": pl.Int32,  # person, row of stays, or household, as the agency knows it
    "day": pl.Int32,
    "months": pl.Int16,
    "won": pl.Int64,
}

NO_ROWS = pl.DataFrame(schema=COLUMNS)


def by_file(world: World) -> dict[tuple[str, int], pl.DataFrame]:
    """(agency, month told of) -> its rows, sorted by household."""
    files: dict[tuple[str, int], pl.DataFrame] = {}
    for agency, frames in sorted(world.record.observations.items()):
        rows = with_holders(pl.concat(frames), world)
        for (base,), part in rows.partition_by("base", as_dict=True, maintain_order=True).items():
            files[agency, int(base)] = part.select(*COLUMNS)
    return files


def with_holders(rows: pl.DataFrame, world: World) -> pl.DataFrame:
    """Drops rows about a person who is gone and whom nobody follows."""
    parts = []
    for (order,), part in rows.partition_by("signal", as_dict=True, maintain_order=True).items():
        signal = world.feeds[int(order)].signal
        household, day = part["household"].to_numpy(), part["day"].to_numpy()
        match signal.key_kind:
            case "person":
                holder = world.members.holders(signal.made_up.who, signal.name, household, day)
            case "address":
                holder = world.real[part["month"].to_numpy(), household]
            case "household":
                holder = household
        parts.append(part.with_columns(holder=pl.Series(holder, dtype=pl.Int32)))
    told = pl.concat(parts).filter(pl.col("holder") != NOBODY)
    return told.sort("base", "household", "signal", "day")


def in_clear(
    rows: pl.DataFrame, world: World, identities: pl.DataFrame, numbers: pl.Series, source: str
) -> pl.DataFrame:
    """Columns named by field, whatever the layout needs of them."""
    agency = world.agencies[source]
    codes = pl.Series([feed.signal.source_code for feed in world.feeds], dtype=pl.String)
    holder = rows["holder"]
    match agency.key_kind:
        case "person":
            key = identities["person_no"].gather(holder).alias("person_no")
        case "address":
            key = world.homes.stays["supply"].gather(holder).alias("address")
        case "household":
            key = numbers.gather(holder).alias("household_no")
    return rows.select(
        key,
        codes.gather(rows["signal"]).alias("source_code"),
        month=pl.lit(EPOCH) + pl.duration(days=pl.col("day")),
        start_month=_months_back(pl.col("day"), pl.col("months")),
        months=_known("months"),
        amount=_known("won"),
    )


def figures(rows: pl.DataFrame) -> pl.DataFrame:
    """Months and amounts alone: enough to say what can be spoilt."""
    return rows.select(months=_known("months"), amount=_known("won"))


def _known(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != NO_VALUE).then(pl.col(column))


def _months_back(day: pl.Expr, months: pl.Expr) -> pl.Expr:
    """The first month of a spell that has lasted so many months by this day; the day itself for an event."""
    date = pl.lit(EPOCH) + pl.duration(days=day)
    back = pl.format("-{}mo", months.cast(pl.Int32) - 1)
    return pl.when(months > 0).then(date.dt.month_start().dt.offset_by(back)).otherwise(date)
