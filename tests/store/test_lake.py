from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from store import lake as lake_module
from store.faults import StoreError
from store.lake import SCORES, TABLES, Lake, Table

DAY = date(2026, 8, 31)


def row_of(table: Table, delivery: str, day: date, number: int) -> dict[str, Any]:
    values: dict[Any, Any] = {
        pl.Int64: number * 7919 - 2**62, pl.Int16: number % 100, pl.String: f"{number % 3}",
        pl.Boolean: number % 2 == 0, pl.Date: DAY - timedelta(days=number),
    }  # fmt: skip
    row = {name: values[dtype.base_type()] for name, dtype in TABLES[table].items()}
    return row | {"delivery": delivery, "received_on": day}


def told(delivery: str, day: date = DAY, rows: int = 3, table: Table = "observations", start: int = 0) -> pl.DataFrame:
    return pl.DataFrame([row_of(table, delivery, day, start + i) for i in range(rows)], schema=TABLES[table])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.mark.parametrize("table", TABLES)
def test_what_goes_in_comes_out(lake: Lake, table: Table) -> None:
    frame = told("d1", table=table)
    assert lake.append(table, frame, "d1")
    found = lake.known_on(table, DAY)
    assert found.schema == TABLES[table]
    assert_frame_equal(found, frame, check_row_order=False)


def test_an_empty_lake_has_empty_tables(lake: Lake) -> None:
    for table, schema in TABLES.items():
        assert lake.known_on(table, DAY).schema == schema
    assert lake.read_scores(DAY).schema == SCORES
    assert lake.versions() == dict.fromkeys(TABLES, 0)


def test_a_delivery_goes_in_once(lake: Lake) -> None:
    assert lake.append("observations", told("d1"), "d1")
    before = lake.versions()
    assert not lake.append("observations", told("d1", rows=9), "d1")
    assert lake.versions() == before
    assert lake.known_on("observations", DAY).height == 3


def test_many_go_in_with_one_commit_and_those_already_there_are_passed_over(lake: Lake) -> None:
    lake.append("observations", told("d1"), "d1")
    new = lake.append_many("observations", [(name, told(name)) for name in ("d0", "d1", "d2", "d3")])
    assert new == ["d0", "d2", "d3"]
    assert lake.versions()["observations"] == 2
    assert lake.deliveries("observations") == {"d0", "d1", "d2", "d3"}
    assert lake.known_on("observations", DAY).height == 12


def test_a_checkpoint_and_a_tidy_table_still_know_their_deliveries(lake: Lake, tmp_path: Path) -> None:
    for number in range(12):
        lake.append("observations", told(f"d{number}", DAY + timedelta(days=number)), f"d{number}")
    before = lake.known_on("observations", DAY + timedelta(days=5))
    assert lake.tidy(str(tmp_path / "scratch"), files=10) == ["observations"]
    lake._open("observations").create_checkpoint()
    assert not lake.append("observations", told("d3"), "d3")
    assert lake.when_taken("observations", ["d3", "d99"]) == {"d3": DAY + timedelta(days=3)}
    assert_frame_equal(lake.known_on("observations", DAY + timedelta(days=5)), before)
    assert lake.known_on("observations", DAY + timedelta(days=5), version=3).height == 9


def test_a_header_without_rows_is_remembered_too(lake: Lake) -> None:
    assert lake.append("contacts", told("d1", rows=0, table="contacts"), "d1")
    assert not lake.append("contacts", told("d1", rows=0, table="contacts"), "d1")
    assert lake.when_taken("contacts", ["d1", "d2"]) == {}


def test_later_is_not_known_and_the_day_of_the_first_attempt_stays(lake: Lake) -> None:
    lake.append("observations", told("d1"), "d1")
    lake.append("observations", told("d2", DAY + timedelta(days=1)), "d2")
    assert set(lake.known_on("observations", DAY)["delivery"]) == {"d1"}
    assert set(lake.known_on("observations", DAY + timedelta(days=1))["delivery"]) == {"d1", "d2"}
    assert lake.known_on("observations", DAY - timedelta(days=1)).is_empty()
    assert lake.when_taken("observations", ["d2"]) == {"d2": DAY + timedelta(days=1)}


def test_superseded_is_hidden(lake: Lake) -> None:
    lake.append_many("observations", [("d1", told("d1")), ("d2", told("d2"))])
    assert set(lake.known_on("observations", DAY, ("d1", "unknown"))["delivery"]) == {"d2"}


def test_an_old_version_can_be_read_again(lake: Lake) -> None:
    lake.append("observations", told("d1"), "d1")
    noted = lake.versions()["observations"]
    before = lake.known_on("observations", DAY)
    lake.append("observations", told("d2"), "d2")
    assert_frame_equal(lake.known_on("observations", DAY, version=noted), before)
    with pytest.raises(StoreError, match="version 99"):
        lake.known_on("observations", DAY, version=99)


def test_fewer_columns_are_the_same_rows(lake: Lake) -> None:
    lake.append("observations", told("d1", rows=20), "d1")
    wanted = ["signal", "key"]
    found = lake.known_on("observations", DAY, columns=wanted)
    assert found.columns == wanted
    whole = lake.known_on("observations", DAY).select(wanted)
    assert_frame_equal(found, whole, check_row_order=False)


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(4)), st.randoms())
def test_the_order_of_arrival_changes_no_byte(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], random: Any
) -> None:
    def filled(numbers: list[int], together: bool) -> pl.DataFrame:
        lake = Lake(tmp_path_factory.mktemp("lake"))
        frames = [(f"d{n}", told(f"d{n}", DAY - timedelta(days=n), start=n).sample(3, shuffle=True)) for n in numbers]
        if together:
            lake.append_many("observations", frames)
        else:
            for name, frame in frames:
                lake.append("observations", frame, name)
        return lake.known_on("observations", DAY)

    assert filled(order, random.random() < 0.5).equals(filled([0, 1, 2, 3], True))


def _other_delivery(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(delivery=pl.lit("x"))


def _two_days(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.with_columns(received_on=DAY + timedelta(days=1))])


def _other_type(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.cast({"months": pl.Int64})


@pytest.mark.parametrize("spoil", [_other_delivery, _two_days, _other_type])
def test_what_is_not_one_delivery_of_this_table_is_a_bug(
    lake: Lake, spoil: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    with pytest.raises(ValueError, match="observations"):
        lake.append("observations", spoil(told("d1")), "d1")
    assert lake.known_on("observations", DAY).is_empty()


def scores(probability: float, rows: int = 3) -> Callable[[], list[pl.DataFrame]]:
    told = pl.DataFrame({"household_key": range(rows), "margin": [0.5] * rows, "probability": [probability] * rows})
    return lambda: [told[:1], told[1:]]


def test_scores_of_a_day_are_replaced_and_others_stay(lake: Lake) -> None:
    assert lake.write_scores(DAY, scores(0.1))
    assert lake.write_scores(DAY - timedelta(days=1), scores(0.2))
    version = lake._open("scores").version()
    assert not lake.write_scores(DAY, lambda: [pl.concat(scores(0.1)())])
    assert lake._open("scores").version() == version
    assert lake.write_scores(DAY, scores(0.3, rows=2))
    assert lake.read_scores(DAY)["probability"].to_list() == [0.3, 0.3]
    assert lake.read_scores(DAY - timedelta(days=1))["probability"].to_list() == [0.2] * 3
    assert lake.read_scores(DAY, version)["probability"].to_list() == [0.1] * 3


def test_scores_written_back_to_an_earlier_content_are_written(lake: Lake) -> None:
    for probability in (0.1, 0.2, 0.1):
        assert lake.write_scores(DAY, scores(probability))
    assert lake.read_scores(DAY)["probability"].to_list() == [0.1] * 3


def test_a_kill_before_the_commit_leaves_the_lake_as_it_was(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    lake.append("observations", told("d1"), "d1")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(lake_module, "write_deltalake", killed)
        lake.append("observations", told("d2"), "d2")
    assert lake.deliveries("observations") == {"d1"}
    assert lake.append("observations", told("d2"), "d2")
