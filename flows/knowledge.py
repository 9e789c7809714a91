"""What was known on a day, read from the lake: the one way for night, training and backtest."""

from datetime import date

import polars as pl

from features import Known
from flows.desk import Desk
from store import deliveries
from store.correction import Retroactive
from store.lake import Table


def known_on(desk: Desk, as_of: date, corrected: Retroactive | None = None) -> Known:
    """`corrected`: what persons had corrected since, as if it had been told right from the first. For training alone:
    nobody learns from what is known to be wrong. A night is told as it was."""
    gone = (*deliveries.superseded_on(desk.engine, as_of), *(corrected.withdrawn if corrected else ()))

    def told(table: Table) -> pl.DataFrame:
        known = desk.lake.known_on(table, as_of, gone)
        if corrected is None or not corrected.since:
            return known
        since = pl.col("delivery").replace_strict(corrected.since, default=None, return_dtype=pl.Date)
        late = desk.lake.scan(table, desk.lake.versions()[table]).filter(pl.col("received_on") > as_of)
        rows = late.with_columns(received_on=since).filter(pl.col("received_on") <= as_of).collect()
        return pl.concat([known, rows.select(known.columns)])

    return Known(
        as_of=as_of,
        observations=told("observations"),
        residents=told("residents"),
        addresses=told("addresses"),
        contacts=told("contacts"),
    )


def contacts_known_on(desk: Desk, as_of: date) -> pl.DataFrame:
    return desk.lake.known_on("contacts", as_of, deliveries.superseded_on(desk.engine, as_of))
