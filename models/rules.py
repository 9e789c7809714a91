"""What an office could do without a model. Every model is judged beside these, on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from models.columns import Column

Numbers = npt.NDArray[np.float64]

COUNT: Final = "across__live_kinds"
POINTS: Final = "across__points"
OLDEST: Final = "across__longest_months"
NOT_SIGNALS: Final = frozenset({"across", "household", "contacts"})
# What an officer sees of one signal alone, per kind: arrears, event, status, amount.
ONE_SIGNAL: Final = ("months_now", "overdue_12m", "count_180d", "count_730d", "on_now", "level_now")


@dataclass(frozen=True)
class Rule:
    code: str
    name_ko: str
    column: str
    sign: int = 1  # 1: higher first


GENERAL: Final = (
    Rule("count", "위기정보 종류가 많은 순", COUNT),
    Rule("points", "기존 방식: 위기정보 점수 합이 높은 순", POINTS),
    Rule("first_come", "오래된 위기정보부터(선착순)", OLDEST),
)


def single_rules(columns: Sequence[Column], labels_ko: Mapping[str, str]) -> tuple[Rule, ...]:
    """Sort by one signal and nothing else."""
    return tuple(
        Rule(column.name, f"{labels_ko[column.name]} 하나만 보는 순", column.name, -1 if column.monotone < 0 else 1)
        for column in columns
        if column.group not in NOT_SIGNALS and column.name.rpartition("__")[2] in ONE_SIGNAL
    )


def order_of(rule: Rule, rows: pl.DataFrame) -> Numbers:
    """Higher first. What nobody told of counts as nothing there: an officer reading a list does the same."""
    values = rows.get_column(rule.column).cast(pl.Float64).fill_nan(None).fill_null(0.0)
    return values.to_numpy() * rule.sign
