"""What a file repeats is worked once: of millions of rows, few codes, days and lengths differ."""

from collections.abc import Callable

import polars as pl

_GLANCE = 2_000  # cells
_MOST = 4  # from a quarter of different texts on, looking them up costs more than working all


def each_once(cells: pl.Series, work: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """`work(cells)`, done once for each different text. `work` sees one cell at a time and makes null of null."""
    return all_once(cells, lambda texts: work(texts).to_frame()).to_series().alias(cells.name)


def all_once(cells: pl.Series, work: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """As `each_once`, of several things told of each text."""
    texts = cells.head(_GLANCE).drop_nulls().unique(maintain_order=True)
    if texts.is_empty() or len(texts) * _MOST > min(len(cells), _GLANCE):
        return work(cells)
    told = cells.cast(pl.Enum(texts), strict=False)
    if told.null_count() > cells.null_count():
        others = cells.filter(told.is_null() & cells.is_not_null()).unique(maintain_order=True)
        if (len(texts) + len(others)) * _MOST > len(cells):
            return work(cells)
        texts = pl.concat([texts, others])
        told = cells.cast(pl.Enum(texts))
    return work(texts).select(pl.all().gather(told.to_physical()))
