"""After a day's whole night every household is worked anew of which anything is new, and no other."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.ranges import Arranged, Day
from flows.scoring import changed
from signals.tables import CONTACTS
from store.lake import Lake

DAY = date(2026, 11, 2)
NIGHTS = ("shuffle", "news")
# What a night keeps of each, and what another keeps of which the household of key 5 is new.
SCATTERED = ("observations", "notices", "opened")
KEPT = ("answered", "stopped")


@pytest.fixture
def day(tmp_path: Path) -> Day:
    lake = Lake(tmp_path / "lake")
    told = {"household_key": 5, "alert": "A", "selected_on": DAY, "received_on": DAY, "delivery": "d"}
    lake.append("contacts", pl.DataFrame([told], schema=CONTACTS), "d")
    return Day(DAY, lake.place, lake.versions(), (), str(tmp_path / "night"), 2, 800)


def keep(day: Day, night: str, name: str, keys: list[int]) -> None:
    frame = pl.DataFrame({"household_key": keys}, schema={"household_key": pl.Int64})
    shuffle = getattr(day, night)
    if name in SCATTERED:
        shuffle.scatter(name, 0, frame, "household_key", day.parts)
    else:
        shuffle.keep(name, 0, frame)


def bands(day: Day, night: str, band: str) -> None:
    told = pl.DataFrame({"alert_id": ["A", "B"], "band": [band, "high"]})
    getattr(day, night).keep("bands", 0, told)


def work(day: Day, new: str | None) -> list[int]:
    for night in NIGHTS:
        is_news = night == "news"
        for name in (*SCATTERED, *KEPT):
            stands = [] if name in ("observations", "notices", "answered") else [-9, 2**62]
            keep(day, night, name, [*stands, 5] if is_news and name == new else stands)
        bands(day, night, "high" if is_news and new == "bands" else "moderate")
    return changed(Arranged(day, (), {}, since={})).to_list()


@pytest.mark.parametrize("new", [*SCATTERED, *KEPT, "bands"])
def test_whatever_is_new_concerns_its_household(day: Day, new: str) -> None:
    assert work(day, new) == [5]


def test_where_nothing_is_new_nobody_is_worked_anew(day: Day) -> None:
    assert work(day, None) == []


@pytest.mark.parametrize("name", ["opened", "stopped"])
def test_what_is_there_no_longer_is_new_too(day: Day, name: str) -> None:
    work(day, None)
    keep(day, "news", name, [-9])
    assert changed(Arranged(day, (), {}, since={})).to_list() == [2**62]
