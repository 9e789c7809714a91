"""Per alert and signal: what was told over two years and when we learned it, as one small drawing and as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, assert_never

import polars as pl

from alerts.korean import month, won
from alerts.live import is_warning
from alerts.tables import take
from signals.catalogue import SIGNALS
from signals.signal import Signal

# As features.history.HISTORY.
TIMELINES = pl.Schema(
    {
        "household_key": pl.Int64(),
        "signal": pl.String(),
        "observed_on": pl.Date(),
        "received_on": pl.Date(),
        "months": pl.Int64(),
        "amount_won": pl.Int64(),
    }
)
MOST = 6  # signals on one card
WINDOW = 24  # calendar months, the last is that of as_of

# The drawing, in its own units.
STEP = 10  # one month
WIDTH, FLOOR, HEIGHT = WINDOW * STEP, 30, 44  # bars stand on the floor; below it is when we learned
_FULL = 12  # months overdue that fill the height


@dataclass(frozen=True, slots=True)
class Point:
    observed_on: date
    received_on: date
    months: int | None
    amount_won: int | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """One signal of one household, ready for the page."""

    name_ko: str
    kind: Literal["arrears", "event", "status", "amount"]
    is_live: bool
    now_ko: str  # 지금 5개월 · 412,300원
    told_ko: str  # the drawing in words
    bars: str  # SVG path
    first: str  # SVG path: the mark where we first learned of it
    again: str  # SVG path, dashed by month: where we were told again; "" when never
    points: tuple[Point, ...]  # newest first: the rows of the table


def timelines(
    alerts: pl.DataFrame, history: pl.DataFrame, as_of: date, signals: Mapping[str, Signal] = SIGNALS
) -> dict[int, list[Timeline]]:
    """household_key -> at most MOST, live ones first, gravest first. `alerts`: household_key and signals live today."""
    live = {key: set(names) for key, names in alerts.select("household_key", "signals").iter_rows()}
    warnings = [name for name, signal in signals.items() if is_warning(signal)]
    told = (
        take(history, TIMELINES, "timelines")
        .join(alerts.select("household_key"), on="household_key", how="semi")
        # Billed and nothing overdue: the absence of a bar says it.
        .filter(pl.col("signal").is_in(warnings) & (pl.col("months").fill_null(1) != 0))
        .filter(pl.col("received_on") <= as_of, pl.col("observed_on") <= as_of)
        .filter(_place_of(pl.col("observed_on"), as_of) >= 0)
        .sort("household_key", "signal", "observed_on")
    )
    found: dict[int, dict[str, list[Point]]] = {}
    for key, name, *values in told.iter_rows():
        found.setdefault(key, {}).setdefault(name, []).append(Point(*values))
    return {key: _of_household(of, live[key], as_of, signals) for key, of in found.items()}


def _place_of(day: pl.Expr, as_of: date) -> pl.Expr:
    return WINDOW - 1 - (as_of.year * 12 + as_of.month - day.dt.year().cast(pl.Int64) * 12 - day.dt.month())


def _of_household(
    told: Mapping[str, list[Point]], live: set[str], as_of: date, signals: Mapping[str, Signal]
) -> list[Timeline]:
    def gravest_first(name: str) -> tuple[object, ...]:
        signal, last = signals[name], told[name][-1]
        weight = (-signal.points, -(last.months or 0), -(last.amount_won or 0), name)
        return (name not in live, not signal.urgent, *weight)

    shown = sorted(told, key=gravest_first)[:MOST]
    return [_timeline(signals[name], told[name], name in live, as_of) for name in shown]


def _timeline(signal: Signal, points: Sequence[Point], is_live: bool, as_of: date) -> Timeline:
    first, *later = sorted({p.received_on for p in points})
    again = sorted({max(_x(day, as_of), 0) for day in later})
    return Timeline(
        name_ko=signal.name_ko,
        kind=signal.kind,
        is_live=is_live,
        now_ko=_now(signal, points, is_live),
        told_ko=_in_words(signal, points),
        bars=_bars(signal, points, as_of),
        first=f"M{max(_x(first, as_of), 0) + first.day * STEP // 32} {FLOOR + 3}l5 9h-10z",
        again="".join(f"M{start + 4} {FLOOR + 7}h{length - STEP + 2}" for start, length in _runs(again)),
        points=tuple(reversed(points)),
    )


def _now(signal: Signal, points: Sequence[Point], is_live: bool) -> str:
    last = points[-1]
    match signal.kind:
        case "arrears":
            parts = [f"{last.months}개월"] if last.months else []
            parts += [won(last.amount_won)] if last.amount_won else []
            until = "지금" if is_live else f"{month(last.observed_on)}까지"
            return f"{until} {' · '.join(parts) or '밀림'}"
        case "event":
            return f"{len(points)}번, 마지막 {month(last.observed_on)}" if len(points) > 1 else month(last.observed_on)
        case "status" | "amount":
            since = month(points[0].observed_on)
            last_ko = month(last.observed_on)
            return f"{since}부터" if is_live else since if since == last_ko else f"{since}~{last_ko}"
        case other:
            assert_never(other)


def _in_words(signal: Signal, points: Sequence[Point]) -> str:
    """Read aloud instead of the drawing; the table has every figure."""
    figures = [_span(points)]
    if signal.kind == "arrears":
        longest = max((p.months or 0 for p in points), default=0)
        most = max((p.amount_won or 0 for p in points), default=0)
        figures += [f"최장 {longest}개월"] if longest else []
        figures += [f"최대 {won(most)}"] if most else []
    if signal.kind == "event" and len(points) > 1:
        figures.append(f"{len(points)}번")
    return ", ".join([*figures, f"{short(min(p.received_on for p in points))} 처음 접수"])


def _span(points: Sequence[Point]) -> str:
    first, last = short_month(points[0].observed_on), short_month(points[-1].observed_on)
    return first if first == last else f"{first}~{last}"


def day_ko(day: date) -> str:
    return f"{day.year}년 {day.month}월 {day.day}일"


def short(day: date) -> str:
    """26.4.22, as offices write it where there is little room."""
    return f"{day.year % 100:02d}.{day.month}.{day.day}"


def short_month(day: date) -> str:
    return f"{day.year % 100:02d}.{day.month}"


def _x(day: date, as_of: date) -> int:
    """Left edge of the day's month."""
    return (WINDOW - 1 - (as_of.year * 12 + as_of.month - day.year * 12 - day.month)) * STEP


def _bars(signal: Signal, points: Sequence[Point], as_of: date) -> str:
    """One closed path: a page of 300 alerts holds thousands of months."""
    places = [_x(p.observed_on, as_of) for p in points]
    match signal.kind:
        case "arrears":
            heights = {
                x: 4 + (FLOOR - 4) * min(p.months or 1, _FULL) // _FULL for x, p in zip(places, points, strict=True)
            }
            return "".join(_stairs(start, length, heights) for start, length in _runs(places))
        case "event":  # a diamond: it happened once
            return "".join(f"M{x + 5} 8l7 8l-7 8l-7-8z" for x in dict.fromkeys(places))
        case "status" | "amount":  # a band: it lasts
            return "".join(f"M{start} {FLOOR}v-9h{length}v9z" for start, length in _runs(places))
        case other:
            assert_never(other)


def _stairs(start: int, length: int, heights: Mapping[int, int]) -> str:
    """A step for every month of an unbroken run, as high as it was overdue."""
    path, height, flat = f"M{start} {FLOOR}", 0, 0
    for x in range(start, start + length, STEP):
        if heights[x] != height:
            path += f"h{flat}" if flat else ""
            path += f"v{height - heights[x]}"
            height, flat = heights[x], 0
        flat += STEP
    return f"{path}h{flat}v{height}z"


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Left edge and length of each unbroken run of months; `places` ascend."""
    runs: list[tuple[int, int]] = []
    for x in places:
        if runs and sum(runs[-1]) == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + STEP)
        elif not runs or x >= sum(runs[-1]):
            runs.append((x, STEP))
    return runs


def axis(as_of: date) -> list[tuple[int, str]]:
    """(left edge, label) of every sixth month, so that the last label is not cut off: 2025.3."""
    months = [as_of.year * 12 + as_of.month - 1 - back for back in range(WINDOW - 1, -1, -1)]
    return [(place * STEP, f"{m // 12}.{m % 12 + 1}") for place, m in enumerate(months) if place % 6 == 0]
