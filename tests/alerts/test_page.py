"""What stands in the page's HTML. How it looks and works in a browser: tests/whole/test_pages.py."""

import base64
import hashlib
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest
from jinja2 import UndefinedError
from markupsafe import escape

from alerts.columns import COLUMNS
from alerts.lanes import LANES
from alerts.page import MEANINGS, MOST_BYTES, SHAPES, STATES, write_office_page
from alerts.timeline import timelines
from signals.outcomes import OUTCOMES
from tests.alerts import cards
from tests.alerts.drawn import AS_OF, OFFICE


class Read(HTMLParser):
    """Text by element, and every attribute."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.inside = ""
        self.code: dict[str, str] = {"style": "", "script": ""}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in self.code:
            self.code[self.inside] += data
        elif data.strip():
            self.text.append(data.strip())

    @property
    def all(self) -> str:
        return "\n".join(self.text)

    def of(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def card_of(html: str) -> str:
    found = re.findall(r"<article.*?</article>", html, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></svg><script>1</script>",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt; & 김",
    '=HYPERLINK("http://x")',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_are_called_stays_text(text: str) -> None:
    who = cards.people({"head_name": text, "address": text, "phone": text})
    html = cards.page(cards.told({"criterion": text, "reason_1": text, "ease_1": text, "benefit_1": text}), who)
    assert Read(html).all.count(text) >= 6
    plain = Read(cards.page(cards.told({"criterion": "x", "ease_1": "x", "benefit_1": "x"})))
    assert [a[:2] for a in Read(html).attributes] == [a[:2] for a in plain.attributes]
    assert Read(html).code == plain.code


def test_nothing_is_fetched_and_only_our_own_code_may_run() -> None:
    html = cards.page(cards.told({}))
    read = Read(html)
    assert "://" not in html
    assert not {"src", "srcset", "action", "style", "background"} & {name for _, name, _ in read.attributes}
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]
    assert all(value.startswith("#") for value in read.of("href"))
    assert not re.search(r"url\(|@import|expression\(", read.code["style"])
    policy = read.of("content")[0]
    assert policy.startswith("default-src 'none'; ")
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(read.code[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


FULL: dict[str, Any] = {
    **{f"{name}_{n + 1}": f"{text} [{name}{n}]" for name, (text, most) in cards.SENTENCES.items() for n in range(most)},
    "lane": "trace",
    "works_as": "trace",
    "band": "very_high",
    "is_overdue": True,
    "escalation": 2,
    "is_repeat": True,
    "moved_from": "2611010100",
    "moved_on": date(2026, 10, 25),
    "criterion": "청년 1인 가구",
    "attempts": 2,
    "outcome": "unreached",
    "answered_on": date(2026, 10, 30),
    "next_on": date(2026, 11, 6),
    "address_status": "no_unit",
    "due_on": date(2026, 10, 1),
}


def test_everything_of_the_alert_is_on_its_card() -> None:
    alerts = cards.told(FULL)
    told = Read(card_of(cards.page(alerts, told_of=cards.history({}), before=cards.selections({})))).all
    row = alerts.join(cards.people({}), on="household_key").row(0, named=True)
    shown_otherwise = {"due_on", "opened_on", "as_of", "office", "repeats", "data_age_days"}
    for column in COLUMNS:
        if column.filled_by == "us" and column.name not in shown_otherwise:
            assert column.text(row) in told, column.header
            assert column.text(row)
    for text in (row[f"ease_{n}"] for n in (1, 2)):
        assert text in told
    assert "위험을 낮게 본 점 (어려움이 없다는 뜻은 아닙니다)" in told
    assert "10월 1일까지 · 32일 지남" in told
    assert "26.11.2 자료 · 최근 신호 63일 전 · 26.10.20 알림" in told
    assert f"26.3.10 발굴 → {OUTCOMES['unreached'].label_ko}(26.3.20)" in told


def test_no_rank_no_probability_no_key() -> None:
    html = cards.page(cards.told({"household_key": 987654321}), cards.people({"household_key": 987654321}))
    assert "0.31" not in html
    assert "987654321" not in html
    assert "순위" not in html


@pytest.mark.parametrize("works_as", ["risk", "urgent", "trace", "partial"])
def test_explore_is_its_works_as_byte_for_byte(works_as: str) -> None:
    chosen = cards.told({"lane": works_as, "works_as": works_as})
    drawn = cards.told(
        {"lane": "explore", "works_as": works_as, "inclusion": 0.01, "probability": 0.02, "true_band": "moderate"}
    )
    assert cards.page(drawn) == cards.page(chosen)
    assert "explore" not in cards.page(drawn)


@pytest.mark.parametrize("number", ["900101-1234567", "9001011234567", "900101 - 1******"])
def test_a_resident_number_stops_the_page(number: str) -> None:
    with pytest.raises(ValueError, match="resident number") as stopped:
        cards.page(cards.told({}), cards.people({"head_name": number}))
    assert "900101" not in str(stopped.value)


def test_two_offices_never_share_a_page() -> None:
    with pytest.raises(ValueError, match="one office"):
        cards.page(cards.told({}, {"household_key": 2, "office": "2611010100"}))


def test_cards_stand_in_the_order_of_the_sheet_and_are_counted() -> None:
    alerts, who, told_of, before = cards.office(40)
    html = cards.page(alerts, who, told_of, before)
    lanes = re.findall(r"<article class=\"card (\w+) (\w+)\"", html)
    ranks = [LANES[lane].rank for lane, _ in lanes]
    assert ranks == sorted(ranks)
    assert len(lanes) == 40
    late = [row["due_on"] < AS_OF for row in alerts.iter_rows(named=True)]
    assert [state for _, state in lanes].count("late") == sum(late) > 0
    assert [state for _, state in lanes].count("new") == alerts["is_new"].sum() > 0
    counts = dict(re.findall(r"<dt>(?:<i[^>]*>.</i>)?([^<]+)</dt><dd><b>(\d+)</b>", html))
    assert counts["살펴볼 가구"] == "40"
    for code, word in STATES.items():
        assert counts[word] == str([state for _, state in lanes].count(code))
    for code in SHAPES:
        assert counts[LANES[code].label_ko] == str([lane for lane, _ in lanes].count(code))
    assert set(SHAPES) == set(MEANINGS) == {lane for lane in LANES if lane != "explore"}


@pytest.mark.parametrize(
    ("days", "word"), [(-40, "40일 지남"), (-1, "1일 지남"), (0, "오늘까지"), (1, "1일 남음"), (28, "28일 남음")]
)
def test_how_long_is_left(days: int, word: str) -> None:
    assert word in Read(cards.page(cards.told({"due_on": AS_OF + timedelta(days=days)}))).all


def test_the_alert_itself_is_none_of_its_earlier_selections() -> None:
    before = cards.selections(*({"alert": f"C-{n}", "selected_on": date(2026, n, 1)} for n in range(1, 6)))
    own = cards.selections({"alert": cards.PLAIN["alert_id"], "selected_on": date(2026, 10, 20)})
    told = Read(cards.page(cards.told({}), before=pl.concat([before, own]))).all
    assert [told.index(f"26.{n}.1 발굴") for n in (5, 4, 3)] == sorted(told.index(f"26.{n}.1 발굴") for n in (5, 4, 3))
    assert "그 밖에 2번" in told
    assert "26.10.20 발굴" not in told


def test_an_unknown_person_is_told_as_unknown() -> None:
    told = Read(cards.page(cards.told({}), cards.people())).all
    assert "이름 확인 필요" in told
    assert "전화번호 없음" in told
    assert "등록된 주소 없음" in told
    assert "주소 확인 필요" in told


def test_an_office_without_alerts_gets_a_page_that_says_so() -> None:
    html = cards.page(cards.told({}).clear(), cards.people(), cards.history())
    assert "지금 살펴볼 가구가 없습니다" in html
    assert f"queue_{OFFICE}_20261102.xlsx" in html


def test_three_hundred_alerts_stay_below_a_megabyte_and_lose_only_old_months_of_tables() -> None:
    alerts, who, told_of, before = cards.office(300)
    raw = write_office_page(alerts, who, told_of, before, cards.HERE, AS_OF, cards.TEXTS)
    assert len(raw) <= MOST_BYTES
    assert raw == write_office_page(alerts.reverse(), who, told_of.reverse(), before, cards.HERE, AS_OF, cards.TEXTS)
    html = raw.decode()
    assert html.count("<article ") == 300
    for text in alerts.select(pl.col("^(reason|ease|check|benefit)_.$")).unpivot()["value"].drop_nulls().unique():
        assert str(escape(text)) in html
    more, who_more, told_of_more, before_more = cards.office(325)
    longer = write_office_page(more, who_more, told_of_more, before_more, cards.HERE, AS_OF, cards.TEXTS)
    assert len(longer) <= MOST_BYTES
    assert "표로 보기(최근" in longer.decode()
    assert longer.decode().count("role=img><title>") == html_drawings(more, told_of_more)
    few = cards.page(alerts.head(3), who, told_of, before)
    assert "표로 보기</summary>" in few


def html_drawings(alerts: pl.DataFrame, told_of: pl.DataFrame) -> int:
    return sum(len(drawn) for drawn in timelines(alerts, told_of, AS_OF).values())


def test_a_template_that_names_what_is_not_there_stops() -> None:
    broken = {**cards.TEXTS, "office.html": cards.TEXTS["office.html"].replace("as_of_ko", "as_of_kr")}
    with pytest.raises(UndefinedError, match="as_of_kr"):
        write_office_page(
            cards.told({}), cards.people({}), cards.history({}), cards.selections(), cards.HERE, AS_OF, broken
        )
