"""One district's page for managers: workload, lateness, outcomes, what fell below the cut. No household on it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from alerts.bands import BANDS
from alerts.considered import HIDDEN, NOT_QUEUED
from alerts.lanes import LANES
from alerts.page import render
from alerts.small_cells import Place, kind_of, told_of
from alerts.tables import DECISIONS, take
from alerts.timeline import day_ko
from alerts.workload import ESCALATED, PERIOD_DAYS, RESULTS, WORKED_AS, WORKLOAD
from signals.outcomes import OUTCOMES

TEACHES = ("need", "no_need", "nothing")
SHOWN = ("below_cut", "cooling_down", "already_relieved", "not_scored")
# What came of visits. What officers met is not told in small counts, unlike the work that they share out.
CAME = kind_of(
    tuple(OUTCOMES),
    {
        **{code: (code,) for code in OUTCOMES},
        **{f"_{t}": [o.code for o in OUTCOMES.values() if o.teaches == t] for t in TEACHES},
    },
    total="_",
    cover=("no_need", "unreached", "refused"),
)

Counts = Mapping[str, Mapping[str, int | None]]
Part = tuple[str, float, float]  # class, left edge and width in hundredths of the bar


def write_district_page(
    told: pl.DataFrame,
    workload: pl.DataFrame,
    results: pl.DataFrame,
    escalated: pl.DataFrame,
    district_ko: str,
    as_of: date,
    templates: Mapping[str, str],
) -> bytes:
    """The district's index.html.

    `told`: rows of considered.hide_small; `workload`, `results`, `escalated`: frames of alerts.workload; all of this
    district only. `templates`: the texts of page.TEMPLATES by name.
    """
    load = take(workload, WORKLOAD, "workload").sort("office")
    if load["district"].n_unique() > 1 or told["district"].n_unique() > 1:
        raise ValueError("a page holds one district; split all of it by district first")
    names = dict(load.select("office", "name_ko").iter_rows())
    came = take(results, RESULTS, "results")
    late = take(escalated, ESCALATED, "escalated")
    if strangers := {*came["office"], *late["office"]} - set(names):
        raise ValueError(f"office {min(strangers)} is none of the district's")
    counts = _hidden(came, list(names))
    return render(
        templates,
        "district.html",
        ("page.css", "district.css"),
        "district.js",
        district_ko=district_ko,
        as_of_ko=day_ko(as_of),
        days=PERIOD_DAYS,
        figures=_figures(load, counts, told),
        lanes=[LANES[code].label_ko for code in WORKED_AS],
        load=_load(load),
        escalated=[
            {"alert_id": alert, "name": names[office], "lane": LANES[works_as].label_ko, "days": days}
            for alert, office, works_as, days in late.iter_rows()
        ],
        outcomes=_outcomes(counts),
        by_office=_by_office(counts, names),
        decided=[NOT_QUEUED, *(DECISIONS[code] for code in SHOWN)],
        considered=_considered(told),
        hidden=HIDDEN,
    )


def _hidden(came: pl.DataFrame, offices: Sequence[str]) -> Counts:
    """Of the district ("") and of each office, by name of CAME's measures; None: not told."""
    counts = {(office, code): count for office, code, count in came.select("office", "outcome", "count").iter_rows()}
    leaves: dict[Place, list[int]] = {
        ("", office): [counts.get((office, code), 0) for code in OUTCOMES] for office in offices
    }
    return {place[-1]: told for place, told in told_of(leaves, CAME).items()}


def _figures(load: pl.DataFrame, counts: Counts, told: pl.DataFrame) -> list[tuple[str, str, str]]:
    below = told.filter(pl.col("office").is_null())["below_cut"].to_list()
    return [
        ("열린 알림", f"{load['open'].sum():,}", "건"),
        ("정원", f"{load['capacity'].sum():,}", "건"),
        ("긴급", f"{load['urgent'].sum():,}", "건"),
        ("기한 지남", f"{load['overdue'].sum():,}", "건"),
        (f"{PERIOD_DAYS}일간 어려움 확인", *_with_unit(counts[""]["_need"], "건")),
        ("올리지 못한 가구", *_with_unit(below[0] if below else 0, "가구")),
    ]


def _with_unit(count: int | None, unit: str) -> tuple[str, str]:
    return _cell(count), "" if count is None else unit


def _cell(count: int | None) -> str:
    return HIDDEN if count is None else f"{count:,}"


def _load(load: pl.DataFrame) -> list[dict[str, Any]]:
    most = max([1, *load["open"], *load["capacity"]])
    rows = []
    for row in load.iter_rows(named=True):
        in_time = row["open"] - row["overdue"]
        counts = [row[name] for name in ("open", "capacity", "new", *WORKED_AS, "overdue", "long_overdue", "repeats")]
        rows.append(
            {
                "name": row["name_ko"],
                "parts": _stacked([("ontime", in_time), ("late", row["overdue"])], most),
                "mark": _share(row["capacity"], most),
                "cells": [*counts, row["transferred_in"], _in_time(row)],
            }
        )
    return rows


def _in_time(row: Mapping[str, Any]) -> str:
    due, made = row["due_contacts"], row["contacted_in_time"]
    return f"{round(100 * made / due)}% ({made}/{due})" if due else "–"


def _outcomes(counts: Counts) -> list[dict[str, Any]]:
    """Every code somebody answered, in the order of OUTCOMES."""
    mine = counts[""]
    most, total = max([1, *(mine[code] or 0 for code in OUTCOMES)]), mine["_"]
    return [
        {
            "name": outcome.label_ko,
            "parts": _stacked([(outcome.teaches, mine[code] or 0)], most),
            "cells": [_cell(mine[code]), _percent(mine[code], total)],
        }
        for code, outcome in OUTCOMES.items()
        if mine[code] != 0
    ] * (total != 0)


def _percent(count: int | None, total: int | None) -> str:
    return HIDDEN if count is None or total is None else f"{100 * count / total:.1f}"


def _by_office(counts: Counts, names: Mapping[str, str]) -> list[dict[str, Any]]:
    rows = {office: [counts[office][f"_{teaches}"] for teaches in TEACHES] for office in names}
    most = max([1, *(sum(count or 0 for count in row) for row in rows.values())])
    return [
        {
            "name": names[office],
            "parts": _stacked([(teaches, count or 0) for teaches, count in zip(TEACHES, row, strict=True)], most),
            "cells": [_cell(count) for count in (*row, counts[office]["_"])],
        }
        for office, row in rows.items()
    ]


def _considered(told: pl.DataFrame) -> list[dict[str, Any]]:
    offices = told.drop_nulls("office").sort("office")
    most = max([1, *offices["below_cut"].drop_nulls()])
    return [
        {
            "name": row["name_ko"],
            "parts": _stacked([("below", row["below_cut"] or 0)], most),
            "cells": [_cell(row[name]) for name in ("not_queued", *SHOWN)],
            "cut": BANDS[row["cut_band"]] if row["cut_band"] is not None else "–",
        }
        for row in offices.iter_rows(named=True)
    ]


def _stacked(parts: Sequence[tuple[str, int]], most: int) -> list[Part]:
    found: list[Part] = []
    left = 0.0
    for kind, count in parts:
        width = _share(count, most)
        found.append((kind, round(left, 2), width))
        left += width
    return found


def _share(count: int, most: int) -> float:
    return round(100 * count / most, 2)
