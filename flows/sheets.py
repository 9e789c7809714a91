"""What a night hands out, as bytes: a workbook, its CSV twin and a page per office; a page and counts per district."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

import polars as pl

from alerts.benefits import BenefitTable, load_benefits
from alerts.considered import UNASSIGNED, hide_small, summarise
from alerts.considered import write_csv as write_considered
from alerts.district_page import write_district_page
from alerts.page import SELECTIONS, TEMPLATES, write_office_page
from alerts.sheet import Office, write_csv, write_workbook
from alerts.workload import escalated, results, workload
from alerts.workload_csv import write_csv as write_workload
from flows.descriptors import with_descriptor
from flows.run import ROOT
from flows.workers import open_here

# A process is ready after two seconds; an office takes a twelfth of one.
OFFICES_WORTH_PROCESSES: Final = 100


@dataclass(frozen=True, slots=True)
class Handout:
    """One night's queues with all that is told beside them."""

    as_of: date
    told: pl.DataFrame  # alerts with reasons, what lowered the score, and benefits
    tally: pl.DataFrame  # alerts.considered.TALLY
    offices: pl.DataFrame
    capacity: Mapping[str, int]
    history: pl.DataFrame  # features.history of the households in a queue
    contacts: pl.DataFrame  # signals.tables.CONTACTS, one row per selection
    cases: pl.DataFrame  # store.cases


@cache
def benefit_table() -> BenefitTable:
    return load_benefits((ROOT / "alerts" / "benefits.yaml").read_text(encoding="utf-8"))


@cache
def _templates() -> Mapping[str, str]:
    return {name: (ROOT / "alerts" / "pages" / name).read_text(encoding="utf-8") for name in TEMPLATES}


@dataclass(frozen=True, slots=True)
class OfficeHandout:
    """What one office is told."""

    office: Office
    as_of: date
    told: pl.DataFrame
    people: pl.DataFrame
    history: pl.DataFrame
    selections: pl.DataFrame


def office_files(hand: Handout, people: pl.DataFrame, processes: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes. Every office gets a sheet, also an empty one: a missing file would look like a fault."""
    told, named, history, contacts = (
        _by_office(frame, hand.told) for frame in (hand.told, people, hand.history, hand.contacts)
    )
    handouts = [
        OfficeHandout(
            Office(code, name_ko, district_ko, hand.capacity[code]), hand.as_of,
            told(code), named(code), history(code), contacts(code).select(SELECTIONS.names()),
        )
        for code, name_ko, district_ko in hand.offices.select("office", "name_ko", "district_ko").iter_rows()
    ]  # fmt: skip
    with open_here(processes if len(handouts) >= OFFICES_WORTH_PROCESSES else 1) as workers:
        for written in workers.map_all(write_office, handouts, "Writing sheets"):
            yield from written.items()


def write_office(hand: OfficeHandout) -> dict[str, bytes]:
    """Office and day stand in the file's name: the sheets of all offices come back into one inbox."""
    office, as_of = hand.office, hand.as_of
    place = f"{office.code}/queue_{office.code}_{as_of:%Y%m%d}"
    sheets = {
        f"{place}.csv": write_csv(hand.told, hand.people),
        f"{place}.xlsx": write_workbook(hand.told, hand.people, office, benefit_table(), as_of),
    }
    page = write_office_page(hand.told, hand.people, hand.history, hand.selections, office, as_of, _templates())
    return with_descriptor(
        sheets | {f"{office.code}/index.html": page}, f"{office.district_ko} {office.name_ko}", as_of
    )


def _by_office(frame: pl.DataFrame, told: pl.DataFrame) -> Callable[[str], pl.DataFrame]:
    """Rows of the households an office is told of. Parted once: thousands of offices would each look through all."""
    whose = told.select("household_key", alert_of="office")
    parted = frame.join(whose, on="household_key", how="inner", maintain_order="left")
    of = parted.partition_by("alert_of", as_dict=True, include_key=False)
    return lambda office: of.get((office,), frame.clear())


def district_files(hand: Handout) -> dict[str, bytes]:
    """Counts of all that was considered; for districts we know also the managers' page."""
    counted = hide_small(summarise(hand.tally, hand.offices))
    folders = {
        _folder(part["district"][0]): {"considered.csv": write_considered(part)}
        for part in counted.partition_by("district", maintain_order=True)
    }
    listed = hand.cases.join(hand.offices, on="office", how="semi")
    load = workload(hand.told, hand.offices, hand.capacity, listed, hand.as_of)
    came, late = results(listed, hand.as_of), escalated(hand.told)
    names: dict[str, str] = {}
    for (code, name_ko), offices in hand.offices.group_by("district", "district_ko", maintain_order=True):
        mine = load.filter(pl.col("district") == code)
        page = write_district_page(
            counted.filter(pl.col("district") == code),
            mine,
            came.join(offices, on="office", how="semi"),
            late.join(offices, on="office", how="semi"),
            str(name_ko),
            hand.as_of,
            _templates(),
        )
        folders[_folder(str(code))] |= {"workload.csv": write_workload(mine), "index.html": page}
        names[_folder(str(code))] = str(name_ko)
    files: dict[str, bytes] = {}
    for folder, told in folders.items():
        whole = {f"{folder}/{name}": data for name, data in told.items()}
        files |= with_descriptor(whole, names.get(folder, UNASSIGNED), hand.as_of)
    return files


def _folder(district: str) -> str:
    return f"district-{district}" if district else "no-office"
