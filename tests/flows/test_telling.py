"""What was told of an alert stands only while the household, and its place in the queue, are as they were."""

from datetime import date
from pathlib import Path

import polars as pl

from alerts.bands import Band
from alerts.opening import with_chances
from alerts.settings import QueueSettings
from flows.ranges import Arranged, Day
from flows.telling import as_before

BEFORE = pl.DataFrame(
    {
        "household_key": [1, 2, 3, 4, 6],
        "decision": ["carried", "queued_risk", "queued_risk", "queued_explore", "queued_risk"],
        "band": pl.Series(["high", "high", "moderate", "moderate", "high"], dtype=Band),
        "told_over": [None, 0.2, 0.2, 0.2, 0.2],
        "inclusion": [None, 1.0, 1.0, 0.1, 1.0],
        "criteria": [[], ["단전"], [], [], []],
    }
)


def test_only_what_is_told_the_same_and_has_no_news_stands(tmp_path: Path) -> None:
    day = Day(date(2026, 11, 2), "lake", {}, (), str(tmp_path), 2, 800)
    day.shuffle.scatter("chosen", 0, BEFORE, "household_key", 2)
    day.news.keep("changed", 0, pl.DataFrame({"household_key": [1]}))
    is_third = pl.col("household_key") == 3
    now = BEFORE.with_columns(
        decision=pl.when(pl.col("household_key") == 4).then(pl.lit("queued_risk")).otherwise("decision"),
        criteria=pl.when(pl.col("household_key") == 2).then(pl.lit([], pl.List(pl.String))).otherwise("criteria"),
        # Of the third no band was told, nor is it now; of the sixth it is told no longer.
        told_over=pl.when(is_third).then(0.21).when(pl.col("household_key") == 6).then(0.3).otherwise("told_over"),
        inclusion=pl.when(is_third).then(0.9).otherwise("inclusion"),
    )
    now = pl.concat([now, now[:1].with_columns(household_key=pl.lit(5, pl.Int64))])
    settings = QueueSettings(capacity=1, high=0.25, very_high=0.45)
    assert as_before(Arranged(day, (), {}, since={}), now, settings).to_list() == [3]


def test_a_new_alert_that_stands_has_tonight_s_chance_and_an_open_one_that_of_its_day() -> None:
    alerts = pl.DataFrame({"household_key": [3, 1, 2], "is_new": [True, False, True], "inclusion": [1.0, 0.3, 0.1]})
    chosen = pl.DataFrame({"household_key": [1, 2, 3], "inclusion": [None, None, 0.9]})
    assert with_chances(alerts, chosen)["inclusion"].to_list() == [0.9, 0.3, 1.0]
