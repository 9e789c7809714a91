from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.tables import ADDRESSES, CONTACTS, OBSERVATIONS, RESIDENTS
from store.lake import Lake
from store.retention import drop_months
from tests.store.test_lake import told

CUT = date(2024, 3, 1)
LATER = date(2026, 8, 31)


def observed(days: list[date], delivery: str) -> pl.DataFrame:
    rows = told(delivery, LATER, len(days))
    return rows.with_columns(observed_on=pl.Series(days, dtype=pl.Date))


@settings(deadline=None, max_examples=6)
@given(st.lists(st.lists(st.dates(date(2023, 12, 1), date(2024, 5, 1)), max_size=6), max_size=3))
def test_rows_before_the_cut_go_and_are_counted_by_month(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[list[date]]
) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    frames = [(f"d{n}", observed(days, f"d{n}")) for n, days in enumerate(deliveries)]
    lake.append_many("observations", frames)
    before = lake.versions()["observations"]
    days = [day for some in deliveries for day in some]
    found = drop_months(lake, CUT)
    old = sorted(day.replace(day=1) for day in days if day < CUT)
    assert found.dropped.rows() == [("observations", month, old.count(month)) for month in sorted(set(old))]
    kept = lake.known_on("observations", LATER)["observed_on"]
    assert sorted(kept) == sorted(day for day in days if day >= CUT)
    assert lake.versions()["observations"] == before + bool(old), "one commit, or none"
    assert found.versions == ({"observations": before} if old else {})


def test_months_go_once_and_stay_readable_in_older_versions(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    assert drop_months(lake, CUT).dropped.is_empty(), "a lake without tables"
    rows = observed([CUT - timedelta(days=1), CUT], "d1")
    lake.append("observations", rows, "d1")
    for day in (CUT - timedelta(days=1), CUT):
        frame = pl.DataFrame({"household_key": [1], "margin": [0.5], "probability": [0.6]})
        lake.write_scores(day, lambda frame=frame: [frame])  # type: ignore[misc]
    first = drop_months(lake, CUT)
    month = date(2024, 2, 1)
    assert first.dropped.rows() == [("observations", month, 1), ("scores", month, 1)]
    assert lake.read_scores(CUT - timedelta(days=1)).is_empty()
    assert lake.read_scores(CUT).height == 1
    assert lake.known_on("observations", LATER, version=first.versions["observations"]).height == 2
    versions = lake.versions()
    assert drop_months(lake, CUT).dropped.is_empty()
    assert lake.versions() == versions
    assert not lake.append("observations", rows, "d1"), "what was taken in once does not come in again"
    assert lake.known_on("observations", LATER).height == 1


def test_registers_and_answers_stay(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    for table in ("residents", "addresses", "contacts"):
        lake.append(table, told("d1", date(2020, 1, 1), table=table), "d1")
    versions = lake.versions()
    drop_months(lake, date(2030, 1, 1))
    assert lake.versions() == versions
    assert {*RESIDENTS, *ADDRESSES, *CONTACTS} >= {"valid_to", "selected_on"}
    assert "observed_on" in OBSERVATIONS


def test_months_are_dropped_whole(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="whole"):
        drop_months(Lake(tmp_path), date(2024, 3, 2))
