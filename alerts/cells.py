"""CSV that an office opens in Excel: UTF-8 with BOM, every cell quoted, and none that could start a formula."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

# What makes Excel, LibreOffice or an older DDE link compute. Full-width and small twins fold to these under NFKC,
# and Excel takes them for formulas where East Asian input is set up.
STARTERS = frozenset("=+-@|%−")
# Excel looks behind these before it decides: spaces of any kind, BOM, zero-width and direction marks.
_SKIPPED = re.compile(
    r"^[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]+"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: str) -> str:
    return _CONTROL.sub(" ", text)


def safe_cell(text: str) -> str:
    """One line of text, prefixed with ' where it could otherwise be computed."""
    line = one_line(text)
    folded = unicodedata.normalize("NFKC", _SKIPPED.sub("", line)[:1])
    starts = folded[:1] in STARTERS or bool(_CONTROL.match(text))
    return f"'{line}" if folded and starts else line


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([safe_cell(cell) for cell in header])
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")
