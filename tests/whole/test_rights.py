"""Nights before and after a stop and a correction, a training, and what was too old destroyed: about four minutes."""

import os
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from flows.desk import Desk, now, open_desk, today
from flows.matrix import households_on
from flows.nightly import work_night
from flows.retention import retain, verify
from flows.retrain import build_matrix, learn
from flows.run import running
from flows.stops import stop_by_key
from store import correction
from store.alerts import open_alerts
from store.held import scores_of
from tests.whole.conftest import NIGHT, Worked

pytestmark = pytest.mark.skipif("RIGHTS" not in os.environ, reason="slow: make rights-test")

NEXT = NIGHT + timedelta(days=1)


def work(desk: Desk, day: date) -> pl.DataFrame:
    """What the night told of the households in its queues."""
    with running(desk, "nightly", day) as run:
        work_night(desk, run)
    return pl.read_parquet(desk.work / "explained" / f"{day}.parquet")


def withdraw(desk: Desk, key: int) -> list[str]:
    """Every row told of the household's own address or number, as if none were theirs."""
    homes = desk.lake.known_on("addresses", NEXT).filter(pl.col("household_key") == key)["address_key"].to_list()
    people = desk.lake.known_on("residents", NEXT).filter(pl.col("household_key") == key)["person_key"].to_list()
    told = desk.lake.known_on("observations", NEXT).filter(pl.col("key").is_in([key, *homes, *people]))
    return [
        correction.correct(
            desk.engine, desk.lake, "observations", row, None, request="R", received_on=NEXT, now=now()
        )[0]
        for row in told.iter_rows(named=True)
    ]  # fmt: skip


def test_what_persons_ask_reaches_every_later_night_and_training(worked: Worked, tmp_path: Path) -> None:
    with open_desk(worked.config, worked.again(tmp_path)) as desk:
        first = work(desk, NIGHT)
        reviewed = build_matrix(desk, NEXT)
        of_queue = open_alerts(desk.engine, NIGHT)["household_key"].to_list()
        stopped, corrected = sorted(set(of_queue) & set(reviewed["household_key"]) or of_queue)[:2]
        before = households_on(desk, NIGHT)

        stop_by_key(desk, stopped, "requested", NEXT, None)
        withdrawn = withdraw(desk, corrected)
        assert withdrawn
        second = work(desk, NEXT)
        assert {stopped, corrected} <= set(first["household_key"])
        assert stopped not in second["household_key"]
        scores = dict(scores_of(desk.lake, corrected))
        assert scores[NEXT] < scores[NIGHT]
        assert households_on(desk, NIGHT).equals(before), "the first night is told as it was"

        matrix = build_matrix(desk, NEXT)
        mine = reviewed["household_key"] == stopped
        assert matrix.height == reviewed.height - int(mine.sum())
        with running(desk, "retrain", NEXT) as run:
            assert learn(desk, run).rows == matrix.height

        later = today() + timedelta(days=36)
        told = {one.kept.data: one for one in retain(desk, later)}
        assert told["corrected"].counts[1] == len(withdrawn)
        assert verify(desk) == []
        files = [pl.scan_parquet(file) for file in (desk.work / "lake" / "observations").rglob("*.parquet")]
        left = pl.concat(files).filter(pl.col("delivery").is_in(withdrawn)).collect()
        assert left.is_empty(), "in no file, of no version"
        assert work(desk, NEXT + timedelta(days=1)).height, "nights go on"
