"""Names and phones as they were told by a day. The identity table holds the newest; what was told before lies, sealed,
in the archive of deliveries, for as long as that is kept."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl

from flows.desk import Desk
from flows.tokenised import source_of, tokenise
from signals.delivery import read_name
from signals.rows import read_head, shows_head
from store import deliveries, identities
from store.faults import StoreError
from store.tables import Delivery

TOLD = ("person_key", "name", "phone")


def as_told_by(
    desk: Desk, residences: pl.DataFrame, people: pl.DataFrame, as_of: date
) -> tuple[pl.DataFrame, int, int]:
    """`people` (store.identities.look_up of `residences`) with the words of that day; how many have changed since, and
    of how many the old words are found no more. Only for whom the access is recorded."""
    changed = identities.told_after(desk.engine, residences["person_key"], as_of)
    if changed.is_empty():
        return people, 0, 0
    before = pl.concat(
        [
            pl.DataFrame(schema={"person_key": pl.Int64, "name": pl.String, "phone": pl.String}),
            *_found(desk, changed, as_of),
        ]
    )
    then = residences.select("household_key", "person_key").join(before, on="person_key")
    old = people.join(then, on="household_key", how="left", suffix="_then", maintain_order="left")
    is_old = pl.col("person_key").is_not_null()
    words = [pl.when(is_old).then(f"{name}_then").otherwise(name).alias(name) for name in ("name", "phone")]
    return old.with_columns(words).select(people.columns), changed.len(), changed.len() - before.height


def _found(desk: Desk, wanted: pl.Series, as_of: date) -> Iterator[pl.DataFrame]:
    """The newest words about each, delivery by delivery, until nobody is left."""
    left = wanted
    for delivery in reversed(_registers(desk, as_of)):
        if left.is_empty():
            return
        try:
            rows = _rows(desk, delivery).filter(pl.col("person_key").is_in(left.implode()))
        except StoreError:
            continue  # destroyed when its time was over
        told = rows.unique("person_key", keep="last", maintain_order=True)
        left = left.filter(~left.is_in(told["person_key"].implode()))
        yield told


def _registers(desk: Desk, as_of: date) -> list[Delivery]:
    """In the order in which they were taken in."""
    told = [d for d in deliveries.listed(desk.engine) if d.source == "residents" and d.state == "taken" and d.accepted]
    return sorted((d for d in told if d.received_on <= as_of), key=lambda d: (d.received_on, d.sent_on, d.file_name))


def _rows(desk: Desk, delivery: Delivery) -> pl.DataFrame:
    """TOLD, of those accepted then."""
    name = read_name(delivery.file_name)
    source, start = source_of(name), b""
    for piece in desk.archive.pieces(delivery.id):
        start += piece
        if shows_head(start, b"\n"):
            break
    head = read_head(start, b"\n", source.reader.layout, name.filename)
    stamps = {"received_on": pl.lit(delivery.received_on), "delivery": pl.lit(delivery.id)}
    size = max(len(start), delivery.received * 100)  # bytes, about: it sets only how much is held at a time
    told = tokenise(desk.archive.pieces(delivery.id), head, source, stamps, desk.keys, size, Path(desk.work))
    try:
        return pl.concat([rows.sort("row_no").select(TOLD) for rows in told.in_clear()])
    finally:
        told.rows.close()
