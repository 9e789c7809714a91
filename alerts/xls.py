"""What the reader of old workbooks (XLS) does not tell: how far a sheet reaches, and which cells hold an error value.

Only so much of the two formats as that takes: [MS-CFB] for the file's streams, [MS-XLS] for the records in them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_FREE = 0xFFFFFFFA  # sector numbers from here on are signs, not places
_NAMES = ("Workbook", "Book")
_BOUNDSHEET, _EOF, _FORMULA, _BOOLERR, _MULRK = 0x0085, 0x000A, 0x0006, 0x0205, 0x00BD
_CELLS = 0  # kind of sheet; charts and macros are others
# Number, text, shared text, rich text, RK: each begins with row and column.
_VALUES = frozenset({0x0203, 0x0204, 0x00FD, 0x00D6, 0x027E, _FORMULA, _BOOLERR, _MULRK})


@dataclass
class Reach:
    rows: int = 0
    columns: int = 0
    errors: set[tuple[int, int]] = field(default_factory=set)  # (row, column), from 0


def reaches(raw: bytes) -> list[Reach]:
    """One per sheet, in the order of the workbook; empty when the file holds no XLS. Raises ValueError when damaged."""
    try:
        book = _stream(raw)
        return [_reach(book, place) for place in _sheets(book)]
    except (struct.error, IndexError) as error:
        raise ValueError("damaged XLS") from error


def _stream(raw: bytes) -> bytes:
    sector, mini = 1 << struct.unpack_from("<H", raw, 30)[0], 1 << struct.unpack_from("<H", raw, 32)[0]
    if not 64 <= mini <= sector <= 4096:
        raise ValueError("damaged XLS")
    directory, cutoff, mini_fat, difat = (struct.unpack_from("<I", raw, at)[0] for at in (48, 56, 60, 68))
    fat = _fat(raw, sector, difat)
    root, found = None, None
    entries = _chain(raw[sector:], fat, directory, sector)
    for at in range(0, len(entries) - 127, 128):
        name = entries[at : at + 64].decode("utf-16-le", "replace").partition("\0")[0]
        first, size = struct.unpack_from("<II", entries, at + 116)
        root = (first, size) if entries[at + 66] == 5 else root
        found = (first, size) if name in _NAMES and entries[at + 66] == 2 else found
    if found is None or root is None:
        return b""
    if found[1] >= cutoff:
        return _chain(raw[sector:], fat, found[0], sector)[: found[1]]
    small = _chain(raw[sector:], fat, root[0], sector)
    links = _chain(raw[sector:], fat, mini_fat, sector)
    return _chain(small, list(struct.unpack(f"<{len(links) // 4}I", links)), found[0], mini)[: found[1]]


def _fat(raw: bytes, sector: int, difat: int) -> list[int]:
    """Which sector comes after which; long files keep the places of this table in further sectors."""
    places = list(struct.unpack_from("<109I", raw, 76))
    for _ in range(len(raw) // sector):
        if difat >= _FREE:
            break
        more = struct.unpack_from(f"<{sector // 4}I", raw, (difat + 1) * sector)
        places += more[:-1]
        difat = more[-1]
    return [
        link
        for place in places
        if place < _FREE
        for link in struct.unpack_from(f"<{sector // 4}I", raw, (place + 1) * sector)
    ]


def _chain(data: bytes, fat: list[int], first: int, size: int) -> bytes:
    parts: list[bytes] = []
    while first < _FREE:
        if len(parts) > len(fat):
            raise ValueError("damaged XLS")  # it runs in a circle
        parts.append(data[first * size : (first + 1) * size])
        first = fat[first]
    return b"".join(parts)


def _records(book: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= len(book):
        kind, size = struct.unpack_from("<HH", book, at)
        yield kind, book[at + 4 : at + 4 + size]
        if kind == _EOF:
            return
        at += 4 + size


def _sheets(book: bytes) -> list[int]:
    return [
        struct.unpack_from("<I", data)[0]
        for kind, data in _records(book, 0)
        if kind == _BOUNDSHEET and data[5] == _CELLS
    ]


def _reach(book: bytes, place: int) -> Reach:
    reach = Reach()
    for kind, data in _records(book, place):
        if kind not in _VALUES:
            continue
        row, column = struct.unpack_from("<HH", data)
        last = struct.unpack_from("<H", data, len(data) - 2)[0] if kind == _MULRK else column
        reach.rows, reach.columns = max(reach.rows, row + 1), max(reach.columns, last + 1)
        is_error = (kind == _BOOLERR and data[7] == 1) or (
            kind == _FORMULA and data[12:14] == b"\xff\xff" and data[6] == 2
        )
        if is_error:
            reach.errors.add((row, column))
    return reach
