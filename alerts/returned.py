"""A sheet that came back, after what people and Excel do to it -> answers, and rows set aside. Nothing is nulled."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from alerts.answers import ANSWERS
from alerts.benefit_table import BenefitTable
from alerts.columns import ALERT_HEADER, ANSWER_COLUMNS, COLUMNS, OFFICE_HEADER, SheetColumn, words
from alerts.tabular import Sheet, decoded, is_workbook, read_text, read_workbook
from alerts.written import Cell, day_of, key, meanings, office_code_of, plain, whole_of
from signals.delivery import DeliveryRefused
from signals.intake import SET_ASIDE
from signals.outcomes import OUTCOMES

CAPACITY_LABEL = "우리 동이 한 번에 맡을 수 있는 가구 수"
LEAST_CAPACITY, MOST_CAPACITY = 1, 999
_CAPACITY_UNREADABLE = (
    f"‘{CAPACITY_LABEL}’를 읽을 수 없어 바꾸지 않았습니다. "
    f"{LEAST_CAPACITY}에서 {MOST_CAPACITY} 사이의 숫자만 적어 주십시오."
)
HEADER_WITHIN = 20  # rows: above it there may be a title, counts, an empty line

RETURNED = pl.Schema({**ANSWERS, "row_no": pl.Int64(), "office": pl.String()})


@dataclass(frozen=True, slots=True)
class Returned:
    """Every row of the sheet is in one of three: answered, unanswered, set aside."""

    answers: pl.DataFrame  # RETURNED: ANSWERS, row_no as Excel shows it, office as the row tells it or null
    unanswered: int  # rows whose answer cells are all empty
    set_aside: pl.DataFrame  # SET_ASIDE: a line per cell at fault; row_no, column (header), rule (of ANSWER_RULES)
    leftover: tuple[str, ...]  # headers that hold something and that nobody registered
    capacity: int | None  # told on the guide sheet; None: no change
    warnings: tuple[str, ...] = ()  # for the office, in Korean

    @property
    def received(self) -> int:
        return self.answers.height + self.unanswered + self.set_aside["row_no"].n_unique()

    def without(self, bad: pl.DataFrame) -> "Returned":
        """`bad` (SET_ASIDE): rows that our own records speak against leave the answers and join those set aside."""
        left = self.answers.join(bad, on="row_no", how="anti", maintain_order="left")
        lines = pl.concat([self.set_aside, bad.cast(SET_ASIDE)]).sort("row_no", maintain_order=True)
        return replace(self, answers=left, set_aside=lines)


def read_sheet(raw: bytes, file: str, table: BenefitTable) -> Returned:
    """CSV, XLSX, XLS or ODS. Raises DeliveryRefused when no row of the file can be taken in."""
    is_book = is_workbook(raw)
    sheets = read_workbook(raw, file) if is_book else [Sheet("", rows) for rows in read_text(raw, file)]
    found = [lines for sheet in sheets if (lines := _lines(sheet.rows)) is not None]
    if not found:
        what = f"‘{ALERT_HEADER}’ 칸이 있는 표를 찾지 못했습니다."
        cure = f"보내 드린 표에 답을 적어, 첫머리의 칸 이름과 ‘{ALERT_HEADER}’ 칸을 지우지 말고 보내 주십시오."
        raise DeliveryRefused("no_alert_column", file, what, cure)
    lines = _the_answered(found, file) if is_book else found[0]
    capacity, warnings = _capacity(sheets)
    return _split(lines, table, capacity, warnings)


@dataclass(frozen=True, slots=True)
class _Line:
    """One row that holds anything, below a header."""

    row_no: int
    told: Mapping[str, list[Cell]]  # by our header; a copied column gives two cells
    elsewhere: tuple[str, ...]  # headers not ours under which something stands
    is_longer: bool  # than its header: a separator too many, and nothing stands where it should

    @property
    def is_answered(self) -> bool:
        return any(plain(cell) for header in _ANSWER_HEADERS & self.told.keys() for cell in self.told[header])


_HEADERS = {key(column.header): column.header for column in COLUMNS}
_ANSWER_HEADERS = {column.header for column in ANSWER_COLUMNS}


def _lines(rows: list[list[Cell]]) -> list[_Line] | None:
    """None: no header of ours near the top. A header met again further down counts from there."""
    if not any(_is_header(row) for row in rows[:HEADER_WITHIN]):
        return None
    lines: list[_Line] = []
    header: list[Cell] = []
    for row_no, row in enumerate(rows, start=1):
        if _is_header(row):
            header = row
        elif header and any(map(plain, row)):
            lines.append(_line(row_no, header, row))
    return lines


def _is_header(row: Sequence[Cell]) -> bool:
    return any(isinstance(cell, str) and _HEADERS.get(key(cell)) == ALERT_HEADER for cell in row)


def _line(row_no: int, header: Sequence[Cell], row: Sequence[Cell]) -> _Line:
    told: dict[str, list[Cell]] = {}
    elsewhere = []
    for head, cell in zip(header, row, strict=False):
        if ours := _HEADERS.get(key(head)):
            told.setdefault(ours, []).append(cell)
        elif plain(cell):
            elsewhere.append(plain(head) or "(이름 없는 칸)")
    return _Line(row_no, told, tuple(elsewhere), any(map(plain, row[len(header) :])))


def _the_answered(sheets: list[list[_Line]], file: str) -> list[_Line]:
    """Officers copy a sheet before they work on it. Which of two filled ones holds is not ours to guess."""
    filled = [lines for lines in sheets if any(line.is_answered for line in lines)]
    if len(filled) > 1:
        what = f"답을 적은 시트가 {len(filled)}개입니다."
        raise DeliveryRefused("several_sheets", file, what, "보낼 시트 하나만 남기고 다시 보내 주십시오.")
    return filled[0] if filled else sheets[0]


def _split(lines: list[_Line], table: BenefitTable, capacity: int | None, warnings: tuple[str, ...]) -> Returned:
    vocabulary = {name: meanings(name, known) for name, known in words(table).items()}
    answers: list[dict[str, Any]] = []
    bad: list[tuple[int, str, str]] = []
    for line in lines:
        answer, faults = _read(line, vocabulary)
        bad += [(line.row_no, column, rule) for column, rule in faults]
        answers += [answer] if answer and not faults else []
    elsewhere = tuple(dict.fromkeys(header for line in lines for header in line.elsewhere))
    at_fault = {row_no for row_no, _, _ in bad}
    return Returned(
        answers=pl.DataFrame(answers, schema=RETURNED, orient="row"),
        unanswered=len(lines) - len(answers) - len(at_fault),
        set_aside=pl.DataFrame(bad, schema=SET_ASIDE, orient="row"),
        leftover=elsewhere,
        capacity=capacity,
        warnings=warnings,
    )


Faults = list[tuple[str, str]]  # column, rule
_OF = {column.name: column.header for column in ANSWER_COLUMNS}


def _read(line: _Line, vocabulary: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, Any] | None, Faults]:
    """An answer, or what is wrong with it; neither: its answer cells are all empty."""
    if line.is_longer:
        return None, [("", "wrong_field_count")]
    alert, faults = _alert(line)
    if not line.is_answered:
        return None, faults
    answer: dict[str, Any] = {"alert_id": alert, "row_no": line.row_no, "office": _office(line)}
    for column in ANSWER_COLUMNS:
        answer[column.name], rule = _answer(column, line.told.get(column.header, []), vocabulary)
        faults += [(column.header, rule)] if rule else []
    return answer, faults + _incomplete(answer, {header for header, _ in faults})


def _one(cells: Iterable[Cell]) -> tuple[Cell, bool]:
    """What a column says, and whether its copy says something else."""
    held = [cell for cell in cells if plain(cell)]
    return (held[0] if held else None), len({key(cell) for cell in held}) > 1


_ALERT_ID = re.compile(r"[A-Z0-9][A-Z0-9-]{0,39}")


def _alert(line: _Line) -> tuple[str, Faults]:
    cell, differs = _one(line.told.get(ALERT_HEADER, []))  # a row may end before it
    alert = plain(cell).replace(" ", "").upper()
    if differs:
        return alert, [(ALERT_HEADER, "columns_differ")]
    if not alert:
        return alert, [(ALERT_HEADER, "alert_missing")]
    return alert, [] if _ALERT_ID.fullmatch(alert) else [(ALERT_HEADER, "alert_unreadable")]


def _office(line: _Line) -> str | None:
    cell, differs = _one(line.told.get(OFFICE_HEADER, []))
    return None if differs else office_code_of(cell)


def _answer(
    column: SheetColumn, cells: list[Cell], vocabulary: Mapping[str, Mapping[str, str]]
) -> tuple[str | date | None, str | None]:
    cell, differs = _one(cells)
    if differs:
        return None, "columns_differ"
    if cell is None:
        return None, None
    if column.answer == "day":
        day = day_of(cell)
        return day, None if day else f"{column.name}_unreadable"
    code = vocabulary[column.name].get(key(cell))
    return code, None if code else _unknown(column.name)


def _unknown(name: str) -> str:
    return "unknown_reason_answer" if name.startswith("reason_") else f"unknown_{name}"


def _incomplete(answer: Mapping[str, Any], faulty: set[str]) -> Faults:
    """What an answer lacks, told only of cells that are empty: an unreadable one has been told already."""
    faults: Faults = []
    if answer["contacted_on"] is None and _OF["contacted_on"] not in faulty:
        faults.append((_OF["contacted_on"], "contacted_on_missing"))
    needs = answer["outcome"] is not None and OUTCOMES[answer["outcome"]].needs_reason
    if needs and answer["dismissal"] is None and _OF["dismissal"] not in faulty:
        faults.append((_OF["dismissal"], "dismissal_missing"))
    contacted_on, next_on = answer["contacted_on"], answer["next_on"]
    if contacted_on is not None and next_on is not None and next_on < contacted_on:
        faults.append((_OF["next_on"], "next_before_contact"))
    return faults


def _capacity(sheets: Sequence[Sheet]) -> tuple[int | None, tuple[str, ...]]:
    """The number beside its label, on whatever sheet that stands."""
    for row in (row for sheet in sheets for row in sheet.rows):
        for at, cell in enumerate(row[:-1]):
            if key(cell) == key(CAPACITY_LABEL) and plain(row[at + 1]):
                told = whole_of(row[at + 1])
                if told is not None and LEAST_CAPACITY <= told <= MOST_CAPACITY:
                    return told, ()
                return None, (_CAPACITY_UNREADABLE,)
    return None, ()


_SHEET_NAME = re.compile(r"queue_(\d{10})_\d{8}", re.IGNORECASE)


def office_of(file: str) -> str | None:
    """The office code in the name we gave: 사본 - queue_1111051500_20261102 (1).xlsx -> 1111051500."""
    found = _SHEET_NAME.search(unicodedata.normalize("NFKC", file).replace(" ", ""))
    return found[1] if found else None


def looks_like_sheet(raw: bytes, file: str) -> bool:
    """Ours by its name, a workbook (agencies send none), or a text that names the alert column near its top."""
    if office_of(file) is not None or is_workbook(raw):
        return True
    return key(ALERT_HEADER) in key(decoded(raw[:20_000]))
