"""Rows as one source writes them: its encoding, order, dates, units, digits and separators, all from its layout."""

from datetime import date

import polars as pl

from signals.layout import Column, Field, Layout

ASCII_DIGITS = list("0123456789")
FULL_WIDTH_DIGITS = list("０１２３４５６７８９")
DATE_FORMATS = {"202608": "%Y%m", "2026-08-31": "%Y-%m-%d", "2026. 8. 31.": "%Y. %-m. %-d.", "20260831": "%Y%m%d"}
DATES: frozenset[Field] = frozenset(
    {"month", "start_month", "valid_from", "valid_to", "selected_on", "contacted_on", "recorded_on", "birth"}
)


def as_text(frame: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """One String column per column of the layout, headers as in the file. `frame`: columns named by field."""
    return frame.select(_cell(column, layout, frame).alias(column.header) for column in layout.columns)


def _cell(column: Column, layout: Layout, frame: pl.DataFrame) -> pl.Expr:
    if column.field == "dropped" or column.field not in frame.columns:
        return _filler(column)
    cell = pl.col(column.field)
    if column.field in DATES:
        cell = cell.dt.strftime(DATE_FORMATS[layout.dates])
    elif column.field == "amount":
        cell = _amount(cell, layout)
    elif column.field == "person_no" and layout.person_no == "hyphen":
        cell = cell.str.slice(0, 6) + "-" + cell.str.slice(6)
    elif column.field == "months":
        cell = cell.cast(pl.String)
    if layout.digits == "full_width" and column.field != "source_code":
        cell = cell.str.replace_many(ASCII_DIGITS, FULL_WIDTH_DIGITS)
    return cell.fill_null("")


def _filler(column: Column) -> pl.Expr:
    """What the source needs for itself and we never take in: a running number, or a masked name."""
    is_name = column.header.endswith(("성명", "자명"))
    return pl.lit("홍**") if is_name else pl.format("{}", 100_000 + pl.int_range(pl.len()))


def _amount(won: pl.Expr, layout: Layout) -> pl.Expr:
    units = (won / layout.won_per_unit).round(0).cast(pl.Int64)
    text = units.cast(pl.String)
    if not layout.thousands:
        return text
    return text.str.reverse().str.replace_all(r"(\d{3})", "${1},").str.reverse().str.strip_prefix(",")


def date_text(day: date, layout: Layout) -> str:
    return day.strftime(DATE_FORMATS[layout.dates])


def encode(text: pl.DataFrame, layout: Layout, encoding: str | None = None) -> bytes:
    """A header-only file when there are no rows. cp949 writers end lines the Windows way."""
    end = "\r\n" if layout.encoding == "cp949" else "\n"
    plain = text.write_csv(separator=layout.separator, line_terminator=end)
    return plain.encode(encoding or layout.encoding)
