"""Each source as the board tells it: fresh or late, what its newest file brought, and whether that is as usual."""

from datetime import date
from typing import Any, Final

import numpy as np
import polars as pl

from alerts.small_cells import is_small
from flows.desk import Desk
from models.drift import ARRIVAL_FACTOR, FEWEST_ARRIVALS
from signals.calendar import SOURCES, standings
from signals.rules import RULES
from store import ledger, overview

USUAL: Final = 12  # files before the newest one, whose median is the usual number of lines
FEWEST_FILES: Final = 3
TOLD_RULES: Final = 3


def sources_on(desk: Desk, as_of: date) -> list[dict[str, Any]]:
    """Every source of the catalogue, by code."""
    taken = overview.taken(desk.engine, sorted(SOURCES), as_of)
    files = {str(code): part for (code,), part in taken.group_by("source", maintain_order=True)}
    broken = overview.rules_broken(desk.engine, [part["id"][-1] for part in files.values()])
    months = {code: part["base_month"].to_list() for code, part in files.items()}
    required = desk.settings.night.required_sources
    told = []
    for standing in standings(months, as_of):
        code, source = standing.source, SOURCES[standing.source]
        mine = files.get(code, taken.clear())
        told.append(
            {
                "code": code,
                "name_ko": source.name_ko,
                "contact_ko": source.contact_ko,
                "is_required": source.is_required if required is None else code in required,
                "state": standing.state,
                "newest": f"{standing.newest:%Y-%m}" if standing.newest else None,
                "awaited": f"{standing.awaited.base_month:%Y-%m}",
                "due_on": standing.awaited.due_on.isoformat(),
                "late_after": standing.awaited.late_after.isoformat(),
                "gaps": [f"{month:%Y-%m}" for month in standing.gaps],
                **_lines(mine),
                "why": _why(broken, mine),
            }
        )
    return told


def _lines(files: pl.DataFrame) -> dict[str, Any]:
    """Of the newest file. Lines set aside are faults of form and stand as they are; ten people's lines do not."""
    if files.is_empty():
        return dict.fromkeys(("received_on", "received", "accepted", "set_aside", "usual", "factor", "is_unusual"))
    newest = files.row(-1, named=True)
    counts = {name: newest[name] for name in ("received", "accepted", "set_aside")}
    hidden = counts.keys() if is_small(newest["received"]) else {"accepted", "set_aside"}
    if is_small(newest["accepted"]):
        counts |= dict.fromkeys(hidden)
    before = files["accepted"].head(files.height - 1).tail(USUAL)
    usual = float(np.median(before)) if before.len() >= FEWEST_FILES else 0.0
    is_told = usual > 0 and not is_small(newest["accepted"]) and not is_small(round(usual))
    factor = newest["accepted"] / usual if is_told else None
    enough = max(newest["accepted"], usual) >= FEWEST_ARRIVALS
    return {
        "received_on": newest["received_on"].isoformat(),
        **counts,
        "usual": round(usual) if is_told else None,
        "factor": None if factor is None else round(factor, 2),
        "is_unusual": factor is not None and enough and not 1 / ARRIVAL_FACTOR <= factor <= ARRIVAL_FACTOR,
    }


def _why(broken: dict[str, list[str]], files: pl.DataFrame) -> list[str]:
    rules = broken.get(files["id"][-1], []) if files.height else []
    return [RULES[rule].what_ko for rule in rules[:TOLD_RULES] if rule in RULES]


def refused_files(desk: Desk, as_of: date) -> list[dict[str, Any]]:
    """Since the night before: how many files, of whom, why. A file's name may be a person's: none is told."""
    told = overview.files_since(desk.engine, ledger.night_before(desk.engine, as_of), as_of)
    named = {code: source.name_ko for code, source in SOURCES.items()} | {"sheets": "읍면동 회신", "": "알 수 없음"}
    return [
        {"source": source, "name_ko": named.get(source, source), "reason": reason, "files": files}
        for source, state, reason, files in told
        if state == "refused"
    ]
