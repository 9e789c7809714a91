"""Weeks of nights with everything that happens between them, against a plain-loop reading of the rules.

STATE_SEQUENCES says how many histories are lived through (`make state-test`: 2,000).
"""

import os
from collections import Counter
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from alerts.answers import CHANNELS
from alerts.carrying import LATEST_NEXT_DAYS
from alerts.lanes import LANES, WORKS_AS
from alerts.queue import Filled
from signals.catalogue import SIGNALS
from signals.outcomes import LIVES_ELSEWHERE, OUTCOMES
from tests.alerts.drawn import decisions
from tests.alerts.nights import OFFICES, SETTINGS, START, House, Town
from tests.alerts.towns import COOL_DOWN, first_known

ORDINARY = ("power_arrears", "rent_arrears", "severe_illness")
URGENT = ("power_cut", "gas_cut", "self_report", "neighbour_report")
PROBABILITIES = (None, 0.05, 0.2, 0.3, 0.3, 0.5, 0.8)
STATUSES = ("match", "match", "no_unit", "mismatch_suspected")
BANDS = ("moderate", "high", "very_high")
DUE = {lane: LANES[lane].due_days for lane in WORKS_AS}
KEYS = range(-4, 8)

houses = st.fixed_dictionaries(
    {
        "office": st.sampled_from(OFFICES),
        "address_status": st.sampled_from(STATUSES),
        "relieved": st.sampled_from([(), (), ("housing",), ("utilities",)]),
        "probability": st.sampled_from(PROBABILITIES),
        "members": st.integers(1, 3),
        "signal": st.sampled_from([None, *ORDINARY, "power_arrears", *URGENT]),
    }
)

TRIES = (None, "unreached", "unreached", "unreached", "not_living_there", "moved", "in_hospital")
answers = st.tuples(
    st.integers(0, 99),  # which alert
    st.sampled_from([*TRIES, *TRIES, *OUTCOMES]),
    st.sampled_from([None, *CHANNELS]),
    st.integers(0, 6),  # days ago
    st.sampled_from([None, None, None, -3, 5, 90]),  # the officer's own next day, from the contact
)


def a_signal(key: int, name: str, day: date) -> dict[str, Any]:
    months = None if SIGNALS[name].kind == "event" else 3
    return {"household_key": key, "signal": name, "months": months, "observed_on": day, "received_on": day}


class Nights(RuleBasedStateMachine):
    @initialize(drawn=st.tuples(*(houses for _ in KEYS)))
    def a_town(self, drawn: tuple[dict[str, Any], ...]) -> None:
        self.town = Town({})
        for key, told in zip(KEYS, drawn, strict=True):
            told, name = {n: value for n, value in told.items() if n != "signal"}, told["signal"]
            house = House(key=key, **told)
            if name:
                house.evidence[name] = a_signal(key, name, START - timedelta(days=3))
            self.town.houses[key] = house
        self.is_quiet = False
        self.a_night(0, 1)

    @rule(days=st.sampled_from([0, 1, 3, 7, 30, 90]), seed=st.integers(0, 50))
    def a_night(self, days: int, seed: int) -> None:
        self.town.forward(max(days, 1))
        filled, before = self.town.night(seed)
        Judge(self.town, filled, before).judge()
        self.is_quiet, self.last = True, filled

    @precondition(lambda self: self.is_quiet)
    @rule(seed=st.integers(0, 50))
    def a_night_on_which_nothing_happened(self, seed: int) -> None:
        """Nothing is moved, put off or brought forward just because a night has passed."""
        self.town.forward(1)
        stood = {row["alert_id"]: row for row in self.last.alerts.iter_rows(named=True)}
        filled, before = self.town.night(seed)
        Judge(self.town, filled, before).judge()
        for row in filled.alerts.iter_rows(named=True):
            if not row["is_new"]:
                same = ("works_as", "lane", "due_on", "band", "true_band", "moved_from", "inclusion", "criterion")
                assert {n: row[n] for n in same} == {n: stood[row["alert_id"]][n] for n in same}
        self.last = filled

    @rule(told=st.lists(answers, min_size=1, max_size=5), days=st.sampled_from([1, 1, 7]), seed=st.integers(0, 50))
    def a_sheet_comes_back(self, told: list[tuple[Any, ...]], days: int, seed: int) -> None:
        """Answers to any alert ever sent out: the open, the closed (a correction), an older copy that arrives late."""
        ids = sorted(self.town.alerts)
        for pick, outcome, channel, ago, ahead in told if ids else ():
            day = self.town.today - timedelta(days=ago)
            next_on = None if ahead is None else day + timedelta(days=ahead)
            self.town.answer(ids[pick % len(ids)], day, outcome, channel, next_on)
        self.a_night(days, seed)

    @rule(pick=st.integers(0, 99))
    def an_answer_is_withdrawn(self, pick: int) -> None:
        if self.town.answers:
            del self.town.answers[pick % len(self.town.answers)]
            self.is_quiet = False

    @rule(key=st.sampled_from(KEYS), name=st.sampled_from([*ORDINARY, *URGENT]))
    def a_signal_arrives(self, key: int, name: str) -> None:
        self.town.houses[key].evidence[name] = a_signal(key, name, self.town.today)
        self.is_quiet = False

    @rule(key=st.sampled_from(KEYS), name=st.sampled_from([*ORDINARY, *URGENT]))
    def a_signal_ends(self, key: int, name: str) -> None:
        self.town.houses[key].evidence.pop(name, None)
        self.is_quiet = False

    @rule(key=st.sampled_from(KEYS), probability=st.sampled_from(PROBABILITIES))
    def another_score(self, key: int, probability: float | None) -> None:
        self.town.houses[key].probability = probability
        self.is_quiet = False

    @rule(key=st.sampled_from(KEYS), office=st.sampled_from(OFFICES), status=st.sampled_from(STATUSES))
    def a_household_moves(self, key: int, office: str, status: str) -> None:
        self.town.houses[key].office, self.town.houses[key].address_status = office, status
        self.is_quiet = False

    @rule(key=st.sampled_from(KEYS))
    def all_but_one_are_gone(self, key: int) -> None:
        self.town.houses[key].members = 1
        self.is_quiet = False

    @rule(key=st.sampled_from(KEYS))
    def a_household_asks_not_to_be_processed_or_takes_it_back(self, key: int) -> None:
        self.town.stopped ^= {key}
        self.is_quiet = False


class Judge:
    """One night, read slowly."""

    def __init__(self, town: Town, filled: Filled, before: dict[str, dict[str, Any]]) -> None:
        self.town, self.before = town, before
        self.found = decisions(filled)
        self.considered = filled.considered["household_key"].to_list()
        self.alerts = filled.alerts.to_dicts()
        self.open_then = {row["household_key"]: row for row in before.values()}

    def judge(self) -> None:
        self.everybody_once()
        self.only_answers_close()
        self.urgent_is_never_displaced()
        self.who_is_left_out()
        self.places()
        self.reports_have_their_reserve()
        for row in self.alerts:
            self.any_alert(row)
            (self.a_new_alert if row["is_new"] else self.a_carried_alert)(row)
        self.explore_cannot_be_told_apart()

    def everybody_once(self) -> None:
        assert self.considered == sorted(self.town.houses)
        assert max(Counter(row["household_key"] for row in self.alerts).values(), default=1) == 1
        assert len({row["alert_id"] for row in self.alerts}) == len(self.alerts)
        queued = {key for key, d in self.found.items() if d == "carried" or d.startswith("queued_")}
        assert {row["household_key"] for row in self.alerts} == queued

    def only_answers_close(self) -> None:
        """What was open is in the queue, or its owner stopped it, or an officer found that nobody is left."""
        told = {row["alert_id"] for row in self.alerts}
        for id_, row in self.before.items():
            key = row["household_key"]
            assert id_ in told or key in self.town.stopped or self.is_gone(key)
        assert not {row["household_key"] for row in self.alerts} & self.town.stopped

    def is_gone(self, key: int) -> bool:
        died = any(OUTCOMES[row["outcome"]].effect == "removes" for row in self.town.history(key))
        return died and self.town.houses[key].members == 1

    def talked_on(self, key: int) -> date | None:
        talks = [r["contacted_on"] for r in self.town.history(key) if OUTCOMES[r["outcome"]].is_contact]
        return max(talks, default=None)

    def news(self, key: int) -> list[str]:
        """Live signals nobody has talked about."""
        talked_on = self.talked_on(key)
        live = self.town.houses[key].evidence.items()
        return [name for name, row in live if talked_on is None or first_known(row) > talked_on]

    def urgent_news(self, key: int) -> list[str]:
        return [name for name in self.news(key) if SIGNALS[name].urgent]

    def urgent_is_never_displaced(self) -> None:
        urgent = {row["household_key"] for row in self.alerts if row["works_as"] == "urgent"}
        for key in self.town.houses:
            if self.urgent_news(key) and key not in self.town.stopped and not self.is_gone(key):
                assert key in urgent

    def who_is_left_out(self) -> None:
        for key, decision in self.found.items():
            house, talked_on = self.town.houses[key], self.talked_on(key)
            if decision == "cooling_down":
                assert talked_on and talked_on + COOL_DOWN > self.town.today and not self.news(key)
            if decision == "already_relieved":
                assert all(SIGNALS[name].domain in house.relieved for name in house.evidence)
            is_chosen = decision in ("queued_criterion", "queued_risk", "queued_explore")
            if is_chosen and talked_on and talked_on + COOL_DOWN > self.town.today:
                assert self.news(key) or self.has_risen(key)

    def has_risen(self, key: int) -> bool:
        """A higher band than at the last talk."""
        talks = [row for row in self.town.history(key) if OUTCOMES[row["outcome"]].is_contact]
        last = max(talks, key=lambda row: (row["contacted_on"], row["alert"]))
        then, now = self.town.alerts[last["alert"]]["true_band"], band_of(self.town.houses[key].probability)
        return then is not None and now is not None and BANDS.index(now) > BANDS.index(then)

    def places(self) -> None:
        for office in OFFICES:
            count = Counter(self.found[key] for key in self.found if self.office(key) == office)
            chosen = count["queued_criterion"] + count["queued_risk"] + count["queued_explore"]
            free = max(0, self.capacity(office) - self.held(office) - self.kept(office))
            assert chosen == min(free, chosen + count["below_cut"])

    def capacity(self, office: str) -> int:
        return SETTINGS.capacity_by_office.get(office, SETTINGS.capacity)

    def office(self, key: int) -> str:
        return self.town.houses[key].office

    def held(self, office: str) -> int:
        return sum(d in ("carried", "queued_urgent") and self.office(k) == office for k, d in self.found.items())

    def kept(self, office: str) -> int:
        here = [k for k, d in self.found.items() if self.office(k) == office and d in ("carried", "queued_urgent")]
        reports = sum(any(SIGNALS[n].domain == "reports" for n in self.urgent_news(k)) for k in here)
        return max(0, 1 - reports)  # a fifth of 5 and of 3, rounded up

    def reports_have_their_reserve(self) -> None:
        """However many wait by their score: after a night that gave out places, the reserve is there."""
        for office in OFFICES:
            chosen = [k for k, d in self.found.items() if d in ("queued_criterion", "queued_risk", "queued_explore")]
            if any(self.office(k) == office for k in chosen):
                here = [row for row in self.alerts if row["office"] == office]
                assert len(here) + self.kept(office) <= self.capacity(office)

    def any_alert(self, row: dict[str, Any]) -> None:
        late = (self.town.today - row["due_on"]).days  # due_on is never null
        assert row["escalation"] == (late > 0) + (late > SETTINGS.escalate_after_days)
        assert row["is_overdue"] is (late > 0)
        assert row["works_as"] in WORKS_AS
        assert row["lane"] == row["works_as"] or (row["lane"] == "explore" and row["works_as"] != "urgent")
        assert row["office"] == self.office(row["household_key"])
        in_vain = [r for r in self.town.history(row["household_key"]) if r["alert"] != row["alert_id"]]
        talked = max((r["contacted_on"] for r in in_vain if OUTCOMES[r["outcome"]].is_contact), default=date.min)
        times = sum(not OUTCOMES[r["outcome"]].is_contact and r["contacted_on"] > talked for r in in_vain)
        assert row["is_repeat"] is (times >= SETTINGS.repeat_from)

    def a_new_alert(self, row: dict[str, Any]) -> None:
        house, decision = self.town.houses[row["household_key"]], self.found[row["household_key"]]
        last = max(self.town.history(house.key), key=lambda r: r["contacted_on"], default={"outcome": None})["outcome"]
        if decision == "queued_urgent":
            assert row["works_as"] == "urgent"
        else:
            assert row["works_as"] == by_register(house, last)
        assert (row["lane"] == "explore") is (decision == "queued_explore")
        assert (row["criterion"] is not None) is (decision == "queued_criterion")
        assert row["criterion"] is None or house.members == 1
        assert row["due_on"] == self.town.today + timedelta(days=DUE[row["works_as"]])
        assert row["moved_from"] is None and row["attempts"] == 0 and row["opened_on"] == self.town.today

    def a_carried_alert(self, row: dict[str, Any]) -> None:
        was = self.before[row["alert_id"]]
        kept = ("opened_on", "inclusion", "criterion", "band", "outcome", "attempts", "answered_on", "next_on")
        assert {n: row[n] for n in kept} == {n: was[n] for n in kept}
        assert row["works_as"] == self.works_as_then(row, was)
        assert row["due_on"] == self.due_then(row, was)
        is_moving, holds = row["office"] != was["office"], self.holds(was)
        moved = was["office"] if is_moving else was["moved_from"] if not holds else None
        assert row["moved_from"] == moved
        assert (row["moved_on"] is None) is (moved is None)
        assert (row["lane"] == "explore") is (was["lane"] == "explore" and row["works_as"] != "urgent")

    @staticmethod
    def holds(was: dict[str, Any]) -> bool:
        if was["answered_on"] is None:
            return False
        return was["moved_on"] is None or was["answered_on"] > was["moved_on"]

    def works_as_then(self, row: dict[str, Any], was: dict[str, Any]) -> str:
        if was["works_as"] == "urgent" or self.urgent_news(row["household_key"]):
            return "urgent"
        house = self.town.houses[row["household_key"]]
        if row["office"] != was["office"]:
            return by_register(house, None)
        if not self.holds(was) or was["outcome"] is None:
            return str(was["works_as"])
        if was["outcome"] in LIVES_ELSEWHERE:
            return "trace"
        if was["outcome"] == "unreached":
            return "trace" if was["was_visited"] or was["attempts"] >= 3 else str(was["works_as"])
        return ("partial" if house.relieved else "risk") if was["works_as"] == "trace" else str(was["works_as"])

    def due_then(self, row: dict[str, Any], was: dict[str, Any]) -> date:
        soon, key, answered = self.town.today + timedelta(days=DUE["urgent"]), row["household_key"], was["answered_on"]
        known = [first_known(self.town.houses[key].evidence[name]) for name in self.urgent_news(key)]
        due: date = was["due_on"]
        if known and (answered is None or max(known) > answered):
            due = soon if answered and due < answered else min(due, soon)
        elif self.holds(was):
            due = due_by_answer(was)
        return max(due, soon) if row["office"] != was["office"] else due

    def explore_cannot_be_told_apart(self) -> None:
        """Neither by the order nor by the band: of those untold, four were sure to be chosen for each one drawn."""
        shown = ("office", "works_as", "band", "is_repeat", "due_on", "alert_id")
        assert [tuple(row[n] for n in shown) for row in self.alerts] == [
            tuple(row[n] for n in shown) for row in sorted(self.alerts, key=place_on_sheet)
        ]
        for office in OFFICES:
            new = [r for r in self.alerts if r["is_new"] and r["office"] == office and r["works_as"] != "urgent"]
            if any(row["lane"] == "explore" for row in new):
                assert all(row["band"] is None for row in new)  # offices too small to hide the drawn among others


def by_register(house: House, last: str | None) -> str:
    if last in (*LIVES_ELSEWHERE, "unreached") or house.address_status != "match":
        return "trace"
    return "partial" if house.relieved else "risk"


def due_by_answer(was: dict[str, Any]) -> date:
    answered, stood = date_of(was, "answered_on"), date_of(was, "due_on")
    if was["next_on"]:
        written = date_of(was, "next_on")
        return max(answered, min(written, answered + timedelta(days=LATEST_NEXT_DAYS)))
    days = OUTCOMES[was["outcome"]].again_after_days if was["outcome"] else ()
    if not days:
        return stood
    return answered + timedelta(days=days[min(max(was["attempts"], 1), len(days)) - 1])


def date_of(row: dict[str, Any], name: str) -> date:
    day = row[name]
    assert isinstance(day, date)
    return day


def band_of(probability: float | None) -> str | None:
    if probability is None:
        return None
    return BANDS[(probability >= SETTINGS.high) + (probability >= SETTINGS.very_high)]


def place_on_sheet(row: dict[str, Any]) -> tuple[Any, ...]:
    band = -BANDS.index(row["band"]) if row["band"] else 1
    return row["office"], LANES[row["works_as"]].rank, band, not row["is_repeat"], row["due_on"], row["alert_id"]


TestNights = Nights.TestCase
TestNights.settings = settings(
    max_examples=int(os.environ.get("STATE_SEQUENCES", "60")),
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
