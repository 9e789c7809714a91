"""The pictures in docs/: a made-up office after three weeks of work, as its officers and their managers see it.

For each week: the night, then made-up officers fill in some of the workbooks with another library than the one that
wrote them, and send them back through the inbox.

    python benchmarks/screens.py --out docs [--households 20000] [--only offices|models]

`--only models`: a model of August, six nights and their answers, and a model of November that is judged beside it; the
report, two cards, the board, and what `blindspot track` wrote as MLflow's own screens show it, where an environment
with MLflow's server is named (`--mlflow mlflow-look/bin/mlflow`; docs/retraining.md tells how to make one).

Needs Chromium and LibreOffice (Debian: chromium libreoffice-calc fonts-noto-cjk poppler-utils).
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import polars as pl
from mlflow import MlflowClient
from openpyxl.worksheet.worksheet import Worksheet
from playwright.sync_api import Page, sync_playwright

# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

from alerts.answers import CHANNELS, DISMISSALS, RESULTS
from alerts.columns import ANSWER_COLUMNS
from flows.demo import demo
from flows.desk import glance, open_desk
from flows.nightly import nightly
from flows.retrain import retrain
from flows.settings import load_settings
from flows.tracking import track
from signals.outcomes import OUTCOMES
from store import alerts
from store.tokens import tokens
from synthetic import Country, CountrySettings, make_country, visit

CONFIG = Path(__file__).parent.parent / "config.yaml"
FIRST, NIGHTS, LAST = date(2026, 8, 3), 6, date(2026, 11, 2)  # a model, fortnights of work, the model after it
WEEKS = 3
WORKED = 0.45  # of a sheet's rows in a week


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--households", type=int, default=20_000)
    told.add_argument("--out", type=Path, default=Path("docs"))
    told.add_argument("--only", choices=("offices", "models"))
    told.add_argument("--mlflow", type=Path, help="mlflow of an environment with the server")
    told.add_argument("--work", type=Path, help="keep the work folder of the models here, or use the one that is here")
    asked = told.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if asked.only != "offices":
            take_model_pictures(asked.work or Path(scratch) / "models", asked.households, asked.out, asked.mlflow)
        if asked.only == "models":
            return
        work = Path(scratch) / "work"
        outbox = three_weeks(asked.households, work)
        district = busiest(outbox.glob("district-*"))
        take_pictures(busiest(outbox.glob(f"{district.name.removeprefix('district-')}?????")), district, asked.out)


def take_model_pictures(work: Path, households: int, out: Path, mlflow: Path | None) -> None:
    if not (work / "reports").exists():
        two_models(households, work)
    folder = max(f for f in (work / "reports").iterdir() if f.is_dir())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 1280, "height": 1400})
        view.goto((folder / "report.html").as_uri())
        view.screenshot(path=out / "report.png")
        for section in ("pushes", "reach", "drift"):
            view.locator(f"#{section}").screenshot(path=out / f"report-{section}.png")
        for card in ("model_card", "transparency_record"):
            view.goto((folder / f"{card}.html").as_uri())
            view.screenshot(path=out / f"{card.replace('_', '-')}.png")
        take_board_picture(browser.new_page(viewport={"width": 1366, "height": 1560}), work, out)
        if mlflow is not None:
            with served(mlflow, track(glance(CONFIG, work))[0]) as url:
                take_mlflow_pictures(browser.new_page(viewport={"width": 1440, "height": 900}), url, out)
        browser.close()


def take_board_picture(view: Page, work: Path, out: Path) -> None:
    view.goto((work / "board" / "board.html").as_uri())
    view.screenshot(path=out / "board.png")


@contextmanager
def served(mlflow: Path, database: Path) -> Iterator[str]:
    """MLflow's own server on that file, for as long as pictures are taken."""
    command = [
        str(mlflow),
        "ui",
        "--host",
        "127.0.0.1",
        "--port",
        "5077",
        "--backend-store-uri",
        f"sqlite:///{database}",
    ]
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    server = subprocess.Popen(command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(120):
            with suppress(OSError), socket.create_connection(("127.0.0.1", 5077), timeout=1):
                break
            time.sleep(0.5)
        yield "http://127.0.0.1:5077"
    finally:
        server.terminate()
        server.wait()


def take_mlflow_pictures(view: Page, url: str, out: Path) -> None:
    client = MlflowClient(tracking_uri=url)
    run = client.search_runs(["1"], order_by=["attributes.start_time DESC"])[0].info.run_id
    for name, page in (
        ("runs", "experiments/1/runs"),
        ("run", f"experiments/1/runs/{run}"),
        ("metrics", f"experiments/1/runs/{run}/model-metrics"),
        ("plots", f"experiments/1/runs/{run}/artifacts/plots/capacity.svg"),
        ("models", "models/blindspot"),
    ):
        view.goto(f"{url}/#/{page}")
        view.wait_for_timeout(5_000)  # it never falls silent: there is no better sign that it has drawn
        view.screenshot(path=out / f"mlflow-{name}.png")


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


def two_models(households: int, work: Path) -> None:
    settings = load_settings(CONFIG, work)
    demo.fn(FIRST, str(CONFIG), str(work), households)
    asked = settings.demo.model_copy(update={"households": households})
    country = make_country(CountrySettings(households=households, months=asked.months, end=asked.end, seed=asked.seed))
    rng, day = np.random.default_rng(7), FIRST
    for _ in range(NIGHTS):
        send_back(country, work, day, rng)
        day += timedelta(days=14)
        nightly.fn(day, str(CONFIG), str(work))
    retrain.fn(LAST, str(CONFIG), str(work))
    nightly.fn(LAST, str(CONFIG), str(work))


def send_back(country: Country, work: Path, day: date, rng: np.random.Generator) -> None:
    with open_desk(CONFIG, work) as desk:
        numbers = dict(zip(tokens(country.numbers, "household", desk.keys), country.numbers, strict=True))
        opened = alerts.open_alerts(desk.engine, day)
    # Officers of the made-up country answer until its last month only.
    when = min(day, date(2026, 9, 1))
    seen = visit(country, opened["household_key"].replace_strict(numbers, return_dtype=pl.String), when, rng)
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
