"""Data files we write ourselves are read as those of Delta's own writer, by Delta's readers too."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import polars.selectors as cs
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from features.ranges import within
from signals.tables import ADDRESSES, OBSERVATIONS
from store.lake import Lake

DAY = date(2026, 10, 15)
WORDS = {"key_kind": pl.Enum(["person", "address", "household"]), "signal": pl.Categorical()}


def told(rows: int = 300) -> pl.DataFrame:
    """In order of the key: the outermost keys there are, nulls, words whose order is not that of their numbers."""
    keys = [-(2**63) + n * ((2**64 - 1) // (rows - 1)) for n in range(rows - 1)]
    return pl.DataFrame(
        {
            "key": [*keys, 2**63 - 1],
            "key_kind": "person",
            "signal": [["power_arrears", "bankruptcy", "한글"][n % 3] for n in range(rows)],
            "observed_on": [date(2026, 8, 31), None, date(1999, 1, 1)] * (rows // 3),
            "received_on": DAY,
            "months": [None, 3, -7] * (rows // 3),
            "amount_won": [n if n % 7 else None for n in range(rows)],
            "delivery": "d" * 64,
        },
        schema=OBSERVATIONS,
    )


def frames(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield rows[:100].cast({**WORDS, "delivery": pl.Enum(["d" * 64])})  # type: ignore[dict-item]
    yield rows[:0].cast(WORDS)  # type: ignore[arg-type]
    yield rows[100:].cast(WORDS)  # type: ignore[arg-type]


def noted(lake: Lake) -> pl.DataFrame:
    """What is known of each file without opening it."""
    actions = pl.DataFrame(DeltaTable(f"{lake.place}/observations").get_add_actions(flatten=True))
    return actions.select(pl.exclude("path", "size_bytes", "modification_time")).sort("min.key")


def test_in_frames_as_at_once(tmp_path: Path) -> None:
    rows, whole, ours = told(), Lake(tmp_path / "whole"), Lake(tmp_path / "ours")
    for some, delivery in ((rows[:100], "d"), (rows[100:], "e")):  # a file each
        whole.append("observations", some.with_columns(delivery=pl.lit(delivery)), delivery)
    assert ours.append_stream("observations", "d" * 64, DAY, frames(rows))
    assert not ours.append_stream("observations", "d" * 64, DAY, frames(rows))
    assert ours.versions()["observations"] == 1
    assert_frame_equal(pl.read_delta(f"{ours.place}/observations").sort("key"), rows)
    assert DeltaTable(f"{ours.place}/observations").to_pyarrow_table().num_rows == rows.height
    for quarter in range(4):
        found = ours.range_known_on("observations", DAY, (), (quarter, 4), 1, OBSERVATIONS.names())
        assert_frame_equal(found.sort("key"), rows.filter(within("key", quarter, 4)))
    theirs = noted(whole).drop(cs.ends_with("delivery"))
    assert_frame_equal(noted(ours).select(theirs.columns), theirs)


def test_a_reader_finds_texts_and_bounds_and_no_words_of_ours(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.append_stream("observations", "d" * 64, DAY, frames(told()))
    file = pq.ParquetFile(next((tmp_path / "observations").glob("*00002.parquet")))
    assert file.schema_arrow.field("signal").type == "string"
    assert b"ARROW:schema" not in (file.metadata.metadata or {})
    group = file.metadata.row_group(0)
    bounds = {group.column(n).path_in_schema: group.column(n).statistics for n in range(group.num_columns)}
    assert bounds["key"].max == 2**63 - 1
    assert (bounds["signal"].min, bounds["signal"].max) == ("bankruptcy", "한글")


def test_registers_with_truths_in_them(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            **{"household_key": [1, 2], "address_key": [9, -9], "building_key": [9, 7], "has_unit": [True, None]},
            **{"housing": ["apartment", None], "office": "1111051500", "valid_from": date(2020, 3, 1)},
            **{"valid_to": None, "received_on": DAY, "delivery": "a"},
        },
        schema=ADDRESSES,
    )
    lake = Lake(tmp_path)
    assert lake.append_stream("addresses", "a", DAY, [rows])
    assert_frame_equal(lake.known_on("addresses", DAY).sort("household_key"), rows)


def test_a_delivery_without_a_row_is_marked(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert lake.append_stream("observations", "none", DAY, [told()[:0]])
    assert lake.when_taken("observations", ["none"]) == {"none": DAY}
    assert lake.known_on("observations", DAY).is_empty()


def test_half_a_stream_is_unseen_and_made_whole_the_next_time(tmp_path: Path) -> None:
    rows, lake = told(), Lake(tmp_path)

    def dies() -> Iterator[pl.DataFrame]:
        yield next(frames(rows))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lake.append_stream("observations", "d" * 64, DAY, dies())
    assert lake.known_on("observations", DAY).is_empty()
    left = sorted((tmp_path / "observations").glob("*.parquet"))
    assert lake.append_stream("observations", "d" * 64, DAY, frames(rows))
    assert lake.known_on("observations", DAY).height == rows.height
    assert set(left) < set((tmp_path / "observations").glob("*.parquet")), "what was left is part of it"


@pytest.mark.parametrize(
    "wrong",
    [
        told().with_columns(received_on=date(2026, 1, 1)),
        told().drop("months"),
        told().with_columns(delivery=pl.lit("x")),
    ],
)
def test_rows_of_another_day_delivery_or_kind_are_refused(wrong: pl.DataFrame, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with pytest.raises(ValueError, match="observations"):
        lake.append_stream("observations", "d" * 64, DAY, [wrong])
    assert lake.versions()["observations"] == 0
