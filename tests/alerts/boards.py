"""A made-up night's board: three regions, four districts, five offices."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from alerts.board import OPEN, PLACES, Night, Refusal, tell_board
from alerts.board_page import TEMPLATES
from alerts.workload import CASES

PAGES = Path(__file__).parent.parent.parent / "alerts" / "pages"
TEXTS: Final = {name: (PAGES / name).read_text(encoding="utf-8") for name in TEMPLATES}
AS_OF: Final = date(2026, 11, 2)
OFFICES: Final = pl.DataFrame(
    [
        ("1111010100", "11110", "한빛구", "서울특별시", 40),
        ("1111010200", "11110", "한빛구", "서울특별시", 30),
        ("1114010100", "11140", "새솔구", "서울특별시", 60),
        ("4111010100", "41110", "소담시", "경기도", 90),
        ("5111010100", "51110", "아라시", "강원특별자치도", 30),
    ],
    schema=PLACES,
    orient="row",
)
# By office: open, overdue; and of the period: waiting, tried, met, found.
WORKED: Final = {
    "1111010100": (38, 3, (12, 14, 25, 13)),
    "1111010200": (29, 12, (30, 11, 2, 0)),
    "1114010100": (61, 14, (15, 20, 40, 22)),
    "4111010100": (70, 0, (11, 30, 60, 31)),
    "5111010100": (25, 20, (40, 12, 12, 1)),
}
DECISIONS: Final = {
    "no_signal": 13000, "removed": 64, "stopped": 6, "no_office": 20, "not_scored": 90, "already_relieved": 1200,
    "cooling_down": 543, "below_cut": 5200, "carried": 180, "queued_risk": 43,
}  # fmt: skip
NIGHT: Final = Night(
    AS_OF, "done", "nightly-20261102-0123456789ab", AS_OF, None, DECISIONS,
    (("load model", 0.03), ("score households", 12.5), ("publish", 2.2)),
)  # fmt: skip
REFUSAL: Final = Refusal(
    "stale", 12, "꼭 필요한 자료가 오지 않았거나 너무 오래되었습니다.", "기관 담당자에게 연락해 주십시오.",
    "kepco: the newest file came on 2026-06-01", "call 한국전력공사",
)  # fmt: skip
_CAME = ((None, None), (None, AS_OF), ("no_need", AS_OF), ("emergency", AS_OF))
_NO_LINES = dict.fromkeys(("received_on", "received", "accepted", "set_aside", "usual", "factor"))
SOURCES: Final[list[dict[str, Any]]] = [
    {
        "code": "kepco", "name_ko": "한국전력공사", "contact_ko": "빅데이터 담당", "is_required": True,
        "state": "current", "newest": "2026-07", "awaited": "2026-08", "due_on": "2026-11-14",
        "late_after": "2026-11-28", "gaps": [], "received_on": "2026-10-05", "received": 311,
        "accepted": 299, "set_aside": 12, "usual": 120, "factor": 2.49,
        "is_unusual": True, "why": ["금액이 0보다 작습니다."],
    },
    {
        "code": "police", "name_ko": "경찰청", "contact_ko": "범죄예방 담당", "is_required": False, "state": "late",
        "newest": "2026-03", "awaited": "2026-06", "due_on": "2026-09-14", "late_after": "2026-09-28",
        "gaps": ["2025-12"], **_NO_LINES, "received_on": "2026-06-20", "is_unusual": False, "why": [],
    },
    {
        "code": "nfa", "name_ko": "소방청", "contact_ko": "구급 담당", "is_required": False, "state": "never",
        "newest": None, "awaited": "2026-06", "due_on": "2026-09-14", "late_after": "2026-09-28", "gaps": [],
        **_NO_LINES, "is_unusual": None, "why": [],
    },
]  # fmt: skip
_AUC: Final = {"value": 0.664, "low": 0.616, "high": 0.702}
BESIDE: Final[dict[str, Any]] = {
    "sources": SOURCES,
    "refused_files": [{"source": "kepco", "name_ko": "한국전력공사", "reason": "columns_missing", "files": 2}],
    "incidents": [
        {"code": "restarted", "name_ko": "멈춰서 다시 켠 것", "cure_ko": "서버 기록을 살펴봐 주십시오.", "count": 2,
         "where": ["Prefect 서버", "작업자"]},
        {"code": "begun_again", "name_ko": "이 밤의 실행을 다시 시작함", "cure_ko": "최근 실행을 살펴봐 주십시오.",
         "count": 1, "where": []},
    ],
    "drift": {
        "scores": {"psi": 0.021, "since": "2026-09-07"},
        "features": {
            "features": 392, "watch": 2, "drifted": 1,
            "worst": [{"name_ko": "가장 새 위기정보 경과 일수", "psi": 0.861}],
        },
        "bound": 0.25,
    },
    "model": {
        "id": "20261102-34cd817b62fc", "as_of": "2026-11-02", "state": "champion", "promoted_on": "2026-11-02",
        "rows": 4096, "needs": 705, "roc_auc": _AUC, "expected_error": 0.021,
        "over_points": {"value": 1.22, "low": 1.11, "high": 1.34},
        "decision": {"promotes": True, "passed": 15, "asked": 15},
    },
    "runs": [
        {"run": "nightly-20261102-0123456789ab", "as_of": "2026-11-02", "kind": "nightly", "state": "done",
         "attempts": 1, "message": ""},
        {"run": "nightly-20261101-0123456789ab", "as_of": "2026-11-01", "kind": "nightly", "state": "refused",
         "attempts": 2, "message": "kepco: the newest file came on 2026-06-01"},
    ],
}  # fmt: skip


def opened() -> pl.DataFrame:
    rows = [
        {"office": office, "due_on": AS_OF - timedelta(days=5) if number < overdue else AS_OF + timedelta(days=9)}
        for office, (count, overdue, _) in WORKED.items()
        for number in range(count)
    ]
    return pl.DataFrame(rows, schema=OPEN)


def cases() -> pl.DataFrame:
    rows = [
        {"office": office, "due_on": AS_OF - timedelta(days=20), "first_contacted_on": day, "outcome": outcome}
        for office, (_, _, counts) in WORKED.items()
        for (outcome, day), count in zip(_CAME, counts, strict=True)
        for _ in range(count)
    ]
    return pl.DataFrame(rows, schema=CASES)


def told(**named: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "night": NIGHT, "places": OFFICES, "opened": opened(), "cases": cases(), "before": [], **BESIDE
    }  # fmt: skip
    return tell_board(**(given | named))


def refused() -> dict[str, Any]:
    stopped = replace(
        NIGHT, state="refused", refusal=REFUSAL, run="", queues_of=AS_OF - timedelta(days=1), decisions=None, stages=()
    )
    return told(night=stopped, before=weeks(3))


def weeks(count: int) -> list[dict[str, Any]]:
    """Boards of earlier nights, the newest a week before; one of them refused."""
    found = []
    for week in range(count, 0, -1):
        is_refused = week == 2
        night = replace(
            NIGHT, as_of=AS_OF - timedelta(days=7 * week), state="refused" if is_refused else "done",
            refusal=REFUSAL if is_refused else None, decisions=None if is_refused else DECISIONS,
        )  # fmt: skip
        found.append(told(night=night))
    return found
