"""Bounds, and at how many households each is met."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.nightly_judged import best
from benchmarks.scale_costs import ASSUMED, STAGES, Pieces, Told, Units, reads

HOURS = 6.0  # of a night
MAIN_GIB = 16.0
SHARE = 0.5  # of the work on a range that reading pieces may add
ROWS_IN_FILE = 2_000_000  # store.lake


@dataclass(frozen=True)
class Limit:
    what: str
    bound: str
    cure: str
    households: float


def limits(units: Units, pieces: Pieces, told: Told, performance: Told) -> list[Limit]:
    alone = max(sum(units.alone.values()), 1e-9)
    found = [
        Limit(
            "what only the main process does",
            f"{HOURS:.0f} hours",
            "scores written by the ranges themselves, one file each; explanations and queues region by region",
            HOURS * 3600 / alone * 1e6,
        ),
        Limit(
            "alerts in the main process's memory",
            f"{MAIN_GIB:.0f} GiB",
            "alerts handed on by region as the other tables are, not returned",
            MAIN_GIB * 2**30 / units.told_bytes * 1e6,
        ),
        Limit(
            "narrowing of candidates between results",
            f"{HOURS:.0f} hours",
            "narrowed in a tree of workers",
            HOURS * 3600 / max(units.main_seconds["score_range"], 1e-9) * 1e6,
        ),
        Limit(
            "reading and writing pieces on a shared disk: ranges squared",
            f"{SHARE:.0%} on top of the work",
            "larger ranges, or two steps: first groups of ranges, then ranges",
            _until(units, pieces.of_range),
        ),
        Limit(
            "waiting for pieces from object storage: ranges squared",
            f"{SHARE:.0%} on top of the work",
            "many requests at a time in each worker, larger ranges, or two steps",
            _waiting_limit(units),
        ),
        Limit(
            "scheduler handing out ranges",
            f"{HOURS:.0f} hours",
            "several ranges in one task",
            HOURS * 3600 / (ASSUMED["hand_out_seconds"] * _steps()) * units.in_range,
        ),
        Limit(
            "reading the lake's log for every range: files times ranges",
            f"{SHARE:.0%} on top of the work",
            "the list of files read once by the main process and handed on",
            _log_limit(units, told, performance),
        ),
    ]
    return [*found, *_sheets(performance)]


def _steps() -> int:
    return sum(len(names) for names in STAGES.values())


def _work(units: Units) -> float:
    """Seconds of one range, all steps."""
    return sum(units.worker_seconds.values()) * units.in_range / 1e6


def _waiting_limit(units: Units) -> float:
    each = ASSUMED["requests_per_piece"] * ASSUMED["request_seconds"]
    return _until(units, lambda n: reads(n) / n * each)


def _log_limit(units: Units, told: Told, performance: Told) -> float:
    first, last = told["log"][0], told["log"][-1]
    slope = (last["seconds"] - first["seconds"]) / (last["files"] - first["files"])
    country = performance["countries"][str(max(int(size) for size in performance["countries"]))]
    rows = sum(country["tidied"]["rows"].values()) / country["households"]
    return _until(units, lambda n: slope * rows * n * units.in_range / ROWS_IN_FILE)


def _until(units: Units, seconds: Callable[[int], float]) -> float:
    """Households at which a range's extra seconds are SHARE of its work; doubling, then halving."""
    allowed, n = SHARE * _work(units), 1
    while seconds(n) < allowed and n < 2**30:
        n *= 2
    if n >= 2**30:
        return math.inf
    low, high = n // 2, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if seconds(middle) < allowed else (low, middle)
    return high * units.in_range


def _sheets(performance: Told) -> list[Limit]:
    found = []
    for night in best(performance, "sheets").values():
        sheets, million = night["sheets"], night["households"] / 1e6
        each = sheets["seconds"] / sheets["offices"] * night["offices"] / million
        found.append(
            Limit(
                "workbooks, CSVs and pages by one process",
                f"{HOURS:.0f} hours",
                "offices in parts over the workers",
                HOURS * 3600 / each * 1e6,
            )
        )
        saving = sheets["saving_seconds"] / sheets["saved_alerts"] * night["alerts"] / million
        found.append(
            Limit(
                "open alerts into one database (SQLite)",
                f"{HOURS:.0f} hours",
                "PostgreSQL, a database per region",
                HOURS * 3600 / max(saving, 1e-9) * 1e6,
            )
        )
    return found
