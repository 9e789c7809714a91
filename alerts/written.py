"""What a person or Excel wrote into one cell -> a day, a code, a number. Unreadable is None, never a guess."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

Cell = str | int | float | bool | date | datetime | time | timedelta | None

# Zero-width and direction marks, soft hyphen, Hangul fillers, variation selectors, BOM.
_UNSEEN = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_DOTS = re.compile(r"[·・‧•∙⋅ᆞㆍ]")  # all are typed for the middle dot of our words


def plain(cell: Cell) -> str:
    """One line: NFKC (macOS writes Hangul in parts, forms are typed full-width), nothing invisible, one space at most.

    An apostrophe in front is Excel's sign for text, or ours against formulas: it is none of the content.
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", _CONTROL.sub("", str(cell))))
    text = " ".join(_UNSEEN.sub("", text).split())
    return re.sub(r"^['’]\s*", "", text)


def key(cell: Cell) -> str:
    """For comparing words and headers: no spaces, no case, one kind of middle dot."""
    return _DOTS.sub("·", plain(cell)).replace(" ", "").casefold()


# Other ways an officer says the same; no two of one column may clash.
SAME_WORDS: Mapping[str, Mapping[str, str]] = {
    "channel": {"방문": "visit"},
    "need_confirmed": {"아니오": "no", "네": "yes", "y": "yes", "n": "no", "o": "yes", "x": "no"},
    **{f"reason_{n}_right": {"o": "right", "○": "right", "x": "wrong", "×": "wrong"} for n in range(1, 5)},
}


def meanings(column: str, words: Mapping[str, str]) -> Mapping[str, str]:
    """`key` of everything an officer may write into the column -> its code. Our codes are understood too."""
    meant = dict(SAME_WORDS.get(column, {}))
    meant.update({key(code): code for code in words})
    meant.update({key(word): code for code, word in words.items()})
    return meant


# A contact lies in these years. Two digits are the year only when they fall in here too.
FIRST_YEAR, LAST_YEAR = 2020, 2059
_EXCEL_DAY_0 = date(1899, 12, 30)
_WEEKDAY = r"(?:\s*\(?[월화수목금토일](?:요일)?\)?)?"
_TIME = r"(?:[T\s]\s*(?:오전|오후|am|pm)?\s*\d{1,2}(?::\d{1,2}){1,2}(?:\.\d+)?\s*(?:am|pm)?)?"
_TAIL = rf"\.?{_WEEKDAY}{_TIME}"
_YEAR_FIRST = re.compile(
    rf"(\d{{4}}|\d{{2}})(?:\s*[-./]\s*(\d{{1,2}})\s*[-./]\s*(\d{{1,2}})|\s*년\s*(\d{{1,2}})\s*월\s*(\d{{1,2}})\s*일){_TAIL}",
    re.IGNORECASE,
)
# Korean Excel shows dates as m/d/yy, and LibreOffice in English as mm/dd/yy(yy).
_MONTH_FIRST = re.compile(rf"(\d{{1,2}})/(\d{{1,2}})/(\d{{4}}|\d{{2}}){_TIME}", re.IGNORECASE)
_DIGITS = re.compile(r"(20\d{2})(\d{2})(\d{2})")
_SERIAL = re.compile(r"(\d{2}),?(\d{3})(?:\.\d+)?")


def day_of(cell: Cell) -> date | None:
    """A day between FIRST_YEAR and LAST_YEAR. A day without its year is nobody's to guess."""
    if isinstance(cell, datetime):
        return _sane(cell.date())
    if isinstance(cell, date):
        return _sane(cell)
    if isinstance(cell, bool | time | timedelta):
        return None
    text = plain(cell)
    if found := _MONTH_FIRST.fullmatch(text):
        month, day, year = found.groups()
        if told := _day(year, month, day):
            return told
    if found := _YEAR_FIRST.fullmatch(text):
        year, *rest = (part for part in found.groups() if part is not None)
        return _day(year, *rest)
    if found := _DIGITS.fullmatch(text):
        return _day(*found.groups())
    if found := _SERIAL.fullmatch(text):
        return _sane(_EXCEL_DAY_0 + timedelta(days=int(found[1] + found[2])))
    return None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return _sane(date(int(year) if len(year) == 4 else 2000 + int(year), int(month), int(day)))
    except ValueError:
        return None


def _sane(day: date) -> date | None:
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def whole_of(cell: Cell) -> int | None:
    """20, 20.0, 20가구, ２０ -> 20."""
    found = re.fullmatch(r"(\d{1,6})(?:\.0+)?\s*(?:가구|세대|집|건)?", plain(cell))
    return int(found[1]) if found else None


def office_code_of(cell: Cell) -> str | None:
    """Ten digits; a 0 that Excel took off the front is put back. What it rounded (1.11E+09) is lost: None."""
    digits = plain(cell)
    return digits.zfill(10) if re.fullmatch(r"\d{8,10}", digits) else None
