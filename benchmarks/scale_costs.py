"""Unit costs of a night, and what a number of households asks of a cluster. Measured: in the JSON of nightly.py and of
scale.py. Assumed: PRICES and ASSUMED, each said as such in docs/scale.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.scale_model import Step

Told = dict[str, Any]

STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "arrange": ("enrol_range", "house_range", "attach_range"),
    "score households": ("score_range",),
    "fill office queues": ("tell_range",),
}
# Of what is handed on between ranges, every range reads a piece of every other range's file.
EXCHANGED: Final = ("roll", "holders", "observations", "notices", "shared")
# How often a night reads each: roll when households are housed and when residences are told; the others when scored
# and when told, holders when observations are attached.
READS: Final[Mapping[str, int]] = {"roll": 2, "holders": 1, "observations": 2, "notices": 2, "shared": 2}

# Assumptions, dollars: list prices of large public clouds, rounded, without discounts.
PRICES: Final[Mapping[str, float]] = {
    "core_hour": 0.05,  # one virtual core with 4 GiB
    "gib_month": 0.023,  # object storage
    "million_reads": 0.40,
    "million_writes": 5.00,
}
ASSUMED: Final[Mapping[str, float]] = {
    "requests_per_piece": 2,  # the file's footer, then the piece
    "request_seconds": 0.02,  # object storage; a worker waits for one after the other
    "hand_out_seconds": 0.002,  # Dask's scheduler, per range
    "fails_every_hours": 200,  # one worker
    "spread": 0.3,  # speeds of machines that are sold as equal
    "nights_per_year": 365,
}


@dataclass(frozen=True)
class Units:
    """Per million households, but for what is said of a range."""

    households: int  # of the night they were measured on
    in_range: float  # households
    steps: Mapping[str, tuple[float, ...]]  # seconds of each range
    alone: Mapping[str, float]  # seconds of the main process, by stage
    worker_seconds: Mapping[str, float]
    main_seconds: Mapping[str, float]  # what the main process did with results while workers went on
    lake_bytes: float
    handed_bytes: Mapping[str, float]
    scores_bytes: float
    told_bytes: float
    alerts: float
    offices: float
    peak_gib: float


def units_of(night: Told, small: Told, country: Told) -> Units:
    """`small`: a night of fewer households; what both take alike (workers started, code looked at) is no unit cost."""
    million = night["households"] / 1e6
    steps = {name: tuple(told["ended"] - told["began"] for told in ranges) for name, ranges in night["steps"].items()}
    return Units(
        households=night["households"],
        in_range=night["households"] / night["parts"],
        steps=steps,
        alone=_growth(alone_of(night), alone_of(small), million - small["households"] / 1e6)
        or {stage: seconds / million for stage, seconds in alone_of(night).items()},
        worker_seconds={name: sum(seconds) / million for name, seconds in steps.items()},
        main_seconds={name: seconds / million for name, seconds in night["main_seconds"].items()},
        lake_bytes=sum(country["tidied"]["bytes"].values()) / million,
        handed_bytes={name: told["bytes"] / million for name, told in night["shuffle"].items()},
        scores_bytes=night["scores_bytes"] / million,
        told_bytes=night["told_bytes"] / million,
        alerts=night["alerts"] / million,
        offices=night["offices"] / million,
        peak_gib=night["peak_gib"],
    )


def _growth(large: Mapping[str, float], small: Mapping[str, float], million: float) -> dict[str, float]:
    """Empty where both are the same night."""
    return {stage: max(large[stage] - small[stage], 0.0) / million for stage in large} if million > 0 else {}


def alone_of(night: Told) -> dict[str, float]:
    """Seconds of each stage in which no range is worked: the main process, and starting the workers."""
    told = {}
    for stage, names in STAGES.items():
        spans = sum(max(one["ended"] for one in night["steps"][name]) for name in names)
        told[stage] = max(night["stages"][stage] - spans, 0.0)
    told["rest"] = night["seconds"] - sum(night["stages"][stage] for stage in STAGES)
    return told


def steps_of(night: Told) -> list[Step]:
    """A measured night as the model has it."""
    alone, steps = alone_of(night), []
    for stage, names in STAGES.items():
        for name in names:
            ranges = sorted(night["steps"][name], key=lambda told: int(told["part"]))
            seconds = tuple(told["ended"] - told["began"] for told in ranges)
            steps.append(Step(name, seconds, alone[stage] if name == names[-1] else 0.0))
    return [*steps, Step("rest", (), alone["rest"])]


def steps_for(units: Units, households: float, in_range: float, pieces: "Pieces") -> list[Step]:
    """A night of any size: measured ranges again and again, stretched to `in_range` households; each reads a piece of
    every range's files and writes one for it."""
    count, stretch = ranges_of(households, in_range), in_range / units.in_range
    extra = pieces.of_range(count) / sum(len(names) for names in STAGES.values())
    steps = []
    for stage, names in STAGES.items():
        for name in names:
            measured = units.steps[name]
            seconds = tuple(measured[n % len(measured)] * stretch + extra for n in range(count))
            alone = units.alone[stage] * households / 1e6 if name == names[-1] else 0.0
            steps.append(Step(name, seconds, alone))
    return [*steps, Step("rest", (), units.alone["rest"] * households / 1e6)]


def ranges_of(households: float, in_range: float) -> int:
    return max(1, -(-int(households) // int(in_range)))


@dataclass(frozen=True)
class Pieces:
    """Seconds for one piece of a shuffle file: to open the file and read it, and to write it. As measured, neither
    hangs on how many others the file has."""

    read: float
    write: float

    def of_range(self, count: int) -> float:
        """All that one of `count` ranges reads and writes in a night."""
        return count * (sum(READS.values()) * self.read + len(EXCHANGED) * self.write)


def pieces_of(measured: Sequence[Told]) -> Pieces:
    first, last = measured[0], measured[-1]
    write = (last["write_seconds"] - first["write_seconds"]) / (last["pieces"] - first["pieces"])
    return Pieces(max(told["read_seconds"] for told in measured), max(write, 0.0))


def reads(count: int) -> int:
    """Pieces of other ranges' files that one night reads."""
    return sum(READS.values()) * count * count


def nightly_cost(units: Units, households: float, in_range: float, core_hours: float) -> dict[str, float]:
    """Dollars of one night, and of keeping what it keeps for a month."""
    count, million = ranges_of(households, in_range), households / 1e6
    requests = reads(count) * ASSUMED["requests_per_piece"]
    return {
        "cores": core_hours * PRICES["core_hour"],
        "reads": requests / 1e6 * PRICES["million_reads"],
        "writes": len(units.handed_bytes) * count / 1e6 * PRICES["million_writes"],
        "lake_month": units.lake_bytes * million / 2**30 * PRICES["gib_month"],
        "scores_month": units.scores_bytes * million * 30 / 2**30 * PRICES["gib_month"],
    }
