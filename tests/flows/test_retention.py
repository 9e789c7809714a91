"""What the lake no longer holds, nobody would have looked at."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from rich.console import Console

from features.feeds import HORIZON_MONTHS
from flows.desk import Desk, open_desk
from flows.inbox import take_in
from flows.matrix import households_on
from flows.retention import LOOKS_BACK_MONTHS, kept_from, learned_from, retain, show_retained
from store.lake import TABLES
from tests.flows import letters

NIGHT = date(2026, 11, 2)
MONTHS = pl.date_range(date(2018, 1, 1), date(2026, 10, 1), "1mo", eager=True).dt.month_end()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(letters.write_work(tmp_path), tmp_path / "work") as opened:
        (opened.inbox / letters.NHIS).write_bytes(letters.nhis())
        take_in(opened, NIGHT)
        (row,) = opened.lake.known_on("observations", NIGHT).iter_rows(named=True)
        # Arrears of eight years, each known six weeks after its month.
        told = pl.DataFrame({**row, "observed_on": MONTHS, "months": range(3, 3 + len(MONTHS))})
        told = told.with_columns(received_on=pl.col("observed_on").dt.offset_by("45d"), delivery=pl.lit("old"))
        rows = told.filter(pl.col("received_on") <= NIGHT).select(
            pl.col(name).cast(kind) for name, kind in TABLES["observations"].items()
        )
        opened.lake.append_part("observations", rows, "old")
        yield opened


def test_features_do_not_change_by_what_is_dropped(desk: Desk) -> None:
    days = (NIGHT, learned_from(NIGHT, 60))
    before = [households_on(desk, day) for day in days]
    found = retain(desk, NIGHT)
    assert found.kept_from == date(2021, 11, 1)
    assert found.dropped["rows"].sum() == 46, "months of 2018 to October 2021"
    for day, features in zip(days, before, strict=True):
        assert_frame_equal(households_on(desk, day), features)
    assert retain(desk, NIGHT).dropped.is_empty()
    assert retain(desk, date(2029, 11, 2)).dropped.height == 36
    with pytest.raises(AssertionError):  # three years more, and they do: the features here are made of these months
        assert_frame_equal(households_on(desk, NIGHT), before[0])


def test_what_went_is_told(desk: Desk) -> None:
    show = Console(width=140, record=True, quiet=True)
    with show.capture() as told:
        show.quiet = False
        show_retained(show, retain(desk, NIGHT))
        show_retained(show, retain(desk, NIGHT))
    words = told.get()
    assert "2021-10" in words
    assert "kept from 2021-11-01 on" in words
    assert "nothing was changed" in words


def test_the_oldest_round_learned_from_finds_all_its_months() -> None:
    assert LOOKS_BACK_MONTHS == HORIZON_MONTHS
    for day in (date(2026, 1, 31), date(2026, 2, 1), date(2026, 12, 31)):
        first = learned_from(day, 60)
        # A round of the month's first day has the month before as its latest, and looks at 24 from there.
        assert (first.year - kept_from(day, 60).year) * 12 + first.month - kept_from(day, 60).month == 25
