"""Text cells -> dates, months and numbers. What cannot be read becomes null: a rule of the contract."""

from collections.abc import Callable
from functools import partial
from typing import assert_never

import polars as pl

from signals.layout import DateFormat

# No debt of a person or length of a spell reaches these: such a cell is a slip, in the unit or the column.
MOST_WON = 10_000_000_000
MOST_MONTHS = 600
_YEAR = "(?:1[89]|2[01])[0-9]{2}"


def has_days(written: DateFormat) -> bool:
    return written != "202608"


def day(cell: pl.Expr, written: DateFormat) -> pl.Expr:
    """The day written; of a month, its first day."""
    return _each_once(cell, partial(_day, written=written), pl.Date())


def whole(cell: pl.Expr) -> pl.Expr:
    """An integer of up to 15 digits, with or without commas at the thousands."""
    return _each_once(cell, _whole, pl.Int64())


def _each_once(cell: pl.Expr, read: Callable[[pl.Expr], pl.Expr], kind: pl.DataType) -> pl.Expr:
    """A file of millions of rows tells of few days and few lengths: each different text is read once."""

    def told(cells: pl.Series) -> pl.Series:
        column = cells.alias("text").to_frame()
        texts = column.unique()
        if texts.height * 4 > column.height:
            return column.select(read(pl.col("text"))).to_series()
        meanings = texts.with_columns(read(pl.col("text")).alias("meaning"))
        joined = column.join(meanings, on="text", how="left", nulls_equal=True, maintain_order="left")
        return joined["meaning"].alias(cells.name)

    return cell.map_batches(told, return_dtype=kind, is_elementwise=True)


def _day(cell: pl.Expr, written: DateFormat) -> pl.Expr:
    match written:
        case "202608":
            pattern = rf"^({_YEAR})([0-9]{{2}})$"
        case "2026-08-31":
            pattern = rf"^({_YEAR})-([0-9]{{1,2}})-([0-9]{{1,2}})$"
        case "2026. 8. 31.":
            pattern = rf"^({_YEAR})\s*\.\s*([0-9]{{1,2}})\s*\.\s*([0-9]{{1,2}})\s*\.?$"
        case "20260831":
            pattern = rf"^({_YEAR})([0-9]{{2}})([0-9]{{2}})$"
        case other:
            assert_never(other)
    day_of_month = "${3}" if has_days(written) else "1"
    is_written = cell.str.contains(pattern)
    plain = pl.when(is_written).then(cell.str.replace(pattern, "${1}-${2}-" + day_of_month))
    # Polars casts no text to dates; an impossible day (31 February) becomes null here.
    return plain.str.to_date("%Y-%m-%d", strict=False)


def _whole(cell: pl.Expr) -> pl.Expr:
    is_number = cell.str.contains(r"^[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})$")
    return pl.when(is_number).then(cell.str.replace_all(",", "", literal=True)).cast(pl.Int64, strict=False)


def months_between(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Months that a spell has lasted, the first and the last counted: 1 in its first month."""
    years = end.dt.year().cast(pl.Int64) - start.dt.year().cast(pl.Int64)
    return years * 12 + end.dt.month().cast(pl.Int64) - start.dt.month().cast(pl.Int64) + 1
