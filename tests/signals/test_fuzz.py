"""Whatever bytes arrive: a file is refused with a message, or every row of it is accounted for."""

import contextlib
import os

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.agencies import AGENCIES
from signals.delivery import DeliveryRefused, read_name
from signals.intake import SET_ASIDE, Split
from signals.reply import write_reply
from signals.rules import RULES
from tests.signals.test_rules import split
from tests.signals.writer import good_row, layout_of, name_of, write, write_table

# TRUST's third test asks for 10,000 files: `INTAKE_FILES=10000 pytest tests/signals/test_fuzz.py`.
FILES = int(os.environ.get("INTAKE_FILES", "260"))
SOURCES = st.sampled_from([*AGENCIES, "residents", "addresses", "contacts"])
CELLS = st.one_of(
    st.text(max_size=12),
    st.integers().map(str),
    st.dates().map(str),
    st.sampled_from(
        ["", '"', ",", "|", "\t", "\x00", "\r", "\n", "=1+1", "９", "99999999999999999999", "0000-01-01", "\ufeff"]
    ),
)


def accounted_for(source: str, raw: bytes) -> Split | None:
    try:
        told = split(source, raw)
    except DeliveryRefused:
        return None
    assert told.accepted.height + told.set_aside.height == told.received
    rows = pl.concat([told.accepted["row_no"], told.set_aside["row_no"]])
    assert rows.is_unique().all()
    assert told.set_aside.schema == SET_ASIDE
    assert set(told.set_aside["rule"]) <= set(RULES)
    write_reply(told, name_of(source))
    return told


@settings(deadline=None, max_examples=FILES // 4)
@given(SOURCES, st.binary(max_size=300))
def test_any_bytes(source: str, raw: bytes) -> None:
    accounted_for(source, raw)


@settings(deadline=None, max_examples=FILES // 4)
@given(SOURCES, st.binary(max_size=200))
def test_any_bytes_below_good_headers(source: str, body: bytes) -> None:
    accounted_for(source, write(layout_of(source), []) + body + b"\n")


@settings(deadline=None, max_examples=FILES // 4)
@given(SOURCES, st.data())
def test_any_cells(source: str, data: st.DataObject) -> None:
    layout, good = layout_of(source), good_row(source)
    changed = st.dictionaries(st.sampled_from([c.field for c in layout.columns]), CELLS, max_size=3)
    rows = [{**good, **change} for change in data.draw(st.lists(changed, max_size=4))]
    table = [[c.header for c in layout.columns], *([row.get(c.field, "") for c in layout.columns] for row in rows)]
    with contextlib.suppress(UnicodeEncodeError):
        accounted_for(source, write_table(layout, table))


@settings(deadline=None, max_examples=FILES // 4)
@given(SOURCES, st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_any_damage_to_a_good_file(source: str, at: int, damage: bytes) -> None:
    raw = write(layout_of(source), [good_row(source)] * 3)
    at %= len(raw)
    accounted_for(source, raw[:at] + damage + raw[at + len(damage) :])


@settings(deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"[a-z]{3,5}_[0-9]{6}_[0-9]{8}(_r[0-9])?\.csv", fullmatch=True))
def test_any_file_name(name: str) -> None:
    with contextlib.suppress(DeliveryRefused):
        assert read_name(name).filename == name
