"""What the board tells of one night: counts by place, small ones hidden; sources, model and trends as handed in.

The same figures stand in board.json and on the page, which is drawn from nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal

import polars as pl

from alerts.small_cells import Place, kind_of, summed, told_of
from alerts.tables import take
from alerts.workload import CASES, PERIOD_DAYS
from signals.outcomes import OUTCOMES

FORMAT: Final = "blindspot-board-1"
State = Literal["done", "refused", "failed"]

PLACES = pl.Schema(
    {
        "office": pl.String(),
        "district": pl.String(),
        "district_ko": pl.String(),
        "region_ko": pl.String(),
        "capacity": pl.Int64(),
    }
)
OPEN = pl.Schema({"office": pl.String(), "due_on": pl.Date()})  # one row per open alert

WORK = kind_of(("in_time", "overdue"), {"overdue": ("overdue",)}, total="open", cover=("in_time",))
PERIOD = kind_of(
    ("unreached", "met", "found"),
    {"reached": ("met", "found"), "found": ("found",)},
    total="opened",
    cover=("unreached",),
)
# Those who were tried in vain are few nearly everywhere: told for the country alone, or nothing else could be told.
TRIED = kind_of(
    ("waiting", "tried", "met", "found"),
    {"contacted": ("tried", "met", "found"), "reached": ("met", "found"), "found": ("found",)},
    total="opened",
    cover=("waiting", "tried"),
)
SHARES: Final[Mapping[str, tuple[str, str]]] = {
    "load": ("open", "capacity"),
    "overdue_share": ("overdue", "open"),
    "contacted_share": ("contacted", "opened"),
    "reached_share": ("reached", "opened"),
    "found_share": ("found", "reached"),
}
# Households are told in hundreds: what lies between two nights, or between the country and its districts, is then
# nobody's household.
HUNDRED: Final = 100
_ASLEEP = ("removed", "stopped", "no_office", "no_signal")
_STEPS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "observed": ("자료에서 본 가구", ()),
    "with_signals": ("위기정보가 있는 가구", _ASLEEP),
    "scored": ("점수를 낸 가구", (*_ASLEEP, "not_scored")),
    "considered": ("선정 대상 가구", (*_ASLEEP, "not_scored", "already_relieved", "cooling_down")),
}
_CASES: Final[Mapping[str, str]] = {
    "opened": "첫 연락 기한이 된 알림",
    "contacted": "연락하거나 찾아간 알림",
    "reached": "만나서 이야기한 알림",
    "found": "어려움을 확인한 알림",
}


_OF_NIGHTS: Final = ("open", "capacity", "overdue", *_CASES, *SHARES)


@dataclass(frozen=True, slots=True)
class Refusal:
    kind: str
    exit_code: int
    meaning_ko: str
    cure_ko: str
    what: str
    cure: str


@dataclass(frozen=True, slots=True)
class Night:
    as_of: date
    state: State
    run: str  # "": refused before it had one
    queues_of: date | None  # the day whose queues the offices hold
    refusal: Refusal | None
    decisions: Mapping[str, int] | None  # households by alerts.tables.DECISIONS; None: nobody was scored
    stages: Sequence[tuple[str, float]]


def tell_board(
    night: Night,
    places: pl.DataFrame,
    opened: pl.DataFrame,
    cases: pl.DataFrame,
    before: Sequence[Mapping[str, Any]],
    **beside: Any,
) -> dict[str, Any]:
    """`places`: PLACES; `opened`: OPEN; `cases`: workload.CASES; `before`: what the boards of earlier nights told;
    `beside`: sources, refused_files, drift, model, runs, as flows.board gathers them. JSON-able."""
    told = _by_place(night.as_of, take(places, PLACES, "places"), opened, cases)
    country = told[("",)]
    board = {
        "format": FORMAT,
        "as_of": night.as_of.isoformat(),
        "state": night.state,
        "run": night.run,
        "queues_of": night.queues_of.isoformat() if night.queues_of else None,
        "refusal": _refusal(night.refusal),
        "period_days": PERIOD_DAYS,
        "country": country,
        "households": _households(night.decisions, country["open"]),
        "alerts": _steps([(code, name, country[code]) for code, name in _CASES.items()]),
        "regions": [row for place, row in sorted(told.items()) if len(place) == 2],
        "districts": [row for place, row in sorted(told.items()) if len(place) == 3],
        "stages": [{"name": name, "seconds": seconds} for name, seconds in night.stages],
        **beside,
    }
    return board | {"nights": _nights(before, board)}


def _refusal(told: Refusal | None) -> dict[str, Any] | None:
    return None if told is None else {name: getattr(told, name) for name in Refusal.__slots__}


def _by_place(as_of: date, places: pl.DataFrame, opened: pl.DataFrame, cases: pl.DataFrame) -> dict[Place, Any]:
    at = {row["office"]: ("", row["district"][:2], row["district"]) for row in places.iter_rows(named=True)}
    names, size, offices = _names(places), dict.fromkeys(set(at.values()), 0), dict.fromkeys(set(at.values()), 0)
    for row in places.iter_rows(named=True):
        size[at[row["office"]]] += row["capacity"]
        offices[at[row["office"]]] += 1
    is_late = pl.when(pl.col("due_on") < as_of).then(1).otherwise(0)
    work = told_of(_leaves(take(opened, OPEN, "opened"), is_late, at, 2), WORK)
    came = _leaves(_due(cases, as_of), _came(), at, 4)
    period = told_of({place: [waiting + tried, *met] for place, (waiting, tried, *met) in came.items()}, PERIOD)
    everybody = told_of({("",): summed(came)["",].tolist()}, TRIED)
    found = {}
    for place in work:
        mine = [leaf for leaf in size if leaf[: len(place)] == place]
        tried = {"contacted": everybody[place]["contacted"]} if place in everybody else {}
        counts = {**work[place], **period[place], **tried, "capacity": sum(size[leaf] for leaf in mine)}
        found[place] = {
            **names[place],
            "offices": sum(offices[leaf] for leaf in mine),
            **counts,
            **{name: _share(counts[of], counts[whole]) for name, (of, whole) in SHARES.items() if of in counts},
        }
    return found


def _names(places: pl.DataFrame) -> dict[Place, dict[str, str]]:
    names: dict[Place, dict[str, str]] = {("",): {"code": "", "name_ko": "전국"}}
    for district, name_ko, region_ko in places.select("district", "district_ko", "region_ko").unique().iter_rows():
        region = district[:2]
        names["", region] = {"code": region, "name_ko": region_ko}
        names["", region, district] = {"code": district, "name_ko": name_ko, "region": region, "region_ko": region_ko}
    return names


def _leaves(rows: pl.DataFrame, part: pl.Expr, at: Mapping[str, Place], parts: int) -> dict[Place, list[int]]:
    """How many of each part lie in each district. Rows of offices that nobody lists any more are left out."""
    leaves = {place: [0] * parts for place in at.values()}
    for office, number, count in rows.group_by("office", part.alias("part")).len().iter_rows():
        if office in at:
            leaves[at[office]][number] += count
    return leaves


def _due(cases: pl.DataFrame, as_of: date) -> pl.DataFrame:
    since = as_of - timedelta(days=PERIOD_DAYS)
    return take(cases, CASES, "cases").filter(pl.col("due_on") > since, pl.col("due_on") <= as_of)


def _came() -> pl.Expr:
    """The part of TRIED: waiting, tried, met, found."""
    need = [o.code for o in OUTCOMES.values() if o.teaches == "need"]
    met = [o.code for o in OUTCOMES.values() if o.is_contact]
    outcome = pl.col("outcome")
    return (
        pl.when(outcome.is_in(need).fill_null(False))
        .then(3)
        .when(outcome.is_in(met).fill_null(False))
        .then(2)
        .when(pl.col("first_contacted_on").is_not_null())
        .then(1)
        .otherwise(0)
    )


def _share(of: int | None, whole: int | None) -> float | None:
    return round(of / whole, 3) if of is not None and whole else None


def _households(decisions: Mapping[str, int] | None, queued: int | None) -> list[dict[str, Any]]:
    """Steps from all households to those in a queue; empty where nobody was scored."""
    if decisions is None:
        return []
    everybody = sum(decisions.values())
    steps: list[tuple[str, str, int | None]] = [
        (code, name, _hundreds(everybody - sum(decisions.get(gone, 0) for gone in without)))
        for code, (name, without) in _STEPS.items()
    ]
    return _steps([*steps, ("queued", "명단에 있는 가구", queued)])


def _hundreds(count: int) -> int:
    return (count + HUNDRED // 2) // HUNDRED * HUNDRED


def _steps(told: Sequence[tuple[str, str, int | None]]) -> list[dict[str, Any]]:
    before = [None, *(count for _, _, count in told)]
    return [
        {"code": code, "name_ko": name, "count": count, "share": _share(count, last)}
        for (code, name, count), last in zip(told, before, strict=False)
    ]


def _nights(before: Sequence[Mapping[str, Any]], board: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line per night, oldest first; a night that was worked again is told as it ended."""
    lines = {told["as_of"]: told for told in before if told["as_of"] < board["as_of"]} | {board["as_of"]: board}
    return [
        {
            "as_of": day,
            "state": told["state"],
            "refusal": told["refusal"]["kind"] if told["refusal"] else None,
            "seconds": round(sum(stage["seconds"] for stage in told["stages"]), 1),
            **{name: told["country"][name] for name in _OF_NIGHTS},
        }
        for day, told in sorted(lines.items())
    ]
