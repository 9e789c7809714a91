from collections import Counter
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from alerts.lanes import LANES
from alerts.queue import alert_id
from alerts.tables import ALERTS, CONSIDERED
from tests.alerts.drawn import AS_OF, OFFICE, contacts, decisions, evidence, facts, fill, opened
from tests.alerts.towns import Home, office_of, standing, tables, towns

FEW = settings(max_examples=60, deadline=None)


@FEW
@given(towns(), st.integers(0, 6), st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_every_household_is_decided_once_by_the_plain_rules(town: list[Home], capacity: int, share: float) -> None:
    filled = fill(*tables(town), capacity=capacity, explore_share=share)
    found = decisions(filled)
    assert filled.considered.schema == CONSIDERED
    assert sorted(found) == [home.key for home in town]
    waiting = {"queued_risk", "queued_explore", "below_cut"}
    for home in town:
        rule = standing(home)
        assert found[home.key] in waiting if rule == "waits" else found[home.key] == rule


@FEW
@given(towns(), st.integers(0, 6), st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_risk_and_explore_never_exceed_the_free_places(town: list[Home], capacity: int, share: float) -> None:
    found = decisions(fill(*tables(town), capacity=capacity, explore_share=share))
    in_office = {home.key: office_of(home) for home in town}
    held = Counter(in_office[k] for k, d in found.items() if d in ("carried", "queued_urgent"))
    joined = Counter(in_office[k] for k, d in found.items() if d in ("queued_risk", "queued_explore"))
    waited = Counter(in_office[home.key] for home in town if standing(home) == "waits")
    for office in {*joined, *waited}:
        assert joined[office] == min(waited[office], max(0, capacity - held[office]))


@FEW
@given(towns(), st.integers(0, 6))
def test_the_highest_risk_gets_the_places(town: list[Home], capacity: int) -> None:
    found = decisions(fill(*tables(town), capacity=capacity, explore_share=0))
    for office in {office_of(home) for home in town}:
        here = [h for h in town if office_of(h) == office and h.probability is not None]
        queued = [h.probability for h in here if found[h.key] == "queued_risk"]
        below = [h.probability for h in here if found[h.key] == "below_cut"]
        assert not queued or not below or min(p or 0 for p in queued) >= max(p or 0 for p in below)


@FEW
@given(towns(), st.randoms())
def test_the_order_of_rows_changes_nothing(town: list[Home], random: Any) -> None:
    straight = fill(*tables(town), capacity=3, explore_share=0.3)
    shuffled = town[:]
    random.shuffle(shuffled)
    again = fill(*tables(shuffled), capacity=3, explore_share=0.3)
    assert_frame_equal(straight.alerts, again.alerts)
    assert_frame_equal(straight.considered, again.considered)


@FEW
@given(towns())
def test_alerts_are_the_queued_and_the_carried_one_household_once(town: list[Home]) -> None:
    filled = fill(*tables(town), capacity=3, explore_share=0.3)
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
