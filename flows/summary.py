"""What a run tells the person who started it. Counts and places, never a person."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

State = Literal["taken", "refused", "again", "waiting", "future"]


@dataclass(frozen=True, slots=True)
class Taken:
    """One file of the inbox. accepted + set_aside == received, always."""

    file: str
    source: str
    state: State
    received: int = 0
    accepted: int = 0
    set_aside: int = 0
    revision: int = 0
    message: str = ""
    cure: str = ""
    leftover: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    # Of a returned sheet; accepted = answers + unanswered.
    answers: int = 0
    new_answers: int = 0  # not told before in the same words
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class OfficeQueue:
    office: str
    name_ko: str
    capacity: int
    open: int
    new: int
    below_cut: int


@dataclass(frozen=True, slots=True)
class NightSummary:
    as_of: date
    run: str
    model: str
    taken: tuple[Taken, ...]
    households: int
    decisions: dict[str, int]
    not_joined: dict[str, int]
    offices: tuple[OfficeQueue, ...]
    outbox: Path
    replies: Path
    seconds: dict[str, float]
    repaired: tuple[str, ...] = ()  # what a run before had left, and this one finished or took away
    late: tuple[str, ...] = ()  # sources that are late since the night before, by code


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    as_of: date
    run: str
    model: str
    is_deployed: bool
    why: str
    report: Path
    metrics: dict[str, Any]
    rows: int
    positives: int
    taken: tuple[Taken, ...]
    seconds: dict[str, float]
    recipe: tuple[str, ...] = ()  # lines of config.yaml by which later trainings use what a search found
