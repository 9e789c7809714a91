import csv
import io
import os
import struct
import unicodedata
import zipfile
from datetime import date, datetime, time

import openpyxl
import polars as pl
import pytest

from alerts import tabular
from alerts.answer_reply import ANSWER_RULES, write_answer_reply
from alerts.columns import ANSWER_COLUMNS, words
from alerts.returned import CAPACITY_LABEL, Returned, looks_like_sheet, office_of, read_sheet
from alerts.written import Cell, day_of
from signals.delivery import DeliveryRefused
from tests.alerts.mishaps import Sheet, draw_sheet, headers_at_fault
from tests.alerts.sheets import BENEFITS

# `make sheet-test` asks for 1,000.
SHEETS = int(os.environ.get("SHEETS", "100"))


def judge(sheet: Sheet) -> None:
    if sheet.is_refused:
        with pytest.raises(DeliveryRefused) as refused:
            read_sheet(sheet.raw, sheet.file, BENEFITS)
        assert refused.value.code == "no_alert_column"
        return
    returned = read_sheet(sheet.raw, sheet.file, BENEFITS)
    at_fault: dict[int, set[str]] = {}
    for row_no, header, _ in returned.set_aside.iter_rows():
        at_fault.setdefault(row_no, set()).add(header)
    assert {answer["row_no"]: answer for answer in returned.answers.iter_rows(named=True)} == sheet.answers
    assert headers_at_fault(at_fault) == headers_at_fault(sheet.set_aside)
    assert returned.unanswered == len(sheet.unanswered)
    assert returned.received == len(sheet.answers) + len(sheet.set_aside) + len(sheet.unanswered)
    assert set(returned.leftover) == sheet.leftover


@pytest.mark.parametrize("tenth", range(10))
def test_nothing_is_lost_of_sheets_that_people_and_excel_have_handled(tenth: int) -> None:
    for seed in range(tenth, SHEETS, 10):
        sheet = draw_sheet(seed)
        try:
            judge(sheet)
        except AssertionError as error:
            raise AssertionError(f"sheet {seed} ({sheet.file})") from error


HEADER = '"알림번호","행정동코드","접촉일","접촉방법","처리결과","거부·종결 사유","다음 예정일"'


def sheet_of(*lines: str, header: str = HEADER, encoding: str = "utf-8-sig") -> bytes:
    return "\r\n".join([header, *lines, ""]).encode(encoding)


def read(raw: bytes, file: str = "queue_1111051500_20261102.csv") -> Returned:
    return read_sheet(raw, file, BENEFITS)


def workbook(**sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


ANSWERED: list[list[object]] = [["알림번호", "접촉일"], ["A1", date(2026, 11, 5)]]
EMPTY: list[list[object]] = [["알림번호", "접촉일"], ["A1", None]]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-05", date(2026, 11, 5)),
        ("2026. 5. 1.", date(2026, 5, 1)),
        ("2026.5.1", date(2026, 5, 1)),
        ("5/1/26", date(2026, 5, 1)),  # Korean Excel: month/day/year
        ("12/11/26", date(2026, 12, 11)),
        ("26/12/11", date(2026, 12, 11)),
        ("05/01/2026", date(2026, 5, 1)),
        ("26-5-1", date(2026, 5, 1)),
        ("2026년 5월 1일", date(2026, 5, 1)),
        ("2026년 5월 1일 금요일", date(2026, 5, 1)),
        ("2026. 5. 1. 오후 3:05", date(2026, 5, 1)),
        ("２０２６－１１－０５", date(2026, 11, 5)),
        ("46143", date(2026, 5, 1)),
        ("46143.0", date(2026, 5, 1)),
        (46143, date(2026, 5, 1)),
        (46143.75, date(2026, 5, 1)),
        (20260501, date(2026, 5, 1)),
        (datetime.combine(date(2026, 5, 1), time(9)), date(2026, 5, 1)),
        ("11월 5일", None),  # its year is nobody's to guess
        ("5/1", None),
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("1/5/19", None),
        ("05-01-26", None),
        ("1926-05-01", None),
        ("44681 ", date(2022, 4, 30)),
        (40000, None),
        (99999, None),
        (True, None),
        (time(9), None),
        ("2026-11-05 2026-11-06", None),
    ],
)
def test_days_are_read_as_written_or_not_at_all(written: Cell, meant: date | None) -> None:
    assert day_of(written) == meant


@pytest.mark.parametrize(
    ("file", "office"),
    [
        ("queue_1111051500_20261102.csv", "1111051500"),
        ("사본 - queue_1111051500_20261102 (1).xlsx", "1111051500"),
        (unicodedata.normalize("NFD", "회신queue_1111051500_20261102.xlsx"), "1111051500"),
        ("Queue_1111051500 _20261102.XLSX", "1111051500"),
        ("ｑｕｅｕｅ＿１１１１０５１５００＿２０２６１１０２.csv", "1111051500"),
        ("queue_111105150_20261102.csv", None),
        ("회신.xlsx", None),
        ("nhis_202608_20261015.csv", None),
    ],
)
def test_the_office_is_told_by_the_name_we_gave(file: str, office: str | None) -> None:
    assert office_of(file) == office


def test_a_returned_sheet_is_told_from_a_delivery() -> None:
    assert looks_like_sheet(b"", "queue_1111051500_20261102.csv")
    assert looks_like_sheet(workbook(a=EMPTY), "회신.xlsx")
    for encoding in ("utf-8-sig", "cp949", "utf-16"):
        assert looks_like_sheet(sheet_of(encoding=encoding), "회신.csv")
    assert looks_like_sheet(unicodedata.normalize("NFD", "알림 번호").encode(), "회신.csv")
    assert not looks_like_sheet("관리번호,세대번호\r\nC-1,2\r\n".encode("cp949"), "ssis_202608_20261015.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_way_excel_saves_text_is_read(encoding: str, separator: str) -> None:
    text = sheet_of('"A1","1111051500","2026-11-05","전화","","",""', encoding="utf-8").decode()
    raw = text.replace('","', f'"{separator}"').encode(encoding)
    answers = read(b"\xff\xfe" + raw if encoding == "utf-16-le" else raw).answers
    assert answers.select("alert_id", "channel", "office").rows() == [("A1", "phone", "1111051500")]


def test_what_is_wrong_is_told_of_every_cell_and_only_of_its_row() -> None:
    returned = read(
        sheet_of(
            '"A1","","11월 5일","전화기","","","미정"',
            '"A2","","","전화","","",""',
            '"A3","","2026-11-05","","어려움 없음 확인","","2026-11-04"',
            '"A4","","2026-11-05","","어려움 없음 확인","소득·재산이 충분함",""',
            '"","","2026-11-05","","","",""',
            '"A6","","","","","",""',
        )
    )
    assert returned.set_aside.rows() == [
        (2, "접촉일", "contacted_on_unreadable"),
        (2, "접촉방법", "unknown_channel"),
        (2, "다음 예정일", "next_on_unreadable"),
        (3, "접촉일", "contacted_on_missing"),
        (4, "거부·종결 사유", "dismissal_missing"),
        (4, "다음 예정일", "next_before_contact"),
        (6, "알림번호", "alert_missing"),
    ]
    assert returned.answers["alert_id"].to_list() == ["A4"]
    assert (returned.unanswered, returned.received) == (1, 6)


def test_office_codes_keep_their_zeros_and_what_excel_rounded_is_not_believed() -> None:
    rows = [f'"A{n}","{code}","2026-11-05","","","",""' for n, code in enumerate(("111051500", "1.11E+09", "가", ""))]
    assert read(sheet_of(*rows)).answers["office"].to_list() == ["0111051500", None, None, None]


def test_a_copied_column_that_says_something_else_is_not_ours_to_judge() -> None:
    returned = read(sheet_of('"A1","2026-11-05",""', '"A2","2026-11-05","2026-11-06"', header="알림번호,접촉일,접촉일"))
    assert returned.answers["alert_id"].to_list() == ["A1"]
    assert returned.set_aside.rows() == [(3, "접촉일", "columns_differ")]


def test_a_row_that_ends_before_the_alert_number_is_set_aside() -> None:
    returned = read(sheet_of('"2026-11-05","전화"', header='"접촉일","접촉방법","알림번호","처리결과"'))
    assert returned.set_aside.rows() == [(2, "알림번호", "alert_missing")]


def test_a_separator_too_many_shifts_no_answer() -> None:
    returned = read(sheet_of("A1,종로구, 사직동,2026-11-05,전화", header="알림번호,행정동코드,접촉일,접촉방법"))
    assert returned.set_aside.rows() == [(2, "", "wrong_field_count")]


@pytest.mark.parametrize(
    "broken",
    [
        sheet_of('"A1","","2026-11-05","전화","","","'),
        sheet_of(
            *('"A1","1111051500,"2026-11-05","전화","","",""', '"A2","1111051500","2026-11-05","전화","","",""'),
        ),
        HEADER.encode() + b'\r\n"A1","x\r\n' + b"A2,1,2026-11-05,,,,\r\n" * 2 + b'A3,1","2026-11-05","","","",""\r\n',
    ],
)
def test_lost_quotation_marks_swallow_no_row(broken: bytes) -> None:
    with pytest.raises(DeliveryRefused) as refused:
        read(broken)
    assert refused.value.code == "quotes_broken"


@pytest.mark.parametrize(
    "raw", [b"", b"\x00" * 50, b"PK\x03\x04junk", b"\xd0\xcf\x11\xe0" + b"\x00" * 600, b"<html></html>"]
)
def test_no_sheet_is_refused_in_korean(raw: bytes) -> None:
    with pytest.raises(DeliveryRefused) as refused:
        read(raw)
    assert refused.value.what_ko.endswith(".")
    assert refused.value.cure_ko.endswith(".")


def test_of_several_sheets_the_answered_one_is_read_and_two_are_refused() -> None:
    assert read(workbook(하나=EMPTY, 둘=ANSWERED)).answers.height == 1
    assert read(workbook(하나=EMPTY, 둘=EMPTY)).unanswered == 1
    with pytest.raises(DeliveryRefused) as refused:
        read(workbook(하나=ANSWERED, 둘=ANSWERED))
    assert refused.value.code == "several_sheets"


@pytest.mark.parametrize(
    ("told", "capacity", "warned"),
    [
        (20, 20, 0),
        ("20가구", 20, 0),
        ("２０ ", 20, 0),
        (None, None, 0),
        ("스무 집", None, 1),
        (0, None, 1),
        (2026, None, 1),
    ],
)
def test_the_office_says_how_many_it_can_hold(told: object, capacity: int | None, warned: int) -> None:
    returned = read(workbook(목록=EMPTY, 안내=[["안내"], [CAPACITY_LABEL, told, "지금은 12가구입니다."]]))
    assert (returned.capacity, len(returned.warnings)) == (capacity, warned)


def repacked(raw: bytes, part: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, data if name == part else before.read(name))
    return out.getvalue()


SHEET_1 = "xl/worksheets/sheet1.xml"


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular, "MOST_UNPACKED", 1_000_000)
    bomb = repacked(workbook(목록=ANSWERED), SHEET_1, b" " * 5_000_000)
    size = struct.pack("<I", 5_000_000)
    for raw in (bomb, bomb.replace(size, struct.pack("<I", 100))):  # told truly, and told small
        with pytest.raises(DeliveryRefused) as refused:
            read(raw, "bomb.xlsx")
        assert refused.value.code == "too_large"


@pytest.mark.parametrize(
    "cells",
    [
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        b'<row r="1048576"><c><v>1</v></c></row>',
        b"<x:row r='900000'><x:c r='ZZ900000'><x:v>1</x:v></x:c></x:row>",
    ],
)
def test_one_cell_far_away_fills_no_memory(cells: bytes) -> None:
    whole = workbook(목록=[[""]])
    with zipfile.ZipFile(io.BytesIO(whole)) as packed:
        page = packed.read(SHEET_1)
    far = page.replace(b"<sheetData>", b"<sheetData>" + cells).replace(
        b"<sheetData/>", b"<sheetData>" + cells + b"</sheetData>"
    )
    assert far != page
    with pytest.raises(DeliveryRefused) as refused:
        read(repacked(whole, SHEET_1, far), "far.xlsx")
    assert refused.value.code == "too_large"


def ods(rows: str) -> bytes:
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    content = f"<office:document-content {spaces}><office:body><office:spreadsheet>{rows}"
    content += "</office:spreadsheet></office:body></office:document-content>"
    entry = '<m:file-entry m:full-path="/" m:media-type="application/vnd.oasis.opendocument.spreadsheet"/>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        manifest = f'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">{entry}</m:manifest>'
        packed.writestr("META-INF/manifest.xml", manifest)
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr("content.xml", content)
    return out.getvalue()


def ods_row(*cells: str, repeated: int = 1) -> str:
    return f'<table:table-row table:number-rows-repeated="{repeated}">{"".join(cells)}</table:table-row>'


def ods_cell(text: str, more: str = "") -> str:
    return f'<table:table-cell office:value-type="string" {more}><text:p>{text}</text:p></table:table-cell>'


def test_repeated_cells_of_an_ods_fill_no_memory_unless_they_are_empty() -> None:
    head = ods_row(
        ods_cell("알림번호"), ods_cell("접촉일"), '<table:table-cell table:number-columns-repeated="16382"/>'
    )
    row = ods_row(ods_cell("A1"), ods_cell("#NAME?", 'office:string-value=""'))
    blank = ods_row('<table:table-cell table:number-columns-repeated="16384"/>', repeated=1_048_000)
    fine = ods(f'<table:table table:name="목록">{head}{row}{blank}</table:table>')
    assert read(fine, "x.ods").set_aside.rows() == [(2, "접촉일", "contacted_on_unreadable")]
    bombs = (
        head
        + ods_row(ods_cell("A1"), repeated=1_048_000)
        + ods_row(ods_cell("A1", 'table:number-columns-repeated="9"')),
        head + blank + row,
        head + ods_row(ods_cell("A1", 'table:number-columns-repeated="16384"'), repeated=200),
    )
    for bomb in bombs:
        with pytest.raises(DeliveryRefused) as refused:
            read(ods(f'<table:table table:name="목록">{bomb}</table:table>'), "bomb.ods")
        assert refused.value.code == "too_large"


def test_the_reply_tells_rows_columns_and_cures_and_repeats_no_cell() -> None:
    returned = read(
        sheet_of(
            '"A1","1111051500","비밀 하나","전화","","",""',
            '"A2","1111051500","2026-11-05","전화","","",""',
            '"A3","1111051500","","","","",""',
        )
    )
    found = pl.DataFrame({"row_no": [3], "column": ["알림번호"], "rule": ["unknown_alert"]})
    after = returned.without(found)
    assert (after.received, after.answers.height) == (returned.received, 0)
    reply = write_answer_reply(after, "queue_1111051500_20261102.csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(reply, newline="")))
    assert rows[0]["내용"].endswith(
        "받은 3줄 가운데 답 0줄을 받아들였습니다. 아직 답이 없는 줄은 1줄, 제외한 줄은 2줄입니다."
    )
    assert [(row["줄"], row["칸"]) for row in rows[1:]] == [("2", "접촉일"), ("3", "알림번호")]
    assert rows[2]["내용"] == ANSWER_RULES["unknown_alert"].what_ko
    assert "비밀" not in reply
    assert "A1" not in reply


def test_every_rule_that_can_be_broken_has_its_words() -> None:
    asked = {f"unknown_{name}" for name in words(BENEFITS) if not name.startswith("reason_")}
    asked |= {f"{column.name}_unreadable" for column in ANSWER_COLUMNS if column.answer == "day"}
    assert asked <= set(ANSWER_RULES)
    assert all(what.endswith(".") and cure.endswith(".") for what, cure in ANSWER_RULES.values())
