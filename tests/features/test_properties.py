"""What must always hold: no peeking, and neither order nor repetition nor parts show in a single byte."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features import Built, build, known, prepare
from tests.features import towns

Rows = dict[str, list[dict[str, Any]]]

_settings = settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


def contents(built: Built) -> tuple[bytes, object, object]:
    return built.features.to_numpy().tobytes(), built.facts.to_dicts(), built.evidence.to_dicts()


def _of(rows: Rows) -> tuple[bytes, object, object]:
    return contents(build(prepare(towns.known(rows), towns.SIGNALS)))


@_settings
@given(towns.towns(), towns.late_rows())
def test_nothing_received_after_as_of_shows(rows: Rows, late: Rows) -> None:
    assert _of({name: rows[name] + late[name] for name in rows}) == _of(rows)


@pytest.fixture
def peeks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A planted fault: tellings that arrived in the half year after as_of are known."""
    honest = known._last_told

    def peeking(frame: pl.DataFrame, keys: Any, columns: Any, as_of: date) -> pl.DataFrame:
        return honest(frame, keys, columns, date(as_of.year + 1, 1, 1))

    monkeypatch.setattr(known, "_last_told", peeking)
    yield


def test_the_property_catches_a_shape_that_peeks(peeks: None) -> None:
    with pytest.raises(AssertionError):
        test_nothing_received_after_as_of_shows()


@_settings
@given(towns.towns(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_shows(rows: Rows, random: Any) -> None:
    again = {}
    for name, told in rows.items():
        again[name] = told + [row for row in told if random.random() < 0.3]
        random.shuffle(again[name])
    assert _of(again) == _of(rows)


@_settings
@given(towns.towns())
def test_chosen_households_get_the_same_numbers(rows: Rows) -> None:
    prepared = prepare(towns.known(rows), towns.SIGNALS)
    chosen = pl.Series([2, -1, 77], dtype=pl.Int64)
    built, whole = build(prepared, chosen), build(prepared)
    mine = pl.col("household_key").is_in(chosen.implode())
    expected = Built(whole.features.filter(mine), whole.facts.filter(mine), whole.evidence.filter(mine))
    assert contents(built) == contents(expected)


@_settings
@given(towns.towns())
def test_not_collected_is_not_zero(rows: Rows) -> None:
    built = build(prepare(towns.known(rows), towns.SIGNALS))
    for name in ("later", "later_arrears", "silent"):
        values = built.features.select(pl.col(f"^{name}__.*$")).to_numpy()
        assert values.size == 0 or np.isnan(values).all()
        assert name not in built.evidence["signal"]


def test_an_empty_country_gives_empty_frames() -> None:
    built = build(prepare(towns.known({name: [] for name in towns.SCHEMAS}), towns.SIGNALS))
    assert built.features.height == built.facts.height == built.evidence.height == 0
