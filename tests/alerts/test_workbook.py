"""The workbook as other programs see it: openpyxl here, and LibreOffice where it is installed."""

import contextlib
import csv
import io
import os
import random
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from alerts.answers import ANSWERS
from alerts.columns import ANSWER_COLUMNS, COLUMNS, words
from alerts.guide import BAND_MEANINGS, LANE_MEANINGS, NEED_MEANINGS, RESULT_MEANINGS, guide_lines
from alerts.lanes import LANES
from alerts.returned import CAPACITY_LABEL, read_sheet
from alerts.sheet import write_csv, write_workbook
from alerts.tabular import read_workbook
from alerts.workbook import FIRST_ROW, FROZEN, GUIDE, HEADER_ROW, LIST, VISITS, height, lines_of
from signals.delivery import DeliveryRefused
from tests.alerts.drawn import AS_OF
from tests.alerts.sheets import BENEFITS, HERE, people, queue
from tests.alerts.test_cells import formulas

# `make sheet-test` asks for 10,000.
FORMULAS = int(os.environ.get("FORMULAS", "200"))
KEYS = range(1, 10)
SOFFICE = shutil.which("soffice")
needs_soffice = pytest.mark.skipif(SOFFICE is None, reason="no LibreOffice: apt-get install libreoffice-calc")


def made(alerts: pl.DataFrame | None = None, who: pl.DataFrame | None = None) -> bytes:
    told = queue() if alerts is None else alerts
    return write_workbook(told, people(*KEYS) if who is None else who, HERE, BENEFITS, AS_OF)


def opened(raw: bytes, name: str = LIST) -> Any:
    """The worksheet; as Any, for its stubs leave half of it optional."""
    return openpyxl.load_workbook(io.BytesIO(raw))[name]


def parts(raw: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        return {name: packed.read(name).decode("utf-8", "replace") for name in packed.namelist()}


def test_it_says_what_the_csv_says() -> None:
    page = opened(made())
    rows = [["" if cell.value is None else cell.value for cell in row] for row in page.iter_rows(min_row=FIRST_ROW)]
    text = write_csv(queue(), people(*KEYS)).decode("utf-8-sig")
    assert rows == list(csv.reader(io.StringIO(text, newline="")))


def test_only_answers_and_the_capacity_can_be_written() -> None:
    raw = made()
    for name in (LIST, VISITS, GUIDE):
        page = opened(raw, name)
        assert page.protection.sheet
        assert page.protection.password is None
        open_cells = {cell.coordinate for row in page.iter_rows() for cell in row if not cell.protection.locked}
        if name == LIST:
            answers = [n for n, column in enumerate(COLUMNS, start=1) if column.filled_by == "officer"]
            rows = range(FIRST_ROW + 1, FIRST_ROW + 10)
            assert open_cells == {page.cell(row, column).coordinate for row in rows for column in answers}
        elif name == GUIDE:
            assert [page[cell].offset(0, -1).value for cell in open_cells] == [CAPACITY_LABEL]
        else:
            assert not open_cells


def test_filters_and_widths_still_work_in_the_locked_list() -> None:
    page = opened(made())
    allowed = page.protection
    # In the file these say what is forbidden.
    assert not any((allowed.autoFilter, allowed.sort, allowed.formatColumns, allowed.formatRows))
    assert page.auto_filter.ref == f"A{HEADER_ROW + 1}:{page.cell(FIRST_ROW + 9, len(COLUMNS)).coordinate}"
    assert page.freeze_panes == page.cell(FIRST_ROW + 1, FROZEN + 1).coordinate


def choices(raw: bytes) -> dict[str, Any]:
    page = opened(raw)
    found = {}
    for validation in page.data_validations.dataValidation:
        column = COLUMNS[next(iter(validation.sqref.ranges)).min_col - 1]
        assert str(validation.sqref) == f"{page.cell(FIRST_ROW + 1, COLUMNS.index(column) + 1).coordinate}:" + str(
            page.cell(FIRST_ROW + 9, COLUMNS.index(column) + 1).coordinate
        )
        found[column.name] = validation
    return found


def test_every_answer_is_chosen_from_the_words_that_can_be_read() -> None:
    raw = made()
    guide, found = opened(raw, GUIDE), choices(raw)
    assert set(found) == {column.name for column in ANSWER_COLUMNS}
    for name, known in words(BENEFITS).items():
        place = re.fullmatch(rf"'{GUIDE}'!\$B\$(\d+):\$B\$(\d+)", found[name].formula1)
        assert place is not None
        told = [guide.cell(row, 2).value for row in range(int(place[1]), int(place[2]) + 1)]
        assert told == list(known.values())
        assert found[name].type == "list"
        assert found[name].errorStyle in (None, "stop")


def test_days_are_asked_for_as_days() -> None:
    found = choices(made())
    for name in ("contacted_on", "next_on"):
        assert found[name].type == "date"
        assert "2026-11-05" in found[name].error
    serial = (date(2026, 10, 1) - date(1899, 12, 30)).days  # the oldest alert's day
    assert found["contacted_on"].formula1 == str(serial)


def test_the_same_night_gives_the_same_bytes() -> None:
    assert made() == made()


def test_nothing_in_it_can_run_or_hide() -> None:
    inside = parts(made())
    assert all(name.endswith((".xml", ".rels")) for name in inside)
    assert not [name for name in inside if re.search("vba|macro|external|embed|query|connection|drawing|comment", name)]
    for name, text in inside.items():
        assert "<f>" not in text, name
        assert "hyperlink" not in text, name
        assert 'state="' not in text.partition("<sheets>")[2].partition("</sheets>")[0], name
        assert "<definedName" not in text.replace("_xlnm.", "") or name == "xl/workbook.xml"
    assert "TargetMode" not in "".join(inside.values())


def injected(cells: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    alerts = queue().filter(pl.col("household_key") == 1).drop("household_key", "alert_id", "reason_2")
    keys = pl.DataFrame({"household_key": range(len(cells)), "alert_id": [f"A{n}" for n in range(len(cells))]})
    alerts = alerts.join(keys, how="cross").with_columns(reason_2=pl.Series(cells))
    who = pl.DataFrame({"household_key": keys["household_key"], "head_name": cells, "address": cells, "phone": cells})
    return alerts, who.cast({"household_key": pl.Int64})


def test_no_text_of_others_becomes_a_formula_a_number_or_a_link() -> None:
    cells = [*formulas()[: FORMULAS - 3], "http://x.kr", "1e5", "{=1+1}"]
    alerts, who = injected(cells)
    raw = made(alerts, who)
    sheet = parts(raw)["xl/worksheets/sheet1.xml"]
    assert "<f" not in sheet.replace("<formula1>", "").replace("<formula2>", "")
    assert set(re.findall(r'<c r="[A-Z]+\d+"(?: s="\d+")?( t="\w+")?>', sheet)) == {' t="s"'}  # every value a string
    at = [column.name for column in COLUMNS].index("head_name")
    told = {row[0]: row[at] for row in read_workbook(raw, "queue.xlsx")[0].rows[FIRST_ROW:]}
    # Control characters are told as spaces; nothing else is changed, and no apostrophe is put before.
    assert [plain(told[f"A{n}"]) for n in range(len(cells))] == [plain(cell) for cell in cells]


def plain(cell: Any) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", cell or "")


def test_it_prints_on_a4_with_its_header_and_says_that_it_is_confidential() -> None:
    raw = made()
    for name in (LIST, VISITS, GUIDE):
        page = opened(raw, name)
        assert (page.page_setup.orientation, int(page.page_setup.paperSize)) == ("landscape", 9)
        assert "대외비" in page.oddHeader.center.text
        assert "&P" in page.oddFooter.right.text.replace("&[Page]", "&P")
    assert opened(raw).print_title_rows == f"${HEADER_ROW}:${HEADER_ROW + 1}"
    assert opened(raw, VISITS).print_title_rows == "$2:$2"
    assert opened(raw, VISITS).sheet_properties.pageSetUpPr.fitToPage


def test_lanes_and_lateness_have_a_colour_and_a_word() -> None:
    page = opened(made())
    looks: dict[str, set[str]] = {}
    for row in page.iter_rows(min_row=FIRST_ROW + 1):
        looks.setdefault(str(row[1].value).split(" · ")[0], set()).add(row[1].fill.fgColor.rgb)
    assert set(looks) == {lane.label_ko for lane in LANES.values()}
    assert all(len(colours) == 1 for colours in looks.values())
    assert len(set.union(*looks.values())) == len(looks)
    late = {str(row[5].value): row[5].fill.fgColor.rgb for row in page.iter_rows(min_row=FIRST_ROW + 1)}
    assert len({late["기한 지남"], late["기한 크게 지남"], late["신규"]}) == 3


def test_rows_are_high_enough_for_what_they_hold() -> None:
    page = opened(made())
    for row in page.iter_rows(min_row=FIRST_ROW + 1):
        least = max(len(str(cell.value or "")) * 1.8 / column.width for cell, column in zip(row, COLUMNS, strict=True))
        assert page.row_dimensions[row[0].row].height >= 12 * least
    assert lines_of("가나다 라마바 사아자", 8) == 3
    assert lines_of("가" * 20, 11) == 4
    assert lines_of("하나\n둘", 40) == 2
    assert height(["가" * 9999], [5]) == 409.0


def test_the_visit_page_holds_a_household_in_a_row() -> None:
    page = opened(made(), VISITS)
    rows = [[str(cell.value or "") for cell in row] for row in page.iter_rows(min_row=3)]
    assert len(rows) == 9
    first = rows[0]
    assert "긴급" in first[0]
    assert "010-1234-5678" in first[1]
    assert first[2].startswith("1. 2026년 8월에 전기가 끊기거나")
    assert first[5].count("□맞음") == 4
    assert rows[3][5].count("□맞음") == len([line for line in rows[3][2].split("\n") if line[:1].isdigit()])


def test_the_guide_explains_every_word_and_what_is_never_done() -> None:
    assert set(LANE_MEANINGS) == {lane for lane in LANES if lane != "explore"}
    known = words(BENEFITS)
    assert [set(RESULT_MEANINGS), set(NEED_MEANINGS)] == [set(known["result"]), set(known["need_confirmed"])]
    lines = list(guide_lines(HERE, BENEFITS))
    said = {line.word for line in lines if line.kind == "code"}
    assert all(set(meanings.values()) <= said for meanings in known.values())
    text = " ".join(f"{line.word} {line.meaning}" for line in lines)
    assert "어려움이 없다는 뜻이 아닙니다" in text
    assert "급여를 줄이거나 거절하거나" in text
    assert "12가구" in text
    assert len(BAND_MEANINGS) == 3


def test_an_office_without_alerts_gets_a_workbook_that_reads_back() -> None:
    raw = made(queue().clear(), people())
    assert opened(raw)["A2"].value == "이번에는 알려 드릴 가구가 없습니다."
    assert read_sheet(raw, "queue_1111051500_20261102.xlsx", BENEFITS).received == 0


FILLED: Mapping[int, Mapping[str, Any]] = {
    0: {
        **{"contacted_on": date(2026, 11, 5), "channel": "visit", "result": "talked", "need_confirmed": "yes"},
        **{"outcome": "need_no_benefit", "benefit": "other", "reason_1_right": "right", "reason_4_right": "wrong"},
    },
    1: {"contacted_on": date(2026, 12, 31), "outcome": "unreached", "next_on": date(2027, 1, 4)},
    4: {"contacted_on": date(2026, 11, 9), "outcome": "refused", "dismissal": "distrust", "benefit": "diapers"},
    8: {"contacted_on": date(2026, 11, 10), "channel": "phone", "result": "no_answer"},
}


ERROR_ROW = FIRST_ROW + 3


def fill_in(raw: bytes) -> bytes:
    """As an officer would, with another library: words from the drop-downs, days as days."""
    book = openpyxl.load_workbook(io.BytesIO(raw))
    page, known = book[LIST], words(BENEFITS)
    at = {column.name: n for n, column in enumerate(COLUMNS, start=1)}
    for row, answer in FILLED.items():
        for name, value in answer.items():
            written = value if isinstance(value, date) else known[name][value]
            page.cell(FIRST_ROW + 1 + row, at[name]).value = written
    # An answer that became an error: readers tell such a cell as empty, and it would be lost without a word.
    page.cell(ERROR_ROW, at["contacted_on"]).value = date(2026, 11, 9)
    page.cell(ERROR_ROW, at["channel"]).value = "=1/0"
    guide = book[GUIDE]
    label = next(cell for row in guide.iter_rows() for cell in row if cell.value == CAPACITY_LABEL)
    label.offset(0, 1).value = 17
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def expected(raw: bytes) -> list[dict[str, Any]]:
    page = opened(raw)
    empty = dict.fromkeys(ANSWERS, None)
    return [
        {**empty, **answer, "alert_id": page.cell(FIRST_ROW + 1 + n, 1).value, "row_no": FIRST_ROW + 1 + n}
        for n, answer in FILLED.items()
    ]


def check_round_trip(raw: bytes, file: str, answers: list[dict[str, Any]], capacity: int | None) -> None:
    returned = read_sheet(raw, file, BENEFITS)
    assert returned.answers.drop("office").to_dicts() == answers, file
    assert set(returned.answers["office"]) == {HERE.code}
    assert returned.set_aside.rows() == [(ERROR_ROW, "접촉방법", "unknown_channel")], file
    assert (returned.unanswered, returned.leftover) == (4, ()), file
    assert (returned.capacity, returned.warnings) == (capacity, ()), file


def test_filled_in_by_another_library_it_reads_back() -> None:
    raw = made()
    check_round_trip(fill_in(raw), "queue.xlsx", expected(raw), 17)


@needs_soffice
def test_saved_again_by_libreoffice_it_reads_back_without_loss(tmp_path: Path) -> None:
    raw = made()
    (tmp_path / "queue.xlsx").write_bytes(fill_in(raw))
    for kind in ("xlsx", "ods", "xls", "csv:Text - txt - csv (StarCalc):44,34,76,1"):
        saved = save_again(tmp_path, kind)
        check_round_trip(saved.read_bytes(), saved.name, expected(raw), None if saved.suffix == ".csv" else 17)
        read_damaged(saved.read_bytes(), saved.name)


def read_damaged(raw: bytes, file: str) -> None:
    """Whatever happened to a file on its way: it is read or it is refused."""
    rng = random.Random(4)
    for _ in range(60):
        damaged = bytearray(raw)
        for _ in range(rng.choice([1, 5, 30])):
            at = rng.randrange(len(damaged))
            damaged[at : at + rng.choice([1, 1, 4, 100])] = rng.choice([b"\xff\xff\xff\xff", rng.randbytes(1), b""])
        with contextlib.suppress(DeliveryRefused):
            read_sheet(bytes(damaged), file, BENEFITS)


def test_a_damaged_file_is_read_or_refused() -> None:
    read_damaged(made(), "queue.xlsx")
    read_damaged(write_csv(queue(), people(*KEYS)), "queue.csv")


def save_again(folder: Path, kind: str) -> Path:
    """-> the file LibreOffice wrote; any word on its error stream but Java's absence fails."""
    assert SOFFICE is not None
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [SOFFICE, profile, "--headless", "--convert-to", kind, "--outdir", str(folder / "saved"), "queue.xlsx"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True)
    assert not [line for line in done.stderr.splitlines() if line and "java" not in line]
    return folder / "saved" / f"queue.{kind.partition(':')[0]}"
