"""The lake: Delta tables that only grow. Appends are idempotent per delivery; any version can be read again.

One commit writes one file, sorted by the day received, so a read as of a day skips what came later by the statistics
in the file; a first night appends two years of deliveries as one commit. Nothing is ever vacuumed.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Literal

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError

from signals.tables import ADDRESSES, CONTACTS, OBSERVATIONS, RESIDENTS
from store.faults import StoreError
from store.files import make_folder

Table = Literal["observations", "residents", "addresses", "contacts"]
TABLES: Final[Mapping[Table, pl.Schema]] = {
    "observations": OBSERVATIONS,
    "residents": RESIDENTS,
    "addresses": ADDRESSES,
    "contacts": CONTACTS,
}
SCORES: Final = pl.Schema(
    {"as_of": pl.Date, "household_key": pl.Int64, "margin": pl.Float64, "probability": pl.Float64}
)
# Delta forgets removed files after a week and log entries after a month: then an old night could not be read again.
_FOREVER: Final[Mapping[str, str | None]] = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}
_DAY_ZERO = date(1970, 1, 1)


class Lake:
    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def append(self, table: Table, frame: pl.DataFrame, delivery: str) -> bool:
        """False: this delivery is already there, nothing was written."""
        return bool(self.append_many(table, [(delivery, frame)]))

    def append_many(self, table: Table, deliveries: Iterable[tuple[str, pl.DataFrame]]) -> list[str]:
        """Append every delivery that is not there yet, in one commit. Returns the ids that were new."""
        delta = self._open(table)
        new = {name: frame for name, frame in deliveries if delta.transaction_version(name) is None}
        if not new:
            return []
        marks = [_mark(table, name, frame) for name, frame in new.items()]
        rows = pl.concat(new.values()).sort("received_on", "delivery", maintain_order=True)
        write_deltalake(delta, rows, mode="append", commit_properties=CommitProperties(app_transactions=marks))
        return list(new)

    def when_taken(self, table: Table, deliveries: Iterable[str]) -> dict[str, date]:
        """The day received with which each delivery went in; those that are not there, or had no row, are left out."""
        delta = self._open(table)
        marks = {delivery: delta.transaction_version(delivery) for delivery in deliveries}
        return {delivery: _DAY_ZERO + timedelta(days=mark) for delivery, mark in marks.items() if mark}

    def known_on(
        self,
        table: Table,
        as_of: date,
        superseded: Collection[str] = (),
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Rows received on or before `as_of`, without superseded deliveries; the same rows give the same bytes.

        `version`: the table as it stood then. `columns`: read no others.
        """
        wanted = list(columns) if columns is not None else TABLES[table].names()
        known = pl.scan_delta(self._open(table, version)).filter(pl.col("received_on") <= as_of)
        if superseded:
            known = known.filter(~pl.col("delivery").is_in(sorted(superseded)))
        return known.select(wanted).collect().sort(_order(table, wanted))

    def versions(self) -> dict[str, int]:
        """Version of every table, to be noted by a run that reads them."""
        return {table: self._open(table).version() for table in TABLES}

    def deliveries(self, table: Table) -> frozenset[str]:
        """Ids that have rows in a table: what the database does not know was left by a killed night."""
        ids = pl.scan_delta(self._open(table)).select(pl.col("delivery").unique()).collect()
        return frozenset(ids["delivery"].to_list())

    def write_scores(self, as_of: date, frame: pl.DataFrame) -> bool:
        """Replace the day's scores (household_key, margin, probability). False: exactly these are there already."""
        columns = (pl.col(name).cast(dtype) for name, dtype in SCORES.items() if name != "as_of")
        rows = frame.select(pl.lit(as_of).alias("as_of"), *columns).sort("household_key")
        delta = self._open("scores")
        mark = Transaction(f"scores-{as_of:%Y%m%d}", _fingerprint(rows))
        if delta.transaction_version(mark.app_id) == mark.version:
            return False
        write_deltalake(
            delta,
            rows,
            mode="overwrite",
            predicate=f"as_of = '{as_of}'",
            commit_properties=CommitProperties(app_transactions=[mark]),
        )
        return True

    def read_scores(self, as_of: date, version: int | None = None) -> pl.DataFrame:
        scores = pl.scan_delta(self._open("scores", version)).filter(pl.col("as_of") == as_of)
        return scores.select(SCORES.names()).collect().sort("household_key")

    def tidy(self, files: int = 64) -> list[str]:
        """Join small files of tables that have more than `files`. Older versions stay readable."""
        many = [t for t in TABLES if len(self._open(t).file_uris()) > files]
        for table in many:
            self._open(table).optimize.compact()
        return [str(table) for table in many]

    def _open(self, table: Table | Literal["scores"], version: int | None = None) -> DeltaTable:
        path = self._folder / table
        if not DeltaTable.is_deltatable(str(path)):
            make_folder(path)
            schema = SCORES if table == "scores" else TABLES[table]
            by = ["as_of"] if table == "scores" else None
            DeltaTable.create(path, schema, mode="ignore", partition_by=by, configuration=_FOREVER)
        try:
            return DeltaTable(path, version=version)
        except DeltaError as error:
            what = f"{path} cannot be read at version {version}: {type(error).__name__}"
            raise StoreError("lake", what, "restore the lake folder from its backup") from None


def _mark(table: Table, delivery: str, frame: pl.DataFrame) -> Transaction:
    """The app transaction of a delivery. Its version is the day received, the same in every row."""
    if frame.schema != TABLES[table]:
        raise ValueError(f"{table}: columns or types differ from signals.tables: {frame.schema}")
    if frame.is_empty():
        return Transaction(delivery, 0)
    if frame["delivery"].n_unique() != 1 or frame["delivery"][0] != delivery or frame["received_on"].n_unique() != 1:
        raise ValueError(f"{table}: the rows of one delivery carry its id and one day received")
    return Transaction(delivery, (frame["received_on"][0] - _DAY_ZERO).days)


def _order(table: Table, columns: Sequence[str]) -> list[str]:
    """Every column, those with many different values first: a sort by strings of few values is slow."""
    first = [name for name in TABLES[table] if TABLES[table][name].is_integer() and name in columns]
    return [*first, *(name for name in columns if name not in first)]


def _fingerprint(rows: pl.DataFrame) -> int:
    """63 bits over the content."""
    digest = hashlib.sha256()
    for column in rows.get_columns():
        digest.update(column.to_physical().to_numpy().tobytes())
    return int.from_bytes(digest.digest()[:8], "big") >> 1
