"""How fast one office's sheet is written and read back, with 300 alerts: CSV, workbook, and both on their return.

    python benchmarks/sheets.py [--alerts 300] [--runs 5]

Median seconds; the last line is JSON. Every second row of what is read back is answered.
"""

import argparse
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl

ROOT = Path(__file__).resolve().parent.parent
# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent)]

from alerts.columns import COLUMNS
from alerts.sheet import read_sheet, write_csv, write_workbook
from alerts.workbook import FIRST_ROW
from tests.alerts.drawn import AS_OF
from tests.alerts.sheets import BENEFITS, HERE, people, queue

TARGET_SECONDS = 2.0


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--alerts", type=int, default=300)
    told.add_argument("--runs", type=int, default=5)
    asked = told.parse_args()
    alerts = many(asked.alerts)
    who = people(*alerts["household_key"])
    csv, book = write_csv(alerts, who), write_workbook(alerts, who, HERE, BENEFITS, AS_OF)
    filled = fill_in(book)
    seconds = {
        "write_csv": median(lambda: write_csv(alerts, who), asked.runs),
        "write_workbook": median(lambda: write_workbook(alerts, who, HERE, BENEFITS, AS_OF), asked.runs),
        "read_csv": median(lambda: read_sheet(csv, "queue.csv", BENEFITS), asked.runs),
        "read_workbook": median(lambda: read_sheet(filled, "queue.xlsx", BENEFITS), asked.runs),
    }
    for name, value in seconds.items():
        print(f"{name}: {value:.3f} s")
    figures = {"seconds": seconds, "bytes": {"csv": len(csv), "workbook": len(book)}}
    met = seconds["write_workbook"] < TARGET_SECONDS
    print(json.dumps({"benchmark": "sheets", "alerts": alerts.height, **figures, "target_met": met}))


def many(count: int) -> pl.DataFrame:
    """The hand-written queue over and over, each row a household of its own."""
    plain = queue()
    rows = pl.concat([plain] * (count // plain.height + 1)).head(count)
    keys = pl.Series(range(1, count + 1), dtype=pl.Int64)
    return rows.with_columns(household_key=keys, alert_id=pl.format("A{}", keys.cast(pl.String).str.zfill(13)))


def fill_in(book: bytes) -> bytes:
    """Every second row answered, saved by another library."""
    filled: Any = openpyxl.load_workbook(io.BytesIO(book))
    at = {column.header: n for n, column in enumerate(COLUMNS, start=1)}
    page = filled.worksheets[0]
    for row in range(FIRST_ROW + 1, page.max_row + 1, 2):
        for header, value in {"접촉일": date(2026, 11, 5), "접촉방법": "전화", "처리결과": "연락두절·부재"}.items():
            page.cell(row, at[header]).value = value
    out = io.BytesIO()
    filled.save(out)
    return out.getvalue()


def median(work: Callable[[], object], runs: int) -> float:
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
