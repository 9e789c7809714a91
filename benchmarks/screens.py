"""The pictures in docs/: a made-up office after three weeks of work, as its officers and their managers see it.

For each week: the night, then made-up officers fill in some of the workbooks with another library than the one that
wrote them, and send them back through the inbox.

    python benchmarks/screens.py --out docs [--households 20000]

Needs Chromium and LibreOffice (Debian: chromium libreoffice-calc fonts-noto-cjk poppler-utils).
"""

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import polars as pl
from openpyxl.worksheet.worksheet import Worksheet
from playwright.sync_api import sync_playwright

# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

from alerts.answers import CHANNELS, DISMISSALS, RESULTS
from alerts.columns import ANSWER_COLUMNS
from flows.demo import demo
from flows.desk import open_desk
from flows.nightly import nightly
from flows.settings import load_settings
from signals.outcomes import OUTCOMES
from store import alerts
from store.tokens import tokens
from synthetic import Country, CountrySettings, make_country, visit

CONFIG = Path(__file__).parent.parent / "config.yaml"
WEEKS = 3
WORKED = 0.45  # of a sheet's rows in a week


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--households", type=int, default=20_000)
    told.add_argument("--out", type=Path, default=Path("docs"))
    asked = told.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "work"
        outbox = three_weeks(asked.households, work)
        district = busiest(outbox.glob("district-*"))
        take_pictures(busiest(outbox.glob(f"{district.name.removeprefix('district-')}?????")), district, asked.out)


def busiest(folders: Iterable[Path]) -> Path:
    return max(folders, key=lambda folder: (folder / "index.html").stat().st_size)


def three_weeks(households: int, work: Path) -> Path:
    """The outbox of the last night."""
    settings = load_settings(CONFIG, work)
    day = settings.demo.as_of
    demo.fn(day, str(CONFIG), str(work), households)
    asked = settings.demo.model_copy(update={"households": households})
    country = make_country(CountrySettings(households=households, months=asked.months, end=asked.end, seed=asked.seed))
    rng = np.random.default_rng(7)
    for _ in range(WEEKS):
        send_back(country, work, day, rng)
        day += timedelta(days=7)
        nightly.fn(day, str(CONFIG), str(work))
    return work / "outbox" / day.isoformat()


def send_back(country: Country, work: Path, day: date, rng: np.random.Generator) -> None:
    with open_desk(CONFIG, work) as desk:
        numbers = dict(zip(tokens(country.numbers, "household", desk.keys), country.numbers, strict=True))
        opened = alerts.open_alerts(desk.engine, day)
    # Officers of the made-up country answer until its last month only.
    seen = visit(
        country, opened["household_key"].replace_strict(numbers, return_dtype=pl.String), date(2026, 9, 1), rng
    )
    answers = dict(zip(opened["alert_id"], seen["outcome"], strict=True))
    for file in sorted((work / "outbox" / day.isoformat()).glob("*/queue_*.xlsx")):
        if rng.random() < 0.8:
            (work / "inbox" / file.name).write_bytes(filled_in(file, answers, day, rng))


def filled_in(file: Path, answers: dict[str, str], day: date, rng: np.random.Generator) -> bytes:
    book = openpyxl.load_workbook(file)
    sheet: Worksheet = book.worksheets[0]
    heads, first = heads_of(sheet)
    for row in range(first, sheet.max_row + 1):
        alert = sheet.cell(row, heads["알림번호"]).value
        if alert in answers and rng.random() < WORKED:
            for name, value in answer(answers[str(alert)], day, rng).items():
                sheet.cell(row, heads[name]).value = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def heads_of(sheet: Worksheet) -> tuple[dict[str, int], int]:
    for row in sheet.iter_rows(max_row=20):
        names = {str(cell.value): int(cell.column or 0) for cell in row if cell.value}
        if "알림번호" in names:
            return names, int(row[0].row or 0) + 1
    raise SystemExit("no heading row in the workbook")


def answer(outcome: str, day: date, rng: np.random.Generator) -> dict[str, Any]:
    header = {column.name: column.header for column in ANSWER_COLUMNS}
    reached = OUTCOMES[outcome].is_contact
    told: dict[str, Any] = {
        header["contacted_on"]: day + timedelta(days=int(rng.integers(0, 6))),
        header["channel"]: CHANNELS["visit" if rng.random() < 0.4 else "phone"],
        header["result"]: RESULTS["talked" if reached else "absent"],
        header["outcome"]: OUTCOMES[outcome].label_ko,
    }
    if OUTCOMES[outcome].needs_reason:
        told[header["dismissal"]] = DISMISSALS["wants_no_help" if outcome == "refused" else "enough_means"]
    return told


def take_pictures(office: Path, district: Path, out: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, page, size in (
            ("office-page", office, (1366, 1000)),
            ("district-page", district, (1366, 1150)),
        ):
            view = browser.new_page(viewport={"width": size[0], "height": size[1]})
            view.goto((page / "index.html").as_uri())
            view.screenshot(path=out / f"{name}.png")
        browser.close()
    book = next(office.glob("*.xlsx"))
    with tempfile.TemporaryDirectory() as scratch:
        command = ["soffice", "--headless", f"-env:UserInstallation=file://{scratch}/profile", "--convert-to", "pdf"]
        subprocess.run([*command, "--outdir", scratch, book], check=True, stdout=subprocess.DEVNULL)
        for name, number in (
            ("workbook-list", pages_with(scratch, book, "목록")),
            ("workbook-visit", pages_with(scratch, book, "방문용")),
        ):
            pdf = Path(scratch) / f"{book.stem}.pdf"
            command = ["pdftoppm", "-r", "100", "-f", str(number), "-l", str(number), "-png", "-singlefile"]
            subprocess.run([*command, pdf, out / name], check=True)


def pages_with(folder: str, book: Path, word: str) -> int:
    """The first page of the PDF that holds the word."""
    text = subprocess.run(["pdftotext", Path(folder) / f"{book.stem}.pdf", "-"], check=True, capture_output=True)
    pages = text.stdout.decode().split("\f")
    return next(number for number, page in enumerate(pages, 1) if word in page)


if __name__ == "__main__":
    main()
