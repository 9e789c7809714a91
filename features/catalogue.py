"""Every feature that a table of signals gives, in the order of the matrix's columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from features.across import ACROSS
from features.contacts import CONTACTS
from features.household import HOUSEHOLD
from features.shapes import Shape, Sign, shapes_of
from signals.signal import Signal


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    group: str  # the signal, or across | household | contacts: what explanations are summed by
    monotone: Sign  # 1: more of it can only raise the score
    label_ko: str
    description: str
    empty: float  # its value when covered and nothing was told


def feature_list(signals: Mapping[str, Signal]) -> tuple[Feature, ...]:
    return _feature_list(tuple(signals.values()))


@cache
def _feature_list(signals: tuple[Signal, ...]) -> tuple[Feature, ...]:
    of_signals = [_of_signal(signal, shape) for signal in signals for shape in shapes_of(signal)]
    groups = {"across": ACROSS, "household": HOUSEHOLD, "contacts": CONTACTS}
    of_groups = [_of_group(group, shape) for group, shapes in groups.items() for shape in shapes]
    return (*of_signals, *of_groups)


def _of_signal(signal: Signal, shape: Shape) -> Feature:
    sign: dict[int, Sign] = {-1: -1, 0: 0, 1: 1}
    name, label = f"{signal.name}__{shape.name}", f"{signal.name_ko}: {shape.label_ko}"
    return Feature(name, signal.name, sign[shape.sign * signal.direction], label, shape.description, shape.empty)


def _of_group(group: str, shape: Shape) -> Feature:
    # A name that already says what it is about keeps it.
    name = shape.name if "__" in shape.name else f"{group}__{shape.name}"
    return Feature(name, group, shape.sign, shape.label_ko, shape.description, shape.empty)
