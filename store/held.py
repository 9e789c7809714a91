"""What the lake holds of one household beside its four tables."""

from datetime import date

import polars as pl
from deltalake import DeltaTable

from store.lake import Lake


def scores_of(lake: Lake, household_key: int) -> list[tuple[date, float]]:
    """Day and probability of every night that scored it, oldest first."""
    place = f"{lake.place}/scores"
    if not DeltaTable.is_deltatable(place):
        return []
    mine = pl.scan_delta(DeltaTable(place)).filter(pl.col("household_key") == household_key)
    return list(mine.select("as_of", "probability").collect().sort("as_of").iter_rows())
