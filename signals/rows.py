"""A file's bytes -> its rows as text, one column per field. Knows encodings, separators and quotes; no meaning.

A file is read in blocks of whole lines: no cell goes over a line end, so a line needs nothing but the first one.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from signals.delivery import DeliveryRefused
from signals.layout import Field, Layout
from signals.normalise import text

_BOM = b"\xef\xbb\xbf"
_HEADER_ROW = 1  # as a spreadsheet counts
_MOST_COLUMNS = 60
_ENCODINGS_KO = {"cp949": "CP949(EUC-KR)", "utf-8-sig": "UTF-8", "utf-16": "UTF-16(유니코드 텍스트)"}
# What `signals.normalise` and `signals.parse` bring to one form has its spaces and odd characters taken off there.
_AS_WRITTEN: frozenset[Field] = frozenset(
    {
        *("person_no", "address", "household_no", "phone"),
        *("source_code", "month", "start_month", "months", "amount"),
    }
)
_SEPARATORS_KO = {",": "쉼표(,)", "|": "세로줄(|)", "\t": "탭"}


_BROKEN = pl.Schema({"row_no": pl.Int64(), "rule": pl.String()})


@dataclass(frozen=True, slots=True)
class Head:
    """What the beginning and the end of a file say of all its rows."""

    layout: Layout
    headers: tuple[str, ...]  # as the file has them, plain
    leftover: tuple[str, ...]  # columns nobody declared; they are never taken in


@dataclass(frozen=True, slots=True)
class Rows:
    # row_no (as a spreadsheet counts: the header is 1), one String column per field. Empty is null; keys, phones and
    # what observations tell are as written.
    cells: pl.DataFrame
    broken: pl.DataFrame  # row_no, rule: lines that cannot be told apart into cells


def blocks(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """A file below its header, cut at line ends only, each block with the number of its first row.

    In UTF-8 and CP949 alike no letter holds the byte of a line end.
    """
    row_no, rest = _HEADER_ROW, b""
    for chunk in chunks:
        whole, line_end, tail = chunk.rpartition(b"\n")
        if not line_end:
            rest += tail
            continue
        block, rest = rest + whole + line_end, tail
        lines = block.count(b"\n")
        if row_no == _HEADER_ROW:
            block = block[block.index(b"\n") + 1 :]
        if block:
            yield max(row_no, _HEADER_ROW + 1), block
        row_no += lines


def shows_head(start: bytes, end: bytes) -> bool:
    """Is a file's `start` long enough for `read_head`?"""
    return len(start) > len(_BOM) and bool(start.removeprefix(_BOM).strip()) and (b"\n" in start or end != b"\n")


def read_head(start: bytes, end: bytes, layout: Layout, file: str) -> Head:
    """start: the file's first bytes (`shows_head`, or all there are); end: its last byte.

    Raises DeliveryRefused when the file as a whole cannot be trusted.
    """
    _refuse_empty_or_cut_off(start, end, file)
    headers = _read_headers(start, layout, file)
    _refuse_wrong_columns(headers, layout, file)
    return Head(layout, tuple(headers), _leftover(headers, layout))


def read_block(block: bytes, head: Head, row_no: int) -> Rows:
    """Whole lines below the header, of which the first has the number `row_no`."""
    body = _utf8(block, head.layout)
    if _is_plain(body, head):
        cells = _cells(body, head)
        numbers = pl.int_range(row_no, row_no + cells.height, dtype=pl.Int64, eager=True).alias("row_no")
        return Rows(numbers.to_frame().hstack(cells), pl.DataFrame(schema=_BROKEN))
    lines = _lines(body, row_no)
    told = lines.filter(pl.col("line").str.contains(r"\S"))
    told = told.with_columns(_rule_broken(len(head.headers), head.layout.separator))
    good = told.filter(pl.col("rule").is_null())
    if good.height < lines.height:
        body = good["line"].str.join("\n").item().encode()
    broken = told.filter(pl.col("rule").is_not_null()).select("row_no", "rule")
    return Rows(good.select("row_no").hstack(_cells(body, head)), broken)


def _refuse_empty_or_cut_off(start: bytes, end: bytes, file: str) -> None:
    if not start.removeprefix(_BOM).strip():
        raise DeliveryRefused("empty", file, "파일이 비어 있습니다.", "자료를 담아 다시 보내 주십시오.")
    # A cut-off amount looks like a smaller amount: no unfinished line can be trusted.
    if end != b"\n":
        raise DeliveryRefused(
            "incomplete",
            file,
            "마지막 줄이 끝나지 않았습니다. 파일이 아직 쓰이고 있거나 전송이 끊겼습니다.",
            "마지막 줄까지 줄바꿈으로 끝나는 파일을 다시 보내 주십시오.",
        )


def _read_headers(start: bytes, layout: Layout, file: str) -> list[str]:
    line = start[: start.index(b"\n")]
    headers = _split_header(line, layout.encoding, layout.separator)
    if _knows(headers, layout):
        return headers
    expected = _ENCODINGS_KO[layout.encoding]
    for found in _ENCODINGS_KO:
        if found != layout.encoding and _knows(_split_header(line, found, layout.separator), layout):
            what = f"파일이 {_ENCODINGS_KO[found]}로 저장되어 있습니다. 정해진 방식은 {expected}입니다."
            raise DeliveryRefused("wrong_encoding", file, what, f"{expected}로 저장해 다시 보내 주십시오.")
    # The first line is not repeated here: without headers it is a row about somebody.
    raise DeliveryRefused(
        "header_missing",
        file,
        "첫 줄에서 정해진 칸 이름을 하나도 찾지 못했습니다.",
        f"첫 줄에 칸 이름을 넣고, {expected}로 저장하고, 칸을 {_SEPARATORS_KO[layout.separator]}로 나누어 주십시오.",
    )


def _split_header(line: bytes, encoding: str, separator: str) -> list[str]:
    if encoding == "utf-16":
        line = line[: len(line) // 2 * 2]
    try:
        words = next(csv.reader([line.decode(encoding).rstrip("\r")], delimiter=separator), [])
    except (UnicodeDecodeError, csv.Error):
        return []
    return [_plain(word) for word in words]


def _plain(header: str) -> str:
    return "".join(unicodedata.normalize("NFKC", header).split()).strip("\ufeff")


def _knows(headers: list[str], layout: Layout) -> bool:
    return any(_plain(column.header) in headers for column in layout.columns)


def _refuse_wrong_columns(headers: list[str], layout: Layout, file: str) -> None:
    needed = [c.header for c in layout.columns if c.field != "dropped"]
    missing = [h for h in needed if _plain(h) not in headers]
    if missing:
        unknown = _leftover(headers, layout)
        what = f"칸이 없습니다: {', '.join(missing)}."
        if unknown:
            what += f" 모르는 칸이 있습니다: {', '.join(unknown)}."
        raise DeliveryRefused("columns_missing", file, what, f"칸 이름을 {', '.join(missing)}(으)로 맞춰 주십시오.")
    repeated = [h for h in needed if headers.count(_plain(h)) > 1]
    if repeated:
        what = f"같은 이름의 칸이 둘 이상입니다: {', '.join(repeated)}."
        raise DeliveryRefused("columns_repeated", file, what, "같은 이름의 칸을 하나만 남겨 주십시오.")
    if len(headers) > _MOST_COLUMNS:
        what = f"칸이 {len(headers)}개입니다. {_MOST_COLUMNS}개까지 읽을 수 있습니다."
        raise DeliveryRefused("columns_too_many", file, what, "정해진 칸만 담아 다시 보내 주십시오.")


def _leftover(headers: list[str], layout: Layout) -> tuple[str, ...]:
    declared = {_plain(c.header) for c in layout.columns}
    return tuple(dict.fromkeys(_shown(h) for h in headers if h not in declared))


def _shown(header: str) -> str:
    """Safe to repeat in a reply: short, and never the start of a formula."""
    kept = re.sub(r"[^0-9A-Za-z가-힣·()/_]", "", header)[:30]
    return kept or "(이름 없는 칸)"


def _utf8(block: bytes, layout: Layout) -> bytes:
    # The mark at the start of a file stands in its header; a line that begins with one is no start of a file.
    encoding = "utf-8" if layout.encoding == "utf-8-sig" else layout.encoding
    if encoding == "utf-8" and _is_utf8(block):
        return block
    try:
        return block.decode(encoding).encode()
    except UnicodeDecodeError:
        return block.decode(encoding, errors="replace").encode()


def _is_utf8(block: bytes) -> bool:
    try:
        pl.Series([block]).cast(pl.String)
    except pl.exceptions.PolarsError:
        return False
    return True


def _is_plain(body: bytes, head: Head) -> bool:
    """Has every line as many cells as the header, and no quote? Then nothing is to be told apart, and lines need not be
    made: most blocks of most files."""
    columns = len(head.headers)
    if columns == 1 or not body or head.layout.separator.isspace() or b'"' in body or _has_unreadable(body):
        return False
    octets = np.frombuffer(body, np.uint8)
    ends = octets == ord("\n")
    marks = octets[np.flatnonzero(ends | (octets == ord(head.layout.separator)))]
    if len(marks) % columns:
        return False
    by_line = marks.reshape(-1, columns) == ord("\n")
    return bool(by_line[:, -1].all()) and not by_line[:, :-1].any()


def _has_unreadable(body: bytes) -> bool:
    # Its first byte alone is found ten times as fast, and no Hangul has it.
    return b"\xef" in body and "\ufffd".encode() in body


def _lines(body: bytes, row_no: int) -> pl.DataFrame:
    """row_no, line. One bad byte spoils its own line only."""
    # By way of bytes: Polars takes one long text over several times faster than as a str.
    lines = pl.Series("line", [body]).cast(pl.String).str.split("\n").explode()
    numbered = lines.head(-1).str.strip_suffix("\r").to_frame().with_row_index("row_no", offset=row_no)
    return numbered.with_columns(pl.col("row_no").cast(pl.Int64))


def _rule_broken(columns: int, separator: str) -> pl.Expr:
    line = pl.col("line")
    return (
        pl.when(line.str.contains("\ufffd", literal=True))
        .then(pl.lit("unreadable_characters"))
        .when(~line.str.contains(_line_pattern(columns, separator)))
        .then(pl.lit("wrong_field_count"))
        .alias("rule")
    )


def _line_pattern(columns: int, separator: str) -> str:
    cell = f'(?:"(?:[^"]|"")*"|[^"{re.escape(separator)}]*)'
    return f"^{re.escape(separator).join([cell] * columns)}$"


def _cells(body: bytes, head: Head) -> pl.DataFrame:
    """Every line fits `_line_pattern`: a quote stands around a whole cell, or doubled within one."""
    fields = {_plain(c.header): c.field for c in head.layout.columns if c.field != "dropped"}
    wanted = [fields[h] for h in head.headers if h in fields]
    if not body:
        return pl.DataFrame(schema=dict.fromkeys(wanted, pl.String))
    cut = pl.read_csv(
        body,
        separator=head.layout.separator,
        has_header=False,
        schema={fields.get(h, f"column {at}"): pl.String() for at, h in enumerate(head.headers)},
        # Columns that are not ours are never even made.
        columns=[at for at, h in enumerate(head.headers) if h in fields],
    )
    return cut.select(pl.col(field) if field in _AS_WRITTEN else text(pl.col(field)) for field in wanted)
