"""What the board counts among deliveries: lines of files and rules they broke, never a value, never a file's name."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl
from sqlalchemy import Engine, func, select

from store.database import reading
from store.deliveries import WITHDRAWN
from store.tables import Delivery, RowSetAside

LINES: Final = pl.Schema(
    {
        "id": pl.String,
        "source": pl.String,
        "base_month": pl.Date,
        "received_on": pl.Date,
        "received": pl.Int64,
        "accepted": pl.Int64,
        "set_aside": pl.Int64,
    }
)


def taken(engine: Engine, sources: Sequence[str], as_of: date) -> pl.DataFrame:
    """LINES of what these sources sent and no correction replaced, as known on `as_of`; by source and month."""
    columns = [getattr(Delivery, name) for name in LINES]
    query = (
        select(*columns)
        .where(Delivery.state == "taken", Delivery.source.in_(sources), Delivery.received_on <= as_of)
        .where(Delivery.superseded_by.is_(None), Delivery.reason != WITHDRAWN)
        .order_by(Delivery.source, Delivery.base_month, Delivery.id)
    )
    with reading(engine) as session:
        return pl.DataFrame(session.execute(query).tuples().all(), schema=LINES, orient="row")


def rules_broken(engine: Engine, deliveries: Sequence[str]) -> dict[str, list[str]]:
    """Per delivery the rules that rows were set aside for, the one that hit most of them first."""
    counted = select(RowSetAside.delivery, RowSetAside.rule, func.count().label("rows"))
    query = counted.where(RowSetAside.delivery.in_(deliveries)).group_by(RowSetAside.delivery, RowSetAside.rule)
    found: dict[str, list[str]] = {}
    with reading(engine) as session:
        for delivery, rule, _ in session.execute(query.order_by(func.count().desc(), RowSetAside.rule)):
            found.setdefault(delivery, []).append(rule)
    return found


def files_since(engine: Engine, since: date | None, as_of: date) -> list[tuple[str, str, str, int]]:
    """source, state, reason of a refusal, files: of those received after `since`."""
    query = select(Delivery.source, Delivery.state, Delivery.reason, func.count()).where(Delivery.received_on <= as_of)
    if since is not None:
        query = query.where(Delivery.received_on > since)
    grouped = query.group_by(Delivery.source, Delivery.state, Delivery.reason)
    with reading(engine) as session:
        return list(session.execute(grouped.order_by(Delivery.source, Delivery.state, Delivery.reason)).tuples())
