"""What the queue may be told; flows builds it from config.yaml and the offices file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.lanes import LANES

# Lanes whose due days can be set; explore always follows risk.
DUE_LANES = frozenset(LANES) - {"explore"}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    capacity: int  # open alerts an office can hold at once
    capacity_by_office: Mapping[str, int] = field(default_factory=dict)  # 10-digit office code -> capacity
    explore_share: float = 0.05  # of the free places
    very_high: float = 0.45  # calibrated probability from which the band begins
    high: float = 0.25
    due_days: Mapping[str, int] = field(default_factory=dict)  # lane -> days; others as in LANES
    cool_down_days: int = 120  # two rounds

    def __post_init__(self) -> None:
        if not 0 <= self.explore_share <= 1:
            raise ValueError(f"explore_share must lie between 0 and 1, not {self.explore_share}")
        if not 0 <= self.high < self.very_high <= 1:
            raise ValueError(f"bands must rise: 0 <= high ({self.high}) < very_high ({self.very_high}) <= 1")
        if min(self.capacity, *self.capacity_by_office.values(), self.cool_down_days) < 0:
            raise ValueError("capacity and cool_down_days must not be negative")
        if unknown := set(self.due_days) - DUE_LANES:
            raise ValueError(f"due_days names no such lane: {sorted(unknown)}; lanes are {sorted(DUE_LANES)}")

    def days_until_due(self, lane: str) -> int:
        followed = "risk" if lane == "explore" else lane
        return self.due_days.get(followed, LANES[followed].due_days)
