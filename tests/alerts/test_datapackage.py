"""Descriptors as another program reads them: the frictionless library checks every published table against its own."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from frictionless import Package

from alerts import considered, workload_csv
from alerts.columns import COLUMNS, words
from alerts.considered import HIDDEN, hide_small, summarise
from alerts.datapackage import DESCRIPTOR, Resource, describe
from alerts.described import CONSIDERED_COLUMNS, REPLY_COLUMNS, WORKLOAD_COLUMNS, WORKLOAD_NAMES, Column, queue_columns
from alerts.sheet import write_csv, write_workbook
from alerts.workload import WORKLOAD
from flows.descriptors import describe_replies, with_descriptor
from signals.delivery import DeliveryRefused
from signals.reply import write_refusal
from tests.alerts.drawn import AS_OF
from tests.alerts.sheets import BENEFITS, HERE, people, queue
from tests.alerts.test_considered import OFFICES, counted

QUEUE = queue_columns(BENEFITS)
TABLES: dict[str, Sequence[Column]] = {
    "queue": QUEUE, "considered": CONSIDERED_COLUMNS, "workload": WORKLOAD_COLUMNS, "reply": REPLY_COLUMNS,
}  # fmt: skip


def errors_of(folder: Path) -> list[str]:
    """What frictionless finds; it also compares sizes and digests."""
    report = Package(str(folder / DESCRIPTOR)).validate()
    return [f"{kind}: {note}" for kind, note in report.flatten(["type", "note"])]


def laid(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def office() -> dict[str, bytes]:
    told, known = queue(), people(*range(1, 10))
    name = f"queue_{HERE.code}_20261102"
    files = {
        f"{HERE.code}/{name}.csv": write_csv(told, known),
        f"{HERE.code}/{name}.xlsx": write_workbook(told, known, HERE, BENEFITS, AS_OF),
        f"{HERE.code}/index.html": b"<!doctype html>",
    }
    return with_descriptor(files, "종로구 사직동", AS_OF)


def district() -> dict[str, bytes]:
    told = hide_small(
        summarise(counted(_1111051500={"below_cut": 40, "no_signal": 300, "removed": 2}, _1111053000={}), OFFICES)
    ).filter(district="11110")
    load = pl.DataFrame(
        [("1111051500", "청운효자동", "11110", "종로구", 12, 11, 4, 1, 7, 2, 1, 3, 1, 0, 2, 17, 15)],
        schema=WORKLOAD, orient="row",
    )  # fmt: skip
    files = {"considered.csv": considered.write_csv(told), "workload.csv": workload_csv.write_csv(load)}
    return with_descriptor({f"district-11110/{name}": data for name, data in files.items()}, "종로구", AS_OF)


def test_the_folder_of_an_office_is_as_its_descriptor_says(tmp_path: Path) -> None:
    assert errors_of(laid(tmp_path, office()) / HERE.code) == []


def test_the_folder_of_a_district_is_as_its_descriptor_says(tmp_path: Path) -> None:
    assert HIDDEN in district()["district-11110/considered.csv"].decode()
    assert errors_of(laid(tmp_path, district()) / "district-11110") == []


def test_replies_are_as_their_descriptor_says(tmp_path: Path) -> None:
    for number in range(2):
        refused = DeliveryRefused(
            "password", f"{number}.xlsx", "암호가 걸려 있어 열 수 없습니다.", "암호를 풀어 주십시오."
        )
        (tmp_path / f"{number}.xlsx.reply.csv").write_bytes(write_refusal(refused))
    describe_replies(tmp_path, AS_OF)
    assert len(json.loads((tmp_path / DESCRIPTOR).read_bytes())["resources"]) == 2
    assert errors_of(tmp_path) == []


@pytest.mark.parametrize(
    ("was", "becomes", "kind"),
    [
        ("매우 높음", "위험함", "constraint-error"),
        ("2026-11-30", "11/30/26", "type-error"),
        ("위험 수준", "위험도", "incorrect-label"),
        ("1111051500", "11110515", "constraint-error"),
    ],
)
def test_what_is_not_as_it_was_told_is_found(was: str, becomes: str, kind: str, tmp_path: Path) -> None:
    """The check can fail: with a word, a day, a header, a code that its descriptor does not know."""
    path = f"{HERE.code}/queue_{HERE.code}_20261102.csv"
    raw = office()[path]
    changed = raw.decode("utf-8-sig").replace(was, becomes)
    assert changed != raw.decode("utf-8-sig")
    found = errors_of(laid(tmp_path, office() | {path: changed.encode("utf-8-sig")}) / HERE.code)
    assert any(error.startswith(kind) for error in found)
    assert any(error.startswith(("hash-count", "byte-count")) for error in found)


def test_every_column_of_every_table_is_described_in_two_languages() -> None:
    for columns in TABLES.values():
        for column in columns:
            told = (column.title_en, column.what_ko, column.what_en)
            assert all(told)
            assert any("가" <= letter <= "힣" for letter in column.what_ko)
            assert column.title_en.isascii()
        assert len({column.header for column in columns}) == len(columns)


def test_the_columns_are_those_of_the_files() -> None:
    assert [column.header for column in QUEUE] == [column.header for column in COLUMNS]
    for path, columns in (("considered.csv", CONSIDERED_COLUMNS), ("workload.csv", WORKLOAD_COLUMNS)):
        rows = csv.reader(io.StringIO(district()[f"district-11110/{path}"].decode("utf-8-sig")))
        assert next(rows) == [column.header for column in columns]
    assert {*WORKLOAD_NAMES, "office", "name_ko", "district", "district_ko"} == set(WORKLOAD)


def test_every_word_an_officer_may_choose_has_its_code() -> None:
    told = {column.header: column.values for column in QUEUE}
    for column in COLUMNS:
        if column.name in words(BENEFITS):
            assert told[column.header] == {word: code for code, word in words(BENEFITS)[column.name].items()}


def test_a_descriptor_names_no_person_and_is_the_same_again() -> None:
    one = [Resource("queue", "q.csv", "명단", "Queue", b"x", QUEUE)]
    first, again = (describe("office", "가", "A", "2026-11-02", one) for _ in range(2))
    assert first == again
    assert "김영희" not in office()[f"{HERE.code}/{DESCRIPTOR}"].decode()
    assert date(2026, 11, 2) == AS_OF
