"""What is really so, month by month. Written apart: only tests and benchmarks read it."""

import numpy as np
import polars as pl

from synthetic.calendar import day_number, last_day
from synthetic.world import World

SCHEMA = pl.Schema(
    {"household_no": pl.String, "month": pl.Date, "need": pl.Boolean, "hardship": pl.Float32, "onset": pl.Date}
)


def write_truth(world: World, numbers: pl.Series) -> pl.DataFrame:
    """month: its last day; hardship: need begins above 0; onset: last day of the first month of the spell.

    An onset in the first month told of may lie before it.
    """
    ends = [last_day(world.first + month) for month in range(len(world.record.need))]
    onset = np.full(world.life.households, -1)
    frames = []
    for month, end in enumerate(ends):
        need = world.record.need[month]
        onset = np.where(need, np.where(onset < 0, month, onset), -1)
        day = day_number(end)
        here = np.flatnonzero((world.life.active_since <= day) & (world.life.active_until > day))
        began = pl.Series([*ends, None], dtype=pl.Date).gather(onset[here])
        frames.append(
            pl.DataFrame(
                {
                    "household_no": numbers.gather(here),
                    "month": pl.repeat(end, len(here), dtype=pl.Date, eager=True),
                    "need": need[here],
                    "hardship": world.record.hardship[month][here],
                    "onset": began,
                },
                schema=SCHEMA,
            )
        )
    return pl.concat(frames)


SPELLS = pl.Schema({"household_key": pl.Int64, "begins": pl.Date, "ends": pl.Date, "worst": pl.Float32})


def write_spells(world: World, keys: pl.Series) -> pl.DataFrame:
    """Need by spell: last days of its first and last month, and the worst hardship within.

    A row per household and month, as above, would be 650 million rows in a country of 23.5 million households.
    """
    need = np.array(world.record.need)
    months, household = np.nonzero(need)
    hardship = np.array(world.record.hardship)[months, household]
    ends = pl.Series([last_day(world.first + month) for month in range(len(need))], dtype=pl.Date)
    rows = pl.DataFrame({"household": household, "month": months, "hardship": hardship}).sort("household", "month")
    # Within a spell the month and its rank rise together.
    spell = pl.col("month") - pl.int_range(pl.len()).over("household")
    spells = rows.group_by("household", spell.alias("spell"), maintain_order=True).agg(
        pl.col("month").first().alias("begins"), pl.col("month").last().alias("ends"), worst=pl.col("hardship").max()
    )
    return spells.select(
        household_key=pl.lit(keys).gather(pl.col("household")),
        begins=pl.lit(ends).gather(pl.col("begins")),
        ends=pl.lit(ends).gather(pl.col("ends")),
        worst="worst",
    ).cast(SPELLS)
