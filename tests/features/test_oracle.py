"""Every feature, fact and piece of evidence agrees with plain loops, on drawn towns."""

import math
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from features import build, feature_list, prepare
from tests.features import oracle, towns
from tests.features.oracle_town import Town

COUNTED = (
    "unknown_signal",
    "observed_after_as_of",
    "outside_horizon",
    "unknown_person",
    "person_without_household",
    "unknown_household",
    "ended_household",
    "ambiguous",
    "unknown_address",
    "address_without_household",
    "person_in_two_households",
    "ended_households",
)


# No shrinking: a town of a few rows reads well as it is, and shrinking takes minutes.
@settings(
    max_examples=100,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(towns.towns())
def test_agrees_with_plain_loops(rows: dict[str, list[dict[str, Any]]]) -> None:
    known = towns.known(rows)
    prepared = prepare(known, towns.SIGNALS)
    built = build(prepared)
    town = Town(known, towns.SIGNALS)

    assert built.features["household_key"].to_list() == town.households
    assert {name: prepared.counts[name] for name in COUNTED} == {name: town.counts[name] for name in COUNTED}
    evidence = []
    for row, fact in zip(built.features.to_dicts(), built.facts.to_dicts(), strict=True):
        household = row.pop("household_key")
        expected, seen = oracle.features_of(town, household)
        assert list(row) == [feature.name for feature in feature_list(towns.SIGNALS)]
        assert set(row) == set(expected)
        wrong = {name: (row[name], expected[name]) for name in row if not _same(row[name], expected[name])}
        assert not wrong, household
        assert fact == oracle.facts_of(town, household, {e["signal"] for e in seen})
        evidence += seen
    assert built.evidence.to_dicts() == evidence


def _same(value: float, expected: float) -> bool:
    return (math.isnan(value) and math.isnan(expected)) or value == np.float32(expected)
