"""Text cells -> dates, months and numbers. What cannot be read becomes null: a rule of the contract."""

from typing import assert_never

import polars as pl

from signals.layout import DateFormat
from signals.normalise import texts
from signals.once import all_once

# No debt of a person or length of a spell reaches these: such a cell is a slip, in the unit or the column.
MOST_WON = 10_000_000_000
MOST_MONTHS = 600
_DIGITS = 15
_YEAR = "(?:1[89]|2[01])[0-9]{2}"


def has_days(written: DateFormat) -> bool:
    return written != "202608"


def day(cell: pl.Expr, written: DateFormat) -> pl.Expr:
    """The day written; of a month, its first day."""
    return cell.map_batches(lambda cells: days(cells, written)["written"], return_dtype=pl.Date, is_elementwise=True)


def days(cells: pl.Series, written: DateFormat) -> pl.DataFrame:
    """written, first, last: the day written, and the first and last of its month."""

    def told(cells: pl.Series) -> pl.DataFrame:
        found = texts(cells).to_frame("text").select(_day(pl.col("text"), written).alias("written"))
        day = pl.col("written")
        return found.with_columns(day.dt.month_start().alias("first"), day.dt.month_end().alias("last"))

    return all_once(cells, told)


def wholes(cells: pl.Series) -> pl.Series:
    """Integers of up to 15 digits, with or without commas at the thousands."""
    # Ten times as fast as looking at the text, which only what is written otherwise needs.
    numbers = cells.cast(pl.Int64, strict=False)
    is_odd = (numbers.is_null() | (cells.str.len_bytes() > _DIGITS)) & cells.is_not_null()
    at = is_odd.arg_true()
    return numbers.scatter(at, texts(cells.gather(at)).to_frame("text").select(_whole(pl.col("text"))).to_series())


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
