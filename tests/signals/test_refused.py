"""A file that cannot be trusted is refused whole: the message names file, fault and cure, never a person."""

import pytest

from signals.agencies import AGENCIES
from signals.delivery import DeliveryName, DeliveryRefused, read_name
from signals.intake import Split, split_observations
from signals.layout import Agency
from signals.reply import write_refusal
from tests.signals.writer import good_row, layout_of, name_of, row_of, signals_of, write, write_table

each_agency = pytest.mark.parametrize("agency", AGENCIES.values(), ids=AGENCIES)


def refused(raw: bytes, agency: Agency) -> DeliveryRefused:
    with pytest.raises(DeliveryRefused) as caught:
        split_observations(raw, agency, name_of(agency.code))
    assert caught.value.file == name_of(agency.code).filename
    assert caught.value.what_ko.endswith(".")
    assert caught.value.cure_ko.endswith(".")
    assert caught.value.what_ko.encode() in write_refusal(caught.value)
    return caught.value


def whole_file(agency: Agency) -> bytes:
    return write(agency.layout, [row_of(s, agency) for s in signals_of(agency)])


@each_agency
def test_wrong_encoding_is_named(agency: Agency) -> None:
    text = whole_file(agency).decode(agency.layout.encoding)
    other = "utf-8-sig" if agency.layout.encoding == "cp949" else "cp949"
    error = refused(text.encode(other), agency)
    assert error.code == "wrong_encoding"
    assert "UTF-8" in error.what_ko
    assert "CP949" in error.what_ko


@each_agency
def test_missing_and_renamed_columns_are_named(agency: Agency) -> None:
    for column in agency.layout.columns:
        if column.field == "dropped":
            continue
        headers = ["새 이름" if c is column else c.header for c in agency.layout.columns]
        error = refused(write_table(agency.layout, [headers]), agency)
        assert error.code == "columns_missing"
        assert column.header in error.what_ko
        assert "새이름" in error.what_ko


@each_agency
def test_a_dropped_column_may_be_missing(agency: Agency) -> None:
    row = row_of(signals_of(agency)[0], agency)
    columns = [c for c in agency.layout.columns if c.field != "dropped"]
    raw = write_table(agency.layout, [[c.header for c in columns], [row.get(c.field, "") for c in columns]])
    assert split_observations(raw, agency, name_of(agency.code)).accepted.height == 1


@each_agency
def test_header_only_is_taken_in_with_a_warning(agency: Agency) -> None:
    split: Split = split_observations(write(agency.layout, []), agency, name_of(agency.code))
    assert (split.received, split.accepted.height, split.set_aside.height) == (0, 0, 0)
    assert split.warnings == ("머리글만 있고 자료가 한 줄도 없습니다.",)


@pytest.mark.parametrize("raw", [b"", b"\xef\xbb\xbf", b"\r\n\n  \n"])
def test_empty(raw: bytes) -> None:
    assert refused(raw, AGENCIES["nhis"]).code == "empty"


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 20])
def test_a_file_still_being_written(cut: int) -> None:
    agency = AGENCIES["kepco"]
    raw = whole_file(agency)[: -1 - cut]
    assert refused(raw, agency).code == "incomplete"


def test_utf16() -> None:
    agency = AGENCIES["nhis"]
    # Ends in a newline byte like a finished file does.
    raw = whole_file(agency).decode("cp949").encode("utf-16-be")
    error = refused(b"\xfe\xff" + raw, agency)
    assert error.code == "wrong_encoding"
    assert "UTF-16" in error.what_ko


def test_a_file_without_headers_repeats_nobody() -> None:
    agency = AGENCIES["nhis"]
    row = write(agency.layout, [good_row("nhis")]).split(b"\r\n", 1)[1]
    error = refused(row, agency)
    assert error.code == "header_missing"
    assert "1234567" not in str(error)


def test_repeated_and_too_many_columns() -> None:
    layout = layout_of("nhis")
    headers = [c.header for c in layout.columns]
    assert refused(write_table(layout, [[*headers, "기준년월"]]), AGENCIES["nhis"]).code == "columns_repeated"
    assert refused(write_table(layout, [[*headers, *map(str, range(60))]]), AGENCIES["nhis"]).code == "columns_too_many"


def test_names_round_trip() -> None:
    for source in [*AGENCIES, "residents"]:
        for revision in (0, 1, 12):
            name = DeliveryName(source, name_of(source).base_month, name_of(source).sent_on, revision)
            assert read_name(name.filename) == name


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("nhis_202608_20261015.txt", "name_unreadable"),
        ("nhis_202613_20261015.csv", "name_unreadable"),
        ("nhis_022608_20261015.csv", "name_unreadable"),
        ("nhis_202608_20260231.csv", "name_unreadable"),
        ("nhis_202608_20261015_r0.csv", "name_unreadable"),
        ("nhis_202608_20261015 (1).csv", "name_unreadable"),
        ("../nhis_202608_20261015.csv", "name_unreadable"),
        ("bank_202608_20261015.csv", "unknown_source"),
        ("nhis_202608_20260731.csv", "sent_before_month"),
    ],
)
def test_names_that_cannot_be_trusted(file: str, code: str) -> None:
    with pytest.raises(DeliveryRefused) as caught:
        read_name(file)
    assert (caught.value.code, caught.value.file) == (code, file)
