"""What the board tells, and the page that is drawn from it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from markupsafe import escape

from alerts.board import OPEN, PERIOD, PLACES, WORK, tell_board
from alerts.board_page import TILES, num, pct, write_board_page
from alerts.considered import HIDDEN
from alerts.workload import CASES, PERIOD_DAYS
from signals.outcomes import OUTCOMES
from tests.alerts import boards
from tests.alerts.boards import AS_OF, TEXTS


def test_every_count_is_by_the_places_of_the_country() -> None:
    told = boards.told()
    assert told["country"]["open"] == sum(boards.WORKED[office][0] for office in boards.WORKED)
    assert told["country"]["capacity"] == sum(region["capacity"] for region in told["regions"])
    assert [region["code"] for region in told["regions"]] == ["11", "41", "51"]
    assert [district["region"] for district in told["districts"]] == ["11", "11", "41", "51"]
    seoul = told["regions"][0]
    mine = [d for d in told["districts"] if d["region"] == "11"]
    for name in ("open", "capacity", "offices"):
        assert seoul[name] == sum(district[name] for district in mine)


def test_an_alert_is_late_from_the_day_after_it_was_due() -> None:
    due = [AS_OF - timedelta(days=1)] * 12 + [AS_OF] * 13
    opened = pl.DataFrame({"office": ["1111010100"] * 25, "due_on": due}, schema=OPEN)
    assert boards.told(opened=opened)["country"]["overdue"] == 12


@pytest.mark.parametrize(
    ("outcome", "first", "counted"),
    [
        (None, None, {"contacted": 0, "reached": 0, "found": 0}),
        (None, AS_OF, {"contacted": 20, "reached": 0, "found": 0}),
        *(
            (o.code, AS_OF, {"contacted": 20, "reached": 20 * o.is_contact, "found": 20 * (o.teaches == "need")})
            for o in OUTCOMES.values()
        ),
    ],
)
def test_an_alert_counts_as_far_as_it_came(outcome: str | None, first: date | None, counted: dict[str, int]) -> None:
    case = {"office": "1111010100", "due_on": AS_OF, "first_contacted_on": first, "outcome": outcome}
    country = boards.told(cases=pl.DataFrame([case | {"answered_on": first}] * 20, schema=CASES))["country"]
    assert {name: country[name] for name in counted} == counted
    assert country["opened"] == 20


def test_only_alerts_due_within_the_period_are_counted() -> None:
    days = [
        AS_OF + timedelta(days=1),
        AS_OF,
        AS_OF - timedelta(days=PERIOD_DAYS - 1),
        AS_OF - timedelta(days=PERIOD_DAYS),
    ]
    cases = [{"office": "1111010100", "due_on": day} for day in days for _ in range(15)]
    assert boards.told(cases=pl.DataFrame(cases, schema=CASES))["country"]["opened"] == 30


def test_shares_are_of_what_is_shown() -> None:
    for place in (boards.told()["country"], *boards.told()["regions"], *boards.told()["districts"]):
        for name, (of, whole) in {"load": ("open", "capacity"), "found_share": ("found", "reached")}.items():
            if place[of] is None or place[whole] is None or place[whole] == 0:
                assert place[name] is None
            else:
                assert place[name] == round(place[of] / place[whole], 3)


def test_no_small_count_is_on_the_board() -> None:
    told = boards.told()
    for place in (told["country"], *told["regions"], *told["districts"]):
        for kind in (WORK, PERIOD):
            assert not [name for name in kind.measures if place[name] is not None and 1 <= place[name] <= 10]
    assert any(place["overdue"] is None for place in told["districts"])


def test_households_are_told_in_hundreds_and_never_more_than_the_step_before() -> None:
    counts = [step["count"] for step in boards.told()["households"]]
    assert counts[:4] == [20300, 7300, 7200, 5400]
    assert counts == sorted(counts, reverse=True)
    less = boards.told(night=replace(boards.NIGHT, decisions={"below_cut": 20449, "removed": 3}))["households"]
    assert [step["count"] for step in less[:2]] == [20500, 20400]


def test_a_night_worked_again_is_one_line_of_the_trend() -> None:
    before = boards.told(night=replace(boards.NIGHT, as_of=AS_OF - timedelta(days=7)))
    nights = boards.told(before=[before, boards.told()])["nights"]
    assert [night["as_of"] for night in nights] == ["2026-10-26", "2026-11-02"]


def test_a_refused_night_says_what_it_was_and_what_to_do() -> None:
    page = write_board_page(boards.refused(), TEXTS).decode()
    told = boards.REFUSAL
    for words in (told.meaning_ko, told.cure_ko, told.what, told.cure, "2026년 11월 1일</b> 명단이 그대로", "12"):
        assert words in page
    assert "걸린 시간</dt>" not in page


def test_the_same_figures_give_the_same_bytes() -> None:
    assert write_board_page(boards.told(), TEXTS) == write_board_page(boards.told(), TEXTS)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x>', "{{ 7*7 }}"])
def test_names_stay_text(text: str) -> None:
    told = boards.told(places=boards.OFFICES.with_columns(district_ko=pl.lit(text), region_ko=pl.lit(text)))
    page = write_board_page(told, TEXTS).decode()
    assert page.count(str(escape(text))) == 4 + 3 + 4
    assert "<img" not in page
    assert "alert(1)<" not in page
    assert "://" not in page


def test_tiles_do_not_lie_on_one_another() -> None:
    assert len({tile[1:] for tile in TILES.values()}) == len({tile[0] for tile in TILES.values()}) == 17


def test_a_hidden_count_hides_its_share() -> None:
    place: dict[str, Any] = {"open": None, "capacity": 20, "load": None, "overdue": 0, "overdue_share": None}
    assert pct(place, "load") == pct(place, "overdue_share") == HIDDEN == num(None)
    assert pct({"open": 0, "capacity": 0, "load": None}, "load") == "–"
    assert pct({"open": 11, "capacity": 20, "load": 0.55}, "load") == "55.0%"


def test_frames_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="places"):
        tell_board(
            boards.NIGHT, PLACES.to_frame().drop("office"), pl.DataFrame(schema=OPEN), pl.DataFrame(schema=CASES), []
        )
