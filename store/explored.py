"""What the random lane needs to be weighed: who was given a place when, with which chance, and how many waited."""

from datetime import date

import polars as pl
from sqlalchemy import Engine, select

from store.database import reading
from store.tables import Alert, Run

OPENED = pl.Schema(
    {
        "alert": pl.String, "household_key": pl.Int64, "office": pl.String, "lane": pl.String, "band": pl.String,
        "opened_on": pl.Date, "inclusion": pl.Float64,
    }
)  # fmt: skip


def opened_between(engine: Engine, first: date, last: date) -> pl.DataFrame:
    """OPENED: every alert opened from `first` to `last`, with its true band, sorted by id."""
    columns = (
        Alert.id, Alert.household_key, Alert.office, Alert.lane, Alert.true_band, Alert.opened_on, Alert.inclusion
    )  # fmt: skip
    query = select(*columns).where(Alert.opened_on >= first, Alert.opened_on <= last).order_by(Alert.id)
    with reading(engine) as session:
        rows = [tuple(row) for row in session.execute(query)]
    return pl.DataFrame(rows, schema=OPENED, orient="row")


def waited(engine: Engine, first: date, last: date) -> float | None:
    """Households with a live signal and no place by the order, on an average night; None: there was no night."""
    query = select(Run.counts).where(Run.kind == "nightly", Run.state == "done", Run.as_of >= first, Run.as_of <= last)
    with reading(engine) as session:
        nights = [counts["decisions"] for counts in session.scalars(query)]
    told = [night.get("below_cut", 0) + night.get("queued_explore", 0) for night in nights]
    return sum(told) / len(told) if told else None
