from typing import Any

import polars as pl
import pytest

from alerts.criteria import Criterion, meets
from alerts.settings import QueueSettings
from tests.alerts.drawn import OFFICE, decisions, evidence, facts, fill

HOUSE: dict[str, Any] = {
    "office": OFFICE, "signals": ["power_arrears", "rent_arrears"], "points": 3, "lives_alone": True,
    "has_child": False, "has_senior": True, "housing": "one_room", "head_age": 70,
}  # fmt: skip
SCHEMA: dict[str, Any] = {
    "office": pl.String, "signals": pl.List(pl.String), "points": pl.Int64, "lives_alone": pl.Boolean,
    "has_child": pl.Boolean, "has_senior": pl.Boolean, "housing": pl.String, "head_age": pl.Int64,
}  # fmt: skip

# What a criterion asks -> the house as it is meets it -> a house that just misses it.
TESTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "any household of the office": ({}, {"office": "2611010100"}),
    "one of the signals": ({"any_signal": ("rent_arrears", "power_cut")}, {"signals": ["power_arrears"]}),
    "lives alone": ({"lives_alone": True}, {"lives_alone": False}),
    "has no child": ({"has_child": False}, {"has_child": True}),
    "has somebody of 65": ({"has_senior": True}, {"has_senior": False}),
    "kind of housing": ({"housing": ("one_room", "non_dwelling")}, {"housing": "apartment"}),
    "at least of an age": ({"least_head_age": 70}, {"head_age": 69}),
    "at most of an age": ({"most_head_age": 70}, {"head_age": 71}),
    "points": ({"least_points": 3}, {"points": 2}),
}


def criterion(**asks: Any) -> Criterion:
    return Criterion(**{"name_ko": "홀로 사는 어르신", "offices": frozenset([OFFICE]), "share": 0.5, **asks})


def met(asks: dict[str, Any], **house: Any) -> bool:
    frame = pl.DataFrame([{**HOUSE, **house}], schema=SCHEMA, orient="row")
    return bool(frame.select(meets(criterion(**asks))).item())


@pytest.mark.parametrize("test", TESTS)
def test_each_test_holds_and_just_does_not(test: str) -> None:
    asks, miss = TESTS[test]
    assert met(asks)
    assert not met(asks, **miss)


@pytest.mark.parametrize("test", [name for name in TESTS if name != "any household of the office"])
def test_what_is_not_known_never_holds(test: str) -> None:
    asks, miss = TESTS[test]
    unknown: dict[str, Any] = {name: [] if name == "signals" else None for name in miss}
    assert not met(asks, **unknown)


def test_all_that_is_named_must_hold() -> None:
    everything: dict[str, Any] = {name: value for asks, _ in TESTS.values() for name, value in asks.items()}
    assert met(everything)
    assert not any(met(everything, **miss) for _, miss in TESTS.values())


def test_a_criterion_chooses_before_risk_and_only_in_its_offices() -> None:
    people = facts(
        *({"household_key": key, "lives_alone": key in (3, 4)} for key in range(5)),
        *({"household_key": key, "office": "2611010100", "lives_alone": key == 14} for key in range(10, 15)),
    )
    told = evidence(*({"household_key": key} for key in (*range(5), *range(10, 15))))
    chances = {key: 0.9 - key / 100 for key in (*range(5), *range(10, 15))}
    alone = criterion(lives_alone=True)
    filled = fill(chances, people, told, capacity=2, explore_share=0, criteria=(alone,))
    found = decisions(filled)
    assert {key for key, decision in found.items() if decision == "queued_criterion"} == {3}
    assert {key for key, decision in found.items() if decision == "queued_risk"} == {0, 10, 11}
    chosen = filled.alerts.filter(household_key=3).row(0, named=True)
    assert (chosen["criterion"], chosen["lane"], chosen["works_as"], chosen["inclusion"]) == (
        alone.name_ko,
        "risk",
        "risk",
        1,
    )
    assert filled.alerts["criterion"].null_count() == 3


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name_ko": " "}, "name"),
        ({"offices": frozenset()}, "no office"),
        ({"share": 0}, "share"),
        ({"share": 1.01}, "share"),
    ],
)
def test_a_criterion_refuses_nonsense(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        criterion(**wrong)


def test_criteria_that_take_more_than_all_places_are_refused() -> None:
    half, rest = criterion(share=0.5), criterion(name_ko="다른", share=0.46)
    with pytest.raises(ValueError, match="more than all"):
        QueueSettings(capacity=10, explore_share=0.05, criteria=(half, rest))
    QueueSettings(capacity=10, explore_share=0.04, criteria=(half, rest))
    elsewhere = criterion(name_ko="다른", share=1.0, offices=frozenset(["2611010100"]))
    QueueSettings(capacity=10, explore_share=0.0, criteria=(half, elsewhere))
    with pytest.raises(ValueError, match="share a name"):
        QueueSettings(capacity=10, criteria=(half, half))


def test_a_signal_the_catalogue_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="catalogue does not: power_arears"):
        fill({}, facts(), evidence(), criteria=(criterion(any_signal=("power_arears",)),))
