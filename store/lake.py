"""The lake: Delta tables that only grow. Appends are idempotent per delivery; any version can be read again.

Every commit is sorted by the table's key, and `tidy` makes one table of many commits whose files hold ranges of it that
do not overlap: one range of keys is read without the others, by the statistics in log and files. A night's commit holds
a day or two of receipt, so a read as of an earlier day skips it. Files go by store.retention alone.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from features.ranges import bounds, within
from signals.tables import ADDRESSES, CONTACTS, OBSERVATIONS, RESIDENTS
from store.faults import StoreError
from store.files import make_folder
from store.lake_files import put_file
from store.shuffle import Shuffle

Table = Literal["observations", "residents", "addresses", "contacts"]
TABLES: Final[Mapping[Table, pl.Schema]] = {
    "observations": OBSERVATIONS,
    "residents": RESIDENTS,
    "addresses": ADDRESSES,
    "contacts": CONTACTS,
}
# By what each is sorted and read in ranges.
KEYS: Final[Mapping[Table, str]] = {
    "observations": "key",
    "residents": "person_key",
    "addresses": "household_key",
    "contacts": "household_key",
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
# A range of keys reads whole row groups.
_WRITER: Final = WriterProperties(max_row_group_size=131_072, compression="ZSTD", compression_level=1)
_ROWS_PER_FILE: Final = 2_000_000
_WORDS: Final = cs.by_dtype(pl.Categorical, pl.Enum)


class Lake:
    def __init__(self, folder: str | Path) -> None:
        """A folder, or a URL of object storage; its credentials come from the environment."""
        self.place = str(folder).rstrip("/")

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
        rows = pl.concat(new.values()).sort(KEYS[table], "received_on", "delivery", maintain_order=True)
        marked = CommitProperties(app_transactions=marks)
        write_deltalake(delta, rows, mode="append", commit_properties=marked, writer_properties=_WRITER)
        return list(new)

    def append_stream(self, table: Table, delivery: str, received_on: date, frames: Iterable[pl.DataFrame]) -> bool:
        """One large delivery, frame by frame, each ascending by key (few words: Categorical), in one commit.
        False: it is there already, no frame was asked for."""
        delta = self._open(table)
        if delta.transaction_version(delivery) is not None:
            return False
        mark = Transaction(delivery, (received_on - _DAY_ZERO).days)
        files: list[AddAction | RemoveAction] = []
        for number, frame in enumerate(frames):
            if frame.height and _mark(table, delivery, frame, words=_WORDS).version != mark.version:
                raise ValueError(f"{table}: the rows of one delivery carry one day received")
            # Written again after a crash, it takes the place of what that left.
            name = f"{delivery}-{number:05d}.parquet"
            if frame.height:
                files.append(put_file(self._uri(table), name, frame))
        marked = CommitProperties(app_transactions=[mark])
        delta.create_write_transaction(files, "append", delta.schema(), commit_properties=marked)
        return True

    def append_part(self, table: Table, rows: pl.DataFrame, part: str) -> bool:
        """A part of many deliveries, in one commit that may run beside others. False: this part is already there."""
        delta = self._open(table)
        if delta.transaction_version(part) is not None:
            return False
        if rows.schema != TABLES[table]:
            raise ValueError(f"{table}: columns or types differ from signals.tables: {rows.schema}")
        mark = CommitProperties(app_transactions=[Transaction(part, 1)], max_commit_retries=100)
        ordered = rows.sort(KEYS[table], "received_on", "delivery", maintain_order=True)
        write_deltalake(delta, ordered, mode="append", commit_properties=mark, writer_properties=_WRITER)
        return True

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

    def range_known_on(
        self,
        table: Table,
        as_of: date,
        superseded: Collection[str],
        part: tuple[int | range, int],
        version: int,
        columns: Sequence[str],
        mine: pl.Expr | None = None,
    ) -> pl.DataFrame:
        """As known_on, of one range of the table's key, or of several (features.ranges), in the order of its files.
        `mine`: only these rows."""
        delta = self._open(table, version)
        first, last = bounds(*part)
        held = pl.col(f"min.{KEYS[table]}").le(last) & pl.col(f"max.{KEYS[table]}").ge(first)
        actions = pl.DataFrame(delta.get_add_actions(flatten=True))
        # Only files that can hold such keys are opened: a country has hundreds.
        files = actions.filter(held.fill_null(True))["path"].to_list() if actions.height else []
        if not files:
            return pl.DataFrame(schema={name: TABLES[table][name] for name in columns})
        known = pl.scan_parquet([f"{self._uri(table)}/{file}" for file in files])
        known = known.filter(within(KEYS[table], *part) & (pl.col("received_on") <= as_of))
        if mine is not None:
            known = known.filter(mine)
        if superseded:
            known = known.filter(~pl.col("delivery").is_in(sorted(superseded)))
        return known.select(columns).collect()

    def added(
        self, table: Table, as_of: date, superseded: Collection[str], since: int, version: int
    ) -> pl.DataFrame | None:
        """As known_on, of what was appended after version `since`, in no order. None: more was done than appending."""
        before, after = (set(self._open(table, v).file_uris()) for v in (since, version))
        if not before <= after:
            return None
        none = pl.DataFrame(schema=TABLES[table])
        files = sorted(after - before)
        rows = pl.concat([none, *(pl.read_parquet(file, columns=none.columns) for file in files)])
        return rows.filter((pl.col("received_on") <= as_of) & ~pl.col("delivery").is_in(sorted(superseded)))

    def scan(self, table: Table, version: int, superseded: Collection[str] = ()) -> pl.LazyFrame:
        told = pl.scan_delta(self._open(table, version))
        return told.filter(~pl.col("delivery").is_in(sorted(superseded))) if superseded else told

    def about(self, column: str, table: Table, version: int) -> int:
        """How many different values a column holds, within a few hundredths; the same for the same version."""
        told = pl.scan_delta(self._open(table, version)).select(pl.col(column).approx_n_unique())
        return int(told.collect(engine="streaming").item())

    def rows(self, table: Table, version: int | None = None) -> int:
        actions = pl.DataFrame(self._open(table, version).get_add_actions(flatten=True))
        return int(actions["num_records"].sum()) if actions.height else 0

    def missing_files(self, table: Table) -> list[str]:
        """Files that the newest version names and that are not there. Of a folder: object storage is not asked."""
        actions = pl.DataFrame(self._open(table).get_add_actions(flatten=True))
        if "://" in self.place or not actions.height:
            return []
        return [file for file in actions["path"] if not Path(f"{self._uri(table)}/{file}").exists()]

    def versions(self) -> dict[str, int]:
        """Version of every table, to be noted by a run that reads them."""
        return {table: self._open(table).version() for table in TABLES}

    def ids(self) -> dict[str, str]:
        """Of every table, from the day it was made: another lake's versions mean nothing here."""
        return {table: str(self._open(table).metadata().id) for table in TABLES}

    def deliveries(self, table: Table) -> frozenset[str]:
        """Ids that have rows in a table: what the database does not know was left by a killed night."""
        ids = pl.scan_delta(self._open(table)).select(pl.col("delivery").unique()).collect()
        return frozenset(ids["delivery"].to_list())

    def write_scores(self, as_of: date, frames: Callable[[], Iterable[pl.DataFrame]]) -> bool:
        """Replace the day's scores (household_key, margin, probability, ascending). False: these are there already.

        `frames` is asked twice, once to see what they hold and once to write them: never are all of them held.
        """
        columns = [pl.col(name).cast(dtype) for name, dtype in SCORES.items() if name != "as_of"]
        delta, day = self._open("scores"), f"as_of={as_of}"
        mark = Transaction(f"scores-{as_of:%Y%m%d}", _fingerprint(frame.select(columns) for frame in frames()))
        if delta.transaction_version(mark.app_id) == mark.version:
            return False
        if "://" not in self.place:
            make_folder(Path(f"{self._uri('scores')}/{day}"))
        files: list[AddAction | RemoveAction] = [
            put_file(self._uri("scores"), f"{day}/{uuid4()}.parquet", frame.select(columns), {"as_of": str(as_of)})
            for frame in _together(frames(), _ROWS_PER_FILE)
        ]
        marked, replaced = CommitProperties(app_transactions=[mark]), [("as_of", "=", str(as_of))]
        delta.create_write_transaction(
            files, "overwrite", delta.schema(), ["as_of"], replaced, commit_properties=marked
        )
        return True

    def read_scores(self, as_of: date, version: int | None = None) -> pl.DataFrame:
        scores = pl.scan_delta(self._open("scores", version)).filter(pl.col("as_of") == as_of)
        return scores.select(SCORES.names()).collect().sort("household_key")

    def margins(self, as_of: date, every: int) -> npt.NDArray[np.float64]:
        """Of one household in `every`, the same ones on every day, in no order."""
        mine = (pl.col("as_of") == as_of) & (pl.col("household_key") % every == 0)
        told = pl.scan_delta(self._open("scores")).filter(mine).select("margin")
        return told.collect(engine="streaming")["margin"].to_numpy()

    def tidy(self, scratch: str, files: int = 64) -> list[str]:
        """Rewrite tables of more than `files` files into ranges of keys that do not overlap. The rows stay the same, as
        do older versions. `scratch`: a folder of our own for the sorting."""
        many = [table for table in TABLES if len(self._open(table).file_uris()) > files]
        for table in many:
            self._arrange(table, Shuffle(f"{scratch}/tidy-{table}"))
        return [str(table) for table in many]

    def _arrange(self, table: Table, shuffle: Shuffle) -> None:
        shuffle.clear()
        delta, key = self._open(table), KEYS[table]
        ranges = -(-self.rows(table) // _ROWS_PER_FILE)
        pieces = 0
        for file in sorted(delta.file_uris()):
            # A sorted file is cut by rows: each piece holds few ranges, and one piece is held at a time.
            for piece in pl.read_parquet(file).iter_slices(_ROWS_PER_FILE):
                shuffle.scatter("rows", pieces, piece, key, ranges)
                pieces += 1
        others = [name for name in TABLES[table] if name != key]
        ordered = (shuffle.gather("rows", part, range(pieces)).sort(key, *others) for part in range(ranges))
        write_deltalake(delta, _stream(ordered, TABLES[table]), mode="overwrite", writer_properties=_WRITER)
        shuffle.clear()

    def _uri(self, table: str) -> str:
        return f"{self.place}/{table}"

    def _open(self, table: Table | Literal["scores"], version: int | None = None) -> DeltaTable:
        path = self._uri(table)
        if not DeltaTable.is_deltatable(path):
            if "://" not in path:
                make_folder(Path(path))
            schema = SCORES if table == "scores" else TABLES[table]
            by = ["as_of"] if table == "scores" else None
            DeltaTable.create(path, schema, mode="ignore", partition_by=by, configuration=_FOREVER)
        try:
            return DeltaTable(path, version=version)
        except DeltaError as error:
            what = f"{path} cannot be read at version {version}: {type(error).__name__}"
            raise StoreError("lake", what, "restore the lake folder from its backup") from None


def _mark(table: Table, delivery: str, frame: pl.DataFrame, *, words: cs.Selector | None = None) -> Transaction:
    """The app transaction of a delivery. Its version is the day received, the same in every row. words: columns that
    stand for texts."""
    none = frame.clear()
    if (none if words is None else none.with_columns(words.cast(pl.String))).schema != TABLES[table]:
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


def _stream(frames: Iterable[pl.DataFrame], schema: pl.Schema) -> pa.RecordBatchReader:
    oldest = pl.CompatLevel.oldest()
    told = pl.DataFrame(schema=schema).to_arrow(compat_level=oldest).schema
    tables = (frame.select(schema.names()).to_arrow(compat_level=oldest).cast(told) for frame in frames)
    return pa.RecordBatchReader.from_batches(told, (batch for table in tables for batch in table.to_batches()))


def _together(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """As few frames as hold so many `rows`, about."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(map(len, held)) >= rows:
            yield pl.concat(held)
            held.clear()
    if held:
        yield pl.concat(held)


def _fingerprint(frames: Iterable[pl.DataFrame]) -> int:
    """63 bits over the content, however it is cut into frames."""
    columns: dict[str, hashlib._Hash] = {}
    for rows in frames:
        for column in rows.get_columns():
            columns.setdefault(column.name, hashlib.sha256()).update(column.to_physical().to_numpy().tobytes())
    whole = hashlib.sha256(b"".join(digest.digest() for digest in columns.values()))
    return int.from_bytes(whole.digest()[:8], "big") >> 1
