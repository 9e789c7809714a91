"""What was known on a day, read from the lake: the one way for night, training and backtest."""

from datetime import date

import polars as pl

from features import Known
from flows.desk import Desk
from store import deliveries


def known_on(desk: Desk, as_of: date) -> Known:
    gone = deliveries.superseded_on(desk.engine, as_of)
    return Known(
        as_of=as_of,
        observations=desk.lake.known_on("observations", as_of, gone),
        residents=desk.lake.known_on("residents", as_of, gone),
        addresses=desk.lake.known_on("addresses", as_of, gone),
        contacts=desk.lake.known_on("contacts", as_of, gone),
    )


def contacts_known_on(desk: Desk, as_of: date) -> pl.DataFrame:
    return desk.lake.known_on("contacts", as_of, deliveries.superseded_on(desk.engine, as_of))
