"""However a file is cut into blocks, the outcome is that of the whole file at once."""

import contextlib
from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.agencies import AGENCIES
from signals.blocks import (
    BAD,
    Reader,
    Split,
    between_rows,
    split_block,
    split_whole,
    warnings_of,
    with_columns_at_fault,
)
from signals.delivery import DeliveryRefused
from signals.readers import addresses_reader, contacts_reader, observations_reader, residents_reader
from signals.rows import blocks, read_head, shows_head
from tests.signals.writer import good_row, layout_of, name_of, write, write_table

SOURCES = st.sampled_from(["kepco", "nhis", "kait", "citygas", "residents", "addresses", "contacts"])
CELLS = st.sampled_from(
    ["", '"', "a,b", "x|y", "１２", "못 읽음", "\ufeff", "\x00", "\r", "두\n줄", "2020-01-01", "Y", "N"]
)
LINES = st.sampled_from([b"", b" ", b"\t", b'"', b"\xff\xfe", b"\x81", b"\xe3\x80", b"\xef\xbb\xbf", b"a,b,c", b"\r"])


def reader_of(source: str) -> Reader:
    name = name_of(source)
    match source:
        case "residents":
            return residents_reader(name)
        case "addresses":
            return addresses_reader(name)
        case "contacts":
            return contacts_reader(name)
        case code:
            return observations_reader(AGENCIES[code], name)


def cut(raw: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Chunks of these sizes in turn."""
    at, turn = 0, 0
    while at < len(raw):
        size = sizes[turn % len(sizes)]
        yield raw[at : at + size]
        at, turn = at + size, turn + 1


def in_blocks(raw: bytes, reader: Reader, sizes: list[int]) -> Split:
    head = read_head(raw, raw[-1:], reader.layout, reader.file)
    done = [split_block(block, head, reader, row_no) for row_no, block in blocks(cut(raw, sizes))]
    empty = split_block(b"", head, reader, 2)
    good = pl.concat([empty.good, *(block.good for block in done)])
    bad = between_rows(good, reader)
    received = sum(block.received for block in done)
    return Split(
        good.join(bad, on="row_no", how="anti", maintain_order="left"),
        with_columns_at_fault(
            pl.concat([pl.DataFrame(schema=BAD), bad, *(block.bad for block in done)]), reader.layout
        ),
        received,
        head.leftover,
        warnings_of(received, sum(block.unreadable_phones for block in done)),
    )


def assert_same(raw: bytes, source: str, sizes: list[int]) -> None:
    reader = reader_of(source)
    try:
        whole = split_whole(raw, reader)
    except DeliveryRefused as refused:
        with pytest.raises(DeliveryRefused) as caught:
            in_blocks(raw, reader, sizes)
        assert caught.value.code == refused.code
        return
    found = in_blocks(raw, reader, sizes)
    assert found.accepted.equals(whole.accepted)
    assert found.set_aside.equals(whole.set_aside)
    assert (found.received, found.leftover, found.warnings) == (whole.received, whole.leftover, whole.warnings)
    assert found.accepted.height + found.set_aside.height == found.received


@settings(deadline=None, max_examples=30)
@given(SOURCES, st.data(), st.lists(st.integers(1, 200), min_size=1, max_size=4))
def test_a_flawed_file_in_blocks_is_the_same_file(source: str, data: st.DataObject, sizes: list[int]) -> None:
    layout, good = layout_of(source), good_row(source)
    changed = st.dictionaries(st.sampled_from([c.field for c in layout.columns]), CELLS, max_size=2)
    rows = [{**good, **change} for change in data.draw(st.lists(changed, max_size=6))]
    table = [[c.header for c in layout.columns], *([row.get(c.field, "") for c in layout.columns] for row in rows)]
    with contextlib.suppress(UnicodeEncodeError):
        lines = write_table(layout, table).splitlines(keepends=True)
        at = data.draw(st.integers(0, len(lines)))
        raw = b"".join([*lines[:at], data.draw(LINES) + b"\r\n", *lines[at:]])
        assert_same(raw, source, sizes)


@settings(deadline=None, max_examples=20)
@given(SOURCES, st.binary(max_size=60), st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_any_bytes_below_the_header_in_blocks(source: str, body: bytes, sizes: list[int]) -> None:
    row = write(layout_of(source), [good_row(source)])
    assert_same(row + body + b"\n" + row.split(b"\n", 1)[1] * 2, source, sizes)


@pytest.mark.parametrize("source", ["residents", "kepco"])
def test_every_size_of_block(source: str) -> None:
    layout, good = layout_of(source), good_row(source)
    elsewhere = {**good, "household_no": "H00000002", "valid_to": "", "phone": "없음"}
    here = {**good, "valid_to": "", "valid_from": "2024-02-01"}
    raw = write(layout, [good, elsewhere, {**good, "month": "no"}, good, here, elsewhere, {**good, "amount": "1"}])
    # A mark of the start of a file, and then a quote: within a file that is no quoted cell.
    first, separator, others = raw.split(b"\n")[1].partition(layout.separator.encode())
    raw = raw[:-2] + b"\n" + b'\xef\xbb\xbf"' + first + b'"' + separator + others + b"\n"
    assert split_whole(raw, reader_of(source)).set_aside.height >= 3
    for size in [1, 50, 100, 101, 150, 250, len(raw) - 1, len(raw), len(raw) + 1]:
        assert_same(raw, source, [size])


def test_rows_are_numbered_as_a_spreadsheet_counts() -> None:
    raw = b"head\n\nb\nc\r\n\nlast\n"
    for size in range(1, len(raw) + 2):
        found = [
            (row_no + at, line)
            for row_no, block in blocks(cut(raw, [size]))
            for at, line in enumerate(block.split(b"\n")[:-1])
        ]
        assert found == [(2, b""), (3, b"b"), (4, b"c\r"), (5, b""), (6, b"last")]


@given(st.binary(max_size=40), st.integers(1, 5))
def test_the_start_of_a_file_tells_as_much_as_all_of_it(raw: bytes, size: int) -> None:
    layout = layout_of("nhis")
    start = b""
    for chunk in cut(raw, [size]):
        start += chunk
        if shows_head(start, raw[-1:]):
            break
    with pytest.raises(DeliveryRefused) as whole:
        read_head(raw, raw[-1:], layout, "x")
    with pytest.raises(DeliveryRefused) as found:
        read_head(start, raw[-1:], layout, "x")
    assert str(found.value) == str(whole.value)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_cell_too_many_beside_one_too_few(turn: int) -> None:
    row = write(layout_of("kepco"), [good_row("kepco")])
    separator = layout_of("kepco").separator.encode()
    cells = row.split(b"\n")[1].rstrip(b"\r").split(separator)
    lines = [separator.join([*cells, b"x"]), separator.join(cells[:-1])][::turn]
    assert b'"' not in row, "the quick way"
    found = split_whole(row + b"\r\n".join(lines) + b"\r\n", reader_of("kepco"))
    assert found.set_aside.select("row_no", "rule").rows() == [(3, "wrong_field_count"), (4, "wrong_field_count")]
