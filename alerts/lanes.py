"""Why a household stands in a queue, and how it is worked. Officers see the word, never the lane's own code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from signals.outcomes import LIVES_ELSEWHERE

LaneCode = Literal["urgent", "risk", "explore", "trace", "partial"]


@dataclass(frozen=True, slots=True)
class Lane:
    code: LaneCode
    label_ko: str
    due_days: int  # until the first contact should have happened; QueueSettings may say otherwise
    rank: int  # order on the sheet


# `explore` is worked, shown, ordered and due like the lane the household would be in if it had been chosen by risk: an
# officer who knew which is which would work them differently. So everything goes by `works_as`, never explore.
LANES: Mapping[str, Lane] = {
    lane.code: lane
    for lane in (
        Lane("urgent", "긴급", due_days=3, rank=0),
        Lane("risk", "일반", due_days=28, rank=1),
        Lane("explore", "일반", due_days=28, rank=1),
        Lane("trace", "주소 확인", due_days=14, rank=2),
        Lane("partial", "부분 수급", due_days=28, rank=3),
    )
}
WORKS_AS: tuple[str, ...] = tuple(code for code in LANES if code != "explore")

ADDRESS_IS_GOOD = "match"
UNREACHED = "unreached"


def works_as_if_chosen() -> pl.Expr:
    """How a household chosen by its score is worked. Wants address_status, relieved, last_outcome of tonight's facts.

    Of past rounds nobody tells how an office tried; a visit comes last, so "unreached" is taken for a visit in vain.
    """
    was_not_found = pl.col("last_outcome").is_in([*LIVES_ELSEWHERE, UNREACHED]).fill_null(False)
    return pl.when(was_not_found).then(pl.lit("trace")).otherwise(works_as_by_register())


def works_as_by_register() -> pl.Expr:
    """Whatever officers found before. Wants address_status and relieved; an address nobody tells of is no good one."""
    return (
        pl.when(pl.col("address_status").fill_null("unknown") != ADDRESS_IS_GOOD)
        .then(pl.lit("trace"))
        .otherwise(works_as_once_found())
    )


def works_as_once_found() -> pl.Expr:
    """Who is here draws a benefit that does not cover the need (those it covers never come so far), or none."""
    draws_some = (pl.col("relieved").list.len() > 0).fill_null(False)
    return pl.when(draws_some).then(pl.lit("partial")).otherwise(pl.lit("risk"))
