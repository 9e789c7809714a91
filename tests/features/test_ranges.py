"""A country worked range by range is the same country: whole persons, then whole households, then whole keys."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from features import Prepared, build, prepare
from features.attach import Keyed, attach
from features.feeds import read_feeds
from features.known import Known, address_spells, resident_spells
from features.links import enrol, house, shared_addresses
from features.prepared import Gathered, calendar, gather, within_horizon
from features.ranges import bounds, cuts, within
from tests.features import towns
from tests.features.test_properties import Rows

KEYS = st.integers(-(2**63), 2**63 - 1)


@settings(deadline=None)
@given(st.integers(1, 300), st.lists(KEYS, min_size=1))
def test_every_key_lies_in_one_range(parts: int, keys: list[int]) -> None:
    ordered = pl.Series("key", sorted([*keys, -(2**63), 2**63 - 1]), dtype=pl.Int64)
    at = cuts(ordered, parts)
    assert at[0] == 0
    assert at[-1] == len(ordered)
    assert bounds(0, parts)[0] == -(2**63)
    assert bounds(parts - 1, parts)[1] == 2**63 - 1
    for part in range(parts):
        mine = ordered[int(at[part]) : int(at[part + 1])]
        assert_frame_equal(ordered.to_frame().filter(within("key", part, parts)), mine.to_frame())
        assert part == parts - 1 or bounds(part, parts)[1] + 1 == bounds(part + 1, parts)[0]


def test_ranges_are_of_one_size() -> None:
    sizes = [last - first + 1 for first, last in (bounds(part, 94) for part in range(94))]
    assert max(sizes) - min(sizes) <= 1


def test_ranges_side_by_side_hold_what_each_holds() -> None:
    for first, stop in ((0, 7), (0, 1), (2, 5), (6, 7)):
        assert bounds(range(first, stop), 7) == (bounds(first, 7)[0], bounds(stop - 1, 7)[1])


@pytest.mark.parametrize("part", [(1, 1), (-1, 2), (0, 0), (range(2, 2), 3), (range(1, 4), 3), (range(-1, 2), 3)])
def test_a_range_that_does_not_exist_is_refused(part: tuple[int | range, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        bounds(*part)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(towns.towns(), st.integers(2, 4))
def test_ranges_make_the_whole(rows: Rows, parts: int) -> None:
    known = towns.known(rows)
    whole = prepare(known, towns.SIGNALS)
    pieces = by_ranges(known, parts)
    assert sum((Counter(piece.counts) for piece in pieces), Counter()) == Counter(whole.counts)
    built, expected = [build(piece) for piece in pieces], build(whole)
    for name in ("features", "facts", "evidence"):
        together = pl.concat([getattr(piece, name) for piece in built]).sort("household_key", maintain_order=True)
        assert_frame_equal(together, getattr(expected, name), check_exact=True)


def by_ranges(known: Known, parts: int) -> list[Prepared]:
    """As the night does it, every range here all households with the same remainder: towns have few, small keys."""
    day, signals = known.as_of, tuple(towns.SIGNALS.values())

    def of(frame: pl.DataFrame, key: str, part: int) -> pl.DataFrame:
        return frame.filter(pl.col(key) % parts == part)

    feeds = read_feeds(calendar(known.observations.lazy(), signals, day), signals, day)
    ranges = range(parts)
    enrolled = [enrol(resident_spells(of(known.residents, "person_key", p), day), day) for p in ranges]
    roll = pl.concat([e.roll for e in enrolled])
    housed = [
        house(of(roll, "household_key", p), address_spells(of(known.addresses, "household_key", p), day), day)
        for p in ranges
    ]
    holders = pl.concat([h.holders for h in housed])
    told = [within_horizon(of(known.observations, "key", p), signals, feeds, day) for p in ranges]
    keyed = [
        Keyed(
            enrolled[p].persons,
            of(holders, "key", p),
            housed[p].households["household_key"],
            housed[p].known_households,
        )
        for p in ranges
    ]
    attached = [attach(told[p][0], keyed[p]) for p in ranges]
    observations, notices = pl.concat([a.observations for a in attached]), pl.concat([a.notices for a in attached])
    shared = pl.concat([shared_addresses(k.holders) for k in keyed])
    return [
        gather(
            Gathered(
                housed[p].households,
                of(observations, "household_key", p),
                of(notices, "household_key", p),
                of(shared, "household_key", p),
                of(known.contacts, "household_key", p),
            ),
            signals,
            feeds,
            enrolled[p].counts | housed[p].counts | told[p][1] | attached[p].counts,
            day,
        )
        for p in ranges
    ]


def test_only_what_is_wanted_is_built() -> None:
    prepared = prepare(towns.known(towns.SETTLED), towns.SIGNALS)
    whole = build(prepared)
    wanted = {name for name in whole.features.columns[1:] if hash(name) % 3}
    some = build(prepared, wanted=wanted)
    assert set(some.features.columns) == wanted | {"household_key"}
    assert_frame_equal(some.features, whole.features.select(some.features.columns), check_exact=True)
    assert np.array_equal(some.evidence.to_numpy(), whole.evidence.to_numpy())
