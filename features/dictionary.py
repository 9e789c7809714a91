"""What every feature means, for the person who reads a matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Final, assert_never

from features.across import ACROSS
from features.catalogue import Feature, feature_list
from features.contacts import CONTACTS
from features.household import HOUSEHOLD
from features.shapes import AMOUNT, ARREARS, BILLS, EVENT, STATUS
from signals.agencies import AGENCIES
from signals.signal import Signal

# By the shape's first word. What is not here would stand in the dictionary without a unit: that is an error.
_UNITS: Final[Mapping[str, str]] = {
    "months": "months", "owed": "won", "billed": "won", "level": "won", "change": "won", "min": "won", "max": "won",
    "overdue": "months", "streak": "months", "days": "days", "newest": "days", "longest": "months", "resolved": "0/1",
    "clear": "share", "count": "times", "on": "0/1", "ended": "0/1", "live": "count", "new": "count",
    "escalation": "months", "points": "points", "members": "persons", "head": "years", "oldest": "years",
    "youngest": "years", "lives": "0/1", "has": "0/1", "one": "0/1", "housing": "rank", "moves": "times",
    "address": "0/1", "benefits": "count", "selections": "times", "reached": "times", "unreached": "times",
    "last": "0/1", "ambiguous": "count",
}  # fmt: skip
_SHAPES: Final = {s.name: s for s in (*ARREARS, *BILLS, *EVENT, *AMOUNT, *STATUS, *ACROSS, *HOUSEHOLD, *CONTACTS)}
_DIRECTIONS: Final = {1: "up", -1: "down", 0: "free"}


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    name_ko: str
    unit: str
    meaning: str
    direction: str  # what more of it can do to a score: up, down, free
    nothing: str  # its value when covered, and nobody told anything
    missing: str  # what NaN says
    source: str  # the agency's Korean name, or whose count it is


def dictionary(signals: Mapping[str, Signal]) -> tuple[Entry, ...]:
    """One entry per column of the matrix, in its order."""
    return tuple(_entry(feature, signals.get(feature.group)) for feature in feature_list(signals))


def _entry(feature: Feature, signal: Signal | None) -> Entry:
    shape = feature.name.partition("__")[2]
    return Entry(
        feature.name, feature.label_ko, _UNITS[shape.partition("_")[0]], feature.description,
        _DIRECTIONS[feature.monotone], "unknown" if isnan(feature.empty) else f"{feature.empty:g}",
        _missing_of_group(feature.group) if signal is None else _missing(signal, shape),
        feature.group if signal is None else AGENCIES[signal.agency].name_ko,
    )  # fmt: skip


def _missing(signal: Signal, shape: str) -> str:
    told = [f"before the feed's first file (exists from {signal.available_from})"]
    if signal.covers_housing is not None:
        told.append(f"housing other than {', '.join(sorted(signal.covers_housing))}")
    if lag := _SHAPES[shape].lag:
        told.append(f"while the feed has told of {lag} months or fewer")
    match signal.kind:
        case "amount":
            told.append("no level told within the horizon")
        case "arrears" | "event" | "status":
            pass
        case other:
            assert_never(other)
    return "; ".join(told)


def _missing_of_group(group: str) -> str:
    return "the registers do not tell" if group == "household" else "never"


def write_dictionary(signals: Mapping[str, Signal]) -> str:
    """Markdown: a section per signal or group."""
    lines = [
        "# Features",
        "",
        "Every column of a matrix (`blindspot matrix`), written by `blindspot features`. Do not edit: a test compares.",
        "",
        "- **direction**: what more of it can do to a score; `up` and `down` are held by the trees, `free` is not.",
        "- **nothing told**: the value of a covered household of which nobody told anything. NaN is another thing: see",
        "  the line NaN of each section. A zero is knowledge, NaN is its absence.",
    ]
    group = ""
    for entry in dictionary(signals):
        name = (
            entry.name.partition("__")[0] if entry.source not in ("across", "household", "contacts") else entry.source
        )
        if name != group:
            group = name
            lines += _head(entry, group, signals.get(group))
        cells = (f"`{entry.name}`", entry.name_ko.rpartition(": ")[2], entry.unit, entry.meaning, entry.direction)
        lines.append(f"| {' | '.join((*cells, entry.nothing))} |")
    return "\n".join(lines) + "\n"


def _head(entry: Entry, group: str, signal: Signal | None) -> list[str]:
    titles = {"across": "여러 위기정보를 함께", "household": "가구", "contacts": "이전 발굴·상담"}
    title = f"{group} · {titles[group]}" if signal is None else f"{signal.name} · {signal.name_ko}"
    told = [] if signal is None else [f"{entry.source}, {signal.kind} per {signal.key_kind}.", ""]
    return [
        "", f"## {title}", "", *told, f"NaN: {entry.missing}.", "",
        "| column | 이름 | unit | meaning | direction | nothing told |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
