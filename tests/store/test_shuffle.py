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
