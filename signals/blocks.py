"""A delivery in blocks of whole lines: rows taken in and rows set aside, each with the first rule it broke.

Most rules look at one row. Those that compare rows are asked once all rows with something in common are together:
however a file was cut, the outcome is that of the whole file, and no row is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass

import dataframely as dy
import polars as pl

from signals import contract
from signals.layout import Layout
from signals.rows import Head, read_block, read_head
from signals.rules import RULES, column_at_fault

SET_ASIDE = pl.Schema({"row_no": pl.Int64, "column": pl.String, "rule": pl.String})
BAD = pl.Schema({"row_no": pl.Int64(), "rule": pl.Enum(list(RULES))})  # 9 bytes a row: a file may be all bad


@dataclass(frozen=True, slots=True)
class Reader:
    """How one delivery is read. Rules of one row are asked block by block."""

    file: str
    layout: Layout
    schema: type[dy.Schema]
    columns: tuple[str, ...]  # of an accepted row, after row_no
    tell: Callable[[pl.DataFrame], pl.DataFrame]  # cells -> columns of the schema, and more


@dataclass(frozen=True, slots=True)
class Block:
    """good.height + bad.height == received."""

    good: pl.DataFrame  # row_no and the reader's columns: what no rule of one row speaks against
    bad: pl.DataFrame  # BAD
    received: int
    unreadable_phones: int


@dataclass(frozen=True, slots=True)
class Split:
    """accepted.height + set_aside.height == received, always."""

    accepted: pl.DataFrame
    set_aside: pl.DataFrame  # row_no, column (header at fault, or empty), rule: one line per row
    received: int
    leftover: tuple[str, ...]  # columns nobody declared
    warnings: tuple[str, ...]


def split_block(raw: bytes, head: Head, reader: Reader, row_no: int) -> Block:
    """raw: whole lines below the header, of which the first has the number `row_no`."""
    rows = read_block(raw, head, row_no)
    told = reader.tell(rows.cells)
    good, failed = reader.schema.filter(told.select(reader.schema.column_names()))
    details = failed.details()
    broken_rules = [rule for rule in RULES if rule in details.columns]
    first = pl.coalesce(pl.when(pl.col(rule) == "invalid").then(pl.lit(rule)) for rule in broken_rules)
    bad = details.select("row_no", first.alias("rule")) if broken_rules else rows.broken.clear()
    return Block(
        good.select("row_no", *reader.columns),
        pl.concat([rows.broken, bad]).cast(BAD),
        rows.cells.height + rows.broken.height,
        _unreadable_phones(told),
    )


def between_rows(good: pl.DataFrame, reader: Reader) -> pl.DataFrame:
    """BAD: rows that others speak against. good: of some identifiers, all the good rows of the file.

    Compared after normalising, among good rows only: of rows that repeat each other the first stays.
    """
    repeats = _repeats(good)
    if reader.schema is not contract.Residents:
        return repeats
    first = good.join(repeats, on="row_no", how="anti", maintain_order="left")
    return pl.concat([repeats, _in_other_households(first)])


def with_columns_at_fault(bad: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """BAD -> SET_ASIDE, by line."""
    columns = {rule: column_at_fault(rule, layout) for rule in RULES}
    column = pl.col("rule").cast(pl.String).replace_strict(columns, return_dtype=pl.String).alias("column")
    return bad.select("row_no", column, "rule").cast(SET_ASIDE).sort("row_no")


def warnings_of(received: int, unreadable_phones: int) -> tuple[str, ...]:
    """What the sender should know of a file that was taken in."""
    empty = "머리글만 있고 자료가 한 줄도 없습니다."
    # A person without a usable phone is still a person.
    phones = f"읽을 수 없는 연락처 {unreadable_phones:,}건은 비워 두고 받았습니다."
    return ((empty,) if not received else ()) + ((phones,) if unreadable_phones else ())


def split_whole(raw: bytes, reader: Reader) -> Split:
    """A whole file as one block. Raises DeliveryRefused when it cannot be trusted."""
    head = read_head(raw, raw[-1:], reader.layout, reader.file)
    block = split_block(raw[raw.index(b"\n") + 1 :], head, reader, row_no=2)
    bad = between_rows(block.good, reader)
    set_aside = with_columns_at_fault(pl.concat([block.bad, bad]), reader.layout)
    accepted = block.good.join(bad, on="row_no", how="anti", maintain_order="left")
    accepted = accepted.with_columns(pl.col(pl.Categorical).cast(pl.String))
    return Split(
        accepted, set_aside, block.received, head.leftover, warnings_of(block.received, block.unreadable_phones)
    )


def _unreadable_phones(told: pl.DataFrame) -> int:
    if "phone_text" not in told.columns:
        return 0
    return told.filter(pl.col("phone_text").is_not_null() & pl.col("phone").is_null()).height


def _repeats(good: pl.DataFrame) -> pl.DataFrame:
    # Equal rows are equal in any column. The last is asked first: in a large delivery a token, rarely there twice.
    alike = good.filter(pl.col(good.columns[-1]).is_duplicated())
    is_first = alike.select(pl.struct(pl.exclude("row_no")).is_first_distinct()).to_series()
    return _broken(alike.filter(~is_first), "duplicate_row")


def _in_other_households(good: pl.DataFrame) -> pl.DataFrame:
    """Of a person's open spells in several households, the one that began last stays."""
    is_open = good.filter(pl.col("valid_to").is_null())
    newest = (
        is_open.sort("valid_from", "row_no", descending=[True, False])
        .unique("person_no", keep="first", maintain_order=True)
        .select("person_no", pl.col("household_no").alias("newest"))
    )
    joined = is_open.join(newest, on="person_no", how="left", maintain_order="left")
    return _broken(joined.filter(pl.col("household_no") != pl.col("newest")), "person_in_two_households")


def _broken(rows: pl.DataFrame, rule: str) -> pl.DataFrame:
    return rows.select("row_no", pl.lit(rule).alias("rule")).cast(BAD)
