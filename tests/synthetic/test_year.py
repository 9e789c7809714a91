"""The year's benchmark on a small country: hours are never exceeded, nobody is found twice, the measures add up."""

import copy
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from benchmarks.year import first_night, our_year, rule_year
from benchmarks.year_data import FIRST_NIGHT, begin_country
from benchmarks.year_explore import _wilson
from benchmarks.year_measures import Year, by_group, by_office, restricted_mean, summary, survival
from benchmarks.year_officers import LONGEST, MINUTES, MINUTES_A_WEEK, Hours
from benchmarks.year_rules import mixed
from signals.outcomes import OUTCOMES

WEEKS = 10  # two rounds of data

# shap imports matplotlib, which warns of itself.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


@pytest.fixture(scope="module")
def years() -> dict[str, Year]:
    country = begin_country(2_000, seed=4)
    first = first_night(country, 1.0)
    told: dict[str, Year] = {}
    for policy in ("with_own", "incumbent", "first_come"):
        living = copy.deepcopy(country)
        hours = Hours(living.offices["officers"].to_numpy())
        if policy == "with_own":
            told[policy], _ = our_year(living, first, policy, WEEKS, hours)
        else:
            told[policy] = rule_year(living, policy, WEEKS, hours)
    return told


@pytest.mark.parametrize("policy", ["with_own", "incumbent", "first_come"])
def test_no_office_works_more_than_its_hours(years: dict[str, Year], policy: str) -> None:
    worked, officers = years[policy].worked, years[policy].hours.officers
    weeks = ((worked["night"] - FIRST_NIGHT).dt.total_days() // 7).to_numpy()
    spent = np.zeros((WEEKS, len(officers)), dtype=np.int64)
    np.add.at(spent, (weeks, worked["office"].to_numpy()), worked["minutes"].to_numpy())
    given = np.outer(np.arange(1, WEEKS + 1), officers * MINUTES_A_WEEK)
    assert (spent.cumsum(axis=0) <= given).all()
    # Nor is much of it left lying about.
    assert (given[-1] - spent.sum(axis=0)).sum() < 0.25 * given[-1].sum()


def test_all_have_the_same_hours_and_nobody_is_worked_twice_a_week(years: dict[str, Year]) -> None:
    assert len({tuple(year.hours.given) for year in years.values()}) == 1
    for year in years.values():
        assert not year.worked.select("household", "night").is_duplicated().any()
        again = replace(year, worked=pl.concat([year.worked, year.worked]))
        assert again.found().height == year.found().height > 0
        assert summary(again)["newly_found"] == summary(year)["newly_found"]


def test_the_measures_add_up(years: dict[str, Year]) -> None:
    for year in years.values():
        told, offices = summary(year), by_office(year)
        assert told["found"] == offices["found"].sum() <= told["contacts"] == year.contacts().height
        assert told["newly_found"] <= told["contacts"]
        assert (offices["reached"] <= offices["needing"]).all()
        groups = by_group(year).drop("group").group_by("kind").sum()
        assert set(groups["found"]) == {told["found"]}
        assert set(groups["contacts"]) == {told["contacts"]}


def test_every_outcome_costs_something() -> None:
    assert MINUTES.keys() == OUTCOMES.keys()
    assert max(MINUTES.values()) < LONGEST


def test_waiting_times_by_hand() -> None:
    # Two contacted after 10 and 20 days, one lost after 15: 1, 3/4 ... by hand 1 * 2/3, then 0.
    spans = pl.DataFrame({"days": [10, 15, 20], "is_event": [True, False, True]})
    assert survival(spans, 9) == 1
    assert survival(spans, 10) == pytest.approx(2 / 3)
    assert survival(spans, 20) == 0
    assert restricted_mean(spans) == pytest.approx(10 + 10 * 2 / 3)


def test_interval_of_equal_draws_is_wilsons() -> None:
    share, low, high, n = _wilson(np.array([True] * 3 + [False] * 7), np.ones(10))
    assert (share, n) == (0.3, 10)
    assert [low, high] == pytest.approx([0.1078, 0.6032], abs=1e-4)
    assert _wilson(np.array([True, False]), np.array([3.0, 1.0]))[0] == 0.75


def test_two_lists_in_one_take_turns() -> None:
    listed = pl.DataFrame({"household": [1, 2, 3, 4], "office": [0] * 4, "place": [1.0, 2.0, 3.0, 4.0]})
    own = pl.DataFrame({"household": [9, 2], "office": [0, 0], "place": [1.0, 2.0]})
    assert mixed(listed, own, 0.25)["household"].to_list() == [1, 2, 3, 9, 4]
