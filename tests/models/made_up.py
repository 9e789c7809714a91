"""A made-up country in small: enough to learn from, known by heart."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from models.train import TrainSettings

OFFICES = ("1111051500", "1111053000", "1111054000")
CAPACITY = {OFFICES[0]: 10, OFFICES[1]: 20, OFFICES[2]: 5}
ROUNDS = tuple(date(2025, 1, 15) + timedelta(days=60 * i) for i in range(6))
QUICK = TrainSettings(trees=40, min_positives=20)


@dataclass(frozen=True)
class Fact:
    name: str
    group: str
    monotone: int
    label_ko: str = "위기정보"


FEATURES = (
    Fact("power_arrears__months_now", "power_arrears", 1),
    Fact("power_arrears__owed_now", "power_arrears", 1),
    Fact("gas_cut__count_180d", "gas_cut", 1),
    Fact("wage_arrears__on_now", "wage_arrears", 1),
    Fact("premium__level_now", "premium", -1),
    Fact("across__live_kinds", "across", 1),
    Fact("across__points", "across", 1),
    Fact("across__longest_months", "across", 0),
    Fact("household__head_age", "household", 0),
    Fact("contacts__selections", "contacts", 0),
)


def draw_rows(rows: int, seed: int, rounds: int = len(ROUNDS)) -> pl.DataFrame:
    """Need follows months of power arrears, wage arrears and a low premium; the rest is noise."""
    rng = np.random.default_rng(seed)
    months = rng.poisson(1.2, rows).astype(np.float32)
    wage = (rng.random(rows) < 0.2).astype(np.float32)
    premium = rng.gamma(2.0, 50_000, rows).astype(np.float32)
    chance = 1 / (1 + np.exp(-(-2.2 + 0.6 * months + 1.5 * wage - premium / 100_000)))
    gas = rng.poisson(0.2, rows).astype(np.float32)
    gas[rng.random(rows) < 0.4] = np.nan
    places, late = rng.integers(0, rounds, rows), rng.integers(5, 50, rows)
    return pl.DataFrame(
        {
            "household_key": rng.permutation(rows).astype(np.int64) * 7_919 - 3_000_000,
            "selected_on": [ROUNDS[i] for i in places],
            "received_on": [ROUNDS[i] + timedelta(days=int(late[n])) for n, i in enumerate(places)],
            "office": [OFFICES[i] for i in rng.integers(0, len(OFFICES), rows)],
            "label": (rng.random(rows) < chance).astype(np.int8),
            "power_arrears__months_now": months,
            "power_arrears__owed_now": (months * rng.gamma(4.0, 30_000, rows)).astype(np.float32),
            "gas_cut__count_180d": gas,
            "wage_arrears__on_now": wage,
            "premium__level_now": premium,
            "across__live_kinds": ((months > 0) + wage).astype(np.float32),
            "across__points": 2 * ((months > 0) + wage).astype(np.float32),
            "across__longest_months": rng.integers(0, 700, rows).astype(np.float32),
            "household__head_age": rng.integers(20, 95, rows).astype(np.float32),
            "contacts__selections": rng.poisson(0.5, rows).astype(np.float32),
        }
    )  # fmt: skip
