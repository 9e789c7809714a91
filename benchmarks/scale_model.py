"""Many workers of unlike speed at one night's ranges, event by event: who is free takes the next range, every step
waits for its last one, and what a failing worker had in hand is begun again by another.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Step:
    """`ranges`: seconds each takes at speed 1. `alone`: seconds of the main process when all of them are done."""

    name: str
    ranges: tuple[float, ...]
    alone: float = 0.0


@dataclass(frozen=True)
class Cluster:
    """`speeds`: one a worker. `hand_out`: seconds of the scheduler for each range, one after the other."""

    speeds: tuple[float, ...]
    hand_out: float = 0.0
    fails_every: float = float("inf")  # seconds of one worker, on average
    away: float = 60.0  # seconds until a worker that failed is back


@dataclass
class Lived:
    seconds: float
    busy: float  # share of the workers' time that went into ranges that were finished
    begun_again: int
    steps: dict[str, float] = field(default_factory=dict)


def live(steps: Sequence[Step], cluster: Cluster, seed: int = 1) -> Lived:
    rng = np.random.default_rng(seed)
    now, worked, again = 0.0, 0.0, 0
    lived = Lived(0.0, 0.0, 0)
    # Failures strike at times of their own, whatever is in hand.
    failing = [float(rng.exponential(cluster.fails_every)) for _ in cluster.speeds]
    free_at = [0.0] * len(cluster.speeds)
    for step in steps:
        began = now
        now, done, more = _live_step(step, cluster, now, free_at, failing, rng)
        worked, again = worked + done, again + more
        now += step.alone
        lived.steps[step.name] = now - began
    lived.seconds, lived.begun_again = now, again
    lived.busy = worked / (now * len(cluster.speeds)) if now else 0.0
    return lived


def _live_step(
    step: Step, cluster: Cluster, now: float, free_at: list[float], failing: list[float], rng: np.random.Generator
) -> tuple[float, float, int]:
    """When its last range is finished, seconds worked on finished ranges, ranges begun again."""
    waiting = deque(step.ranges)
    free = [(max(now, at), worker) for worker, at in enumerate(free_at)]
    heapq.heapify(free)
    scheduler, last, worked, again = now, now, 0.0, 0
    # Ranges lost come back when the failure is seen; a free worker waits for them only if nothing else is left.
    lost: list[tuple[float, float]] = []
    while waiting or lost:
        at, worker = heapq.heappop(free)
        if not waiting or (lost and lost[0][0] <= at):
            seen, size = heapq.heappop(lost)
            at = max(at, seen)
        else:
            size = waiting.popleft()
        scheduler = max(scheduler, at) + cluster.hand_out
        while failing[worker] + cluster.away < scheduler:  # failed with nothing in hand, and came back
            failing[worker] += cluster.away + float(rng.exponential(cluster.fails_every))
        ends = scheduler + size / cluster.speeds[worker]
        if failing[worker] < ends:
            struck = max(failing[worker], scheduler)
            heapq.heappush(lost, (struck, size))
            back, again = struck + cluster.away, again + 1
            failing[worker] = back + float(rng.exponential(cluster.fails_every))
        else:
            back, last, worked = ends, max(last, ends), worked + size / cluster.speeds[worker]
        free_at[worker] = back
        heapq.heappush(free, (back, worker))
    return last, worked, again


def unlike(workers: int, spread: float, seed: int = 1) -> tuple[float, ...]:
    """Speeds drawn around 1, by a factor of 1 + `spread` up or down (log-normal)."""
    drawn = np.random.default_rng(seed).lognormal(0.0, np.log1p(spread), workers)
    return tuple(float(speed) for speed in drawn)
