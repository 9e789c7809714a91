"""Leaks of fifty kinds, planted on purpose: what somebody's carelessness or a library's habit could leave in a file."""

import base64
import bz2
import gzip
import io
import json
import lzma
import pickle
import quopri
import sqlite3
import tarfile
import tempfile
import unicodedata
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import xlsxwriter

from tests.security.leaks import Identity

# Name, number and phone are told to nobody else; no needle of theirs is found in what we write ourselves.
WHO: Final = Identity("9001011234567", "뷁가람솔", "010-9876-5432", "가람특별시 중구 은행로 12, 101동 1203호")
NAME, NUMBER, PHONE, ADDRESS = WHO.name, WHO.person_no, str(WHO.phone), str(WHO.address)
DASHED = f"{NUMBER[:6]}-{NUMBER[6:]}"
# One needle alone: a line with three would be found by the easiest of them.
LINE = f"2026-11-02 WARNING row 7: {NAME} is unknown"
# Enough rows that compression leaves nothing as it was.
FRAME = pl.DataFrame({"told": [f"{number} {NAME}" for number in range(500)]})
NUMBERS = pl.DataFrame({"key": [int(NUMBER) + 7919 * number for number in range(-250, 250)]})


def _within(make: Callable[[Path], None], name: str) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / name
        make(file)
        return file.read_bytes()


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _zip(member: str, data: bytes) -> bytes:
    def write(file: io.BytesIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, data)

    return _written(write)


def _tar(member: str, data: bytes) -> bytes:
    def write(file: io.BytesIO) -> None:
        with tarfile.open(fileobj=file, mode="w") as archive:
            told = tarfile.TarInfo(member)
            told.size = len(data)
            archive.addfile(told, io.BytesIO(data))

    return _written(write)


def _xlsx(cell: str) -> bytes:
    def write(file: io.BytesIO) -> None:
        with xlsxwriter.Workbook(file) as book:
            book.add_worksheet().write_string(0, 0, cell)

    return _written(write)


def _sqlite(*statements: str, ending: str = "") -> bytes:
    """The database, or its WAL, with `?` as the name."""

    def make(file: Path) -> None:
        database = sqlite3.connect(file)
        for statement in ("PRAGMA journal_mode = wal" if ending else "", "CREATE TABLE t (a)", *statements):
            database.execute(statement, (NAME,) * statement.count("?"))
            database.commit()
        if ending:
            file.write_bytes(Path(f"{file}{ending}").read_bytes())
        database.close()

    return _within(make, "a.db")


def _zstd(data: bytes) -> bytes:
    file = pa.BufferOutputStream()
    with pa.CompressedOutputStream(file, "zstd") as stream:
        stream.write(data)
    return bytes(file.getvalue())


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    return b"\x89PNG\r\n\x1a\n" + chunk(b"zTXt", b"Comment\0\0" + zlib.compress(NAME.encode())) + chunk(b"IEND", b"")


def _nested() -> bytes:
    frame = FRAME.select(pl.concat_list("told", "told"))
    return _written(lambda file: frame.write_parquet(file, compression="zstd", statistics=False))


def _exception() -> bytes:
    try:
        raise ValueError(NAME.encode())
    except ValueError as error:
        return f"ValueError: {error}".encode()


PLANTS: Final[dict[str, Callable[[], bytes]]] = {
    # As text
    "a name in a log": lambda: LINE.encode(),
    "a number without its hyphen": lambda: f"person={NUMBER};".encode(),
    "a number with its hyphen": lambda: f"'{DASHED}'".encode(),
    "a number with a space": lambda: f"{NUMBER[:6]} {NUMBER[6:]}".encode(),
    "a phone": lambda: f"tel:{PHONE}".encode(),
    "a phone without hyphens": lambda: f"tel:{PHONE.replace('-', '')}".encode(),
    "a phone as dialled from abroad": lambda: f"tel:+82-{PHONE[1:]}".encode(),
    "a phone with full stops": lambda: PHONE.replace("-", ".").encode(),
    "full-width digits": lambda: DASHED.translate(str.maketrans("0123456789-", "０１２３４５６７８９－")).encode(),
    "an address": lambda: f'"{ADDRESS}"'.encode(),
    "an address without spaces": lambda: ADDRESS.replace(" ", "").encode(),
    # In other encodings
    "cp949": lambda: LINE.encode("cp949"),
    "utf-16 as Windows writes it": lambda: LINE.encode("utf-16"),
    "utf-16, big end first": lambda: LINE.encode("utf-16-be"),
    "utf-16 of digits": lambda: DASHED.encode("utf-16-le"),
    "JSON escapes": lambda: json.dumps({"parameters": {"name": NAME}}).encode(),
    "bytes as Python shows them": _exception,
    "hex": lambda: NAME.encode().hex().encode(),
    "hex in capitals": lambda: NUMBER.encode().hex().upper().encode(),
    "in a URL": lambda: f"/search?q={urllib.parse.quote(NAME)}".encode(),
    "in a URL of cp949": lambda: f"/search?q={urllib.parse.quote(NAME, encoding='cp949')}".encode(),
    "HTML entities": lambda: NAME.encode("ascii", "xmlcharrefreplace"),
    "HTML entities in hex": lambda: "".join(f"&#x{ord(c):x};" for c in NAME).encode(),
    "quoted-printable": lambda: quopri.encodestring(NAME.encode()),
    # In base64
    "base64": lambda: base64.b64encode(LINE.encode()),
    "base64, one byte further": lambda: base64.b64encode(b"x" + LINE.encode()),
    "base64, two bytes further": lambda: base64.b64encode(b"xx" + LINE.encode()),
    "base64 for URLs": lambda: base64.urlsafe_b64encode(b"~~" + ADDRESS.encode() + b"~~"),
    "base64 of cp949": lambda: base64.b64encode(b"x" + ADDRESS.encode("cp949")),
    "base64 of a number": lambda: base64.b64encode(b"xx" + NUMBER.encode() + b"x"),
    "base64 of utf-16": lambda: base64.b64encode(ADDRESS.encode("utf-16")),
    "base64 of a zip": lambda: b'{"data": "' + base64.b64encode(_zip("a", LINE.encode() * 9)) + b'"}',
    # Packed
    "gzip": lambda: gzip.compress(LINE.encode() * 9),
    "bzip2": lambda: bz2.compress(LINE.encode() * 9),
    "xz": lambda: lzma.compress(LINE.encode() * 9),
    "zstd": lambda: _zstd(LINE.encode() * 9),
    "zlib": lambda: zlib.compress(LINE.encode() * 9),
    "zip": lambda: _zip("a.log", LINE.encode() * 9),
    "a zip member's name": lambda: _zip(f"{NAME}.csv", b""),
    "a zip in a zip": lambda: _zip("a.zip", _zip("a.log", LINE.encode() * 9)),
    "tar in gzip": lambda: gzip.compress(_tar("a.log", LINE.encode())),
    "a workbook": lambda: _xlsx(NAME),
    "the text of a picture": _png,
    # In columns and rows
    "Parquet": lambda: _written(lambda file: FRAME.write_parquet(file, compression="zstd", statistics=False)),
    "Parquet, a column of numbers": lambda: _written(
        lambda file: NUMBERS.write_parquet(file, compression="zstd", statistics=False)
    ),
    "Parquet, within lists": _nested,
    "Arrow": lambda: _written(lambda file: FRAME.write_ipc(file, compression="zstd")),
    "SQLite": lambda: _sqlite("INSERT INTO t VALUES (?)"),
    "SQLite, deleted": lambda: _sqlite(
        "PRAGMA secure_delete = off", "INSERT INTO t VALUES (?)", "INSERT INTO t VALUES (1)", "DELETE FROM t"
    ),
    "SQLite's WAL": lambda: _sqlite("INSERT INTO t VALUES (?)", "SELECT 1", ending="-wal"),
}

# What looks alike and is nobody: a scanner that cries here is switched off by its second user.
HARMLESS: Final[dict[str, Callable[[], bytes]]] = {
    "a longer number": lambda: f"1{NUMBER}0 {PHONE.replace('-', '')}1".encode(),
    "another number": lambda: f"{int(NUMBER) + 1}".encode(),
    "half a name": lambda: NAME[:2].encode() * 50,
    "a digest": lambda: base64.b64encode(bytes(range(256)) * 400),
    "a table without people": lambda: _written(lambda file: NUMBERS[:100].write_parquet(file)),
    "a packed nothing": lambda: gzip.compress(pickle.dumps(list(range(1000)))),
    "half a zip": lambda: _zip("a", b"nothing" * 99)[:60],
    "a name taken apart by Unicode": lambda: unicodedata.normalize("NFD", "홍길동").encode(),
}
