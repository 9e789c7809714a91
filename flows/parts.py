"""A training set that one machine does not hold: kept in parts in scratch, boosted by the workers that read them.

Rounds are built one after the other; of each, rows are handed on to the part of their household, and only a draw of the
households stays here: to judge on, and to choose the number of trees. The model itself learns from all rows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import polars as pl

from features import feature_list
from flows.desk import Desk
from flows.workers import with_distributed
from models.columns import columns_of
from models.folds import hashed
from models.learner import Learner
from models.train import Boosted
from signals.catalogue import SIGNALS
from store.shuffle import Shuffle

ROWS: Final = "rows"
_ABOUT: Final = ("household_key", "selected_on", "received_on", "label")
_GRAIN: Final = 1 << 20  # of the share that is drawn


class Parts:
    """`rows`: about how many there will be, at most `rows_per_part` to a part."""

    def __init__(self, desk: Desk, rows: int) -> None:
        wanted = desk.settings.model.rows_per_part or rows
        self._engine = desk.settings.engine
        self._share = wanted / rows
        self._about: list[pl.DataFrame] = []
        self.place = f"{desk.scratch}/training"
        self.count = -(-rows // wanted)

    def keep(self, built: pl.DataFrame) -> pl.DataFrame:
        """One round with its features; returns the rows of the households that are drawn."""
        columns = [pl.col(c.name).cast(pl.Float32) for c in columns_of(feature_list(SIGNALS))]
        rows = built.select("household_key", pl.col("label").cast(pl.Int8), *columns)
        Shuffle(self.place).scatter(ROWS, len(self._about), rows, "household_key", self.count)
        self._about.append(built.select(_ABOUT))
        drawn = hashed(built["household_key"].to_numpy(), _GRAIN) < self._share * _GRAIN
        return built.filter(pl.Series(drawn))

    def boosted(self) -> Boosted:
        """Once every round is kept."""
        return Boosted(pl.concat(self._about), self.count, self._boost)

    def _boost(self, learner: Learner, trees: int) -> str:
        from flows.boosting import Work, boost

        work = Work(self.place, len(self._about), self.count, learner.columns, learner.settings, learner.seed, trees)
        return boost(self._engine, work)


@contextmanager
def open_parts(desk: Desk, count: Callable[[], int]) -> Iterator[Parts | None]:
    """None: a cluster is not asked for, or so few rows need none. OperatorError, before anything is built: the cluster
    has fewer workers than there will be parts."""
    most = desk.settings.model.rows_per_part
    if desk.settings.engine.kind != "dask" or most is None or (rows := count()) <= most:
        yield None
        return
    with with_distributed():
        from flows.boosting import refuse_few
    parts = Parts(desk, rows)
    refuse_few(desk.settings.engine, parts.count)
    Shuffle(parts.place).clear()
    try:
        yield parts
    finally:
        Shuffle(parts.place).clear()
