from datetime import date
from typing import Any

import polars as pl
import pytest

from signals.outcomes import OUTCOMES
from tests.alerts.drawn import contacts, decisions, evidence, facts, fill, opened

OLD: dict[str, Any] = {"household_key": 1, "months": 12}  # known long before the talk of 20 October
LATER = date(2026, 10, 30)
RENT = {"household_key": 1, "signal": "rent_arrears", "received_on": LATER}
CLOSED = {"household_key": 1, "signal": "business_closed", "months": None}
CUT = {"household_key": 1, "signal": "power_cut", "months": None}  # received on 12 October
CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str]] = {
    "same arrears, spoken to": ([OLD], {}, "cooling_down"),
    "119 days later": ([OLD], {"contacted_on": date(2026, 7, 6)}, "cooling_down"),
    "120 days later": ([OLD], {"contacted_on": date(2026, 7, 5)}, "queued_risk"),
    "an arrears told for the first time since": ([OLD, {**RENT, "months": 3}], {}, "queued_risk"),
    "another arrears, but told before": ([OLD, {**RENT, "months": 5}], {}, "cooling_down"),
    "an event that reached us since": ([OLD, {**CLOSED, "received_on": LATER}], {}, "queued_risk"),
    "a cut-off since": ([OLD, {**CUT, "received_on": LATER}], {}, "queued_urgent"),
    "a cut-off that was talked about": ([OLD, CUT], {}, "cooling_down"),
    "an answer that is not known yet": ([OLD], {"received_on": date(2026, 11, 3)}, "queued_risk"),
}


@pytest.mark.parametrize("case", CASES)
def test_who_rests(case: str) -> None:
    told, contact, expected = CASES[case]
    talk = contacts({"household_key": 1, **contact})
    assert decisions(fill({1: 0.3}, facts({"household_key": 1}), evidence(*told), None, talk)) == {1: expected}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_only_having_spoken_to_somebody_gives_rest(outcome: str) -> None:
    talk = contacts({"household_key": 1, "outcome": outcome})
    alone = facts({"household_key": 1, "members": 1})
    found = decisions(fill({1: 0.3}, alone, evidence(OLD), None, talk))[1]
    expected = "cooling_down" if OUTCOMES[outcome].is_contact else "queued_risk"
    assert found == ("removed" if OUTCOMES[outcome].effect == "removes" else expected)


@pytest.mark.parametrize(
    ("then", "expected"), [("moderate", "queued_risk"), ("high", "cooling_down"), (None, "cooling_down")]
)
def test_a_higher_band_ends_the_rest(then: str | None, expected: str) -> None:
    bands = pl.DataFrame({"alert_id": ["C-1"], "band": [then]}, schema={"alert_id": pl.String, "band": pl.String})
    talk = contacts({"household_key": 1})
    filled = fill({1: 0.3}, facts({"household_key": 1}), evidence(OLD), None, talk, bands_then=bands)
    assert decisions(filled) == {1: expected}


def test_the_last_telling_of_an_answer_counts() -> None:
    talks = contacts(
        {"household_key": 1, "outcome": "died", "received_on": date(2026, 10, 21)},
        {"household_key": 1, "outcome": "unreached", "received_on": date(2026, 10, 23)},
    )
    assert decisions(fill({1: 0.3}, facts({"household_key": 1}), evidence(OLD), None, talks)) == {1: "queued_risk"}


@pytest.mark.parametrize(
    ("relieved", "expected"),
    [
        ([], "queued_risk"),
        (["housing"], "queued_risk"),
        (["utilities"], "queued_risk"),
        (["utilities", "health"], "already_relieved"),
    ],
)
def test_a_benefit_must_cover_every_need_that_shows(relieved: list[str], expected: str) -> None:
    told = evidence(
        OLD, {"household_key": 1, "signal": "severe_illness"}, {"household_key": 1, "signal": "housing_benefit"}
    )
    found = decisions(fill({1: 0.3}, facts({"household_key": 1, "relieved": relieved}), told))
    assert found == {1: expected}


@pytest.mark.parametrize("signal", ["housing_benefit", "total_debt", "health_premium"])
def test_a_level_or_a_benefit_alone_is_no_sign_of_hardship(signal: str) -> None:
    told = evidence({"household_key": 1, "signal": signal})
    assert decisions(fill({1: 0.9}, facts({"household_key": 1}), told)) == {1: "no_signal"}


def test_nothing_overdue_is_no_sign_of_hardship() -> None:
    told = evidence({"household_key": 1, "signal": "card_arrears", "months": 0})
    assert decisions(fill({1: 0.9}, facts({"household_key": 1}), told)) == {1: "no_signal"}


def test_what_an_alert_was_answered_itself_is_no_earlier_selection() -> None:
    """Household 1 was tried yesterday for this alert and visited once before; household 2 only for this alert."""
    told = contacts(
        {"household_key": 1, "alert": "OLD1", "outcome": "unreached", "contacted_on": date(2026, 10, 31)},
        {"household_key": 1, "alert": "C-1", "outcome": "watch", "contacted_on": date(2026, 2, 3)},
        {"household_key": 2, "alert": "OLD2", "outcome": "unreached", "contacted_on": date(2026, 10, 31)},
    )
    told = told.with_columns(received_on=pl.lit(date(2026, 11, 1)))
    known = {"last_outcome": "unreached", "last_contacted_on": date(2026, 10, 31)}
    people = facts(
        {"household_key": 1, "prior_selections": 2, **known}, {"household_key": 2, "prior_selections": 1, **known}
    )
    both = opened({"household_key": 1}, {"household_key": 2})
    alerts = fill({1: 0.3, 2: 0.3}, people, evidence(OLD), both, told).alerts.sort("household_key")
    assert alerts.select("prior_selections", "last_outcome", "last_contacted_on").rows() == [
        (1, "watch", date(2026, 2, 3)),
        (0, None, None),
    ]


@pytest.mark.parametrize(("outcome", "expected"), [("other_public", "cooling_down"), ("watch", "queued_risk")])
def test_the_higher_band_that_found_need_brings_does_not_end_the_rest(outcome: str, expected: str) -> None:
    bands = pl.DataFrame({"alert_id": ["C-1"], "band": ["moderate"]})
    talk = contacts({"household_key": 1, "outcome": outcome})
    filled = fill({1: 0.3}, facts({"household_key": 1}), evidence(OLD), None, talk, bands_then=bands)
    assert decisions(filled) == {1: expected}


@pytest.mark.parametrize(
    ("outcome", "contacted_on", "expected"),
    [
        ("need_no_benefit", date(2026, 3, 8), "cooling_down"),  # 239 days before
        ("need_no_benefit", date(2026, 3, 7), "queued_risk"),
        ("watch", date(2026, 3, 8), "queued_risk"),
    ],
)
def test_found_need_rests_four_rounds(outcome: str, contacted_on: date, expected: str) -> None:
    talk = contacts({"household_key": 1, "outcome": outcome, "contacted_on": contacted_on})
    long_ago = evidence({"household_key": 1, "months": 24})
    assert decisions(fill({1: 0.3}, facts({"household_key": 1}), long_ago, None, talk)) == {1: expected}
