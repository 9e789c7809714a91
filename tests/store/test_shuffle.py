"""Rows handed on by the range that asks for them."""

from pathlib import Path

import polars as pl
import pytest

from store.shuffle import Shuffle

ROWS = pl.DataFrame(
    {
        "household_key": [1, 2, 5, -9, 2**62],
        "lane": pl.Series(["risk", "urgent", "risk", "urgent", None], dtype=pl.Enum(["risk", "urgent"])),
    }
)


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 11])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_ranges_without_a_row_beside_ranges_with_words(rows: int, parts: int, tmp_path: Path) -> None:
    """Few chosen households in many ranges: Arrow's files allow one dictionary for each column."""
    shuffle = Shuffle(str(tmp_path))
    told = ROWS.head(rows)
    shuffle.scatter("chosen", 0, told, "household_key", parts)
    back = pl.concat([shuffle.gather("chosen", part, [0]) for part in range(parts)])
    assert back.equals(told.sort("household_key"))
    assert shuffle.gather("chosen", range(parts), [0]).equals(back)


@pytest.mark.parametrize("at_once", [0, 3, 100])
def test_only_the_rows_that_are_asked_for(at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of some ranges, whatever is looked through at a time, and in the order of the sources."""
    monkeypatch.setattr("store.shuffle._LOOKED_THROUGH", at_once)
    shuffle, parts = Shuffle(str(tmp_path)), 4
    for source in range(3):
        shuffle.scatter("chosen", source, ROWS.with_columns(source=pl.lit(source)), "household_key", parts)
    mine = pl.col("household_key").is_in([5, -9])
    everything = shuffle.gather("chosen", range(1, 4), range(3))
    assert everything["household_key"].to_list() == [-9, 1, 2, 5, 2**62] * 3
    found = shuffle.gather("chosen", range(1, 4), range(3), mine)
    assert found.equals(everything.filter(mine))
    assert shuffle.gather("chosen", 2, range(3), mine).equals(everything.filter(pl.col("household_key") == 5))
    for part in range(2):
        shuffle.keep("kept", part, ROWS.with_columns(source=pl.lit(part)))
    assert shuffle.kept("kept", range(2), mine)["source"].to_list() == [0, 0, 1, 1]
    assert shuffle.kept("kept", 1).height == ROWS.height
