"""Sheets as they come back: answers an officer meant, and all that people, Excel, macOS and LibreOffice do to them.

The generator keeps what was meant beside what it writes, so that a reader can be judged without being asked.
"""

import csv
import io
import random
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, Literal

import openpyxl

from alerts.columns import ALERT_HEADER, ANSWER_COLUMNS, COLUMNS, words
from alerts.written import SAME_WORDS
from signals.outcomes import OUTCOMES
from tests.alerts.sheets import BENEFITS, people, queue

BAD = "BAD"  # meant for a cell nobody could read
Meant = dict[str, str | date | None]
Cell = Any
DAYS = ("contacted_on", "next_on")
KNOWN = words(BENEFITS)
HEADER_OF = {column.name: column.header for column in COLUMNS}
NAMES = [column.name for column in COLUMNS]
DAY_0 = date(1899, 12, 30)


@dataclass
class Sheet:
    """One file, and what a careful human makes of each row by its number in Excel."""

    file: str
    raw: bytes
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    set_aside: dict[int, set[str]] = field(default_factory=dict)  # row -> headers at fault
    unanswered: set[int] = field(default_factory=set)
    is_refused: bool = False
    leftover: set[str] = field(default_factory=set)


# How a readable day is written; the last two only where cells have types.
DAY_TEXTS: tuple[Callable[[date], str], ...] = (
    lambda d: f"{d:%Y-%m-%d}",
    lambda d: f"{d.year}. {d.month}. {d.day}.",
    lambda d: f"{d.year}.{d.month}.{d.day}",
    lambda d: f"{d.month}/{d.day}/{d:%y}",
    lambda d: f"{d:%m/%d/%Y}",
    lambda d: f"{d:%y}-{d.month}-{d.day}",
    lambda d: f"{d:%y}.{d.month}.{d.day}.",
    lambda d: f"{d.year}년 {d.month}월 {d.day}일",
    lambda d: f"{d.year}/{d.month}/{d.day}",
    lambda d: f"{d:%Y%m%d}",
    lambda d: f"{d:%Y-%m-%d} 00:00:00",
    lambda d: f"{d:%Y-%m-%d}({'월화수목금토일'[d.weekday()]})",
    lambda d: str((d - DAY_0).days),
)
DAY_CELLS: tuple[Callable[[date], Cell], ...] = (
    lambda d: d,
    lambda d: datetime.combine(d, time(14, 30)),
    lambda d: (d - DAY_0).days,
    lambda d: float((d - DAY_0).days),
    lambda d: int(f"{d:%Y%m%d}"),
)
NO_DAYS = (
    "11월 5일",
    "어제",
    "2026-13-45",
    "2026-02-30",
    "5/1",
    "-",
    "1105",
    "11.5",
    "99999",
    "2026",
    "미정",
    "1926-11-05",
)
NO_WORDS = ("잘 모름", "-", "?", "전화, 방문", "0", "완료", "#N/A", "=1+1", "해당 없음")


def to_full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


# What is done to a text on its way that changes nothing of what it says.
TEXT_HABITS: tuple[Callable[[str, random.Random], str], ...] = (
    lambda text, rng: text,
    lambda text, rng: text,
    lambda text, rng: f"  {text} ",
    lambda text, rng: f"{text}\n",
    lambda text, rng: unicodedata.normalize("NFD", text),
    lambda text, rng: to_full_width(text),
    lambda text, rng: f"\u200b{text}\ufeff",
    lambda text, rng: f"'{text}",
    lambda text, rng: f"\u3000{text}\u00a0",
)
WORD_HABITS: tuple[Callable[[str, random.Random], str], ...] = (
    *TEXT_HABITS,
    lambda text, rng: text.replace(" ", ""),
    lambda text, rng: text[:1] + " " + text[1:],
    lambda text, rng: text.replace("·", "ㆍ"),
    lambda text, rng: text.replace("·", "・"),
    lambda text, rng: text.replace(" ", "\n"),
)


@cache
def told_rows() -> list[list[str]]:
    """Our own cells of a real sheet."""
    from alerts.sheet import write_csv

    raw = write_csv(queue(), people(*range(1, 10)))
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))[1:]


def draw_meant(rng: random.Random) -> Meant:
    """A row as an officer means it: nothing, a whole answer, or one with something wrong."""
    meant: Meant = dict.fromkeys((column.name for column in ANSWER_COLUMNS), None)
    kind = rng.random()
    if kind < 0.3:
        return meant
    contacted_on = date(2026, 11, 2) + timedelta(days=rng.randrange(60))
    meant["contacted_on"] = contacted_on
    for name, known in KNOWN.items():
        if rng.random() < 0.5:
            meant[name] = rng.choice(list(known))
    if rng.random() < 0.4:
        meant["next_on"] = contacted_on + timedelta(days=rng.randrange(40))
    if meant["outcome"] in {o.code for o in OUTCOMES.values() if o.needs_reason}:
        meant["dismissal"] = rng.choice(list(KNOWN["dismissal"]))
    if kind > 0.8:
        for name in rng.sample(list(meant), rng.randint(1, 2)):
            meant[name] = rng.choice([BAD, BAD, None])
        if rng.random() < 0.2:
            meant["next_on"] = contacted_on - timedelta(days=rng.randint(1, 9))
    return meant


def judge(meant: Meant) -> set[str] | None:
    """Headers at fault; None: nothing was answered. Written apart from the code it judges."""
    if all(value is None for value in meant.values()):
        return None
    faults = {name for name, value in meant.items() if value == BAD}
    if meant["contacted_on"] is None:
        faults.add("contacted_on")
    outcome = meant["outcome"]
    if outcome in ("no_need", "refused", "mistaken") and meant["dismissal"] is None:
        faults.add("dismissal")
    first, then = meant["contacted_on"], meant["next_on"]
    if isinstance(first, date) and isinstance(then, date) and then < first:
        faults.add("next_on")
    return {HEADER_OF[name] for name in faults}


def write_cell(name: str, value: str | date | None, rng: random.Random, has_types: bool) -> Cell:
    if value is None:
        return rng.choice(["", "", "", " ", "\u3000", "\n"])
    if name in DAYS:
        if value == BAD:
            return rng.choice(NO_DAYS)
        assert isinstance(value, date)
        if has_types and rng.random() < 0.5:
            return rng.choice(DAY_CELLS)(value)
        return rng.choice(TEXT_HABITS)(rng.choice(DAY_TEXTS)(value), rng)
    if value == BAD:
        return rng.choice(NO_WORDS)
    assert isinstance(value, str)
    said = [KNOWN[name][value]] * 6 + [value, value.upper()]
    said += [other for other, code in SAME_WORDS.get(name, {}).items() if code == value]
    return rng.choice(WORD_HABITS)(rng.choice(said), rng)


def write_alert(alert: str, rng: random.Random) -> str:
    return rng.choice([alert] * 4 + [f" {alert} ", alert.lower(), to_full_width(alert), f"'{alert}", f"{alert}\n"])


def write_header(header: str, rng: random.Random) -> str:
    habits: tuple[Callable[[str], str], ...] = (
        lambda h: h, lambda h: h, lambda h: h, lambda h: f" {h} ", lambda h: h.replace(" ", "\n"),
        lambda h: h.replace(" ", ""), lambda h: unicodedata.normalize("NFD", h), to_full_width,
        lambda h: h[:2] + "\r\n" + h[2:], lambda h: f"\u200b{h}",
    )  # fmt: skip
    return rng.choice(habits)(header)


@dataclass
class Table:
    """The sheet as it stands on the officer's screen before it is saved."""

    rows: list[list[Cell]]
    sheet: Sheet


def draw_table(rng: random.Random, has_types: bool) -> Table:
    """Columns moved, deleted, added; rows sorted, deleted, doubled, blank; titles above, sums below."""
    kept = [name for name in NAMES if name not in _deleted(rng)]
    if rng.random() < 0.4:
        rng.shuffle(kept)
    added = [f"메모{n}" for n in range(rng.choice([0, 0, 1, 2]))]
    at = {name: rng.randint(0, len(kept)) for name in added}
    for name in added:
        kept.insert(at[name], name)
    sheet = Sheet("", b"", is_refused="alert_id" not in kept)
    rows: list[list[Cell]] = [_title(rng, len(kept)) for _ in range(rng.choice([0, 0, 1, 3, 8]))]
    heads = [write_header(HEADER_OF[name], rng) if name in HEADER_OF else name for name in kept]
    rows.append(heads)
    for n in range(rng.randint(1, 12)):
        if rng.random() < 0.07:
            rows.append([rng.choice(["", " "]) for _ in kept])
        if n and rng.random() < 0.03:
            rows.append(list(heads))
        _add_row(rows, kept, sheet, rng, has_types)
        if rng.random() < 0.05:
            _repeat_last(rows, sheet)
    if rng.random() < 0.3:
        _add_total(rows, kept, sheet, rng)
    return Table(rows, sheet)


def _deleted(rng: random.Random) -> set[str]:
    ours = [column.name for column in COLUMNS if column.filled_by == "us" and column.name != "alert_id"]
    theirs = [column.name for column in ANSWER_COLUMNS]
    gone = set(rng.sample(ours, rng.choice([0, 0, 1, 5])))
    gone |= set(rng.sample(theirs, rng.choice([0, 0, 0, 0, 1, 2])))
    return gone | ({"alert_id"} if rng.random() < 0.03 else set())


def _title(rng: random.Random, width: int) -> list[Cell]:
    return [rng.choice(["사직동 알림 목록", "", "작성: 담당자", "2026-11-02"]), *[""] * (width - 1)]


def _add_row(rows: list[list[Cell]], kept: list[str], sheet: Sheet, rng: random.Random, has_types: bool) -> None:
    ours = dict(zip(NAMES, rng.choice(told_rows()), strict=True))
    meant = draw_meant(rng)
    meant |= {name: None for name in meant if name not in kept}
    cells: list[Cell] = []
    for name in kept:
        if name in meant:
            cells.append(write_cell(name, meant[name], rng, has_types))
        elif name in ours:
            cells.append(write_alert(ours[name], rng) if name == "alert_id" else ours[name])
        else:
            cells.append(rng.choice(["", "다시 볼 것"]))
            sheet.leftover |= {name} if cells[-1] else set()
    rows.append(cells)
    row_no, faults = len(rows), judge(meant)
    office = ours["office"] if "office" in kept else None
    if faults is None:
        sheet.unanswered.add(row_no)
    elif faults:
        sheet.set_aside[row_no] = faults
    else:
        sheet.answers[row_no] = {"alert_id": ours["alert_id"], **meant, "row_no": row_no, "office": office}


def _repeat_last(rows: list[list[Cell]], sheet: Sheet) -> None:
    before = len(rows)
    rows.append(list(rows[-1]))
    if before in sheet.answers:
        sheet.answers[before + 1] = {**sheet.answers[before], "row_no": before + 1}
    elif before in sheet.set_aside:
        sheet.set_aside[before + 1] = sheet.set_aside[before]
    else:
        sheet.unanswered.add(before + 1)


def _add_total(rows: list[list[Cell]], kept: list[str], sheet: Sheet, rng: random.Random) -> None:
    """A sum or an example, with or without something in the alert's own column."""
    cells: list[Cell] = [""] * len(kept)
    ours = [n for n, name in enumerate(kept) if name in HEADER_OF and name not in {c.name for c in ANSWER_COLUMNS}]
    cells[rng.choice(ours)] = rng.choice(["합계", "예시", "총 12가구"])
    rows.append(cells)
    sheet.set_aside[len(rows)] = {ALERT_HEADER}


def save_csv(table: Table, rng: random.Random) -> bytes:
    out = io.StringIO()
    separator, end = rng.choice([",", ",", ";", "\t"]), rng.choice(["\r\n", "\n"])
    quoting: Literal[0, 1] = rng.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerows([[str(cell) for cell in row] for row in table.rows])
    text = out.getvalue()
    for encoding in rng.sample(["cp949", "utf-8-sig", "utf-8", "utf-16"], 4):
        try:
            return text.encode(encoding)
        except UnicodeEncodeError:  # cp949 cannot hold every way of writing Hangul
            continue
    raise AssertionError("UTF-8 holds everything")


def save_xlsx(table: Table, rng: random.Random) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for r, row in enumerate(table.rows, start=1):
        for c, cell in enumerate(row, start=1):
            if cell == "":
                continue
            at = page.cell(r, c, cell)
            if isinstance(cell, str):
                at.data_type = "e" if cell == "#N/A" else "f" if cell == "=1+1" else "s"
            elif isinstance(cell, int | float):
                at.number_format = "General"
    if rng.random() < 0.3:
        page.column_dimensions["C"].hidden = True
        page.row_dimensions[3].hidden = True
    if rng.random() < 0.3:
        book.create_sheet("메모", rng.choice([0, 1]))["A1"] = "다른 시트"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def draw_sheet(seed: int) -> Sheet:
    rng = random.Random(seed)
    has_types = rng.random() < 0.5
    table = draw_table(rng, has_types)
    table.sheet.raw = save_xlsx(table, rng) if has_types else save_csv(table, rng)
    stem = rng.choice(["queue_1111051500_20261102", "사본 - queue_1111051500_20261102 (1)", "회신"])
    table.sheet.file = f"{stem}.{'xlsx' if has_types else 'csv'}"
    return table.sheet


def draw_sheets(count: int, first: int = 0) -> Iterator[Sheet]:
    return (draw_sheet(first + n) for n in range(count))


def headers_at_fault(set_aside: Mapping[int, set[str]]) -> dict[int, list[str]]:
    return {row_no: sorted(headers) for row_no, headers in sorted(set_aside.items())}
