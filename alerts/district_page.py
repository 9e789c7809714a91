"""One district's page for managers: workload, lateness, outcomes, what fell below the cut. No household on it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from alerts.bands import BANDS
from alerts.considered import COUNTED
from alerts.lanes import LANES
from alerts.page import render
from alerts.tables import DECISIONS, take
from alerts.timeline import day_ko
from alerts.workload import ESCALATED, PERIOD_DAYS, RESULTS, WORKED_AS, WORKLOAD
from signals.outcomes import OUTCOMES

TEACHES = ("need", "no_need", "nothing")
NOT_QUEUED = ("below_cut", "cooling_down", "already_relieved", "not_scored")

Part = tuple[str, float, float]  # class, left edge and width in hundredths of the bar


def write_district_page(
    summary: pl.DataFrame,
    workload: pl.DataFrame,
    results: pl.DataFrame,
    escalated: pl.DataFrame,
    district_ko: str,
    as_of: date,
    templates: Mapping[str, str],
) -> bytes:
    """The district's index.html.

    `summary`: rows of considered.summarise; `workload`, `results`, `escalated`: frames of alerts.workload; all of this
    district only. `templates`: the texts of page.TEMPLATES by name.
    """
    load = take(workload, WORKLOAD, "workload").sort("office")
    if load["district"].n_unique() > 1 or summary["district"].n_unique() > 1:
        raise ValueError("a page holds one district; split workload and summary by district first")
    names = dict(load.select("office", "name_ko").iter_rows())
    came = take(results, RESULTS, "results")
    late = take(escalated, ESCALATED, "escalated")
    if strangers := {*came["office"], *late["office"]} - set(names):
        raise ValueError(f"office {min(strangers)} is none of the district's")
    return render(
        templates,
        "district.html",
        ("page.css", "district.css"),
        "district.js",
        district_ko=district_ko,
        as_of_ko=day_ko(as_of),
        days=PERIOD_DAYS,
        figures=_figures(load, came, summary),
        lanes=[LANES[code].label_ko for code in WORKED_AS],
        load=_load(load),
        escalated=[
            {"alert_id": alert, "name": names[office], "lane": LANES[works_as].label_ko, "days": days}
            for alert, office, works_as, days in late.iter_rows()
        ],
        outcomes=_outcomes(came),
        by_office=_by_office(came, names),
        decided=["검토 가구", *(DECISIONS[code] for code in NOT_QUEUED)],
        considered=_considered(summary),
    )


def _figures(load: pl.DataFrame, came: pl.DataFrame, summary: pl.DataFrame) -> list[tuple[str, int | str, str]]:
    need = came.filter(pl.col("teaches") == "need")["count"].sum()
    return [
        ("열린 알림", f"{load['open'].sum():,}", "건"),
        ("정원", f"{load['capacity'].sum():,}", "건"),
        ("긴급", f"{load['urgent'].sum():,}", "건"),
        ("기한 지남", f"{load['overdue'].sum():,}", "건"),
        (f"{PERIOD_DAYS}일간 어려움 확인", f"{need:,}", "건"),
        ("올리지 못한 가구", f"{summary['below_cut'].sum():,}", "가구"),
    ]


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


def _outcomes(came: pl.DataFrame) -> list[dict[str, Any]]:
    """Every code somebody answered, in the order of OUTCOMES."""
    counts = dict(came.group_by("outcome").agg(pl.col("count").sum()).iter_rows())
    total, most = sum(counts.values()), max(counts.values(), default=1)
    return [
        {
            "name": outcome.label_ko,
            "parts": _stacked([(outcome.teaches, counts[code])], most),
            "cells": [counts[code], f"{100 * counts[code] / total:.1f}"],
        }
        for code, outcome in OUTCOMES.items()
        if code in counts
    ]


def _by_office(came: pl.DataFrame, names: Mapping[str, str]) -> list[dict[str, Any]]:
    told = came.group_by("office", "teaches").agg(pl.col("count").sum())
    counts = {(office, teaches): count for office, teaches, count in told.iter_rows()}
    rows = {office: [counts.get((office, teaches), 0) for teaches in TEACHES] for office in names}
    most = max([1, *(sum(row) for row in rows.values())])
    return [
        {
            "name": names[office],
            "parts": _stacked(list(zip(TEACHES, row, strict=True)), most),
            "cells": row,
        }
        for office, row in rows.items()
    ]


def _considered(summary: pl.DataFrame) -> list[dict[str, Any]]:
    most = max([1, *summary["below_cut"]])
    return [
        {
            "name": row["name_ko"],
            "parts": _stacked([("below", row["below_cut"])], most),
            "cells": [f"{row['considered']:,}", *(f"{_counted(row, code):,}" for code in NOT_QUEUED)],
            "cut": BANDS[row["cut_band"]] if row["cut_band"] is not None else "–",
        }
        for row in summary.sort("office").iter_rows(named=True)
    ]


def _counted(row: Mapping[str, Any], shown: str) -> int:
    return sum(row[code] for code in COUNTED[DECISIONS[shown]])


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
