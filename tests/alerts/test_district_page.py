import re
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from alerts.considered import HIDDEN, OFFICES, TALLY, hide_small, summarise
from alerts.district_page import write_district_page
from alerts.workload import CASES, ESCALATED, PERIOD_DAYS, RESULTS, WORKLOAD, escalated, results, workload
from signals.outcomes import OUTCOMES
from tests.alerts import cards
from tests.alerts.drawn import AS_OF
from tests.alerts.test_page import Read

A, B = "1111051500", "1111053000"
DISTRICT = pl.DataFrame(
    [(A, "청운효자동", "11110", "종로구"), (B, "사직동", "11110", "종로구")], schema=OFFICES, orient="row"
)
CAPACITY = {A: 12, B: 8}


def cases(*rows: dict[str, Any]) -> pl.DataFrame:
    plain = {"office": A, "due_on": AS_OF - timedelta(days=5)}
    return pl.DataFrame([{**plain, **row} for row in rows], schema=CASES, orient="row")


def loaded(alerts: pl.DataFrame, told: pl.DataFrame | None = None) -> dict[str, dict[str, Any]]:
    found = workload(alerts, DISTRICT, CAPACITY, cases() if told is None else told, AS_OF)
    assert found.schema == WORKLOAD
    return {row["office"]: row for row in found.iter_rows(named=True)}


def considered(*rows: tuple[int, str, str, str | None]) -> pl.DataFrame:
    table = [
        {"households": count, "office": office, "decision": decision, "band": band, "is_urgent": False}
        for count, office, decision, band in rows
    ]
    return hide_small(summarise(pl.DataFrame(table, schema=TALLY), DISTRICT))


TOLD = considered(
    (1, A, "queued_risk", "high"),
    (1, A, "queued_explore", "moderate"),
    (212, A, "below_cut", "moderate"),
    (80, A, "no_signal", None),
    (3, A, "cooling_down", None),
    (150, B, "cooling_down", None),
)


def page(
    alerts: pl.DataFrame | None = None, told: pl.DataFrame | None = None, counted: pl.DataFrame = TOLD, **named: Any
) -> str:
    alerts = cards.told({}) if alerts is None else alerts
    told = cases() if told is None else told
    load = workload(alerts, DISTRICT, CAPACITY, told, AS_OF)
    frames = {"workload": load, "results": results(told, AS_OF), "escalated": escalated(alerts), **named}
    raw = write_district_page(counted, **frames, district_ko="종로구", as_of=AS_OF, templates=cards.TEXTS)
    return raw.decode()


def test_every_alert_is_counted_once_by_how_it_is_worked() -> None:
    alerts, *_ = cards.office(80)
    rows = alerts.with_columns(office=pl.when(pl.col("household_key") % 3 == 0).then(pl.lit(B)).otherwise(pl.lit(A)))
    found = loaded(rows)
    for office in (A, B):
        mine = [row for row in rows.iter_rows(named=True) if row["office"] == office]
        told = found[office]
        assert told["open"] == len(mine) == told["urgent"] + told["risk"] + told["trace"] + told["partial"]
        assert told["new"] == sum(row["opened_on"] == AS_OF for row in mine)
        assert told["overdue"] == sum(row["due_on"] < AS_OF for row in mine)
        assert told["long_overdue"] == sum((AS_OF - row["due_on"]).days > 14 for row in mine)
        assert told["repeats"] == sum(row["is_repeat"] for row in mine)
        assert told["transferred_in"] == sum(row["moved_from"] is not None for row in mine)
        assert told["capacity"] == CAPACITY[office]


def test_an_office_with_nothing_to_do_is_there_all_the_same() -> None:
    assert [loaded(cards.told({}))[B][name] for name in ("open", "overdue", "due_contacts")] == [0, 0, 0]


def test_an_office_without_a_capacity_is_refused() -> None:
    with pytest.raises(ValueError, match=B):
        workload(cards.told({}), DISTRICT, {A: 1}, cases(), AS_OF)


@pytest.mark.parametrize(
    ("due", "contacted", "counted"),
    [
        (-5, -6, (1, 1)),
        (-5, -5, (1, 1)),
        (-5, -4, (1, 0)),
        (-5, None, (1, 0)),
        (0, None, (0, 0)),  # there is still today
        (3, None, (0, 0)),
        (3, -1, (1, 1)),
        (-PERIOD_DAYS + 1, None, (1, 0)),
        (-PERIOD_DAYS, None, (0, 0)),
    ],
)
def test_first_contact_in_time(due: int, contacted: int | None, counted: tuple[int, int]) -> None:
    first = None if contacted is None else AS_OF + timedelta(days=contacted)
    told = loaded(cards.told({}), cases({"due_on": AS_OF + timedelta(days=due), "first_contacted_on": first}))[A]
    assert (told["due_contacts"], told["contacted_in_time"]) == counted


def test_results_are_those_of_the_period() -> None:
    told = cases(
        *({"outcome": "emergency", "answered_on": AS_OF - timedelta(days=n)} for n in (0, 1, PERIOD_DAYS - 1)),
        {"outcome": "emergency", "answered_on": AS_OF - timedelta(days=PERIOD_DAYS)},
        {"outcome": "emergency", "answered_on": AS_OF + timedelta(days=1)},
        {"outcome": "no_need", "answered_on": AS_OF, "office": B},
        {},
    )
    found = results(told, AS_OF)
    assert found.schema == RESULTS
    assert found.rows() == [(A, "emergency", "need", 3), (B, "no_need", "no_need", 1)]


def test_only_long_overdue_alerts_are_named() -> None:
    alerts = cards.told(
        {"alert_id": "SHORT", "escalation": 1, "due_on": AS_OF - timedelta(days=3)},
        {"alert_id": "LONG", "escalation": 2, "due_on": AS_OF - timedelta(days=20)},
        {"alert_id": "LONGER", "escalation": 2, "due_on": AS_OF - timedelta(days=40), "lane": "explore"},
    )
    found = escalated(alerts)
    assert found.schema == ESCALATED
    assert found.rows() == [("LONGER", A, "risk", 40), ("LONG", A, "risk", 20)]
    html = page(alerts)
    assert "LONGER" in html
    assert "SHORT" not in html


def test_nothing_tells_who_they_are_or_which_are_explore() -> None:
    alerts, *_ = cards.office(60)
    rows = alerts.with_columns(household_key=pl.col("household_key") + 55_500_000)
    html = page(rows)
    named = set(re.findall(r'<th scope="row">(A[0-9A-F]{10})', html))
    assert named == set(rows.filter(pl.col("escalation") == 2)["alert_id"])
    assert not any(str(key) in html for key in rows["household_key"])
    assert "explore" not in html
    as_risk = rows.with_columns(lane=pl.when(pl.col("lane") == "explore").then(pl.lit("risk")).otherwise("lane"))
    assert page(as_risk) == html


def test_the_cut_and_what_fell_below_it() -> None:
    text = Read(page()).text
    below = text[text.index("이번에 올리지 못한 가구") :]
    of_a = below[below.index("청운효자동") : below.index("사직동")]
    assert of_a == ["청운효자동", "295", "212", HIDDEN, "0", "0", "높음"]
    # What was small beside it could be told from the sum of the two.
    assert below[below.index("사직동") :][:7] == ["사직동", "150", "0", HIDDEN, "0", "0", "–"]


def test_outcomes_are_told_by_code_and_by_what_they_teach() -> None:
    told = cases(*({"outcome": code, "answered_on": AS_OF} for code in OUTCOMES for _ in range(20)))
    html = page(told=told)
    text = Read(html).text
    for outcome in OUTCOMES.values():
        assert text[text.index(outcome.label_ko) + 1] == "20"
    needs = 20 * sum(o.teaches == "need" for o in OUTCOMES.values())
    assert f"<dt>90일간 어려움 확인</dt><dd><b>{needs}</b>건</dd>" in html


def test_what_few_were_found_to_be_is_told_neither_in_figures_nor_as_a_bar() -> None:
    answers = {"died": 2, "emergency": 15, "no_need": 30, "unreached": 20}
    told = cases(
        *({"outcome": code, "answered_on": AS_OF} for code, count in answers.items() for _ in range(count)),
        *({"outcome": "no_need", "answered_on": AS_OF, "office": B} for _ in range(40)),
    )
    html = page(told=told)
    came = Read(html[html.index("최근 90일 처리 결과") : html.index("이번에 올리지 못한")]).text
    assert came[came.index("사망") :][:3] == ["사망", HIDDEN, HIDDEN]
    assert came[came.index("긴급복지 지원") :][:3] == ["긴급복지 지원", "15", "14.0"]
    # 2 = 107 - 15 - 70 - 20, were nothing else hidden.
    assert came[came.index("어려움 없음 확인") + 1] == HIDDEN
    died = html[html.index('<th scope="row">사망</th>') :]
    assert "<rect" not in died[: died.index("</tr>")]


def test_bars_are_as_long_as_their_figures() -> None:
    html = page(cards.told(*({"escalation": int(n < 2), "is_overdue": n < 2} for n in range(6))))
    load = html[: html.index("기한이 크게 지난 알림")]
    assert re.findall(r'<rect class="(\w+)" x="([\d.]+)" y="1" width="([\d.]+)"', load) == [
        ("ontime", "0.0", "33.33"),  # 4 of the largest capacity, 12
        ("late", "33.33", "16.67"),
    ]
    assert re.findall(r'class="cap" d="M([\d.]+)', load) == ["100.0", "66.67"]


def test_frames_of_another_district_are_refused() -> None:
    other = DISTRICT.with_columns(district=pl.Series(["11110", "26110"]))
    with pytest.raises(ValueError, match="one district"):
        page(workload=workload(cards.told({}), other, CAPACITY, cases(), AS_OF))
    stranger = cases({"office": "2611010100", "outcome": "no_need", "answered_on": AS_OF})
    with pytest.raises(ValueError, match="2611010100"):
        page(results=results(stranger, AS_OF))


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x>', "{{ 7*7 }}"])
def test_names_stay_text(text: str) -> None:
    named = DISTRICT.with_columns(name_ko=pl.lit(text))
    html = page(
        workload=workload(cards.told({}), named, CAPACITY, cases(), AS_OF),
        counted=TOLD.with_columns(name_ko=pl.lit(text)),
    )
    assert Read(html).all.count(text) == 4
    assert Read(html).code == Read(page()).code
    assert "://" not in html


def test_a_district_of_which_nothing_is_known_yet() -> None:
    text = Read(page(cards.told({}).clear(), counted=considered())).all
    assert "최근 90일 동안 돌아온 결과가 없습니다." in text
    assert "없습니다." in text
    assert date(2026, 11, 2) == AS_OF
    assert "2026년 11월 2일" in text
