"""A file that somebody saved in some program -> its sheets as rows of cells. Nothing in it is run or followed."""

import csv
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from xml.parsers import expat

from python_calamine import CalamineError, CalamineSheet, PasswordError, SheetTypeEnum, load_workbook

from alerts.written import Cell
from alerts.xls import reaches
from signals.delivery import DeliveryRefused

MOST_BYTES = 20_000_000
MOST_UNPACKED = 200_000_000
MOST_CELLS = 2_000_000  # the reader holds a sheet as a full rectangle: one cell far out would fill the memory

_SAVE_AGAIN = "엑셀에서 열어 ‘Excel 통합 문서(.xlsx)’로 다시 저장해 보내 주십시오."


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    rows: list[list[Cell]]  # the first is row 1 as the officer sees it


def is_workbook(raw: bytes) -> bool:
    return raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))


def read_workbook(raw: bytes, file: str) -> list[Sheet]:
    """XLSX, XLS or ODS; formulas by the value they last showed."""
    if len(raw) > MOST_BYTES:
        raise _too_large(file)
    try:
        return _read_packed(raw, file) if raw.startswith(b"PK") else _read_xls(raw, file)
    except PasswordError:
        what = "암호가 걸려 있어 열 수 없습니다."
        raise DeliveryRefused("password", file, what, "암호를 풀어 다시 저장한 뒤 보내 주십시오.") from None
    except (CalamineError, ValueError, IndexError, OSError) as error:
        raise _broken(file) from error
    except BaseException as error:
        # A damaged file can make the reader's own code panic; that is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise _broken(file) from None


def _read_packed(raw: bytes, file: str) -> list[Sheet]:
    return list(_sheets(_repacked(raw, file)))


def _read_xls(raw: bytes, file: str) -> list[Sheet]:
    reached = reaches(raw)
    if sum(reach.rows * reach.columns for reach in reached) > MOST_CELLS:
        raise _too_large(file)
    sheets = list(_sheets(raw))
    for sheet, reach in zip(sheets, reached, strict=True):
        for row, column in reach.errors:
            sheet.rows[row][column] = _ERROR
    return sheets


def _sheets(book: bytes) -> Iterator[Sheet]:
    opened = load_workbook(io.BytesIO(book))
    for told in opened.sheets_metadata:
        if told.typ == SheetTypeEnum.WorkSheet:
            sheet: CalamineSheet = opened.get_sheet_by_name(told.name)
            yield Sheet(told.name, [list(row) for row in sheet.to_python(skip_empty_area=False)])


_ERROR = "#오류"
# An error value (#NAME?, after somebody typed -없음) and a formula never computed come out of the reader as empty: an
# answer would be lost without a word. Told as text, they are no word of ours, and the row is set aside.
_ERROR_CELL = re.compile(rb"""(<(?:\w+:)?c\b[^<>]*\st=)(["'])e\2""")
_NEVER_COMPUTED = re.compile(
    rb"""<(?P<p>\w+:)?c\b(?P<at>[^<>]*)>\s*<(?:\w+:)?f\b[^<>]*?(?:/>|>[^<>]*</(?:\w+:)?f>)\s*"""
    rb"""(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"""
)
_TYPE = re.compile(rb"""\st=["']\w+["']""")
_ODS_ERROR = re.compile(rb"""\soffice:string-value=(?:""|'')""")


def _repacked(raw: bytes, file: str) -> bytes:
    """The same parts, unpacked here: what a part's own header says of its size is not believed."""
    out, left = io.BytesIO(), MOST_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as plain:
            for part in packed.infolist():
                data = _unpacked(raw, part, left, file)
                left -= len(data)
                plain.writestr(zipfile.ZipInfo(part.filename), _with_errors_told(part.filename, data, file))
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, UnicodeDecodeError) as error:
        raise _broken(file) from error
    return out.getvalue()


def _unpacked(raw: bytes, part: zipfile.ZipInfo, most: int, file: str) -> bytes:
    if part.flag_bits & 1:
        raise _broken(file)
    name, extra = struct.unpack("<HH", raw[part.header_offset + 26 : part.header_offset + 30])
    start = part.header_offset + 30 + name + extra
    packed = raw[start : start + part.compress_size]
    if part.compress_type == zipfile.ZIP_STORED:
        data = packed
    elif part.compress_type == zipfile.ZIP_DEFLATED:
        data = zlib.decompressobj(-15).decompress(packed, most + 1)
    else:
        raise _broken(file)
    if len(data) > most:
        raise _too_large(file)
    if zlib.crc32(data) != part.CRC:
        raise _broken(file)  # read on, it would say something nobody wrote
    return data


def _with_errors_told(name: str, data: bytes, file: str) -> bytes:
    if name.startswith("xl/worksheets/") and name.endswith(".xml"):
        _refuse_far_cells(_cells_of_xlsx(data), file)
        data = _ERROR_CELL.sub(rb'\1"str"', data)
        return _NEVER_COMPUTED.sub(_as_text, data)
    if name == "content.xml":
        _refuse_far_cells(_rectangles_of_ods(data, file), file)
        return _ODS_ERROR.sub(b"", data)
    return data


def _as_text(found: re.Match[bytes]) -> bytes:
    p = found["p"] or b""
    return b'<%bc%b t="str"><%bv>=</%bv></%bc>' % (p, _TYPE.sub(b"", found["at"]), p, p, p)


_XLSX_CELL = re.compile(rb"""<(?:\w+:)?c\b[^<>]*?\sr=["']([A-Z]{1,3})([0-9]{1,7})["'][^<>]*>""")
_XLSX_ROW = re.compile(rb"""<(?:\w+:)?row\b[^<>]*?\sr=["']([0-9]{1,7})["'][^<>]*>\s*<(?:\w+:)?c\b(?![^<>]*\sr=)""")


_UNKNOWN = 64  # columns a row is taken to have whose cells do not say where they stand


def _cells_of_xlsx(data: bytes) -> Iterator[tuple[int, int]]:
    """(row, column) of what holds something, or may."""
    for found in _XLSX_CELL.finditer(data):
        if not found[0].endswith(b"/>"):
            column = 0
            for letter in found[1]:
                column = column * 26 + letter - 64
            yield int(found[2]), column
    for found in _XLSX_ROW.finditer(data):
        yield int(found[1]), _UNKNOWN


class _Ods:
    """How far an ODS sheet reaches, counting its repeated rows and columns as far as they hold something."""

    def __init__(self) -> None:
        self.rectangles: list[tuple[int, int]] = []
        self._rows = self._row_repeats = self._columns = self._column_repeats = self._last = self._reach = (
            self._widest
        ) = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag:
            case "table:table":
                self._rows = self._reach = self._widest = 0
            case "table:table-row":
                self._row_repeats = int(attributes.get("table:number-rows-repeated", "1"))
                self._columns = self._last = 0
            case "table:table-cell" | "table:covered-table-cell":
                self._column_repeats = int(attributes.get("table:number-columns-repeated", "1"))
                self._columns += self._column_repeats
                if any(name.startswith("office:") for name in attributes):
                    self._last = self._columns
            case "text:p":
                self._last = self._columns

    def end(self, tag: str) -> None:
        if tag == "table:table-row":
            self._rows += self._row_repeats
            if self._last:
                self._reach, self._widest = self._rows, max(self._widest, self._last)
        elif tag == "table:table":
            self.rectangles.append((self._reach, self._widest))


def _rectangles_of_ods(data: bytes, file: str) -> Iterator[tuple[int, int]]:
    seen, parser = _Ods(), expat.ParserCreate()
    parser.StartElementHandler = seen.start
    parser.EndElementHandler = seen.end
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError) as error:
        raise _broken(file) from error
    return iter(seen.rectangles)


def _refuse_far_cells(cells: Iterator[tuple[int, int]], file: str) -> None:
    rows = columns = 0
    for row, column in cells:
        rows, columns = max(rows, row), max(columns, column)
    if rows * columns > MOST_CELLS:
        raise _too_large(file)


def _too_large(file: str) -> DeliveryRefused:
    what = "파일이 너무 크거나, 표에서 멀리 떨어진 칸에 값이 있습니다."
    cure = "보내 드린 표만 남기고 나머지 행과 열, 그림을 지운 뒤 다시 보내 주십시오."
    return DeliveryRefused("too_large", file, what, cure)


def _broken(file: str) -> DeliveryRefused:
    what = "파일을 열 수 없습니다. 문서보안(DRM)이 걸렸거나 파일이 손상되었을 수 있습니다."
    return DeliveryRefused("unreadable_file", file, what, f"문서보안을 풀고, {_SAVE_AGAIN}")


# In the order they are tried; Excel's "Unicode 텍스트" is UTF-16 with a mark.
_SEPARATORS = (",", ";", "\t")
_MANY = 8


def read_text(raw: bytes, file: str) -> list[list[list[Cell]]]:
    """A CSV's rows, once for each separator it can be read with."""
    if len(raw) > MOST_BYTES:
        raise _too_large(file)
    text = decoded(raw).lstrip("\ufeff")
    readings: list[list[list[Cell]]] = []
    for separator in _SEPARATORS:
        try:
            rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
            reading: list[list[Cell]] = [list(row) for row in rows]
        except csv.Error:
            continue
        if not any(_swallows_rows(cell, separator) for row in reading for cell in row):
            readings.append(reading)
    if not readings:
        what = "따옴표가 맞지 않아 줄을 나눌 수 없습니다."
        raise DeliveryRefused("quotes_broken", file, what, _SAVE_AGAIN)
    return readings


def decoded(raw: bytes) -> str:
    """UTF-8, cp949 or UTF-16. What fits none of them keeps its readable part: the rest is set aside row by row."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    in_utf8, in_cp949 = raw.decode("utf-8", errors="replace"), raw.decode("cp949", errors="replace")
    return min(in_utf8, in_cp949, key=lambda text: text.count("\ufffd"))


def _swallows_rows(cell: Cell, separator: str) -> bool:
    """Two lost quotation marks make one cell of everything between them, several rows of it."""
    return isinstance(cell, str) and "\n" in cell and cell.count(separator) >= _MANY
