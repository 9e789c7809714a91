"""One office's page: a card per household, for reading. Plain HTML that needs nothing but itself."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import polars as pl
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from alerts.columns import COLUMNS, Office
from alerts.eases import EASES
from alerts.lanes import LANES
from alerts.sheet import rows_of
from alerts.tables import ALERTS, take
from alerts.timeline import WINDOW, Point, Timeline, axis, day_ko, short, short_month, timelines
from signals.outcomes import OUTCOMES

TEMPLATES = (
    "base.html",
    "office.html",
    "card.html",
    "district.html",
    "page.css",
    "district.css",
    "office.js",
    "district.js",
)
# What was known of the household's selections: signals.tables.CONTACTS has more, none of which is shown.
SELECTIONS = pl.Schema(
    {
        "household_key": pl.Int64(),
        "alert": pl.String(),
        "selected_on": pl.Date(),
        "contacted_on": pl.Date(),
        "outcome": pl.String(),
    }
)
MOST_BYTES = 1_000_000
TABLE_MONTHS = (24, 12, 6, 3)
EARLIER = 3  # selections told on a card, newest first

# Shape and word beside the colour. explore has none: it is worked, and shown, as what it would have been.
SHAPES: Mapping[str, str] = {"urgent": "▲", "risk": "●", "trace": "◆", "partial": "■"}
MEANINGS: Mapping[str, str] = {
    "urgent": "전기·가스·수도가 끊겼거나 신고가 들어온 가구. 가장 먼저 연락해 주세요.",
    "risk": "여러 자료를 함께 볼 때 어려움이 있을 수 있는 가구.",
    "trace": "주소가 불완전하거나 지난번에 만나지 못한 가구. 실제 사는 곳부터 찾아 주세요.",
    "partial": "급여를 받고 있지만 지금의 어려움까지는 덮지 못하는 가구.",
}
STATES: Mapping[str, str] = {"late": "기한 지남", "new": "신규", "open": "처리 중"}

_BETWEEN = re.compile(r"(?<=>)\n+(?=<)")  # line ends between tags; ours are never inside <pre>
_TEXT = {column.name: column.text for column in COLUMNS if column.filled_by == "us"}


def write_office_page(
    told: pl.DataFrame,
    people: pl.DataFrame,
    history: pl.DataFrame,
    selections: pl.DataFrame,
    office: Office,
    as_of: date,
    templates: Mapping[str, str],
) -> bytes:
    """The office's index.html.

    `told`: ALERTS with reasons, eases and benefits; `history`: timeline.TIMELINES; `selections`: SELECTIONS;
    `templates`: the texts of TEMPLATES by name. In the sheet's order, which tells no more than its columns do.
    """
    take(told, ALERTS, "told")
    rows = rows_of(told, people)
    drawn = timelines(told, history, as_of)
    before = _selections(take(selections, SELECTIONS, "selections"), told)
    page = b""
    # A long list tells fewer months in its tables (the drawings stay whole): a weak PC opens 1 MB at once.
    for months in TABLE_MONTHS:
        cards = [
            _card(row, drawn.get(row["household_key"], []), before.get(row["household_key"], []), months)
            for row in rows
        ]
        page = _office_page(cards, office, as_of, templates, months)
        if len(page) <= MOST_BYTES:
            break
    return page


def _office_page(
    cards: Sequence[Mapping[str, Any]], office: Office, as_of: date, templates: Mapping[str, str], months: int
) -> bytes:
    return render(
        templates,
        "office.html",
        ("page.css",),
        "office.js",
        office=office,
        as_of_ko=day_ko(as_of),
        workbook=f"queue_{office.code}_{as_of:%Y%m%d}.xlsx",
        axis=axis(as_of),
        lanes=_lanes(cards),
        states=[{"code": c, "word": w, "count": sum(k["state"] == c for k in cards)} for c, w in STATES.items()],
        cards=cards,
        months=months,
        window=WINDOW,
    )


def render(templates: Mapping[str, str], page: str, styles: Sequence[str], script: str, **values: Any) -> bytes:
    """Every value is escaped; nothing is loaded, and only our own style and script may run."""
    style, code = "".join(templates[name] for name in styles), templates[script]
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(code)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    template = _environment(tuple(sorted(templates.items()))).get_template(page)
    html = template.render(
        style=Markup(style),  # noqa: S704 - our own files, covered by the hashes
        script=Markup(code),  # noqa: S704
        policy=policy,
        **values,
    )
    return _BETWEEN.sub("", html).encode()


@lru_cache(maxsize=8)  # to compile the templates takes as long as to fill them in, and a night has thousands of pages
def _environment(templates: tuple[tuple[str, str], ...]) -> Environment:
    return Environment(
        loader=DictLoader(dict(templates)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _lanes(cards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "code": code,
            "word": LANES[code].label_ko,
            "shape": shape,
            "meaning": MEANINGS[code],
            "count": sum(card["lane"] == code for card in cards),
        }
        for code, shape in SHAPES.items()
    ]


def _selections(selections: pl.DataFrame, told: pl.DataFrame) -> dict[int, list[str]]:
    """What became of earlier selections, newest first; this alert's own answers are told apart."""
    before = (
        selections.join(told.select("household_key"), on="household_key", how="semi")
        .join(told.select("household_key", alert="alert_id"), on=["household_key", "alert"], how="anti")
        .sort("selected_on", "alert", descending=[True, False])
    )
    found: dict[int, list[str]] = {}
    for key, _, selected_on, contacted_on, outcome in before.iter_rows():
        said = OUTCOMES[outcome].label_ko if outcome is not None else "남은 결과 없음"
        when = f"({short(contacted_on)})" if contacted_on is not None else ""
        found.setdefault(key, []).append(f"{short(selected_on)} 발굴 → {said}{when}")
    return found


def _card(row: Mapping[str, Any], drawn: list[Timeline], before: list[str], months: int) -> dict[str, Any]:
    text = {name: of(row) for name, of in _TEXT.items()}
    left = (row["due_on"] - row["as_of"]).days
    return {
        "alert_id": row["alert_id"],
        "lane": row["works_as"],
        "lane_ko": text["lane"],
        "shape": SHAPES[row["works_as"]],
        "band": row["band"],
        "band_ko": text["band"],
        "state": "late" if row["is_overdue"] else "new" if row["is_new"] else "open",
        "state_ko": text["state"],
        "due": row["due_on"].isoformat(),
        "due_ko": f"{row['due_on'].month}월 {row['due_on'].day}일까지 · {_left(left)}",
        "name": text["head_name"] or "이름 확인 필요",
        "phone": text["phone"] or "전화번호 없음",
        "address": text["address"] or "등록된 주소 없음",
        "address_flag": text["address_flag"],
        "household": text["household"],
        "criterion": text["criterion"],
        "reasons": _texts(row, "reason", 4),
        "eases": _texts(row, "ease", EASES),
        "checks": _texts(row, "check", 3),
        "benefits": _texts(row, "benefit", 3),
        "timelines": [(t, _rows(t, row["as_of"], months)) for t in drawn],
        "past": _past(text, before),
        "data_ko": _data(row),
    }


def _left(days: int) -> str:
    if days < 0:
        return f"{-days}일 지남"
    return f"{days}일 남음" if days else "오늘까지"


def _texts(row: Mapping[str, Any], name: str, most: int) -> list[str]:
    return [row[f"{name}_{n + 1}"] for n in range(most) if row[f"{name}_{n + 1}"]]


def _past(text: Mapping[str, str], before: list[str]) -> list[str]:
    now = [f"이번 알림: {text['last_contact']}" if text["last_contact"] else "이번 알림: 접촉 전"]
    more = [f"그 밖에 {len(before) - EARLIER}번"] if len(before) > EARLIER else []
    return [*now, *(before[:EARLIER] or ["이전에 발굴된 적이 없습니다."]), *more]


def _data(row: Mapping[str, Any]) -> str:
    age = row["data_age_days"]
    newest = f"최근 신호 {age}일 전" if age is not None else "지금 이어지는 신호 없음"
    return f"{short(row['as_of'])} 자료 · {newest} · {short(row['opened_on'])} 알림"


def _rows(drawn: Timeline, as_of: date, months: int) -> list[tuple[str, ...]]:
    """When, months, won, learned, newest first; a state that lasts is one row for each unbroken run."""
    if drawn.kind in ("status", "amount"):
        return _spells(drawn.points)
    recent = [p for p in drawn.points if _month(as_of) - _month(p.observed_on) < months]
    return [
        (
            short(p.observed_on) if drawn.kind == "event" else short_month(p.observed_on),
            "" if p.months is None else str(p.months),
            "" if p.amount_won is None else f"{p.amount_won:,}",
            short(p.received_on),
        )
        for p in recent
    ]


def _spells(points: Sequence[Point]) -> list[tuple[str, ...]]:
    spells: list[list[Point]] = []
    for point in points:
        if spells and _month(spells[-1][-1].observed_on) - _month(point.observed_on) <= 1:
            spells[-1].append(point)
        else:
            spells.append([point])
    return [
        (
            _span(short_month(of[-1].observed_on), short_month(of[0].observed_on)),
            "",
            "",
            _span(short(min(p.received_on for p in of)), short(max(p.received_on for p in of))),
        )
        for of in spells
    ]


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first}~{last}"


def _month(day: date) -> int:
    return day.year * 12 + day.month
