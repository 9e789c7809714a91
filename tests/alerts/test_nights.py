"""Weeks of nights with everything that happens between them, against a plain-loop reading of the rules.

Every night, every column of every alert and what became of every household must be as `reading` has it.
STATE_SEQUENCES says how many histories are lived through (`make state-test`: 2,000); without it they are always the
same few. `faults.py` breaks the rules one at a time and sees these few turn red.
"""

import os
import sys
from collections import Counter
from datetime import date, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from alerts.answers import CHANNELS
from alerts.life import stand
from alerts.tables import DECISIONS
from signals.outcomes import OUTCOMES
from tests.alerts.faults import FAULTS, places
from tests.alerts.nights import OFFICES, START, House, Town
from tests.alerts.reading import AGAIN, KEYS, KINDS, TALKS, Reading, all_stands

A, B, C = OFFICES
URGENT = tuple(name for name, kind in KINDS.items() if kind.is_urgent)
ORDINARY = tuple(name for name in KINDS if name not in URGENT)
PROBABILITIES = (0.3, 0.3, 0.3, 0.05, 0.3, 0.3, 0.2, 0.3, 0.5, 0.3, 0.8, None)
STATUSES = ("match", "match", "match", "no_unit", "mismatch_suspected", None)
STEPS, NIGHT_EVERY = 18, 3
SEQUENCES = os.environ.get("STATE_SEQUENCES")

picks = st.integers(0, 999)
days = st.sampled_from([1, 2, 1, 3, 5, 8, 20, 61])
ahead = st.sampled_from([None, None, None, -3, 5, 59, 61, 90])  # the officer's own next day, from the contact
ago = st.sampled_from([0, 1, 0, 2, 4, 9])
channels = st.sampled_from(["phone", "visit", None, *CHANNELS])
tries = st.sampled_from(["unreached", "unreached", "in_hospital", "not_living_there", "moved", None])
ends = st.sampled_from([*sorted(TALKS), "died"])
rounds = st.tuples(st.sampled_from(["unreached", "watch", None]), st.sampled_from([19, 5, 19, 40]))
houses = st.fixed_dictionaries(
    {
        "office": st.sampled_from([A, A, A, B, B, A, B, C, C, None]),
        "address_status": st.sampled_from(STATUSES),
        "relieved": st.sampled_from([(), ("utilities",), ("housing",), ()]),
        "probability": st.sampled_from(PROBABILITIES),
        "members": st.integers(1, 3),
        "past": st.lists(rounds, max_size=3).map(tuple),
        "signals": st.lists(st.sampled_from([*ORDINARY, *ORDINARY, *ORDINARY, *URGENT]), max_size=3),
        "months": st.sampled_from([3, 4, 0]),
        "known": st.sampled_from([50, 3]),  # days before START
    }
)  # fmt: skip


def some(*parts: Any, most: int = 3) -> Any:
    return st.lists(st.tuples(*parts), min_size=1, max_size=most)


class Nights(RuleBasedStateMachine):
    lived: ClassVar[Counter[str]] = Counter()  # histories, counted where they end, nights and decisions

    @initialize(drawn=st.tuples(*(houses for _ in KEYS)), seed=picks)
    def a_town(self, drawn: tuple[dict[str, Any], ...], seed: int) -> None:
        self.town, self.steps = Town({}), 0
        for key, told in zip(KEYS, drawn, strict=True):
            names, months, known = told.pop("signals"), told.pop("months"), told.pop("known")
            house = House(key=key, **told)
            for name in names:
                house.evidence[name] = a_signal(name, months, START - timedelta(days=known))
            self.town.houses[key] = house
        self.a_night(1, seed)

    # What officers answer

    @rule(told=some(picks, tries, channels, ago, ahead), days=days, seed=picks)
    def nobody_is_reached(self, told: list[Any], days: int, seed: int) -> None:
        for pick, outcome, channel, before, next_ in told:
            self.answer(self.an_open_alert(pick), outcome, channel, before, next_)
        self.pass_on(days, seed)

    @rule(
        pick=picks,
        times=st.sampled_from([3, 2, 3, 4, 5]),
        channel=st.sampled_from(["phone", "text", "visit"]),
        days=days,
        seed=picks,
    )
    def one_alert_is_tried_again_and_again(self, pick: int, times: int, channel: str, days: int, seed: int) -> None:
        id_ = self.an_open_alert(pick, "risk", "partial")
        for before in reversed(range(times)):
            self.answer(id_, "unreached", channel, before, None)
        self.pass_on(days, seed)

    @rule(pick=picks, days=days, seed=picks)
    def who_was_looked_for_is_found_in_hospital(self, pick: int, days: int, seed: int) -> None:
        self.answer(self.an_open_alert(pick, "trace"), "in_hospital", "office", 0, None)
        self.pass_on(days, seed)

    @rule(told=some(picks, ends, channels, ago, most=2), days=days, seed=picks)
    def alerts_end(self, told: list[Any], days: int, seed: int) -> None:
        for pick, outcome, channel, before in told:
            self.answer(self.an_open_alert(pick), outcome, channel, before, None)
        self.pass_on(days, seed)

    @rule(
        told=some(picks, st.sampled_from([*OUTCOMES, *AGAIN]), channels, st.sampled_from([0, 0, 1, -1])),
        days=days,
        seed=picks,
    )
    def answers_are_corrected(self, told: list[Any], days: int, seed: int) -> None:
        """Of the same contact date, or an older or newer copy; also of alerts that ended, and long after."""
        for pick, outcome, channel, shift in told if self.town.answers else ():
            old = self.town.answers[-1 - pick % len(self.town.answers)]
            contacted_on = min(old["contacted_on"] + timedelta(days=shift), self.town.today)
            self.town.answer(old["alert_id"], contacted_on, outcome, channel)
        self.pass_on(days, seed)

    @precondition(lambda self: self.town.answers)
    @rule(pick=picks, days=days, seed=picks)
    def an_answer_is_withdrawn(self, pick: int, days: int, seed: int) -> None:
        del self.town.answers[pick % len(self.town.answers)]
        self.pass_on(days, seed)

    # What agencies and the registers tell

    @rule(told=some(picks, st.sampled_from(ORDINARY), st.sampled_from([3, 3, 5, 0])), days=days, seed=picks)
    def signals_arrive(self, told: list[Any], days: int, seed: int) -> None:
        for pick, name, months in told:
            self.a_house(pick).evidence[name] = a_signal(name, months, self.town.today)
        self.pass_on(days, seed)

    @rule(told=some(picks, st.sampled_from(URGENT), ago, most=2), days=days, seed=picks)
    def cut_offs_and_reports(self, told: list[Any], days: int, seed: int) -> None:
        for pick, name, before in told:
            self.a_house(pick).evidence[name] = a_signal(name, None, self.town.today - timedelta(days=before))
        self.pass_on(days, seed)

    @rule(pick=picks, name=st.sampled_from(URGENT), late=st.sampled_from([30, 1, 30]), days=days, seed=picks)
    def a_cut_off_follows_an_answer(self, pick: int, name: str, late: int, days: int, seed: int) -> None:
        """That came in time, or long after it was due; the night hears of both at once."""
        id_ = self.an_open_alert(pick, "risk", "partial", "trace")
        self.town.forward(late)
        self.answer(id_, "unreached", "phone", 1, None)
        if id_ is not None:
            house = self.town.houses[self.town.alerts[id_]["household_key"]]
            house.evidence[name] = a_signal(name, None, self.town.today)
        self.pass_on(days, seed)

    @rule(told=some(picks, picks), days=days, seed=picks)
    def signals_end(self, told: list[Any], days: int, seed: int) -> None:
        for pick, which in told:
            evidence = self.a_house(pick).evidence
            if evidence:
                del evidence[sorted(evidence)[which % len(evidence)]]
        self.pass_on(days, seed)

    @rule(told=some(picks, st.sampled_from(PROBABILITIES)), days=days, seed=picks)
    def other_scores(self, told: list[Any], days: int, seed: int) -> None:
        for pick, probability in told:
            self.a_house(pick).probability = probability
        self.pass_on(days, seed)

    @rule(
        told=some(picks, st.sampled_from([*OFFICES, *OFFICES, *OFFICES, None]), st.sampled_from(STATUSES)),
        days=days,
        seed=picks,
    )
    def households_move(self, told: list[Any], days: int, seed: int) -> None:
        for pick, office, status in told:
            house = self.a_house(pick)
            house.office, house.address_status = office, status
        self.pass_on(days, seed)

    @rule(
        pick=picks,
        outcome=st.sampled_from(["unreached", "not_living_there", "in_hospital", "watch", None]),
        before=ago,
        seed=picks,
    )
    def a_household_moves_and_an_older_answer_arrives(
        self, pick: int, outcome: str | None, before: int, seed: int
    ) -> None:
        """Both offices had the alert within days: whose answer is it?"""
        id_ = self.an_open_alert(pick)
        if id_ is not None:
            house = self.town.houses[self.town.alerts[id_]["household_key"]]
            house.office = OFFICES[(OFFICES.index(self.town.alerts[id_]["office"]) + 1) % len(OFFICES)]
            self.a_night(1, seed)
            self.town.forward(pick % 3)
            self.answer(id_, outcome, "visit", before, None)
        self.pass_on(1, seed)

    @rule(told=some(picks, st.booleans(), most=2), days=days, seed=picks)
    def somebody_dies(self, told: list[Any], days: int, seed: int) -> None:
        """And an officer finds it, or only the registers tell."""
        for pick, is_found in told:
            house = self.a_house(pick)
            house.members = max(1, house.members - 1)
            ids = [id_ for id_, row in self.opened().items() if row["household_key"] == house.key]
            if ids and is_found:
                self.answer(ids[0], "died", None, 0, None)
        self.pass_on(days, seed)

    @rule(told=some(picks, st.sampled_from(["stop", "leave", "relieve"]), most=2), days=days, seed=picks)
    def stopped_gone_or_relieved_or_no_longer(self, told: list[Any], days: int, seed: int) -> None:
        for pick, what in told:
            house = self.a_house(pick)
            match what:
                case "stop":
                    self.town.stopped ^= {house.key}
                case "leave":
                    house.is_registered = not house.is_registered
                case "relieve":
                    house.relieved = () if house.relieved else ("utilities", "housing", "safety", "reports")
        self.pass_on(days, seed)

    # How

    def opened(self) -> dict[str, dict[str, Any]]:
        return self.town.open_alerts(all_stands(self.town))

    def an_open_alert(self, pick: int, *worked_as: str) -> str | None:
        """One of them worked so, where there is one."""
        opened = self.opened()
        ids = sorted(id_ for id_, row in opened.items() if row["works_as"] in worked_as) or sorted(opened)
        return ids[pick % len(ids)] if ids else None

    def a_house(self, pick: int) -> House:
        """Two times of three one with an open alert."""
        keys = sorted(row["household_key"] for row in self.opened().values()) if pick % 3 else []
        return self.town.houses[keys[pick % len(keys)] if keys else KEYS[pick % len(KEYS)]]

    def answer(self, id_: str | None, outcome: str | None, channel: str | None, before: int, next_: int | None) -> None:
        if id_ is not None:
            day = self.town.today - timedelta(days=before)
            self.town.answer(id_, day, outcome, channel, None if next_ is None else day + timedelta(days=next_))

    def pass_on(self, days: int, seed: int) -> None:
        self.steps += 1
        if self.steps % NIGHT_EVERY == 0:
            self.a_night(days, seed)

    def a_night(self, days: int, seed: int) -> None:
        self.town.forward(days)
        reading = Reading(self.town)
        found = {row["alert_id"]: row for row in stand(self.town.told()).iter_rows(named=True)}
        assert found == reading.stands
        filled = self.town.night(reading.opened, reading.last_outcomes, seed)
        alerts, considered = filled.alerts.to_dicts(), filled.considered.to_dicts()
        decisions = {row["household_key"]: str(row["decision"]) for row in considered}
        assert len(considered) == len(decisions), "every household is considered once"
        assert set(decisions) == set(reading.decided), "nobody is forgotten"
        waits = ("queued_criterion", "queued_risk", "queued_explore", "below_cut")
        for key, decision in decisions.items():
            expected = reading.decided[key]
            assert decision in waits if expected is None else decision == expected, (key, decision, expected)
        assert len({row["household_key"] for row in alerts}) == len(alerts), "a household is in the queue once"
        expected_alerts = reading.alerts(decisions)
        shown = [{name: row[name] for name in expected} for row, expected in zip(alerts, expected_alerts, strict=True)]
        assert rounded(shown) == rounded(expected_alerts)
        of = {row["household_key"]: row for row in expected_alerts}
        assert considered == [
            {
                "household_key": key, "office": reading.office(key), "decision": decisions[key],
                "band": reading.known[key].band, "is_urgent": bool(reading.known[key].urgent),
                "works_as": of[key]["works_as"] if key in of else None,
                "escalation": of[key]["escalation"] if key in of else None,
            }
            for key in sorted(reading.decided)
        ]  # fmt: skip
        self.town.remember(alerts)
        self.lived.update(nights=1)
        self.lived.update(decisions.values())

    def teardown(self) -> None:
        self.lived.update(histories=1)


def a_signal(name: str, months: int | None, received_on: date) -> tuple[int | None, date]:
    return (months if KINDS[name].is_arrears else None), received_on


def rounded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "inclusion": round(row["inclusion"], 9)} for row in rows]


NIGHTS = settings(
    max_examples=int(SEQUENCES or 45),
    stateful_step_count=STEPS,
    derandomize=SEQUENCES is None,
    phases=[Phase.generate] if "NO_SHRINKING" in os.environ else tuple(Phase),
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_nights(capsys: pytest.CaptureFixture[str]) -> None:
    """How often each thing happened is counted: a history in which nobody ever rests would prove little."""
    Nights.lived.clear()
    run_state_machine_as_test(Nights, settings=NIGHTS)
    assert Nights.lived["histories"] >= NIGHTS.max_examples
    assert Nights.lived["nights"] >= 4 * Nights.lived["histories"]
    never = set(DECISIONS) - set(Nights.lived)
    assert not never, f"in all these nights nobody was {sorted(never)}"
    if SEQUENCES:
        with capsys.disabled():
            sys.stdout.write(f"\n{dict(Nights.lived)}\n")


def test_every_fault_still_finds_its_place() -> None:
    """`make fault-test` breaks what stands there; where the code has moved on, the fault is to be written anew."""
    assert not [fault.says for fault in FAULTS if places(fault) != 1]
