"""Sending the made-up officers to households of one's own choice: what they would have answered."""

from datetime import date

import numpy as np
import polars as pl

from synthetic import officers
from synthetic.calendar import EPOCH, day_number, month_of
from synthetic.country import Country
from synthetic.world import at_the_door

ANSWERED_AFTER = 35  # days, roughly: what is so then is what the officer finds


def visit(country: Country, households: pl.Series, selected_on: date, rng: np.random.Generator) -> pl.DataFrame:
    """household_no, contacted_on, outcome (key of OUTCOMES), benefit; in the order of `households`.

    The country has already been lived: these visits help nobody in it. Raises ValueError for a household or a day
    that the country does not have.
    """
    world = country.world
    month = month_of(selected_on) - world.first
    if not 0 <= month < world.settings.live_months:
        raise ValueError(f"nobody lives in this country on {selected_on}: its months end on {country.settings.end}")
    index = pl.DataFrame({"household_no": households}).join(
        country.numbers.to_frame("household_no").with_row_index("index"),
        on="household_no",
        how="left",
        maintain_order="left",
    )["index"]
    if index.null_count():
        raise ValueError(f"{index.null_count()} households are not of this country")
    answered = day_number(selected_on) + ANSWERED_AFTER
    then = min(month_of(selected_on) + 1 - world.first, world.settings.live_months - 1)
    outcome, days = officers.answer(at_the_door(world, then, index.to_numpy(), answered), rng)
    benefit = pl.Series("benefit", officers.benefits(outcome, rng).tolist(), dtype=pl.String)
    return pl.DataFrame(
        {
            "household_no": households,
            "days": pl.Series(days, dtype=pl.Int32),
            "outcome": pl.Series(outcome.tolist(), dtype=pl.String),
            "benefit": benefit.replace("", None),
        }
    ).select(
        "household_no",
        (pl.lit(EPOCH) + pl.duration(days=day_number(selected_on) + pl.col("days"))).alias("contacted_on"),
        "outcome",
        "benefit",
    )
