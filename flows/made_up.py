"""A made-up country's files into the inbox, its offices beside it, its truth where only tests and benchmarks look."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from flows.errors import OperatorError
from flows.offices import OFFICES
from flows.settings import Demo, Settings
from store.files import make_folder, write_whole
from synthetic import Country, CountrySettings, make_country


@dataclass(frozen=True, slots=True)
class MadeUp:
    households: int
    people: int
    files: int
    bytes: int
    end: date
    inbox: Path
    truth: Path
    flaws: dict[str, int]


def fill_inbox(settings: Settings, wanted: Demo) -> MadeUp:
    """Refuses to mix two countries in one work folder: their households would share numbers."""
    if settings.offices.exists():
        cure = "use another --work folder, or remove this one"
        raise OperatorError("inbox", f"{settings.work} already holds a country", cure)
    country = make_country(
        CountrySettings(households=wanted.households, months=wanted.months, end=wanted.end, seed=wanted.seed)
    )
    count, size = write_files(country, make_folder(settings.work / "inbox"))
    truth = make_folder(settings.work / "truth")
    country.truth.write_parquet(truth / "truth.parquet")
    write_whole(settings.offices, offices_csv(country.offices))
    told = country.flaws.group_by("flaw").len().sort("flaw")
    return MadeUp(
        len(country.numbers), country.identities.height, count, size, wanted.end, settings.work / "inbox", truth,
        dict(told.iter_rows()),
    )  # fmt: skip


def offices_csv(offices: pl.DataFrame) -> bytes:
    named = offices.rename({"code": "office", "district_code": "district"})
    return ("\ufeff" + named.select(OFFICES.names()).write_csv()).encode()


def write_files(country: Country, inbox: Path) -> tuple[int, int]:
    count = size = 0
    for name, data in country.files():
        # Not write_whole: six hundred fsyncs for files that can be made again.
        (inbox / name).write_bytes(data)
        count, size = count + 1, size + len(data)
    return count, size
