"""A country sifted share by share, of which only those are kept who could be given a place, has the same queues."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from alerts.considered import TALLY, tally
from alerts.criteria import Criterion
from alerts.draw import draw_salt
from alerts.queue import Sifted, choose, count, fill_queues, narrow, open_queue, rivals_of
from alerts.settings import QueueSettings
from alerts.sift import sift
from tests.alerts.drawn import AS_OF, scores
from tests.alerts.towns import OFFICES, Home, tables, towns

NONE = pl.DataFrame(schema=TALLY)
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
    whole = of(town)
    filled = fill_queues(*whole, settings_, AS_OF, np.random.default_rng(seed))

    rng = np.random.default_rng(seed)
    salt = draw_salt(rng)
    sifted: list[Sifted] = []
    for share in range(shares):
        decided = sift(*of([home for home in town if home.key % shares == share]), settings_, AS_OF, salt)
        # Every other share is told who stands before it.
        rivals = rivals_of(sifted[0]) if share % 2 else None
        sifted = [narrow([*sifted, narrow([Sifted(decided, NONE)], settings_, rivals)], settings_)]
    kept = sifted[0].kept
    bound = len(LISTED) * capacity * (5 + len(criteria))
    assert kept.filter(pl.col("decision").is_null()).height <= bound
    chosen = choose(sifted[0], settings_, rng)
    alerts = open_queue(chosen, whole[1], whole[2], whole[3], whole[4], settings_, AS_OF)
    assert_frame_equal(alerts, filled.alerts)
    counted = count(chosen, alerts, sifted[0].others).group_by(pl.exclude("households")).agg(pl.col("households").sum())
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
    homes = [
        Home(
            key=key,
            office=str(rng.choice(sorted(LISTED))),
            probability=float(rng.choice([0.05, 0.2, 0.3, 0.6])),
            relieved=(),
            evidence=(
                {"signal": str(rng.choice(["power_arrears", "rent_arrears"])), "months": int(rng.integers(1, 9))},
            ),
            is_open=bool(rng.random() < 0.01),
            members=int(rng.integers(1, 3)),
            contacts=(),
        )
        for key in range(120)
    ]
    capacity, shares = int(rng.integers(1, 7)), int(rng.integers(1, 5))
    criteria = ((), (POWER,), (POWER, MANY))[seed % 3]
    same_queues(homes, shares, capacity, float(rng.choice([0.1, 0.3])), criteria, seed)
