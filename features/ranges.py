"""Ranges of 64-bit keys: the unit of memory on one machine and of work on several.

Keys are uniform tokens, so that equal ranges hold about equal shares. Each range is contiguous: files sorted by key
can be read a range at a time.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

_LOWEST: Final = -(2**63)


def bounds(part: int | range, parts: int) -> tuple[int, int]:
    """First and last key of range `part` of `parts`, or of several side by side; together they hold every Int64, each
    once."""
    several = ranges_of(part)
    if not 0 <= several.start < several.stop <= parts:
        raise ValueError(f"part {part} of {parts}: must be 0 <= part < parts")
    return _first(several.start, parts), _first(several.stop, parts) - 1


def ranges_of(part: int | range) -> range:
    return part if isinstance(part, range) else range(part, part + 1)


def _first(part: int, parts: int) -> int:
    return _LOWEST + -(-(part << 64) // parts)


def cuts(ordered: pl.Series, parts: int) -> npt.NDArray[np.int64]:
    """Offsets at which ascending keys pass from one range to the next: parts + 1 of them."""
    starts = np.array([_first(part, parts) for part in range(parts)], np.int64)
    return np.append(np.searchsorted(ordered.to_numpy(), starts), len(ordered))


def within(column: str, part: int | range, parts: int) -> pl.Expr:
    first, last = bounds(part, parts)
    return pl.col(column).is_between(first, last)
