"""A country under somebody else's hand: same shocks whoever is visited, support that eases, and nothing known early."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from signals.delivery import read_name
from signals.intake import split_observations
from signals.signal import KeyKind
from signals.tables import ADDRESSES, CONTACTS, OBSERVATIONS, RESIDENTS
from synthetic import Country, CountrySettings, FlawRates, Living, begin, make_country
from synthetic.calendar import to_date
from synthetic.officers import PUBLIC

PERFECT = FlawRates(late=0, twice=0, corrected=0, broken=0, extra_column=0, bad_rows=0)
END = date(2027, 4, 30)
SETTINGS = CountrySettings(households=1_200, seed=3, months=14, rounds=4, steered_months=6, end=END, flaws=PERFECT)
LONG_AGO = date(1990, 1, 1)


@pytest.fixture(scope="module")
def begun() -> Living:
    return begin(SETTINGS)


@pytest.fixture(scope="module")
def alone(begun: Living) -> Living:
    """Nobody is ever visited."""
    living = copy.deepcopy(begun)
    living.live_until(END)
    return living


@pytest.fixture(scope="module")
def helped(begun: Living) -> tuple[Living, np.ndarray]:
    """Every third household is visited every month; who was granted support in the first one."""
    living = copy.deepcopy(begun)
    third = np.arange(0, living.households, 3)
    granted = np.zeros(living.households, dtype=bool)
    for number, day in enumerate(_months()):
        living.live_until(day)
        told = living.visit(third, day)
        if number == 0:
            granted[third] = told["outcome"].is_in(PUBLIC).to_numpy()
    return living, granted


def _months() -> Iterator[date]:
    yield from (date(2026, 11, 2), date(2026, 12, 7), date(2027, 1, 4), date(2027, 2, 1), date(2027, 3, 1))
    yield date(2027, 4, 5)


def test_who_is_visited_changes_nothing_for_anybody_else(alone: Living, helped: tuple[Living, np.ndarray]) -> None:
    other, _ = helped
    unseen = np.arange(alone.households) % 3 != 0
    ours, theirs = np.array(alone.world.record.hardship), np.array(other.world.record.hardship)
    assert np.array_equal(ours[:, unseen], theirs[:, unseen])
    assert not np.array_equal(ours, theirs)
    for source, frames in alone.world.record.observations.items():
        told, again = (
            pl.concat(all_frames).filter(pl.col("household") % 3 != 0)
            for all_frames in (frames, other.world.record.observations[source])
        )
        assert told.equals(again), source


def test_an_answer_hangs_on_nobody_else(begun: Living) -> None:
    day = date(2026, 11, 2)
    many, few = copy.deepcopy(begun), copy.deepcopy(begun)
    many.live_until(day)
    few.live_until(day)
    everybody, some = np.arange(many.households), np.array([7, 11, 900])
    assert many.look(everybody, day)[some].equals(few.visit(some, day))
    # A second try in the same month is another one.
    first, second = many.visit(everybody, day)["outcome"], many.visit(everybody, day)["outcome"]
    assert 0.2 < (first != second).mean() < 0.8  # type: ignore[operator]


def test_support_eases(alone: Living, helped: tuple[Living, np.ndarray]) -> None:
    other, granted = helped
    assert granted.sum() > 10
    first = alone.month(date(2026, 11, 2))
    before, after = (np.array(x.world.record.hardship)[:, granted].mean(axis=1) for x in (alone, other))
    assert np.array_equal(before[: first + 1], after[: first + 1])
    assert (after[first + 2 :] < before[first + 2 :] - 0.1).all()


def test_a_visit_is_of_the_month_that_is_lived_and_of_each_household_once(begun: Living) -> None:
    living = copy.deepcopy(begun)
    living.live_until(date(2026, 11, 2))
    with pytest.raises(ValueError, match="month that is being lived"):
        living.visit(np.array([1]), date(2026, 12, 7))
    with pytest.raises(ValueError, match="twice"):
        living.visit(np.array([1, 1]), date(2026, 11, 2))
    with pytest.raises(ValueError, match="steered_months"):
        begin(replace(SETTINGS, steered_months=0))


def test_what_was_sent_is_what_the_files_say(alone: Living) -> None:
    """The same country as files, taken in as in production."""
    country = make_country(SETTINGS)
    rows = alone.observations_sent(LONG_AGO, END)
    assert rows.schema == OBSERVATIONS
    read = _taken_in(country)
    same = ["signal", "observed_on", "received_on", "months", "amount_won"]
    # make_country lives the steered months without a visit: the very same shocks.
    counted = rows.group_by(same).len().sort(same)
    assert counted.equals(read.group_by(same).len().sort(same))
    assert rows.height > 20_000


def _taken_in(country: Country) -> pl.DataFrame:
    frames = []
    for name, raw in country.files():
        told = read_name(name)
        if told.source in country.world.agencies:
            good = split_observations(raw, country.world.agencies[told.source], told).accepted
            frames.append(
                good.with_columns(received_on=pl.lit(told.sent_on)).select(
                    "signal",
                    "observed_on",
                    "received_on",
                    pl.col("months").cast(pl.Int16),
                    pl.col("amount_won").cast(pl.Int64),
                )
            )
    return pl.concat(frames)


def test_nothing_is_received_after_the_day_and_nothing_is_lost_between_two(alone: Living) -> None:
    # A day on which something is sent: it belongs to one of the two.
    day = to_date(alone.world.planned[len(alone.world.planned) // 2].sent)
    early, late = alone.observations_sent(LONG_AGO, day), alone.observations_sent(day, END)
    assert early["received_on"].max() <= day < late["received_on"].min()  # type: ignore[operator]
    assert early.height + late.height == alone.observations_sent(LONG_AGO, END).height
    for frame, schema in (
        (alone.residents_sent(day), RESIDENTS),
        (alone.addresses_sent(day), ADDRESSES),
        (alone.contacts_sent(day), CONTACTS),
    ):
        assert frame.schema == schema
        assert frame["received_on"].max() <= day  # type: ignore[operator]
        assert frame.height


def test_nothing_of_a_month_is_known_before_it_ends(begun: Living) -> None:
    """A month is lived as a whole on its first day: its files must come later."""
    first = begun.world.first + begun.world.lived
    sent = [to_date(d.sent) for d in begun.world.planned if d.base >= first]
    assert min(sent) > date(2026, 11, 30)


KINDS: tuple[KeyKind, ...] = ("person", "address", "household")


@pytest.mark.parametrize("kind", KINDS)
def test_most_keys_are_in_the_registers(alone: Living, kind: KeyKind) -> None:
    keys = alone.observations_sent(LONG_AGO, END).filter(key_kind=kind)["key"]
    residents, addresses = alone.residents_sent(END), alone.addresses_sent(END)
    known = {
        "person": residents["person_key"],
        "address": pl.concat([addresses["address_key"], addresses["building_key"]]),
        "household": residents["household_key"],
    }[kind]
    assert keys.is_in(known.unique().implode()).mean() > 0.95  # type: ignore[operator]
