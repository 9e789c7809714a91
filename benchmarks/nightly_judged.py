"""What the benchmark of the night found, brought together: the quickest run of each side and size, and the targets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Told = dict[str, Any]

COUNTRY = 23_500_000
FROM = 1_000_000  # below, what begins and ends a night weighs too much to tell how it grows
NAIVE_AT = 2_000_000


@dataclass(frozen=True)
class Target:
    what: str
    bound: str
    found: str
    is_met: bool | None  # None: not measured

    @property
    def verdict(self) -> str:
        return "not measured" if self.is_met is None else ("yes" if self.is_met else "**no**")


def best(told: Told, side: str) -> dict[int, Told]:
    """By size asked for, ascending."""
    runs: dict[int, list[Told]] = {}
    for night in told["nights"]:
        if night["side"] == side:
            runs.setdefault(night["size"], []).append(night)
    return {size: min(runs[size], key=lambda run: float(run["seconds"])) for size in sorted(runs)}


def exponent(nights: dict[int, Told]) -> float | None:
    """Of seconds over households, from the smallest to the largest size of FROM or more."""
    sizes = [size for size in nights if size >= FROM]
    if len(sizes) < 2:
        return None
    first, last = nights[sizes[0]], nights[sizes[-1]]
    return math.log(last["seconds"] / first["seconds"]) / math.log(last["households"] / first["households"])


def memory_growth(nights: dict[int, Told]) -> float | None:
    """Largest peak over that of the smallest size of FROM or more."""
    peaks = [night["peak_gib"] for size, night in nights.items() if size >= FROM]
    return max(peaks) / peaks[0] if len(peaks) > 1 else None


def targets(told: Told) -> Sequence[Target]:
    ours, floor, naive = (best(told, side) for side in ("ours", "floor", "naive"))
    largest = max(ours, default=0)
    night = ours.get(largest)
    at = f"{largest:,} households" if night else ""
    peak = night["peak_gib"] if night else None
    over = night["seconds"] / floor[largest]["seconds"] if night and largest in floor else None
    there = [size for size in naive if size >= NAIVE_AT and size in ours]
    times = naive[there[0]]["seconds"] / ours[there[0]]["seconds"] if there else None
    steep, flat = exponent(ours), memory_growth(ours)
    return [
        _target(f"peak memory of the night, {at}", "at most 5 GiB", peak, "{:.2f} GiB", 5.0),
        _target(f"time over the floor's, {at}", "at most 1.6", over, "{:.2f}", 1.6),
        _target("the plain way's time over ours, 2 million households", "at least 10", times, "{:.1f}", 10.0, False),
        _target(f"exponent of time over size, {FROM:,} to {largest:,}", "at most 1.05", steep, "{:.3f}", 1.05),
        _target(f"largest peak over the peak at {FROM:,}", "at most 1.25", flat, "{:.2f}", 1.25),
        *_more(told),
        *_intake(told),
    ]


def _more(told: Told) -> list[Target]:
    nights = best(told, "more")
    if not nights:
        return [Target("one more delivery: time over the full night's", "at most 0.25", "", None)]
    found = []
    for size, night in nights.items():
        what = f"one more delivery of 1 %, {size:,} households: "
        share = night["seconds"] / night["full_seconds"]
        found.append(_target(f"{what}time over the full night's", "at most 0.25", share, "{:.2f}", 0.25))
        differ = ", ".join(night["differ"])
        same = Target(f"{what}outcome of a full night", "the same bytes", differ or "the same", not differ)
        found.append(same)
    return found


def _intake(told: Told) -> list[Target]:
    found = []
    for one in told["beside"].get("intake", {}).get("sources", []):
        what = f"intake of {one['gigabytes']} GB of {one['source']}: "
        found.append(_target(f"{what}time over a bare read and write", "at most 4", one["times"], "{:.2f}", 4.0))
        found.append(_target(f"{what}peak memory", "at most 2 GiB", one["peak_gib"], "{:.2f} GiB", 2.0))
    return found


def _target(what: str, bound: str, found: float | None, shown: str, limit: float, is_upper: bool = True) -> Target:
    if found is None:
        return Target(what, bound, "", None)
    return Target(what, bound, shown.format(found), found <= limit if is_upper else found >= limit)
