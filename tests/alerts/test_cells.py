import csv
import io
import random
import unicodedata

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.cells import csv_bytes, safe_cell

TRIGGERS = "=+-@|%\t\r\n＝＋－＠｜％﹦﹢﹣﹫﹪−⁺₌"
LEADS = ["", " ", "  ", "\u3000", "\u00a0", "\ufeff", "\u200b", "\u2060", "\u202e", "\u00ad", "\x00", "\x1b", "\x85"]
PAYLOADS = [
    "",
    "1+1",
    "cmd|'/C calc'!A0",
    'HYPERLINK("http://x")',
    "010-1234-5678",
    "서울특별시 종로구",
    '"',
    ",",
    "\n=1+1",
]


def formulas() -> list[str]:
    """10,000 cells that would be computed by some program: a lead, a trigger, a payload."""
    rng = random.Random(5)
    return [
        "".join(rng.choices(LEADS, k=rng.randint(0, 3))) + rng.choice(TRIGGERS) + rng.choice(PAYLOADS)
        for _ in range(10_000)
    ]


def can_start_a_formula(cell: str) -> bool:
    """What a suspicious reader sees first once everything invisible is gone. Written apart from the code it judges."""
    for char in cell:
        if char in "\t\r\n":
            return True
        if unicodedata.category(char) in ("Cc", "Cf", "Zs", "Zl", "Zp"):
            continue
        return unicodedata.normalize("NFKC", char)[0] in "=+-@|%−"
    return False


def test_ten_thousand_formulas_start_none_and_shift_nothing() -> None:
    cells = formulas()
    assert sum(map(can_start_a_formula, cells)) > 9_990
    rows = list(
        csv.reader(io.StringIO(csv_bytes(["머리", "몸", "끝"], (["1", c, "끝"] for c in cells)).decode("utf-8-sig")))
    )
    assert len(rows) == 10_001
    assert all(len(row) == 3 and row[0] == "1" and row[2] == "끝" for row in rows[1:])
    assert not any(can_start_a_formula(row[1]) for row in rows)


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), min_size=2, max_size=4))
def test_cells_read_back_as_written(cells: list[str]) -> None:
    raw = csv_bytes([f"열{n}" for n in range(len(cells))], [cells])
    written = [safe_cell(cell) for cell in cells]
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == 2
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert rows[1] == written
    frame = pd.read_csv(io.BytesIO(raw), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    assert frame.iloc[0].tolist() == written
    assert not any(can_start_a_formula(cell) for cell in written)


@pytest.mark.parametrize("plain", ["", "김영희", "010-1234-5678", "2026-11-02", "1인 가구 · 80대", "'=1", "50% 이하"])
def test_plain_text_is_left_alone(plain: str) -> None:
    assert safe_cell(plain) == plain


def test_every_cell_is_quoted_so_that_codes_stay_text() -> None:
    assert csv_bytes(["코드"], [["0111"]]) == '\ufeff"코드"\r\n"0111"\r\n'.encode()


# The last two under NFKC: one starter that becomes two characters, and two characters of which the first is a starter.
@pytest.mark.parametrize("start", ["\t1+1", "\r1+1", "\n1+1", "=1", " ＝1", "\ufeff@a", "⩵1", "=\u03381"])
def test_a_cell_that_could_compute_is_prefixed(start: str) -> None:
    assert safe_cell(start).startswith("'")
