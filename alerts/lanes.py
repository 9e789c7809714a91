"""Why a household stands in a queue. Officers see the word, never the lane's own code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LaneCode = Literal["urgent", "risk", "explore", "trace", "partial"]


@dataclass(frozen=True, slots=True)
class Lane:
    code: LaneCode
    label_ko: str
    due_days: int  # until the first contact should have happened; QueueSettings may say otherwise
    rank: int  # order on the sheet


# `explore` looks like `risk` in every respect: an officer who knew which is which would work them differently.
# `trace` and `partial` are part of the vocabulary already; nothing fills them yet.
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
