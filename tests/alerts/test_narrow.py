"""A country sifted share by share, of which only those are kept who could be given a place, has the same queues."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from alerts.considered import tally
from alerts.criteria import Criterion
from alerts.draw import bars, draw_salt, likeliest_and_luckiest, within_bars
from alerts.queue import (
    COUNTED,
    Sifted,
    bars_of,
    choose,
    count,
    fill_queues,
    narrow,
    open_queue,
    sift_anew,
    standing,
    tally_sifted,
)
from alerts.settings import QueueSettings
from alerts.sift import sift
from tests.alerts.drawn import AS_OF, scores
from tests.alerts.towns import OFFICES, Home, tables, towns

LISTED = frozenset(office for office in OFFICES if office)
POWER = Criterion(name_ko="단전", offices=LISTED, share=0.4, any_signal=("power_arrears", "power_cut"))
MANY = Criterion(name_ko="여럿이 사는 집", offices=frozenset({"1111051500"}), share=0.3, lives_alone=False)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(towns(), min_size=1, max_size=3),
    st.integers(1, 4),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.sampled_from([(), (POWER,), (POWER, MANY)]),
    st.integers(0, 5),
)
def test_shares_make_the_same_queues(
    several: list[list[Home]], shares: int, capacity: int, explore: float, criteria: tuple[Criterion, ...], seed: int
) -> None:
    same_queues(renumbered(several), shares, capacity, explore, criteria, seed)


def same_queues(
    town: list[Home], shares: int, capacity: int, explore: float, criteria: tuple[Criterion, ...], seed: int
) -> None:
    settings_ = QueueSettings(
        capacity=capacity, capacity_by_office=dict.fromkeys(LISTED, capacity), explore_share=explore, criteria=criteria
    )
    salt = draw_salt(np.random.default_rng(seed))
    sifted: list[Sifted] = []
    for share in range(shares):
        decided = sift(*of([home for home in town if home.key % shares == share]), settings_, AS_OF, salt)
        # Every other share is told who stands before it.
        lines = bars_of(sifted[0].kept, settings_) if share % 2 else None
        mine = narrow([Sifted(decided, tally_sifted(decided))], settings_, lines)
        sifted = [narrow([*sifted, mine], settings_)]
    kept = sifted[0].kept
    bound = len(LISTED) * capacity * (5 + len(criteria))
    assert kept.filter(pl.col("decision").is_null()).height <= bound
    same_outcome(sifted[0], town, settings_, seed)


def same_outcome(sifted: Sifted, town: list[Home], settings_: QueueSettings, seed: int) -> None:
    whole = of(town)
    filled = fill_queues(*whole, settings_, AS_OF, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    draw_salt(rng)
    chosen = choose(sifted, settings_, rng)
    alerts = open_queue(chosen, whole[1], whole[2], whole[3], whole[4], settings_, AS_OF)
    assert_frame_equal(alerts, filled.alerts)
    counted = count(chosen, alerts, sifted).group_by(pl.exclude("households")).agg(pl.col("households").sum())
    assert in_order(counted).equals(in_order(tally(filled.considered)))


def of(town: list[Home]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    probabilities, *others = tables(town)
    facts, evidence, opened, contacts = others
    return scores(probabilities), facts, evidence, opened, contacts


def renumbered(several: Sequence[list[Home]]) -> list[Home]:
    homes = [home for town in several for home in town]
    return [replace(home, key=key) for key, home in enumerate(homes)]


def in_order(counted: pl.DataFrame) -> pl.DataFrame:
    told = counted.select(pl.all().cast(pl.String).fill_null("-"))
    return told.sort(told.columns)


@pytest.mark.parametrize("seed", range(25))
def test_where_most_wait_in_vain(seed: int) -> None:
    """Sixty wait for each office's one to six places: hardly anybody is kept, and the draw goes deep."""
    rng = np.random.default_rng(seed)
    homes = [waiting(key, rng, alike=seed % 2 == 0) for key in range(120)]
    capacity, shares = int(rng.integers(1, 7)), int(rng.integers(1, 5))
    criteria = ((), (POWER,), (POWER, MANY))[seed % 3]
    same_queues(homes, shares, capacity, float(rng.choice([0.1, 0.3])), criteria, seed)


def waiting(key: int, rng: np.random.Generator, *, alike: bool = False) -> Home:
    signal = "power_arrears" if rng.random() < 0.1 else "rent_arrears"
    return Home(
        key=key,
        office=str(rng.choice(sorted(LISTED))),
        probability=float(rng.choice([0.05, 0.2, 0.3, 0.6]) if alike else rng.random()),
        relieved=(),
        evidence=({"signal": signal, "months": int(rng.integers(1, 9))},),
        is_open=bool(rng.random() < 0.01),
        members=int(rng.integers(1, 3)),
        contacts=(),
    )


@pytest.mark.parametrize("seed", range(25))
def test_nobody_who_could_be_given_a_place_lies_beyond_all_bars(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = pl.DataFrame(
        {
            "household_key": range(60),
            "office": rng.choice(["a", "b", "c"], 60),
            "probability": rng.choice([0.1, 0.2, 0.3], 60) if seed % 2 else rng.random(60),
            "points": rng.integers(0, 3, 60),
            "lot": pl.Series(rng.permutation(60), dtype=pl.UInt64),
            "criteria": [["단전"] if rng.random() < 0.2 else [] for _ in range(60)],
        },
        schema_overrides={"criteria": pl.List(pl.String)},
    )
    capacity = pl.DataFrame({"office": ["a", "b"], "capacity": [int(rng.integers(0, 4)), 4]})
    others, mine = people[:40], people[40:]
    can = likeliest_and_luckiest(people, capacity, ["단전"])
    found = within_bars(mine, bars(others, capacity, ["단전"]), ["단전"])
    assert set(mine.filter(can[40:])["household_key"]) <= set(found["household_key"])


@pytest.mark.parametrize("seed", range(25))
def test_who_changed_makes_room_for_those_who_waited_in_vain(seed: int) -> None:
    """Half the country is another, or hears that somebody died, has no warning left or joins at once: of the others,
    who were not kept before, some are chosen now."""
    rng = np.random.default_rng(seed)
    then = [waiting(key, rng) for key in range(120)]
    now = [another(home, rng) if rng.random() < 0.5 else home for home in then]
    criteria = ((), (POWER,), (POWER, MANY))[seed % 3]
    places = int(rng.integers(4, 12))
    settings_ = QueueSettings(
        capacity=places, capacity_by_office=dict.fromkeys(LISTED, places), explore_share=0.3, criteria=criteria
    )
    changed = pl.Series([new.key for old, new in zip(then, now, strict=True) if new is not old], dtype=pl.Int64)
    salt = draw_salt(np.random.default_rng(seed))
    was = sift(*of(then), settings_, AS_OF, salt)
    before = narrow([Sifted(was, tally_sifted(was))], settings_)

    stands, lines = standing(before, changed, settings_)
    news = [stands]
    for share in range(2):
        mine = pl.col("household_key") % 2 == share
        decided = sift(*of([h for h in now if h.key % 2 == share and h.key in changed]), settings_, AS_OF, salt)
        counted = was.filter(mine & pl.col("household_key").is_in(changed.implode())).select(COUNTED)
        waited = was.filter(mine & pl.col("decision").is_null())
        news.append(sift_anew(decided, counted, [waited[:20], waited[20:]], lines, settings_))
    same_outcome(narrow(news, settings_), now, settings_, seed)


def another(home: Home, rng: np.random.Generator) -> Home:
    match rng.choice(4, p=[0.3, 0.4, 0.05, 0.25]):
        case 0:
            return waiting(home.key, rng)
        case 1:
            return replace(home, evidence=())
        case 2:
            return replace(home, evidence=({"signal": "power_cut", "months": 0, "received_on": AS_OF},))
        case _:
            died = {"alert": "C-1", "outcome": "died", "contacted_on": AS_OF}
            return replace(home, members=1, contacts=(died,))
