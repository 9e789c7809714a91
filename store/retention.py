"""Old months leave the tables that grow with time: one commit per table, of whole months, by day observed.

This is not destruction: versions before the commit are still read by whoever replays an old night, until a vacuum
removes their files. To destroy, with proof, is another task and not done here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl
from deltalake import CommitProperties, DeltaTable

from store.lake import Lake

# Registers are told as changes (without the row that closes a spell, it is open again), and what officers did with a
# household counts for ever: neither is cut.
DATED: Final[Mapping[str, str]] = {"observations": "observed_on", "scores": "as_of"}
DROPPED: Final = pl.Schema({"table": pl.String, "month": pl.Date, "rows": pl.Int64})


@dataclass(frozen=True, slots=True)
class Retained:
    kept_from: date
    dropped: pl.DataFrame  # DROPPED, by table and month
    versions: Mapping[str, int]  # of the tables changed: the last that holds what was dropped


def drop_months(lake: Lake, kept_from: date) -> Retained:
    """Rows before `kept_from`, the first day of a month, are no longer in the newest version. Nothing older: no commit.

    Deliveries stay known as taken in, so that none comes in a second time.
    """
    if kept_from.day != 1:
        raise ValueError(f"{kept_from}: months are dropped whole")
    told, versions = [pl.DataFrame(schema=DROPPED)], {}
    for table, day in DATED.items():
        place = f"{lake.place}/{table}"
        if not DeltaTable.is_deltatable(place):
            continue
        delta = DeltaTable(place)
        months = _months(delta, table, day, kept_from)
        if months.is_empty():
            continue
        versions[table] = delta.version()
        # The day is part of the condition, so that rows counted are the rows dropped, whatever is appended meanwhile.
        delta.delete(
            f"{day} < '{kept_from}'",
            commit_properties=CommitProperties(custom_metadata={"retention": f"kept from {kept_from}"}),
        )
        told.append(months)
    return Retained(kept_from, pl.concat(told), versions)


def _months(delta: DeltaTable, table: str, day: str, kept_from: date) -> pl.DataFrame:
    """DROPPED. Files that hold no such day are not opened."""
    old = pl.scan_delta(delta).select(day).filter(pl.col(day) < kept_from)
    counted = old.group_by(month=pl.col(day).dt.month_start()).agg(rows=pl.len()).sort("month")
    named = counted.select(pl.lit(table).alias("table"), "month", pl.col("rows").cast(pl.Int64))
    return named.collect(engine="streaming").cast(DROPPED)
