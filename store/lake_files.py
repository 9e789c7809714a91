"""Data files of a Delta table as we write them ourselves: half the time and three quarters of the size of its writer's.

Keys are ascending, so that their differences are kept; a text of few words is written once, with numbers for it.
"""

import json
import time
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import polars as pl
import polars.selectors as cs
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

_ROWS_PER_GROUP: Final = 131_072  # a range of keys reads whole row groups


def put_file(place: str, name: str, rows: pl.DataFrame, partition: Mapping[str, str | None] | None = None) -> AddAction:
    """`rows`, ascending by the table's key, as a file of the table at `place`: unseen until the action is committed.
    `partition`: columns that are one value in all of them, and not among them."""
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    differences, measures = (rows.select(cs.by_dtype(dtype)).columns for dtype in (pl.Int64, pl.Float64))
    files, root = pafs.FileSystem.from_uri(place) if "://" in place else (pafs.LocalFileSystem(), place)
    with files.open_output_stream(f"{root}/{name}") as out:
        pq.write_table(
            table,
            out,
            row_group_size=_ROWS_PER_GROUP,
            store_schema=False,  # or a reader would take words for pyarrow's own kind of them
            use_dictionary=[column for column in rows.columns if column not in (*differences, *measures)],
            column_encoding=dict.fromkeys(differences, "DELTA_BINARY_PACKED"),
            compression={column: "NONE" if column in differences else "ZSTD" for column in rows.columns},
            compression_level={column: 1 for column in rows.columns if column not in differences},
        )
        size = out.tell()
    told = dict(partition or {})
    return AddAction(name, size, told, int(time.time() * 1000), data_change=True, stats=json.dumps(_stats(rows)))


def _stats(rows: pl.DataFrame) -> dict[str, Any]:
    """By which files are passed over that cannot hold what is asked for."""
    told = rows.select(pl.exclude(pl.Boolean))
    lowest, highest = _plain(told.select(_bounds("min"))), _plain(told.select(_bounds("max")))
    nulls = rows.null_count().row(0, named=True)
    return {"numRecords": rows.height, "minValues": lowest, "maxValues": highest, "nullCount": nulls}


def _bounds(which: str) -> list[pl.Expr]:
    # Words are told apart by their letters, not by the numbers they have here.
    words = cs.by_dtype(pl.Categorical, pl.Enum)
    return [getattr(~words, which)(), getattr(words.unique().cast(pl.String), which)()]


def _plain(row: pl.DataFrame) -> dict[str, Any]:
    found = row.row(0, named=True)
    return {
        name: str(value) if isinstance(value, date) else value for name, value in found.items() if value is not None
    }
