"""The board as a person meets it: in Chromium, from a file, without a network, light and dark, read aloud, printed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page

from alerts.board_page import write_board_page
from alerts.considered import HIDDEN
from tests.alerts import boards

A4_LANDSCAPE = (1046, 700)  # what is left between the margins, in CSS pixels
# Tables whose last column lies outside what is shown of them, and wide boxes that would need to be scrolled.
CUT_OFF = """() => [...document.querySelectorAll("table, svg, figure")]
    .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(one => (one.closest("section") || document.body).innerText.slice(0, 40))"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boards")
    for name, told in (("done", boards.told(before=boards.weeks(5))), ("refused", boards.refused())):
        (folder / f"{name}.html").write_bytes(write_board_page(told, boards.TEXTS))
        (folder / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


@pytest.fixture
def page(browser: Browser, written: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    name, scheme = request.param
    asked: list[str] = []
    said: list[str] = []
    context = browser.new_context(viewport={"width": 1366, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    opened.on("request", lambda told: asked.append(told.url))
    opened.on("console", lambda told: said.append(told.text))
    opened.on("pageerror", lambda told: said.append(str(told)))
    opened.goto((written / f"{name}.html").as_uri())
    yield opened
    assert said == []
    assert asked == [(written / f"{name}.html").as_uri()]
    context.close()


def of(*pages: tuple[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, indirect=True, ids=["-".join(one) for one in pages])


def at(told: Any, path: str) -> Any:
    for step in path.split("."):
        told = told[int(step)] if isinstance(told, list) else told[step]
    return told


def is_told(text: str, value: Any) -> bool:
    """The text of a cell and the figure of board.json: null is hidden, or nothing to be told."""
    if value is None:
        return text in (HIDDEN, "–")
    if isinstance(value, str):
        return text == value
    digits = text.replace(",", "").removesuffix("배")
    if digits.endswith("%"):
        return bool(round(float(digits[:-1]) / 100, 3) == value)
    places = len(digits.partition(".")[2])
    return bool(float(digits) == round(value, places) and (isinstance(value, float) or places == 0))


@of(("done", "light"), ("refused", "light"))
def test_every_figure_on_the_page_is_that_of_its_twin(page: Page, written: Path) -> None:
    twin = json.loads((written / (Path(page.url).stem + ".json")).read_text(encoding="utf-8"))
    told = page.locator("[data-at]").evaluate_all("all => all.map(one => [one.dataset.at, one.textContent.trim()])")
    assert len(told) > 150
    assert [(path, text, at(twin, path)) for path, text in told if not is_told(text, at(twin, path))] == []
    # Nor is any figure of the tables left without its place in the twin.
    bare = "table td:not([data-at]):not(.word):not(.barcol)"
    assert page.locator(bare).all_inner_texts() == []


@of(("done", "dark"), ("refused", "light"))
def test_nothing_keeps_anybody_from_reading_it(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found] == []


@of(("done", "light"))
def test_tables_sort_and_hidden_counts_come_last_however_they_are_sorted(page: Page) -> None:
    table = page.locator("table.sorts").nth(1)
    head = table.locator("thead th", has_text="기한 지남")
    column = int(head.evaluate("head => head.cellIndex"))
    head.locator("button").click()
    down = table.locator(f"tbody td:nth-child({column + 1})").all_inner_texts()
    assert HIDDEN in down
    shown = [int(text) for text in down if text != HIDDEN]
    assert shown == sorted(shown, reverse=True)
    head.locator("button").click()
    up = table.locator(f"tbody td:nth-child({column + 1})").all_inner_texts()
    assert [text for text in up if text != HIDDEN] == [str(count) for count in sorted(shown)]


@of(("done", "light"))
def test_nothing_is_cut_off_on_screen_or_on_paper(page: Page) -> None:
    for width in (1366, 1024, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4_LANDSCAPE[0], "height": A4_LANDSCAPE[1]})
    assert page.evaluate(CUT_OFF) == []
    assert not page.locator("main>.acts").is_visible()
    sheets = page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
    assert 1 < sheets < 8


@of(("refused", "light"))
def test_a_refused_night_begins_with_what_to_do(page: Page) -> None:
    first = page.locator("main>section").first
    assert first.get_attribute("class") == "alarm"
    assert "2026년 11월 1일 명단이 그대로 있습니다" in first.inner_text()
    assert page.locator(".badge").inner_text() == "✕ 내보내지 않음"
