"""The board as a page that needs nothing but itself: drawn from what board.json holds, and from nothing else."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final, Literal

from alerts.board import SHARES
from alerts.considered import HIDDEN
from alerts.page import render
from alerts.timeline import day_ko

TEMPLATES: Final = ("base.html", "board.html", "page.css", "district.css", "board.css", "district.js")

Told = Mapping[str, Any]

# Where a region lies on the map of tiles: column and row. Provinces by their codes of before and after they changed.
TILES: Final[Mapping[str, tuple[str, int, int]]] = {
    "28": ("인천", 0, 0), "11": ("서울", 1, 0), "41": ("경기", 2, 0), "51": ("강원", 3, 0), "42": ("강원", 3, 0),
    "44": ("충남", 0, 1), "36": ("세종", 1, 1), "43": ("충북", 2, 1), "47": ("경북", 3, 1),
    "52": ("전북", 0, 2), "45": ("전북", 0, 2), "30": ("대전", 1, 2), "27": ("대구", 2, 2), "31": ("울산", 3, 2),
    "46": ("전남", 0, 3), "29": ("광주", 1, 3), "48": ("경남", 2, 3), "26": ("부산", 3, 3),
    "50": ("제주", 0, 4),
}  # fmt: skip
TILE_WIDTH, TILE_HEIGHT, GAP = 64, 50, 4
# Measure, title, what a dark tile means, where a darker step begins (percent).
MAPS: Final = (
    ("load", "정원 대비 열린 알림", "짙을수록 정원에 가깝거나 넘음", (50, 75, 90, 100.1)),
    ("overdue_share", "기한이 지난 비율", "짙을수록 밀림", (2, 5, 10, 20)),
    ("reached_share", "만나서 이야기한 비율", "짙을수록 많이 만남", (20, 40, 60, 80)),
)
STEPS: Final = 5
TRENDS: Final = (
    ("열린 알림과 정원", "건", (("open", "열린 알림"), ("capacity", "정원"))),
    ("기한이 지난 비율", "%", (("overdue_share", "기한 지남"),)),
    (
        "연락·만남·확인 비율",
        "%",
        (("contacted_share", "연락"), ("reached_share", "만남"), ("found_share", "만난 뒤 어려움 확인")),
    ),
    ("걸린 시간", "초", (("seconds", "초"),)),
)  # fmt: skip
NIGHTS_TOLD: Final = 14
STATES: Final[Mapping[str, tuple[str, str]]] = {
    "never": ("✕", "받은 적 없음"),
    "stale": ("✕", "두 번 넘게 늦음"),
    "late": ("▲", "늦음"),
    "due": ("◆", "올 때가 됨"),
    "current": ("●", "제때"),
}
NIGHT: Final[Mapping[str, tuple[str, str]]] = {
    "done": ("✓", "내보냄"),
    "refused": ("✕", "내보내지 않음"),
    "failed": ("✕", "오류로 멈춤"),
    "running": ("…", "실행 중"),
}
STAGES: Final[Mapping[str, str]] = {
    "load model": "모형 확인",
    "take in": "자료 받기",
    "check sources": "자료 점검",
    "arrange": "가구별로 모으기",
    "score households": "점수 내기",
    "check cohort": "가구 수 점검",
    "check drift": "점수 분포 점검",
    "fill office queues": "명단과 설명",
    "gather queues": "명단 모으기",
    "publish": "내보내기",
}
DAYS_BEFORE, DAYS_AFTER = 150, 60


def write_board_page(told: Told, templates: Mapping[str, str]) -> bytes:
    """`told`: alerts.board.tell_board; `templates`: texts of TEMPLATES by name."""
    return render(
        templates,
        "board.html",
        ("page.css", "district.css", "board.css"),
        "district.js",
        b=told,
        day=day_ko(date.fromisoformat(told["as_of"])),
        queues_day=day_ko(date.fromisoformat(told["queues_of"])) if told["queues_of"] else None,
        badge=NIGHT[told["state"]],
        hidden=HIDDEN,
        num=num,
        pct=pct,
        late=sum(source["state"] in ("late", "stale", "never") for source in told["sources"]),
        seconds=round(sum(stage["seconds"] for stage in told["stages"])),
        maps=[_map(told["regions"], *one) for one in MAPS],
        trends=[_trend(told["nights"], *one) for one in TRENDS],
        nights=list(reversed([*enumerate(told["nights"])][-NIGHTS_TOLD:])),
        night_words=NIGHT,
        sources=_sources(told),
        states=STATES,
        funnels=[
            ("households", "이번 밤, 가구", _bars(told["households"])),
            ("alerts", f"최근 {told['period_days']}일 안에 첫 연락 기한이 된 알림", _bars(told["alerts"])),
        ],
        stages=_stages(told["stages"]),
    )


def num(count: float | None) -> str:
    return HIDDEN if count is None else f"{count:,}"


def pct(row: Told, name: str) -> str:
    """Hidden where one of its two counts is; a share of nothing is none."""
    of, whole = (row[part] for part in SHARES[name])
    if of is None or whole is None:
        return HIDDEN
    return "–" if row[name] is None else _percent(row[name])


def _bars(steps: Sequence[Told]) -> list[dict[str, Any]]:
    most = max([1, *(step["count"] or 0 for step in steps)])
    before = [None, *(step["count"] for step in steps)]
    return [
        {**step, "width": round(100 * (step["count"] or 0) / most, 2), "text": _of_last(step, number, last)}
        for number, (step, last) in enumerate(zip(steps, before, strict=False))
    ]


def _of_last(step: Told, number: int, last: int | None) -> str:
    if number and (step["count"] is None or last is None):
        return HIDDEN
    return "–" if step["share"] is None else _percent(step["share"])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _map(regions: Sequence[Told], measure: str, title: str, legend: str, cuts: Sequence[float]) -> dict[str, Any]:
    tiles = {name: _tile(column, row) | {"name": name} for name, column, row in TILES.values()}
    for number, region in enumerate(regions):
        if region["code"] in TILES:  # of an older or a newer order of the land: the table has it
            share = region[measure]
            tiles[TILES[region["code"]][0]] |= {
                "at": f"regions.{number}.{measure}",
                "text": pct(region, measure),
                "step": "hide" if share is None else f"s{sum(100 * share >= cut for cut in cuts)}",
            }
    bounds = [f"{cut:.0f}" for cut in cuts]
    scale = [f"{bounds[0]}% 미만", *(f"{low}–{high}%" for low, high in pairwise(bounds))]
    return {
        "measure": measure, "title": title, "legend": legend, "tiles": list(tiles.values()),
        "steps": [*enumerate([*scale, f"{bounds[-1]}% {'초과' if cuts[-1] > 100 else '이상'}"])],
        "width": 4 * TILE_WIDTH + 3 * GAP, "height": 5 * TILE_HEIGHT + 4 * GAP,
    }  # fmt: skip


def _tile(column: int, row: int) -> dict[str, Any]:
    """Of a region without an office of ours, until more is told."""
    x, y = column * (TILE_WIDTH + GAP), row * (TILE_HEIGHT + GAP)
    return {"x": x, "y": y, "at": None, "text": "", "step": "nobody"}


def _trend(
    nights: Sequence[Told], title: str, unit: Literal["건", "%", "초"], lines: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Lines over the nights in a box of 300 by 100; a night without a figure interrupts its line."""
    factor = 100 if unit == "%" else 1
    told = {name: [None if n[name] is None else factor * n[name] for n in nights] for name, _ in lines}
    most = _round_up(max([value for values in told.values() for value in values if value is not None], default=0))
    first = date.fromisoformat(nights[0]["as_of"])
    span = max(1, (date.fromisoformat(nights[-1]["as_of"]) - first).days)
    across = [round(300 * (date.fromisoformat(n["as_of"]) - first).days / span, 1) for n in nights]
    return {
        "title": title,
        "unit": unit,
        "most": f"{most:,g}",
        "first": nights[0]["as_of"][5:].replace("-", "."),
        "last": nights[-1]["as_of"][5:].replace("-", "."),
        "lines": [
            {
                "name": name_ko,
                "paths": _paths(across, told[name], most),
                "now": pct(nights[-1], name) if unit == "%" else f"{num(nights[-1][name])}{unit}",
                "number": number,
            }
            for number, (name, name_ko) in enumerate(lines)
        ],
        "stopped": [x for x, n in zip(across, nights, strict=True) if n["state"] != "done"],
    }


def _paths(across: Sequence[float], values: Sequence[float | None], most: float) -> list[str]:
    spells: list[list[str]] = [[]]
    for x, value in zip(across, values, strict=True):
        if value is None:
            spells.append([])
        else:
            spells[-1].append(f"{x:g} {round(100 - 100 * value / most, 1):g}")
    # A line of no length with round ends is a point.
    return [f"M{'L'.join(spell if len(spell) > 1 else spell * 2)}" for spell in spells if spell]


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    power = 10.0 ** (len(str(int(value))) - 1)
    return next((step * power for step in (1, 2, 5) if value <= step * power), 10 * power)


def _sources(told: Told) -> list[dict[str, Any]]:
    """The worst first; on a line from 150 days ago to 60 ahead: when the newest came, when the next one is expected."""
    as_of = date.fromisoformat(told["as_of"])
    order = list(STATES)
    rows = [
        {
            **source,
            "number": number,
            "mark": STATES[source["state"]][0],
            "word": STATES[source["state"]][1],
            "came": _along(source["received_on"], as_of),
            "due": _along(source["due_on"], as_of),
            "until": _along(source["late_after"], as_of),
            "today": _along(told["as_of"], as_of),
        }
        for number, source in enumerate(told["sources"])
    ]
    return sorted(rows, key=lambda row: (order.index(row["state"]), not row["is_required"], row["name_ko"]))


def _along(day: str | None, as_of: date) -> float | None:
    if day is None:
        return None
    begins = as_of - timedelta(days=DAYS_BEFORE)
    return round(min(1.0, max(0.0, (date.fromisoformat(day) - begins).days / (DAYS_BEFORE + DAYS_AFTER))) * 200, 1)


def _stages(stages: Sequence[Told]) -> list[dict[str, Any]]:
    """In the order they are worked."""
    order = list(STAGES)
    most = max([0.1, *(stage["seconds"] for stage in stages)])
    rows = [
        {
            "at": f"stages.{number}.seconds",
            "name": STAGES.get(stage["name"], stage["name"]),
            "seconds": stage["seconds"],
            "width": round(100 * stage["seconds"] / most, 2),
            "place": order.index(stage["name"]) if stage["name"] in order else len(order),
        }
        for number, stage in enumerate(stages)
    ]
    return sorted(rows, key=lambda row: row["place"])
