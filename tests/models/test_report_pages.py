"""The report and the cards as their readers meet them: in Chromium, on a desk, on a phone, on paper."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page

from models.card_html import CARD_TEMPLATES, write_card_page
from models.cards import CARDS, Facts
from models.report_facts import sample_pushes, tell
from models.report_html import write_report_page
from models.train import Trained
from tests.models.test_cards import OPERATOR, SOURCES
from tests.models.test_report_html import LABELS, LOOK, PLACES, ROOT, TEXTS, decision, subject_of

PAGES = ("report", *(card.name for card in CARDS))


@pytest.fixture(scope="module")
def files(rows: pl.DataFrame, trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was held back shows the most."""
    folder = tmp_path_factory.mktemp("pages")
    subject = subject_of(rows, trained, decision(promotes=False))
    pushes = sample_pushes(subject)
    told = tell(subject, pushes, np.random.default_rng(1))
    (folder / "report.html").write_bytes(write_report_page(told, pushes, LABELS, TEXTS, LOOK, PLACES))
    templates = {name: (ROOT / "models" / "pages" / name).read_text(encoding="utf-8") for name in CARD_TEMPLATES}
    for card in CARDS:
        page = write_card_page(card, Facts(told, OPERATOR, SOURCES), templates, LOOK)
        (folder / f"{card.name}.html").write_bytes(page)
    return folder


@pytest.fixture(params=PAGES)
def page(browser: Browser, files: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Opened from a file; it asks for nothing else and complains of nothing."""
    asked: list[str] = []
    said: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    file = files / f"{request.param}.html"
    opened.goto(file.as_uri())
    yield opened
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert said == []
    context.close()


def findings(page: Page) -> list[Any]:
    found = Axe().run(page).response["violations"]
    return [(v["id"], v["impact"], v["nodes"][0]["html"][:160]) for v in found]


def test_axe_finds_nothing_folded_or_unfolded(page: Page) -> None:
    assert findings(page) == []
    page.locator("details > summary").evaluate_all("all => all.forEach(one => one.click())")
    assert page.locator("details:not([open])").count() == 0
    assert findings(page) == []


def test_nothing_is_cut_off_at_any_width_and_every_picture_shows(page: Page) -> None:
    for width in (1280, 720, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    # A column of single letters: the heading of a row must keep its words on a phone.
    heads = page.locator("tbody th:visible").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert min(heads, default=100) >= 90
    broken = page.locator("img").evaluate_all("all => all.filter(one => !one.complete || !one.naturalWidth).length")
    assert broken == 0
    assert page.locator("img:not([alt]), img[alt='']").count() == 0


def test_on_paper_nothing_is_lost_over_the_edge_and_no_page_stays_empty(page: Page) -> None:
    page.emulate_media(media="print")
    for gone in (".toc", ".skip", "details:not([open])"):
        assert page.locator(f"{gone}:visible").count() == 0
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 within its margins, at 96 dots an inch
    height = page.evaluate("document.documentElement.scrollHeight")
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    sheets = page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
    assert sheets <= 1.6 * height / 1000 + 1


def test_the_keyboard_goes_to_the_text_and_unfolds(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
