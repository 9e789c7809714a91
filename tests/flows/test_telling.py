"""What was told of an alert stands only while the household, and its place in the queue, are as they were."""

from datetime import date
from pathlib import Path

import polars as pl

from flows.ranges import Arranged, Day
from flows.scoring import kept_as
from flows.telling import as_before

BEFORE = pl.DataFrame(
    {
        "household_key": [1, 2, 3, 4],
        "decision": ["carried", "queued_risk", "queued_risk", "queued_explore"],
        "inclusion": [None, 1.0, 1.0, 0.1],
        "criteria": [[], ["단전"], [], []],
    }
)


def test_only_what_is_the_same_in_every_column_and_has_no_news_stands(tmp_path: Path) -> None:
    day = Day(date(2026, 11, 2), "lake", {}, (), str(tmp_path), 1)
    day.shuffle.scatter("chosen", 0, BEFORE, "household_key", 1)
    day.shuffle.keep(kept_as("changed", 1), 0, pl.DataFrame({"household_key": [1]}))
    now = BEFORE.with_columns(
        decision=pl.when(pl.col("household_key") == 4).then(pl.lit("queued_risk")).otherwise("decision"),
        criteria=pl.when(pl.col("household_key") == 2).then(pl.lit([], pl.List(pl.String))).otherwise("criteria"),
    )
    now = pl.concat([now, now[:1].with_columns(household_key=pl.lit(5, pl.Int64))])
    assert as_before(Arranged(day, (), {}, updates=1), now, 0).to_list() == [3]
