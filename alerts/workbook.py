"""The sheet as a workbook: the list to work in, a page to carry to a visit, and the guide. Nothing in it can run."""

import io
import math
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range_abs
from xlsxwriter.worksheet import Worksheet

from alerts.benefit_table import BenefitTable
from alerts.cells import one_line
from alerts.columns import COLUMNS, REPEATED, Office, Row, SheetColumn
from alerts.guide import Line, guide_lines
from alerts.lanes import LANES
from alerts.returned import LEAST_CAPACITY, MOST_CAPACITY
from alerts.visit import VISIT, visit_row
from signals.outcomes import OUTCOMES

LIST, VISITS, GUIDE = "목록", "방문용", "안내"
TITLE_ROW, COUNTS_ROW, GROUP_ROW, HEADER_ROW = range(4)
FIRST_ROW = HEADER_ROW + 1
FROZEN = 3  # columns: number, lane, name stay in sight while answers are written at the right

FONT = "맑은 고딕"
_POINTS_PER_LINE, _PADDING, _TALLEST = 14.5, 6.0, 409.0
_NARROW = 1.05
_GRID = "#C9CED6"
# Colour and word always together: a printout in grey, or an eye that sees no red, loses nothing.
LANE_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "urgent": {"bg_color": "#FBDADA", "font_color": "#8E0B0B", "bold": True},
    "risk": {"bg_color": "#EEF1F4", "font_color": "#24292F"},
    "trace": {"bg_color": "#EADFF5", "font_color": "#4A2275"},
    "partial": {"bg_color": "#DCEBF8", "font_color": "#123F6B"},
}
_LATE = {"bg_color": "#FCE3CF", "font_color": "#7A3200", "bold": True}
_VERY_LATE = {"bg_color": "#B3261E", "font_color": "#FFFFFF", "bold": True}
_HEADER = {"bold": True, "text_wrap": True, "align": "center", "valign": "vcenter", "border": 1, "border_color": _GRID}
_US_HEADER = {**_HEADER, "bg_color": "#1F3A5F", "font_color": "#FFFFFF"}
_ANSWER_HEADER = {**_HEADER, "bg_color": "#6B5200", "font_color": "#FFFFFF"}
_TOLD = {"text_wrap": True, "valign": "top", "num_format": "@", "border": 1, "border_color": _GRID}
_ANSWER = {**_TOLD, "bg_color": "#FFF8D9", "border_color": "#C9B458", "locked": False, "valign": "vcenter"}
# Filters work in a locked sheet; sorting does where Excel lets it. No password: this guards against slips only.
_ALLOWED = {"format_columns": True, "format_rows": True, "sort": True, "autofilter": True}
_CENTRED = frozenset({"lane", "band", "due_on", "state", "data_age_days", "opened_on", "as_of", "office"})


class _Book:
    """An XlsxWriter workbook that makes each look once."""

    def __init__(self, as_of: date) -> None:
        self.out = io.BytesIO()
        never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self.book = xlsxwriter.Workbook(self.out, {"in_memory": True, **never})
        # The same night gives the same bytes.
        self.book.set_properties({"title": "알림 목록", "created": datetime.combine(as_of, time())})
        self._looks: dict[tuple[tuple[str, Any], ...], Format] = {}

    def look(self, **properties: Any) -> Format:
        wanted = tuple(sorted(properties.items()))
        if wanted not in self._looks:
            self._looks[wanted] = self.book.add_format({"font_name": FONT, "font_size": 10, **properties})
        return self._looks[wanted]

    def sheet(self, name: str) -> Worksheet:
        sheet = self.book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
        sheet.hide_gridlines(2)
        return sheet


def write(rows: Sequence[Row], office: Office, table: BenefitTable, as_of: date) -> bytes:
    """rows of one office in the order of the sheet -> an XLSX."""
    made = _Book(as_of)
    sheets = {name: made.sheet(name) for name in (LIST, VISITS, GUIDE)}
    told = [[one_line(column.text(row)) for column in COLUMNS] for row in rows]
    lists = _write_guide(made, sheets[GUIDE], office, table)
    _write_list(made, sheets[LIST], rows, told, office, as_of)
    _add_choices(sheets[LIST], len(rows), lists, _first_day(rows, as_of), as_of)
    _write_visits(made, sheets[VISITS], rows, office, as_of)
    for sheet in sheets.values():
        _print_as_confidential(sheet, office, as_of)
    made.book.close()
    return made.out.getvalue()


def _write_list(
    made: _Book, sheet: Worksheet, rows: Sequence[Row], told: Sequence[Sequence[str]], office: Office, as_of: date
) -> None:
    sheet.set_row(TITLE_ROW, 26)
    sheet.set_row(COUNTS_ROW, 20)
    sheet.set_row(HEADER_ROW, 34)
    sheet.write_string(TITLE_ROW, 0, title_of(office, as_of), made.look(bold=True, font_size=15))
    sheet.write_string(COUNTS_ROW, 0, counts_of(rows), made.look(font_color="#444B55"))
    _write_heads(made, sheet)
    for n, (row, cells) in enumerate(zip(rows, told, strict=True), start=FIRST_ROW):
        sheet.set_row(n, height(cells, [column.width for column in COLUMNS]))
        for at, (column, text) in enumerate(zip(COLUMNS, cells, strict=True)):
            _write_text(sheet, n, at, text, made.look(**_look_of(column, row)))
    sheet.freeze_panes(FIRST_ROW, FROZEN)
    sheet.autofilter(HEADER_ROW, 0, HEADER_ROW + len(rows), len(COLUMNS) - 1)
    # Codes are text on purpose: no green corner that offers to make numbers of them.
    sheet.ignore_errors({"number_stored_as_text": xl_range_abs(0, 0, FIRST_ROW + len(rows), len(COLUMNS) - 1)})
    sheet.protect("", _ALLOWED)
    sheet.set_print_scale(47)
    sheet.repeat_rows(GROUP_ROW, HEADER_ROW)
    sheet.repeat_columns(0, FROZEN - 1)
    sheet.print_across()
    sheet.set_v_pagebreaks([_first_of(group) for group in ("발굴 이유", "살펴볼 급여", "답변")])


def _first_of(group: str) -> int:
    return next(at for at, column in enumerate(COLUMNS) if column.group == group)


def _write_heads(made: _Book, sheet: Worksheet) -> None:
    at = 0
    for group, run in groupby(COLUMNS, key=lambda column: column.group):
        columns = list(run)
        is_answer = columns[0].filled_by == "officer"
        band = made.look(bold=True, bg_color="#F3E3A0" if is_answer else "#D5DEE9", font_color="#24292F")
        for n, column in enumerate(columns):
            label = f"{group} — 노란 칸에 적어 주세요" if is_answer else group
            _write_text(sheet, GROUP_ROW, at, "" if n else label, band)
            head = made.look(**(_ANSWER_HEADER if is_answer else _US_HEADER))
            sheet.write_string(HEADER_ROW, at, column.header, head)
            sheet.set_column(at, at, column.width)
            at += 1


def _look_of(column: SheetColumn, row: Row) -> dict[str, Any]:
    if column.filled_by == "officer":
        return {**_ANSWER, "num_format": "yyyy-mm-dd" if column.answer == "day" else "@"}
    look: dict[str, Any] = {**_TOLD}
    if column.name in _CENTRED:
        look |= {"align": "center", "valign": "vcenter"}
    if column.name == "lane":
        look |= LANE_LOOKS[row["works_as"]]
    elif column.name in ("due_on", "state") and row["escalation"] >= 2:
        look |= _VERY_LATE
    elif column.name in ("due_on", "state") and row["is_overdue"]:
        look |= _LATE
    elif column.name == "head_name":
        look |= {"bold": True, "font_size": 11, "valign": "vcenter"}
    elif column.name == "alert_id":
        look |= {"font_size": 8, "font_color": "#59616B", "valign": "vcenter"}
    return look


def _write_text(sheet: Worksheet, row: int, column: int, text: str, look: Format) -> None:
    """Always as a string: `write` would make a formula, a number or a link of some."""
    if text:
        sheet.write_string(row, column, text, look)
    else:
        sheet.write_blank(row, column, None, look)


def _first_day(rows: Sequence[Row], as_of: date) -> date:
    return min((row["opened_on"] for row in rows), default=as_of)


def _add_choices(sheet: Worksheet, rows: int, lists: Mapping[str, str], first: date, as_of: date) -> None:
    """Drop-downs from the guide's own words, and days that can be: what is refused here need not come back later."""
    if not rows:
        return
    for at, column in enumerate(COLUMNS):
        if column.filled_by == "us":
            continue
        place = (FIRST_ROW, at, FIRST_ROW + rows - 1, at)
        if column.answer == "day":
            earliest, latest = (first, as_of + timedelta(days=366)) if column.name == "contacted_on" else (as_of, None)
            sheet.data_validation(*place, _day_choice(column.header, earliest, latest or as_of + timedelta(days=731)))
        else:
            sheet.data_validation(*place, _word_choice(column, lists))


def _day_choice(header: str, earliest: date, latest: date) -> dict[str, Any]:
    return {
        "validate": "date",
        "criteria": "between",
        "minimum": earliest,
        "maximum": latest,
        "input_title": header,
        "input_message": "2026-11-05처럼 연도까지 적어 주세요.",
        "error_title": f"{header}을 확인해 주세요",
        "error_message": f"{earliest:%Y-%m-%d}부터 {latest:%Y-%m-%d} 사이의 날짜를 2026-11-05처럼 적어 주세요.",
    }


def _word_choice(column: SheetColumn, lists: Mapping[str, str]) -> dict[str, Any]:
    choice: dict[str, Any] = {
        "validate": "list",
        "source": lists["reason_1_right" if column.name.startswith("reason_") else column.name],
        "error_title": "목록에서 골라 주세요",
        "error_message": f"‘{column.header}’에는 목록에 있는 말만 적을 수 있습니다. 뜻은 ‘{GUIDE}’ 시트에 있습니다.",
    }
    if column.name == "dismissal":
        needing = ", ".join(o.label_ko for o in OUTCOMES.values() if o.needs_reason)
        choice |= {"input_title": column.header, "input_message": f"처리결과가 {needing}이면 꼭 골라 주세요."}
    return choice


def _write_visits(made: _Book, sheet: Worksheet, rows: Sequence[Row], office: Office, as_of: date) -> None:
    """A page to print: all of a household in one row, and boxes to tick with a pen."""
    sheet.set_row(0, 24)
    sheet.write_string(0, 0, f"{title_of(office, as_of)} (방문용)", made.look(bold=True, font_size=14))
    for at, (header, width) in enumerate(VISIT):
        sheet.set_column(at, at, width)
        sheet.write_string(1, at, header, made.look(**_US_HEADER))
    for n, row in enumerate(rows, start=2):
        cells = visit_row(row)
        sheet.set_row(n, height(cells, [width for _, width in VISIT]))
        for at, text in enumerate(cells):
            look = {**_TOLD} | (dict(LANE_LOOKS[row["works_as"]]) if at == 0 else {})
            _write_text(sheet, n, at, text, made.look(**look))
    sheet.freeze_panes(2, 1)
    sheet.protect("", _ALLOWED)
    sheet.repeat_rows(1)
    sheet.fit_to_pages(1, 0)


def _write_guide(made: _Book, sheet: Worksheet, office: Office, table: BenefitTable) -> dict[str, str]:
    """-> answer column: the range its drop-down takes the words from."""
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 28)
    sheet.set_column(2, 2, 96)
    ranges: dict[str, list[int]] = {}
    for n, line in enumerate(guide_lines(office, table)):
        _write_line(made, sheet, n, line)
        if line.of:
            ranges.setdefault(line.of, []).append(n)
    sheet.protect("", {"format_columns": True, "format_rows": True})
    sheet.fit_to_pages(1, 0)
    return {of: f"='{GUIDE}'!{xl_range_abs(at[0], 1, at[-1], 1)}" for of, at in ranges.items()}


def _write_line(made: _Book, sheet: Worksheet, n: int, line: Line) -> None:
    match line.kind:
        case "title":
            sheet.set_row(n, 28)
            sheet.write_string(n, 0, line.first, made.look(bold=True, font_size=15))
        case "section":
            sheet.set_row(n, 26)
            head = made.look(bold=True, font_size=12, valign="vcenter", bottom=2, bottom_color="#1F3A5F")
            for at, text in enumerate((line.first, "", "")):
                _write_text(sheet, n, at, text, head)
        case "text":
            sheet.set_row(n, 19)
            sheet.write_string(n, 0, line.first, made.look(align="right", valign="vcenter", font_color="#59616B"))
            sheet.write_string(n, 1, line.word, made.look(valign="vcenter"))
        case "code":
            sheet.set_row(n, height((line.first, line.word, line.meaning), (20, 28, 96)))
            for at, text in enumerate((line.first, line.word, line.meaning)):
                _write_text(sheet, n, at, text, made.look(**_TOLD, bold=at == 1))
        case "capacity":
            sheet.set_row(n, 48)
            told = {**_TOLD, "valign": "vcenter"}
            sheet.write_string(n, 0, line.first, made.look(**told, bold=True))
            sheet.write_blank(
                n, 1, None, made.look(**{**_ANSWER, "num_format": "0", "font_size": 14, "align": "center"})
            )
            sheet.write_string(n, 2, line.meaning, made.look(**told))
            sheet.data_validation(n, 1, n, 1, _capacity_choice())


def _capacity_choice() -> dict[str, Any]:
    return {
        "validate": "integer",
        "criteria": "between",
        "minimum": LEAST_CAPACITY,
        "maximum": MOST_CAPACITY,
        "error_title": "숫자만 적어 주세요",
        "error_message": f"{LEAST_CAPACITY}에서 {MOST_CAPACITY} 사이의 숫자를 적거나 비워 두세요.",
    }


def _print_as_confidential(sheet: Worksheet, office: Office, as_of: date) -> None:
    place = f"{office.district_ko} {office.name_ko}".replace("&", "&&")
    sheet.set_header(f"&L&9{place}&C&B&11대외비&R&9 {as_of:%Y-%m-%d} 기준")
    sheet.set_footer("&L&9개인정보가 들어 있습니다. 다 쓰면 파쇄해 주세요.&R&9&P / &N")


def title_of(office: Office, as_of: date) -> str:
    return f"{office.district_ko} {office.name_ko} 알림 목록 · {as_of.year}년 {as_of.month}월 {as_of.day}일"


def counts_of(rows: Sequence[Row]) -> str:
    """모두 12가구 · 긴급 1 · 일반 11 · 재발굴 2 · 신규 8 · 기한 지남 2"""
    if not rows:
        return "이번에는 알려 드릴 가구가 없습니다."
    shown = [LANES[row["works_as"]].label_ko for row in rows]
    counts = {lane.label_ko: shown.count(lane.label_ko) for lane in LANES.values()}
    counts[REPEATED] = sum(row["is_repeat"] for row in rows)
    counts["신규"] = sum(row["is_new"] for row in rows)
    counts["기한 지남"] = sum(row["is_overdue"] for row in rows)
    return " · ".join([f"모두 {len(rows)}가구", *(f"{word} {count}" for word, count in counts.items() if count)])


def height(cells: Sequence[str], widths: Sequence[float]) -> float:
    """Points a row needs so that no wrapped text is cut: neither Excel nor LibreOffice works it out on opening."""
    lines = max((lines_of(text, width) for text, width in zip(cells, widths, strict=True)), default=1)
    return min(max(lines, 1) * _POINTS_PER_LINE + _PADDING, _TALLEST)


def lines_of(text: str, width: float) -> int:
    """Wrapped between words, as LibreOffice does for Hangul; a word longer than the line is broken."""
    if not text:
        return 1
    room, total = width - 1.0, 0
    for paragraph in text.split("\n"):
        used, lines = 0.0, 1
        for word in paragraph.split(" "):
            size = _units(word)
            if used and used + _NARROW + size > room:
                lines, used = lines + 1, 0.0
            used += (_NARROW if used else 0.0) + size
            if used > room:
                more = math.ceil(used / room) - 1
                lines, used = lines + more, used - more * room
        total += lines
    return total


@lru_cache(maxsize=4096)  # an alert has some 800 words, and most sentences are told of many
def _units(word: str) -> float:
    """Of the standard digit's width: Hangul is not quite two."""
    return sum(1.8 if unicodedata.east_asian_width(char) in "WFA" else _NARROW for char in word)
