from collections import Counter
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from alerts.lanes import LANES
from alerts.queue import Filled, alert_id
from alerts.tables import ALERTS, CONSIDERED
from tests.alerts.drawn import AS_OF, OFFICE, contacts, decisions, evidence, facts, fill, opened
from tests.alerts.towns import Home, office_of, standing, tables, towns

FEW = settings(max_examples=60, deadline=None)


@FEW
@given(towns(), st.integers(0, 6), st.sampled_from([0.0, 0.0, 0.05, 0.3, 1.0]))
def test_a_night_by_the_plain_rules(town: list[Home], capacity: int, share: float) -> None:
    filled = fill(*tables(town), capacity=capacity, explore_share=share)
    every_household_is_decided_once(town, filled)
    risk_and_explore_fill_the_free_places_and_no_more(town, decisions(filled), capacity)
    if share == 0:
        the_highest_risk_has_the_places(town, decisions(filled))
    alerts_are_the_queued_and_the_carried(filled)


def every_household_is_decided_once(town: list[Home], filled: Filled) -> None:
    found = decisions(filled)
    assert filled.considered.schema == CONSIDERED
    assert filled.considered["household_key"].to_list() == [home.key for home in town]
    waiting = {"queued_risk", "queued_explore", "below_cut"}
    for home in town:
        rule = standing(home)
        assert found[home.key] in waiting if rule == "waits" else found[home.key] == rule


def risk_and_explore_fill_the_free_places_and_no_more(town: list[Home], found: dict[int, str], capacity: int) -> None:
    in_office = {home.key: office_of(home) for home in town}
    held = Counter(in_office[k] for k, d in found.items() if d in ("carried", "queued_urgent"))
    joined = Counter(in_office[k] for k, d in found.items() if d in ("queued_risk", "queued_explore"))
    waited = Counter(in_office[home.key] for home in town if standing(home) == "waits")
    for office in {*joined, *waited}:
        assert joined[office] == min(waited[office], max(0, capacity - held[office]))


def the_highest_risk_has_the_places(town: list[Home], found: dict[int, str]) -> None:
    for office in {office_of(home) for home in town}:
        here = [h for h in town if office_of(h) == office and h.probability is not None]
        queued = [h.probability for h in here if found[h.key] == "queued_risk"]
        below = [h.probability for h in here if found[h.key] == "below_cut"]
        assert not queued or not below or min(p or 0 for p in queued) >= max(p or 0 for p in below)


def alerts_are_the_queued_and_the_carried(filled: Filled) -> None:
    found = decisions(filled)
    assert filled.alerts.schema == ALERTS
    assert sorted(filled.alerts["household_key"]) == sorted(
        key for key, decision in found.items() if decision == "carried" or decision.startswith("queued_")
    )
    assert filled.alerts["alert_id"].is_unique().all()
    for row in filled.alerts.iter_rows(named=True):
        is_carried = found[row["household_key"]] == "carried"
        assert row["is_new"] is not is_carried
        assert row["alert_id"] == (
            f"OLD{row['household_key']}" if is_carried else alert_id(row["household_key"], AS_OF)
        )


@settings(max_examples=20, deadline=None)
@given(towns(), st.randoms())
def test_the_order_of_rows_changes_nothing(town: list[Home], random: Any) -> None:
    straight = fill(*tables(town), capacity=3, explore_share=0.3)
    shuffled = town[:]
    random.shuffle(shuffled)
    again = fill(*tables(shuffled), capacity=3, explore_share=0.3)
    assert_frame_equal(straight.alerts, again.alerts)
    assert_frame_equal(straight.considered, again.considered)


def test_urgent_joins_a_full_office_and_whatever_its_score() -> None:
    full = opened(*({"household_key": key} for key in range(100, 110)))
    people = facts({"household_key": 1}, {"household_key": 2})
    told = evidence({"household_key": 1, "signal": "water_cut", "months": None}, {"household_key": 2})
    filled = fill({1: 0.001, 2: 0.999}, people, told, full)
    assert decisions(filled)[1] == "queued_urgent"
    assert decisions(filled)[2] == "below_cut"
    alert = filled.alerts.filter(household_key=1).row(0, named=True)
    assert (alert["lane"], alert["band"], alert["inclusion"]) == ("urgent", "moderate", 1.0)
    assert alert["due_on"] == AS_OF + timedelta(days=LANES["urgent"].due_days)


def test_an_urgent_household_without_a_score_joins() -> None:
    filled = fill({}, facts({"household_key": 1}), evidence({"household_key": 1, "signal": "self_report"}))
    assert decisions(filled) == {1: "queued_urgent"}
    assert filled.alerts["band"].to_list() == [None]


def test_open_work_is_carried_with_its_id_day_and_lane() -> None:
    open_ = opened({"household_key": 1, "lane": "explore", "inclusion": 0.02, "band": "very_high"})
    alert = fill({1: 0.1}, facts({"household_key": 1}), evidence({"household_key": 1}), open_).alerts.row(0, named=True)
    assert (alert["alert_id"], alert["lane"], alert["opened_on"]) == ("OLD1", "explore", date(2026, 10, 1))
    assert (alert["inclusion"], alert["is_overdue"], alert["is_new"]) == (0.02, True, False)
    assert alert["band"] == "very_high"  # never falls while open


def test_a_new_urgent_signal_moves_open_work_up() -> None:
    open_ = opened({"household_key": 1, "due_on": date(2026, 11, 28)})
    told = evidence({"household_key": 1, "signal": "gas_cut", "months": None})
    alert = fill({1: 0.1}, facts({"household_key": 1}), told, open_).alerts.row(0, named=True)
    assert (alert["lane"], alert["due_on"]) == ("urgent", AS_OF + timedelta(days=3))


def test_an_alert_follows_its_household_and_outlives_the_registers() -> None:
    open_ = opened({"household_key": 1, "office": "4113510300"}, {"household_key": 2, "office": "4113510300"})
    filled = fill({}, facts({"household_key": 1}), evidence(), open_)
    assert dict(filled.alerts.select("household_key", "office").iter_rows()) == {1: OFFICE, 2: "4113510300"}
    assert decisions(filled) == {1: "carried", 2: "carried"}


def test_a_death_ends_an_alert() -> None:
    open_ = opened({"household_key": 1})
    died = contacts({"household_key": 1, "outcome": "died"})
    alone = facts({"household_key": 1, "members": 1})
    filled = fill({1: 0.9}, alone, evidence({"household_key": 1}), open_, died)
    assert decisions(filled) == {1: "removed"}
    assert filled.alerts.is_empty()


def test_a_death_never_takes_those_left_behind_out_of_the_queue() -> None:
    died = contacts({"household_key": 1, "outcome": "died"})
    left = facts({"household_key": 1, "members": 2})
    assert decisions(fill({1: 0.9}, left, evidence({"household_key": 1}), None, died)) == {1: "queued_risk"}


def test_ties_are_broken_by_points_and_then_by_a_fixed_hash() -> None:
    keys = range(1, 9)
    people = facts(*({"household_key": key} for key in keys))
    told = evidence(*({"household_key": key} for key in keys), {"household_key": 5, "signal": "rent_arrears"})
    found = decisions(fill(dict.fromkeys(keys, 0.3), people, told, capacity=3, explore_share=0))
    assert [key for key, decision in found.items() if decision == "queued_risk"] == [3, 5, 7]


def test_capacity_by_office() -> None:
    people = facts(*({"household_key": key, "office": OFFICE if key < 5 else "2611010100"} for key in range(10)))
    told = evidence(*({"household_key": key} for key in range(10)))
    filled = fill(dict.fromkeys(range(10), 0.3), people, told, capacity=1, capacity_by_office={OFFICE: 4})
    assert Counter(filled.alerts["office"]) == {OFFICE: 4, "2611010100": 1}


@pytest.mark.parametrize(
    ("probability", "band"),
    [(0.0, "moderate"), (0.249, "moderate"), (0.25, "high"), (0.45, "very_high"), (1.0, "very_high")],
)
def test_bands_begin_where_the_settings_say(probability: float, band: str) -> None:
    filled = fill({1: probability}, facts({"household_key": 1}), evidence({"household_key": 1}))
    assert filled.alerts["band"].to_list() == [band]


def test_a_wrong_frame_is_named() -> None:
    with pytest.raises(ValueError, match="facts lacks office"):
        fill({}, facts().drop("office"), evidence())
    with pytest.raises(ValueError, match="catalogue does not: no_such"):
        fill({}, facts(), evidence({"household_key": 1, "signal": "no_such"}))
    twice = pl.concat([facts({"household_key": 1})] * 2)
    with pytest.raises(ValueError, match="twice"):
        fill({}, twice, evidence())


@pytest.mark.parametrize(
    "wrong",
    [
        {"explore_share": 1.5},
        {"high": 0.5},
        {"capacity": -1},
        {"due_days": {"explore": 3}},
        {"capacity_by_office": {OFFICE: -1}},
    ],
)
def test_settings_refuse_nonsense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"explore_share|bands|negative|lane"):
        fill({}, facts(), evidence(), **wrong)


def test_an_alert_id_is_stable_and_cannot_be_taken_for_a_number() -> None:
    assert alert_id(1, AS_OF) == alert_id(1, AS_OF)
    ids = {alert_id(key, AS_OF) for key in range(-5000, 5000)}
    assert len(ids) == 10_000
    assert all(i.startswith("A") and i.isalnum() and i.isascii() and len(i) == 14 for i in ids)


def carried(alert: dict[str, Any], **fact: Any) -> dict[str, Any]:
    """What tonight makes of one open alert."""
    filled = fill({1: 0.3}, facts({"household_key": 1, **fact}), evidence(), opened({"household_key": 1, **alert}))
    return filled.alerts.row(0, named=True)


ANSWERED = date(2026, 10, 30)
TRY = {"outcome": "unreached", "attempts": 1, "answered_on": ANSWERED, "was_visited": False, "due_on": ANSWERED}
ANSWERS: dict[str, tuple[dict[str, Any], str, int]] = {  # -> lane as worked, days from the answer until due
    "no answer by phone": ({}, "risk", 3),
    "the second time": ({"attempts": 2}, "risk", 7),
    "the third time": ({"attempts": 3}, "trace", 14),
    "the ninth time": ({"attempts": 9}, "trace", 30),
    "nobody there at a visit": ({"was_visited": True}, "trace", 3),
    "not living there": ({"outcome": "not_living_there"}, "trace", 14),
    "moved": ({"outcome": "moved"}, "trace", 14),
    "in hospital": ({"outcome": "in_hospital"}, "risk", 30),
    "in hospital, looked for before": ({"outcome": "in_hospital", "works_as": "trace", "lane": "trace"}, "risk", 30),
    "an urgent one": ({"attempts": 3, "works_as": "urgent", "lane": "urgent"}, "urgent", 14),
    "the officer's own day": ({"next_on": ANSWERED + timedelta(days=20)}, "risk", 20),
    "a day before the answer": ({"next_on": ANSWERED - timedelta(days=1)}, "risk", 0),
    "60 days ahead": ({"next_on": ANSWERED + timedelta(days=60)}, "risk", 60),
    "61 days ahead": ({"next_on": ANSWERED + timedelta(days=61)}, "risk", 60),
    "a note without an outcome": ({"outcome": None, "due_on": ANSWERED + timedelta(days=9)}, "risk", 9),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_what_an_answer_makes_of_an_open_alert(case: str) -> None:
    told, works_as, days_ = ANSWERS[case]
    alert = carried({**TRY, **told})
    assert (alert["works_as"], alert["lane"]) == (works_as, works_as)
    assert alert["due_on"] == ANSWERED + timedelta(days=days_)


@pytest.mark.parametrize(("late", "escalation"), [(0, 0), (1, 1), (14, 1), (15, 2)])
def test_an_idle_alert_escalates(late: int, escalation: int) -> None:
    alert = carried({"due_on": AS_OF - timedelta(days=late)})
    assert (alert["escalation"], alert["is_overdue"]) == (escalation, late > 0)


def test_an_alert_that_moves_keeps_its_chance_and_gives_the_new_office_time() -> None:
    there = {"household_key": 1, "office": "4113510300", "lane": "explore", "inclusion": 0.02, "due_on": AS_OF}
    first = carried(there, address_status="no_unit")
    assert (first["office"], first["moved_from"], first["moved_on"]) == (OFFICE, "4113510300", AS_OF)
    assert (first["lane"], first["works_as"], first["inclusion"]) == ("explore", "trace", 0.02)
    assert first["due_on"] == AS_OF + timedelta(days=3)
    since = {"moved_from": "4113510300", "moved_on": date(2026, 10, 20)}
    for day, told in ((date(2026, 10, 20), "4113510300"), (date(2026, 10, 21), None)):
        assert carried({**TRY, **since, "answered_on": day})["moved_from"] == told
    assert carried({**TRY, **since, "answered_on": date(2026, 10, 19), "attempts": 5})["works_as"] == "risk"


@pytest.mark.parametrize(
    ("fact", "works_as"),
    [
        ({}, "risk"),
        ({"address_status": "no_unit"}, "trace"),
        ({"address_status": "mismatch_suspected"}, "trace"),
        ({"address_status": None}, "trace"),
        ({"last_outcome": "not_living_there"}, "trace"),
        ({"last_outcome": "unreached"}, "trace"),
        ({"last_outcome": "watch"}, "risk"),
        ({"relieved": ["housing"]}, "partial"),
        ({"relieved": ["housing"], "address_status": "unknown"}, "trace"),
    ],
)
@pytest.mark.parametrize("lane", ["risk", "explore"])
def test_how_a_household_is_worked(fact: dict[str, Any], works_as: str, lane: str) -> None:
    """Explore is what the same household would have been by risk: same word, same days."""
    people = facts(*({"household_key": key, **fact} for key in (1, 2)))
    told = evidence({"household_key": 1}, {"household_key": 2})
    filled = fill({1: 0.5, 2: 0.5}, people, told, capacity=1, explore_share=float(lane == "explore"))
    alert = filled.alerts.row(0, named=True)
    assert (alert["lane"], alert["works_as"]) == ("explore" if lane == "explore" else works_as, works_as)
    assert alert["due_on"] == AS_OF + timedelta(days=LANES[works_as].due_days)


@pytest.mark.parametrize("reports", range(5))
def test_a_flood_by_score_never_takes_the_places_kept_for_reports(reports: int) -> None:
    """A fifth of 12, rounded up, is 3: reports fill them first, and what they leave stays free."""
    people = facts(*({"household_key": key} for key in range(60)))
    told = evidence(
        *({"household_key": key} for key in range(60)),
        *({"household_key": key, "signal": "neighbour_report"} for key in range(reports)),
    )
    filled = fill(dict.fromkeys(range(60), 0.4), people, told, capacity=12, reports_share=0.2)
    found = Counter(decisions(filled).values())
    assert found["queued_urgent"] == reports
    assert found["queued_risk"] + found["queued_explore"] == 12 - max(3, reports)


def test_a_household_that_asked_to_stop_is_in_no_queue_and_holds_no_place() -> None:
    people = facts(*({"household_key": key} for key in range(4)))
    told = evidence(*({"household_key": key} for key in range(3)), {"household_key": 3, "signal": "power_cut"})
    full = opened({"household_key": 0})
    stops = pl.Series([0, 3, 99])
    filled = fill(dict.fromkeys(range(4), 0.4), people, told, full, capacity=1, explore_share=0, stopped=stops)
    assert Counter(decisions(filled).values()) == {"stopped": 2, "queued_risk": 1, "below_cut": 1}
    assert filled.alerts.height == 1


def test_who_was_selected_again_and_again_comes_first_within_lane_and_band() -> None:
    listed = [
        {"household_key": 2, "alert": f"C-{n}", "outcome": outcome, "contacted_on": date(2026, n, 1)}
        for n, outcome in ((2, "no_need"), (3, "unreached"), (5, None), (7, "moved"))
    ]
    people = facts(*({"household_key": key} for key in (1, 2, 3)))
    told = evidence(*({"household_key": key} for key in (1, 2, 3)))
    for rows, is_repeat in ((listed, True), (listed[:3], False)):
        filled = fill({1: 0.3, 2: 0.3, 3: 0.5}, people, told, None, contacts(*rows))
        assert filled.alerts.filter(household_key=2)["is_repeat"].to_list() == [is_repeat]
        keys = filled.alerts["household_key"].to_list()
        assert keys[0] == 3  # its band is higher
        assert not is_repeat or keys[1] == 2


def test_bands_are_told_where_nothing_is_to_hide_and_the_true_one_is_kept() -> None:
    people = facts(*({"household_key": key} for key in range(8)))
    told = evidence(*({"household_key": key} for key in range(7)), {"household_key": 7, "signal": "power_cut"})
    scores_ = {key: 0.9 - key / 10 for key in range(8)}
    for capacity, share, is_told in ((10, 0.5, True), (5, 0.0, True), (5, 0.5, False)):
        filled = fill(scores_, people, told, capacity=capacity, explore_share=share)
        chosen = filled.alerts.filter(pl.col("works_as") != "urgent")
        assert (chosen["band"].null_count() == 0) is is_told
        assert chosen["true_band"].null_count() == 0
        assert filled.alerts.filter(works_as="urgent")["band"].null_count() == 0
