"""The targets of `make fuzz` themselves: good files pass, a fault is not swallowed, and damage of every kind is met."""

import random

import pytest

from tests.security import fuzz_targets
from tests.security.fuzz_targets import TARGETS, seeds
from tests.signals.test_rules import split


@pytest.mark.parametrize("target", TARGETS)
def test_good_files_and_damaged_ones_pass(target: str) -> None:
    draw = random.Random(target)
    for seed in seeds(target):
        TARGETS[target](seed)
        damaged = bytearray(seed)
        for _ in range(3):
            damaged[draw.randrange(len(seed))] = draw.randrange(256)
            TARGETS[target](bytes(damaged))
    for raw in (b"", b"\x00", b"\xff\xfe", b"PK\x03\x04"):
        TARGETS[target](raw)


def test_a_lost_row_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def loses(source: str, raw: bytes) -> object:
        told = split(source, raw)
        object.__setattr__(told, "accepted", told.accepted[1:])
        return told

    monkeypatch.setattr(fuzz_targets, "split", loses)
    for target in ("observations", "residents", "addresses", "contacts"):
        with pytest.raises(AssertionError):
            TARGETS[target](seeds(target)[0])
