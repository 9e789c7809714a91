"""Looks for people in whatever a run has left behind: plain, encoded, packed, in columns and in databases.

Needles are spelled as they could be written (with and without hyphens, full-width), in each encoding, and in base64 at
its three offsets. What holds other files or rows (archives, Parquet, Arrow, SQLite) is opened as well: compressed bytes
show nothing of what they hold.
"""

import base64
import binascii
import bz2
import gzip
import io
import lzma
import math
import quopri
import re
import sqlite3
import tarfile
import tempfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

_CHUNK: Final = 4 << 20
_BATCH: Final = 96 << 20
_LONGEST: Final = 2_000  # of a spelled needle: by so much chunks overlap
_SHORTEST_BASE64: Final = 9  # characters: 64^9 is more than all bytes of all runs
_DEPTH: Final = 4  # a file in a zip in a gzip, in base64
_WIDE = str.maketrans("0123456789-", "０１２３４５６７８９－")
_PACKED: Final[dict[bytes, tuple[str, Callable[[bytes], bytes]]]] = {
    b"\x1f\x8b": ("gzip", gzip.decompress),
    b"BZh": ("bzip2", bz2.decompress),
    b"\xfd7zXZ": ("xz", lzma.decompress),
    b"\x28\xb5\x2f\xfd": ("zstd", lambda data: pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()),
    b"x\x01": ("zlib", zlib.decompress),
    b"x\x9c": ("zlib", zlib.decompress),
    b"x\xda": ("zlib", zlib.decompress),
}
_HIDDEN: Final = (*_PACKED, b"PK\x03\x04", b"PAR1", b"ARROW1", b"SQLite")
_RUN_OF_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{40,}={0,2}")


@dataclass(frozen=True, slots=True)
class Identity:
    person_no: str  # 13 digits
    name: str
    phone: str | None  # 010-1234-5678
    address: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    where: str
    what: str


def _plain_spellings(who: Identity) -> Iterator[tuple[str, str]]:
    front, back = who.person_no[:6], who.person_no[6:]
    for joint in ("", "-", " ", "."):
        yield "person number", f"{front}{joint}{back}"
    yield "name", who.name
    if who.phone:
        yield "phone", who.phone
        yield "phone", who.phone.replace("-", "")
        yield "phone", who.phone.replace("-", " ")
        yield "phone", who.phone.replace("-", ".")
        yield "phone", "+82-" + who.phone[1:]
        yield "phone", "+82" + who.phone[1:].replace("-", "")
    if who.address:
        yield "address", who.address
        yield "address", re.sub(r"\s", "", who.address)


def _as_written(text: str) -> Iterator[bytes]:
    """One spelling in every form that bytes of it take."""
    raw = text.encode()
    yield raw
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield from _in_base64(raw)
    yield from _in_base64(text.encode("utf-16-le"))
    if text.isascii():
        yield text.translate(_WIDE).encode()
        return
    yield text.encode("cp949")
    yield from _in_base64(text.encode("cp949"))
    yield text.encode("unicode_escape")  # as JSON and Python write it
    yield text.encode("ascii", "xmlcharrefreplace")
    yield "".join(f"&#x{ord(c):x};" if ord(c) > 127 else c for c in text).encode()
    yield repr(raw)[2:-1].encode()
    yield urllib.parse.quote(text).encode()
    yield urllib.parse.quote(text, encoding="cp949").encode()
    yield quopri.encodestring(raw).replace(b"=\n", b"")


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """The characters that are the same whatever stands before and after."""
    for gap in range(3):
        core = base64.b64encode(b"\0" * gap + raw)[math.ceil(gap * 8 / 6) : (gap + len(raw)) * 8 // 6]
        if len(core) >= _SHORTEST_BASE64:
            yield core
            if re.search(rb"[+/]", core):
                yield core.replace(b"+", b"-").replace(b"/", b"_")


class Scanner:
    def __init__(self, people: Iterable[Identity]) -> None:
        everybody = list(people)
        self._spelled = {
            form.decode("latin-1"): kind
            for who in everybody
            for kind, text in _plain_spellings(who)
            for form in _as_written(text)
        }
        numbers = sorted(int(who.person_no) for who in everybody)
        self._spelled |= {number.to_bytes(8, "little").decode("latin-1"): "person number" for number in numbers}
        self._numbers = numbers
        self._needles = pl.Series(list(self._spelled)).implode()
        self._waiting: list[tuple[str, str]] = []
        self._size = 0
        self._found: dict[Finding, None] = {}

    def folder(self, place: Path, is_expected: Callable[[Path], bool] = lambda _: False) -> int:
        """Every file below it, and its name. Returns how many were looked into."""
        files = [path for path in sorted(place.rglob("*")) if not is_expected(path)]
        looked = 0
        for path in files:
            self.data(f"{path} (its name)", str(path.relative_to(place)).encode(errors="surrogateescape"))
            if path.is_symlink():
                self.data(f"{path} (where it points)", bytes(path.readlink()))
            elif path.is_file():
                looked += 1
                self.data(str(path), path.read_bytes())
        return looked

    def data(self, where: str, data: bytes, depth: int = 0) -> None:
        for start in range(0, len(data), _CHUNK):
            chunk = data[start : start + _CHUNK + _LONGEST]
            self._waiting.append((where, chunk.decode("latin-1")))
            self._size += len(chunk)
        if self._size > _BATCH:
            self._look()
        if depth < _DEPTH:
            for name, inside in _opened(data, self._columns):
                self.data(f"{where} > {name}", inside, depth + 1)

    def found(self) -> list[Finding]:
        self._look()
        return list(self._found)

    def _columns(self, frame: pl.DataFrame) -> Iterator[tuple[str, bytes]]:
        """Cells as text, one to a line; numbers only where one is somebody's."""
        for name, kind in frame.schema.items():
            column = frame[name]
            if kind.is_integer():
                known = column.cast(pl.Int64, strict=False).unique()
                yield name, "\n".join(f"{number:013}" for number in known.filter(known.is_in(self._numbers))).encode()
            elif kind == pl.Binary:
                yield name, b"\n".join(cell for cell in column.drop_nulls().unique().to_list())
            elif kind in (pl.String, pl.Categorical) or kind.is_nested() or isinstance(kind, pl.Enum):
                cells = column.to_list() if kind.is_nested() else column.cast(pl.String).drop_nulls().unique().to_list()
                yield name, "\n".join(str(cell) for cell in cells).encode()

    def _look(self) -> None:
        if not self._waiting:
            return
        texts = pl.Series([text for _, text in self._waiting])
        is_hit = texts.str.contains_any(self._needles)
        for (where, text), hit in zip(self._waiting, is_hit, strict=True):
            if hit:
                needles = pl.Series([text]).str.extract_many(self._needles, overlapping=True).explode()
                for needle in needles.unique(maintain_order=True):
                    if _stands_alone(needle, text):
                        self._found[Finding(where, self._spelled[needle])] = None
        self._waiting, self._size = [], 0


def _stands_alone(needle: str, text: str) -> bool:
    """Within a longer number, digits are nobody's."""
    if not (needle[0].isdigit() and needle[-1].isdigit() and needle.isascii() and len(needle) < 16):
        return True
    return re.search(rf"(?<![0-9]){re.escape(needle)}(?![0-9])", text) is not None


Opened = Iterator[tuple[str, bytes]]
Columns = Callable[[pl.DataFrame], Opened]


def _opened(data: bytes, columns: Columns) -> Opened:
    """What is inside: files of an archive, cells of a table, what base64 hides."""
    yield from _unpacked(data)
    yield from _tables(data, columns)
    for run in _RUN_OF_BASE64.finditer(data):
        word = run[0].replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        if base64.b64decode(word[:16]).startswith(_HIDDEN):
            yield "base64", base64.b64decode(word + b"=" * (-len(word) % 4))


def _unpacked(data: bytes) -> Opened:
    try:
        for start, (name, unpack) in _PACKED.items():
            if data.startswith(start):
                yield name, unpack(data)
        if data[257:262] == b"ustar":
            yield from _tarred(data)
        elif data.startswith(b"\x89PNG"):
            yield from _png_texts(data)
        elif zipfile.is_zipfile(io.BytesIO(data)):
            yield from _zipped(data)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, pa.ArrowInvalid):
        return  # begins like one and is none: its bytes were looked at as they are


def _tarred(data: bytes) -> Opened:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            yield "a member's name", member.name.encode()
            if file := tar.extractfile(member):
                yield member.name, file.read()


def _zipped(data: bytes) -> Opened:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            yield "a member's name", member.filename.encode()
            if not member.flag_bits & 1:  # sealed: nobody reads it without the password
                yield member.filename, archive.read(member)


def _png_texts(data: bytes) -> Opened:
    at = 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] == b"zTXt":
            yield "text of a picture", zlib.decompress(data[at + 8 : at + 8 + size].partition(b"\0")[2][1:])
        at += 12 + size


def _tables(data: bytes, columns: Columns) -> Opened:
    try:
        if data.startswith(b"PAR1"):
            yield from columns(pl.read_parquet(io.BytesIO(data)))
        elif data.startswith(b"ARROW1"):
            yield from columns(pl.read_ipc(io.BytesIO(data)))
        elif data.startswith(b"SQLite format 3\0"):
            yield from _cells(data)
    except (pl.exceptions.PolarsError, sqlite3.Error, binascii.Error):
        return


def _cells(data: bytes) -> Opened:
    """Long values lie in pieces over several pages: only the database puts them together."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "copy.db"
        # What stands in a WAL beside it is looked at as a file of its own; a header that asks for one cannot be opened.
        file.write_bytes(data[:18] + b"\1\1" + data[20:])
        with sqlite3.connect(file) as database:
            database.text_factory = bytes
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                rows = database.execute(f'SELECT * FROM "{table.decode()}"')
                cells = (cell for row in rows for cell in row if isinstance(cell, bytes) or cell is not None)
                yield table.decode(), b"\n".join(c if isinstance(c, bytes) else str(c).encode() for c in cells)
        database.close()
