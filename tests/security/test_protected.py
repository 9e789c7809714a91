"""The seventh digit of a resident number tells sex, and who is a foreigner. Nothing that is scored knows it."""

import re
import shutil
from datetime import date
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from flows.desk import open_desk
from flows.inbox import take_in
from flows.matrix import households_on
from tests.flows import letters

NIGHT = date(2026, 11, 2)
# Born in the same century: men and women, citizens and foreigners.
OTHERS = {"sex": str.maketrans("12345678", "21436587"), "citizenship": str.maketrans("12345678", "56781234")}
_NUMBER = re.compile(rb"(?<![0-9])([0-9]{6}-?)([1-8])(?=[0-9]{6}(?![0-9]))")


def features(folder: Path, keys: Path, other: dict[int, int]) -> pl.DataFrame:
    config = letters.write_work(folder)
    inbox = folder / "work" / "inbox"
    rows = [letters.nhis_row(person.replace("-", ""), months=str(5 + n)) for n, person in enumerate(letters.PEOPLE)]
    (inbox / letters.NHIS).write_bytes(letters.nhis(*rows))
    changed = 0
    for file in inbox.iterdir():
        told, count = _NUMBER.subn(
            lambda found: found[1] + found[2].decode().translate(other).encode(), file.read_bytes()
        )
        file.write_bytes(told)
        changed += count
    assert changed == 2 * len(letters.PEOPLE)
    if keys.exists():
        shutil.copytree(keys, folder / "work" / "keys")
    with open_desk(config, folder / "work") as desk:
        take_in(desk, NIGHT)
        return households_on(desk, NIGHT).sort("household_key")


def test_nothing_that_is_scored_knows_sex_or_citizenship(tmp_path: Path) -> None:
    keys = tmp_path / "told" / "work" / "keys"
    told = features(tmp_path / "told", keys, {})
    assert told.height == len(letters.PEOPLE)
    for name, other in OTHERS.items():
        assert_frame_equal(features(tmp_path / name, keys, other), told)
