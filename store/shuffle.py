"""Frames handed from the work on one range of keys to the work on another: a folder, here or in object storage.

A shuffle file is one range's output sorted by the key of the next step, one Arrow record batch per range to come, so
that each of them is read without the others. Whole or absent; written again, it holds the same bytes.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import uuid4

import polars as pl
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.ipc as ipc

from features.ranges import cuts, ranges_of
from store.faults import StoreError

_LOOKED_THROUGH: Final = 500_000  # rows at a time


class Shuffle:
    def __init__(self, folder: str) -> None:
        """`folder`: a path, or a URL that pyarrow.fs understands (s3://...)."""
        if "://" in folder:
            self._files, self._root = pafs.FileSystem.from_uri(folder)
        else:
            self._files, self._root = pafs.LocalFileSystem(), folder
        self._is_local = isinstance(self._files, pafs.LocalFileSystem)

    def scatter(self, name: str, source: int, frame: pl.DataFrame, key: str, parts: int) -> None:
        """From range `source`: rows go to the range of their `key`."""
        ordered = frame.sort(key)
        at = cuts(ordered[key], parts)
        table = ordered.to_arrow(compat_level=pl.CompatLevel.oldest())
        with self._replacing(self._place(name, source)) as out, ipc.new_file(out, table.schema) as writer:
            for part in range(parts):
                piece = table.slice(at[part], at[part + 1] - at[part]).combine_chunks()
                batches = piece.to_batches()
                writer.write_batch(batches[0] if batches else _nothing(table))

    def gather(self, name: str, part: int | range, sources: Sequence[int], mine: pl.Expr | None = None) -> pl.DataFrame:
        """What every source sent to a range, or to several side by side. `mine`: of it only these rows, looked for
        before all of it is brought together."""

        def sent(source: int) -> pa.Table:
            with self._opened(self._place(name, source)) as file:
                return pa.Table.from_batches([file.get_batch(number) for number in ranges_of(part)])

        return _together(map(sent, sources), mine)

    def keep(self, name: str, part: int, frame: pl.DataFrame) -> None:
        """What a range keeps for its own later steps."""
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        with self._replacing(self._place(name, part)) as out, ipc.new_file(out, table.schema) as writer:
            writer.write_table(table)

    def kept(self, name: str, part: int | range, mine: pl.Expr | None = None) -> pl.DataFrame:
        """What one range kept, or several. `mine`: as of gather."""

        def of(number: int) -> pa.Table:
            with self._opened(self._place(name, number)) as file:
                return file.read_all()

        return _together(map(of, ranges_of(part)), mine)

    def has(self, name: str, part: int) -> bool:
        return bool(self._files.get_file_info(self._place(name, part)).type == pafs.FileType.File)

    def drop(self, name: str, part: int) -> None:
        self._files.delete_file(self._place(name, part))

    def clear(self) -> bool:
        """False: there was nothing."""
        if self._files.get_file_info(self._root).type == pafs.FileType.NotFound:
            return False
        self._files.delete_dir(self._root)
        return True

    def _place(self, name: str, number: int) -> str:
        return f"{self._root}/{name}/{number:05d}.arrow"

    def _opened(self, place: str) -> ipc.RecordBatchFileReader:
        try:
            return ipc.open_file(pa.memory_map(place) if self._is_local else self._files.open_input_file(place))
        except (pa.ArrowInvalid, FileNotFoundError):
            cure = "run the night again; should it come back, look after the storage behind engine.scratch"
            raise StoreError("lake", f"{place} is not whole", cure) from None

    def _replacing(self, place: str) -> "_Replacing":
        return _Replacing(self._files, place, self._is_local)


class _Replacing:
    """A file that appears when it is closed without an error, and then whole."""

    def __init__(self, files: pafs.FileSystem, place: str, is_local: bool) -> None:
        self._files, self._place, self._is_local = files, place, is_local
        folder, name = place.rsplit("/", 1)
        # Two attempts at the same file may run at once when a worker was thought dead.
        self._beside = f"{folder}/.{name}.{uuid4().hex}"
        if is_local:
            files.create_dir(folder)

    def __enter__(self) -> pa.NativeFile:
        # To close an unfinished upload is to publish it: object storage is given the whole at once.
        self._out = self._files.open_output_stream(self._beside) if self._is_local else pa.BufferOutputStream()
        return self._out

    def __exit__(self, kind: object, *_: object) -> None:
        if not self._is_local:
            if kind is None:
                with self._files.open_output_stream(self._place) as out:
                    out.write(self._out.getvalue())
            return
        self._out.close()
        if kind is None:
            self._files.move(self._beside, self._place)
        else:
            self._files.delete_file(self._beside)


def _nothing(table: pa.Table) -> pa.RecordBatch:
    """With the table's own dictionaries: a file of Arrow's allows one for each column of words."""
    if table.num_rows:
        return table.slice(0, 1).combine_chunks().to_batches()[0].slice(0, 0)
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in table.schema], schema=table.schema)


def _together(tables: Iterable[pa.Table], mine: pl.Expr | None) -> pl.DataFrame:
    found, held = list[pl.DataFrame](), list[pa.Table]()
    for table in tables:
        held.append(table)
        if mine is not None and sum(one.num_rows for one in held) > _LOOKED_THROUGH:
            found.append(_frame(held, mine))
            held.clear()
    return pl.concat([*found, _frame(held, mine)] if held else found)


def _frame(tables: list[pa.Table], mine: pl.Expr | None) -> pl.DataFrame:
    table = pa.concat_tables(tables)
    if mine is None:
        return pl.DataFrame(table)
    asked = pl.DataFrame(table.select(mine.meta.root_names())).select(mine).to_series()
    # Before anything is made of the rows: texts are copied on the way.
    return pl.DataFrame(table.filter(asked.to_arrow()))
