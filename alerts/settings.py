"""What the queue may be told; flows builds it from config.yaml and the offices file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.criteria import Criterion
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
    need_rest_days: int = 240  # four rounds after need was found: what was granted runs, somebody knows the household
    urgent_for_days: int = 60  # what has been known for longer joins by its risk
    reports_share: float = 0.0  # of the capacity, kept free for what citizens and neighbours report
    escalate_after_days: int = 14  # overdue by more: the district is told
    repeat_from: int = 3  # selections without anybody spoken to, from which a household is a repeat
    trace_from: int = 3  # tries that reached nobody, from which the household must be found first
    criteria: tuple[Criterion, ...] = ()  # in the order they choose

    def __post_init__(self) -> None:
        for share in ("explore_share", "reports_share"):
            if not 0 <= getattr(self, share) <= 1:
                raise ValueError(f"{share} must lie between 0 and 1, not {getattr(self, share)}")
        if not 0 <= self.high < self.very_high <= 1:
            raise ValueError(f"bands must rise: 0 <= high ({self.high}) < very_high ({self.very_high}) <= 1")
        days = (self.cool_down_days, self.need_rest_days, self.escalate_after_days)
        if min(self.capacity, *self.capacity_by_office.values(), *days) < 0:
            raise ValueError("capacities, cool_down_days, need_rest_days and escalate_after_days must not be negative")
        if min(self.repeat_from, self.trace_from, self.urgent_for_days) < 1:
            raise ValueError("repeat_from, trace_from and urgent_for_days count from 1")
        if unknown := set(self.due_days) - DUE_LANES:
            raise ValueError(f"due_days names no such lane: {sorted(unknown)}; lanes are {sorted(DUE_LANES)}")

        self._check_criteria()

    def _check_criteria(self) -> None:
        names = [criterion.name_ko for criterion in self.criteria]
        if len(set(names)) < len(names):
            raise ValueError(f"two criteria share a name: {sorted(names)}")
        for office in {office for criterion in self.criteria for office in criterion.offices}:
            given = sum(criterion.share for criterion in self.criteria if office in criterion.offices)
            if given + self.explore_share > 1 + 1e-9:
                share = f"{given:.0%}, and explore {self.explore_share:.0%}"
                raise ValueError(f"criteria of office {office} take {share} of its free places: more than all")

    def days_until_due(self, lane: str) -> int:
        followed = "risk" if lane == "explore" else lane
        return self.due_days.get(followed, LANES[followed].due_days)
