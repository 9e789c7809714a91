"""What a night hands out, as bytes: per office a workbook and its CSV twin; per district what was considered."""

from collections.abc import Mapping
from datetime import date
from functools import cache

import polars as pl

from alerts.benefits import BenefitTable, load_benefits
from alerts.considered import summarise
from alerts.considered import write_csv as write_considered
from alerts.queue import Filled
from alerts.sheet import Office, write_csv, write_workbook
from flows.run import ROOT


@cache
def benefit_table() -> BenefitTable:
    return load_benefits((ROOT / "alerts" / "benefits.yaml").read_text(encoding="utf-8"))


def office_files(
    told: pl.DataFrame, people: pl.DataFrame, offices: pl.DataFrame, capacity: Mapping[str, int], as_of: date
) -> dict[str, bytes]:
    """Every office gets a sheet, also an empty one: a missing file would look like a fault.

    Office and day stand in the file's name: the sheets of all offices come back into one inbox.
    """
    files: dict[str, bytes] = {}
    for code, name_ko, district_ko in offices.select("office", "name_ko", "district_ko").iter_rows():
        office = Office(code, name_ko, district_ko, capacity[code])
        mine = told.filter(pl.col("office") == code)
        place = f"{code}/queue_{code}_{as_of:%Y%m%d}"
        files[f"{place}.csv"] = write_csv(mine, people)
        files[f"{place}.xlsx"] = write_workbook(mine, people, office, benefit_table(), as_of)
    return files


def district_files(filled: Filled, offices: pl.DataFrame) -> dict[str, bytes]:
    summary = summarise(filled.considered, offices)
    return {
        f"{_district(part['district'][0])}/considered.csv": write_considered(part)
        for part in summary.partition_by("district", maintain_order=True)
    }


def _district(code: str) -> str:
    return f"district-{code}" if code else "no-office"
