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
from flows.keeping import KEPT, kept_from
from flows.matrix import households_on
from flows.retention import LOOKS_BACK_MONTHS, learned_from, retain, show_classes, show_retained
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
    found = retain(desk, NIGHT)[0]
    assert found.kept_from == date(2021, 11, 1)
    assert found.counts[1] == 46, "months of 2018 to October 2021"
    for day, features in zip(days, before, strict=True):
        assert_frame_equal(households_on(desk, day), features)
    assert not any(one.gone for one in retain(desk, NIGHT))
    assert retain(desk, date(2029, 11, 2))[0].counts[1] == 36
    with pytest.raises(AssertionError):  # three years more, and they do: the features here are made of these months
        assert_frame_equal(households_on(desk, NIGHT), before[0])


def test_what_went_is_told(desk: Desk) -> None:
    show = Console(width=140, record=True, quiet=True)
    with show.capture() as told:
        show.quiet = False
        show_retained(show, retain(desk, NIGHT, dry_run=True), dry_run=True)
        show_retained(show, retain(desk, NIGHT), dry_run=False)
        show_retained(show, retain(desk, NIGHT), dry_run=False)
        show_classes(show, desk)
    words = told.get()
    assert "2021-11-01" in words
    assert "nothing was destroyed" in words
    assert "older versions" in words
    assert "nothing was changed" in words
    assert "outbox_days: 90" in words


def test_the_oldest_round_learned_from_finds_all_its_months(desk: Desk) -> None:
    assert LOOKS_BACK_MONTHS == HORIZON_MONTHS
    for day in (date(2026, 1, 31), date(2026, 2, 1), date(2026, 12, 31)):
        first, kept = learned_from(day, 60), kept_from(desk, KEPT[0], day)
        # A round of the month's first day has the month before as its latest, and looks at 24 from there.
        assert (first.year - kept.year) * 12 + first.month - kept.month == 25
