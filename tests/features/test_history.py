"""What was told month by month agrees with plain loops, and silence is claimed only where it means something."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from features import build, prepare
from features.history import COVERED, HISTORY, covered, history
from tests.features import towns
from tests.features.oracle_town import Town, month_end, month_of

DRAWN = settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
Rows = dict[str, list[dict[str, Any]]]


def rows_of(town: Town, household: int, months: int) -> list[tuple[Any, ...]]:
    found = []
    for name in sorted(town.signals):
        kind = town.signals[name].kind
        for figure in town.figures(household, name).values():
            won = figure["owed_won"] or None if kind == "arrears" else figure["amount_won"]
            if month_of(town.as_of) - month_of(figure["observed_on"]) < months:
                dates = (figure["observed_on"], figure["received_on"])
                found.append((household, name, *dates, figure["months"], won))
    return sorted(found, key=lambda row: row[:3])


@DRAWN
@given(towns.towns())
def test_history_agrees_with_plain_loops(rows: Rows) -> None:
    known = towns.known(rows)
    prepared, town = prepare(known, towns.SIGNALS), Town(known, towns.SIGNALS)
    keys = pl.Series(town.households, dtype=pl.Int64)
    for months in (24, 6):
        told = history(prepared, keys, months)
        assert told.schema == HISTORY
        # An amount told without its figure is no level: evidence leaves it out, and so does the oracle.
        levels = [s.name for s in towns.SIGNALS.values() if s.kind == "amount"]
        told = told.filter(~(pl.col("signal").is_in(levels) & pl.col("amount_won").is_null()))
        assert told.rows() == [row for key in town.households for row in rows_of(town, key, months)]


@DRAWN
@given(towns.towns(), towns.late_rows())
def test_nothing_that_came_later_is_seen(rows: Rows, late: Rows) -> None:
    before = prepare(towns.known(rows), towns.SIGNALS)
    after = prepare(towns.known({name: rows[name] + late[name] for name in rows}), towns.SIGNALS)
    keys = before.households["household_key"]
    assert history(before, keys).equals(history(after, keys))
    assert covered(before, keys).equals(covered(after, keys))
    assert (history(before, keys)["received_on"] <= towns.AS_OF).all()


@DRAWN
@given(towns.towns())
def test_its_newest_row_is_the_evidence(rows: Rows) -> None:
    prepared = prepare(towns.known(rows), towns.SIGNALS)
    evidence = build(prepared).evidence
    newest = history(prepared, prepared.households["household_key"]).unique(
        ["household_key", "signal"], keep="last", maintain_order=True
    )
    arrears = [s.name for s in towns.SIGNALS.values() if s.kind == "arrears"]
    live = evidence.filter(
        pl.col("signal").is_in(arrears)
        & (pl.col("observed_on") >= date(towns.AS_OF.year - 2, towns.AS_OF.month + 1, 1))
    )
    columns = ["household_key", "signal", "observed_on", "received_on", "amount_won"]
    assert live.select(columns).join(newest.select(columns), on=columns, nulls_equal=True).height == live.height


def test_a_bill_that_is_paid_is_no_debt_and_the_window_has_its_edge() -> None:
    card = {"key": 4, "key_kind": "person", "signal": "card", "received_on": date(2026, 10, 10), "delivery": "a"}
    told = [
        card | {"observed_on": date(2026, 9, 30), "months": 0, "amount_won": 70_000},
        card | {"observed_on": date(2026, 7, 31), "months": 2, "amount_won": 50_000},
        card | {"observed_on": date(2025, 12, 31), "months": 1, "amount_won": 30_000},
        card | {"observed_on": date(2025, 11, 30), "months": 1, "amount_won": 20_000},
    ]
    prepared = prepare(towns.known(towns.SETTLED | {"observations": told}), towns.SIGNALS)
    found = history(prepared, pl.Series([0]), months=11)  # January to November
    assert found.select("observed_on", "months", "amount_won").rows() == [
        (date(2026, 7, 31), 2, 50_000),
        (date(2026, 9, 30), 0, None),
    ]
    assert history(prepared, pl.Series([0]), 12)["observed_on"][0] == date(2025, 12, 31)
    assert history(prepared, pl.Series([0]), 13).height == 4


def test_households_nobody_told_of_have_no_history() -> None:
    prepared = prepare(towns.known(towns.SETTLED), towns.SIGNALS)
    assert history(prepared, pl.Series([0, 12345])).is_empty()
    assert history(prepared, pl.Series([], dtype=pl.Int64)).schema == HISTORY


def settled_with(*observations: dict[str, Any], **home: Any) -> pl.DataFrame:
    """Household 0 alone at unit 22, which can be changed; what `covered` says of it."""
    plain = {"key": 99, "received_on": date(2026, 10, 10), "months": 3, "amount_won": 1, "delivery": "a"}
    told = [plain | {"observed_on": date(2026, 9, 30)} | row for row in observations]
    homes = [row | (home if row["household_key"] == 0 else {}) for row in towns.SETTLED["addresses"]]
    known = towns.known(towns.SETTLED | {"observations": told, "addresses": homes})
    prepared = prepare(known, towns.SIGNALS)
    found = covered(prepared, pl.Series([0]))
    assert found.schema == COVERED
    return found


POWER = {"signal": "power", "key_kind": "address"}
GAS = {"signal": "gas", "key_kind": "address"}
CARD = {"signal": "card", "key_kind": "person"}
BENEFIT = {"signal": "benefit", "key_kind": "household", "months": None}


def test_silence_means_something_where_the_agency_would_have_told() -> None:
    found = settled_with(POWER, GAS, CARD, BENEFIT)
    assert found.rows() == [(0, name, date(2026, 9, 30)) for name in ("benefit", "card", "gas", "power")]


@pytest.mark.parametrize(
    ("home", "left"),
    [
        ({"housing": "one_room"}, ["benefit", "card", "power"]),  # that feed knows no one-room homes
        ({"has_unit": False}, ["benefit", "card"]),
        ({"address_key": 21}, ["benefit", "card"]),  # two other households are registered there
        ({"valid_from": date(2026, 10, 15)}, ["benefit", "card"]),  # moved in since
        ({"valid_to": date(2026, 10, 15)}, ["benefit", "card"]),
    ],
)
def test_silence_about_an_address_that_could_not_be_told_of_means_nothing(
    home: dict[str, Any], left: list[str]
) -> None:
    assert settled_with(POWER, GAS, CARD, BENEFIT, **home)["signal"].to_list() == left


def test_a_notice_to_the_building_may_be_theirs() -> None:
    found = settled_with(POWER, CARD, POWER | {"key": 31, "months": 4})
    assert found["signal"].to_list() == ["card"]


def test_a_feed_nobody_told_of_is_not_silent() -> None:
    assert settled_with(CARD, {"signal": "later_arrears", "key_kind": "person"})["signal"].to_list() == ["card"]


def test_the_month_is_that_of_the_feed() -> None:
    found = settled_with(CARD, POWER | {"observed_on": month_end(month_of(date(2026, 7, 1)))})
    assert dict(found.select("signal", "told_until").iter_rows()) == {
        "card": date(2026, 9, 30),
        "power": date(2026, 7, 31),
    }
