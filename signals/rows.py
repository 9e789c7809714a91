"""A file's bytes -> its rows as text, one column per field. Knows encodings, separators and quotes; no meaning."""

import csv
import re
import unicodedata
from dataclasses import dataclass

import polars as pl

from signals.delivery import DeliveryRefused
from signals.layout import Layout
from signals.normalise import text

_MOST_COLUMNS = 60
_ENCODINGS_KO = {"cp949": "CP949(EUC-KR)", "utf-8-sig": "UTF-8", "utf-16": "UTF-16(유니코드 텍스트)"}
_SEPARATORS_KO = {",": "쉼표(,)", "|": "세로줄(|)", "\t": "탭"}


@dataclass(frozen=True, slots=True)
class Rows:
    cells: pl.DataFrame  # row_no (as a spreadsheet counts: the header is 1), one String column per field; empty is null
    broken: pl.DataFrame  # row_no, rule: lines that cannot be told apart into cells
    leftover: tuple[str, ...]  # columns nobody declared; they are never taken in
    warnings: tuple[str, ...]


def read_rows(raw: bytes, layout: Layout, file: str) -> Rows:
    """Raises DeliveryRefused when the file as a whole cannot be trusted."""
    _refuse_empty_or_cut_off(raw, file)
    headers = _read_headers(raw, layout, file)
    _refuse_wrong_columns(headers, layout, file)
    lines = _lines(raw, layout).with_columns(_rule_broken(len(headers), layout.separator))
    cells = _cells(lines.filter(pl.col("rule").is_null()), headers, layout)
    broken = lines.filter(pl.col("rule").is_not_null()).select("row_no", "rule")
    warnings = () if lines.height else ("머리글만 있고 자료가 한 줄도 없습니다.",)
    return Rows(cells, broken, _leftover(headers, layout), warnings)


def _refuse_empty_or_cut_off(raw: bytes, file: str) -> None:
    if not raw.removeprefix(b"\xef\xbb\xbf").strip():
        raise DeliveryRefused("empty", file, "파일이 비어 있습니다.", "자료를 담아 다시 보내 주십시오.")
    # A cut-off amount looks like a smaller amount: no unfinished line can be trusted.
    if not raw.endswith(b"\n"):
        raise DeliveryRefused(
            "incomplete",
            file,
            "마지막 줄이 끝나지 않았습니다. 파일이 아직 쓰이고 있거나 전송이 끊겼습니다.",
            "마지막 줄까지 줄바꿈으로 끝나는 파일을 다시 보내 주십시오.",
        )


def _read_headers(raw: bytes, layout: Layout, file: str) -> list[str]:
    line = raw[: raw.index(b"\n")]
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


def _lines(raw: bytes, layout: Layout) -> pl.DataFrame:
    """row_no, line; blank lines are no rows. One bad byte spoils its own line only."""
    try:
        body = raw.decode(layout.encoding)
    except UnicodeDecodeError:
        body = raw.decode(layout.encoding, errors="replace")
    lines = pl.DataFrame({"line": body.split("\n")[1:-1]}, schema={"line": pl.String})
    lines = lines.with_row_index("row_no", offset=2).with_columns(pl.col("line").str.strip_suffix("\r"))
    return lines.with_columns(pl.col("row_no").cast(pl.Int64)).filter(pl.col("line").str.contains(r"\S"))


def _rule_broken(columns: int, separator: str) -> pl.Expr:
    line = pl.col("line")
    return (
        pl.when(line.str.contains("\ufffd", literal=True))
        .then(pl.lit("unreadable_characters"))
        .when(~line.str.contains(_line_pattern([False] * columns, separator)))
        .then(pl.lit("wrong_field_count"))
        .alias("rule")
    )


def _line_pattern(captured: list[bool], separator: str) -> str:
    plain = f'[^"{re.escape(separator)}]*'
    cell = f'"(?:[^"]|"")*"|{plain}'
    between = re.escape(separator)
    return f"^{between.join(f'({cell})' if is_captured else f'(?:{cell})' for is_captured in captured)}$"


def _cells(lines: pl.DataFrame, headers: list[str], layout: Layout) -> pl.DataFrame:
    fields = {_plain(c.header): c.field for c in layout.columns if c.field != "dropped"}
    wanted = [h in fields for h in headers]
    names = [fields[h] for h in headers if h in fields]
    # Columns that are not ours are never even cut out of the line.
    groups = pl.col("line").str.extract_groups(_line_pattern(wanted, layout.separator))
    cut = lines.select("row_no", groups.struct.rename_fields(names).alias("cells")).unnest("cells")
    return cut.with_columns(_unquoted(name) for name in names)


def _unquoted(name: str) -> pl.Expr:
    cell = pl.col(name)
    inner = cell.str.slice(1, cell.str.len_chars() - 2).str.replace_all('""', '"', literal=True)
    return text(pl.when(cell.str.starts_with('"')).then(inner).otherwise(cell)).alias(name)
