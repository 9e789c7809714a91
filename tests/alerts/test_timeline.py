import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.live import is_warning
from alerts.timeline import FLOOR, MOST, STEP, WIDTH, WINDOW, Timeline, axis, timelines
from signals.catalogue import SIGNALS
from tests.alerts import cards
from tests.alerts.drawn import AS_OF


def drawn(*rows: Mapping[str, Any], live: tuple[str, ...] = ("power_arrears",)) -> list[Timeline]:
    alerts = cards.told({"signals": list(live)})
    return timelines(alerts, cards.history(*rows), AS_OF).get(1, [])


def months(first: date, count: int, **told: Any) -> list[dict[str, Any]]:
    """One telling a month, received 40 days after."""
    rows = []
    for n in range(count):
        index = first.year * 12 + first.month - 1 + n
        day = date((index + 1) // 12, (index + 1) % 12 + 1, 1) - timedelta(days=1)
        rows.append({"observed_on": day, "received_on": day + timedelta(days=40), "months": n + 3, **told})
    return rows


def columns(path: str) -> list[int]:
    """Months (0 is the oldest) in which a closed path of straight lines has height."""
    x = y = 0.0
    filled: set[int] = set()
    for command, numbers in re.findall(r"([MhvlVHz])([-\d. ]*)", path):
        values = [float(n) for n in re.findall(r"-?[\d.]+", numbers)]
        if command == "M":
            x, y = values
        elif command == "h":
            if y < FLOOR:
                filled |= set(range(int(x // STEP), int(-(-(x + values[0]) // STEP))))
            x += values[0]
        elif command == "v":
            y += values[0]
    return sorted(filled)


def test_a_spell_is_drawn_where_and_when_it_was() -> None:
    (found,) = drawn(*months(date(2026, 5, 1), 4, amount_won=412_300))
    # as_of is November 2026, the last of 24 months: May is the 18th
    assert columns(found.bars) == [17, 18, 19, 20]
    assert found.bars == "M170 30v-10h10v-2h10v-2h10v-3h10v17z"
    assert found.now_ko == "지금 6개월 · 412,300원"
    assert found.told_ko == "26.5~26.8, 최장 6개월, 최대 412,300원, 26.7.10 처음 접수"
    # first learned on 10 July 2026, the 20th month; told again in August, September and October
    assert found.first == "M193 33l5 9h-10z"
    assert found.again == "M204 37h22"
    assert [p.months for p in found.points] == [6, 5, 4, 3]


def test_a_gap_parts_the_spells() -> None:
    (found,) = drawn(*months(date(2025, 3, 1), 2), *months(date(2026, 6, 1), 3))
    assert columns(found.bars) == [3, 4, 18, 19, 20]


def test_an_event_is_a_diamond_and_a_state_a_band() -> None:
    rows = (
        {"signal": "power_cut", "observed_on": date(2026, 9, 3), "months": None, "amount_won": None},
        *months(date(2026, 1, 1), 8, signal="severe_illness", amount_won=None),
    )
    cut, illness = drawn(*rows, live=("power_cut", "severe_illness"))
    assert (cut.kind, cut.bars, cut.now_ko) == ("event", "M215 8l7 8l-7 8l-7-8z", "2026년 9월")
    assert (illness.kind, illness.bars) == ("status", "M130 30v-9h80v9z")
    assert illness.now_ko == "2026년 1월부터"


def test_what_is_live_comes_first_and_what_is_over_is_told_as_over() -> None:
    rows = (
        *months(date(2025, 3, 1), 2, signal="rent_arrears"),
        {},
        {"signal": "power_cut", "observed_on": date(2025, 2, 3), "months": None},
    )
    names = [(t.name_ko, t.is_live) for t in drawn(*rows)]
    assert names == [("전기요금 체납", True), ("단전·전류제한", False), ("공공임대주택 임대료 체납", False)]
    assert drawn(*rows)[2].now_ko == "2025년 4월까지 4개월 · 412,300원"


@pytest.mark.parametrize(
    "left_out",
    [
        {"months": 0, "amount_won": None},  # billed, nothing overdue
        {"signal": "housing_benefit"},
        {"signal": "health_premium"},
        {"received_on": AS_OF + timedelta(days=1)},
        {"observed_on": date(2024, 11, 30)},
        {"household_key": 2},
    ],
)
def test_what_is_no_warning_or_not_known_or_too_old_is_not_drawn(left_out: dict[str, Any]) -> None:
    assert drawn(left_out) == []


def test_at_most_six_signals_the_gravest() -> None:
    names = [name for name, signal in SIGNALS.items() if is_warning(signal) and signal.kind == "event"][:9]
    found = drawn(*({"signal": name} for name in names), live=tuple(names))
    assert len(found) == MOST
    points = {SIGNALS[name].name_ko: (SIGNALS[name].urgent, SIGNALS[name].points) for name in names}
    shown = [points[t.name_ko] for t in found]
    assert shown == sorted(shown, reverse=True)
    assert min(shown) >= max(points[name] for name in set(points) - {t.name_ko for t in found})


WARNING_NAMES = sorted(name for name, signal in SIGNALS.items() if is_warning(signal))
rows_told = st.fixed_dictionaries(
    {
        "signal": st.sampled_from(WARNING_NAMES[:12]),
        "observed_on": st.dates(date(2024, 9, 1), date(2026, 12, 1)),
        "months": st.none() | st.integers(0, 40),
        "amount_won": st.none() | st.integers(0, 9_000_000),
        "lag": st.integers(0, 200),
    }
)


@given(st.lists(rows_told, max_size=25))
@settings(max_examples=80, deadline=None)
def test_every_month_known_is_drawn_and_no_other(rows: list[dict[str, Any]]) -> None:
    told = [{**row, "received_on": row["observed_on"] + timedelta(days=row["lag"])} for row in rows]
    told = [{name: value for name, value in row.items() if name != "lag"} for row in told]
    known = [
        row
        for row in told
        if row["observed_on"] <= AS_OF and row["received_on"] <= AS_OF and row["months"] != 0 and place(row) >= 0
    ]
    found = drawn(*told, live=())
    assert len(found) == min(len({row["signal"] for row in known}), MOST)
    for line in found:
        mine = [row for row in known if SIGNALS[row["signal"]].name_ko == line.name_ko]
        assert len(line.points) == len(mine)
        if line.kind != "event":
            assert columns(line.bars) == sorted({place(row) for row in mine})
        assert all(0 <= float(x) <= WIDTH for x in re.findall(r"M(-?\d+)", line.bars + line.again + line.first))


def place(row: dict[str, Any]) -> int:
    day: date = row["observed_on"]
    return WINDOW - 1 - (AS_OF.year * 12 + AS_OF.month - day.year * 12 - day.month)


def test_the_axis_names_every_sixth_month() -> None:
    assert axis(AS_OF) == [(0, "2024.12"), (60, "2025.6"), (120, "2025.12"), (180, "2026.6")]


def test_the_table_tells_every_figure() -> None:
    html = cards.page(cards.told({}), told_of=cards.history(*months(date(2026, 5, 1), 4)))
    rows = re.findall(r"<td>([^<]*)<td>([^<]*)<td>([^<]*)<td>([^<]*)", html)
    assert rows == [
        ("26.8", "6", "412,300", "26.10.10"),
        ("26.7", "5", "412,300", "26.9.9"),
        ("26.6", "4", "412,300", "26.8.9"),
        ("26.5", "3", "412,300", "26.7.10"),
    ]
    state = cards.history(*months(date(2026, 5, 1), 4, signal="severe_illness"))
    assert re.findall(r"<td>([^<]*)<td><td><td>([^<]*)", cards.page(cards.told({}), told_of=state)) == [
        ("26.5~26.8", "26.7.10~26.10.10")
    ]


def test_an_alert_of_which_nothing_was_told_says_so() -> None:
    html = cards.page(cards.told({}), told_of=cards.history())
    assert "최근 2년 동안 통보된 신호가 없습니다." in html
    assert isinstance(cards.history(), pl.DataFrame)
