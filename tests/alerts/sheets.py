"""A queue written by hand, with everything an officer can meet, for the tests of the sheet and of its way back."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

import alerts as room
from alerts.benefits import load_benefits, point_to
from alerts.columns import PEOPLE, Office
from alerts.reasons import tell
from alerts.tables import ALERTS
from tests.alerts.drawn import AS_OF, OFFICE, PLAIN_FACTS, evidence, facts, table

BENEFITS = load_benefits((Path(room.__path__[0]) / "benefits.yaml").read_text(encoding="utf-8"))
HERE = Office(OFFICE, "사직동", "종로구", 12)

PLAIN_ALERT: dict[str, Any] = {
    **PLAIN_FACTS,
    "office": OFFICE,
    "lane": "risk",
    "works_as": "risk",
    "criterion": None,
    "band": "high",
    "true_band": "high",
    "opened_on": AS_OF,
    "due_on": date(2026, 11, 30),
    "is_new": True,
    "is_overdue": False,
    "escalation": 0,
    "is_repeat": False,
    "moved_from": None,
    "moved_on": None,
    "outcome": None,
    "attempts": 0,
    "answered_on": None,
    "next_on": None,
    "as_of": AS_OF,
    "probability": 0.61,
    "inclusion": 1.0,
    "points": 7,
    "signals": [],
}
CARRIED = {"is_new": False, "opened_on": date(2026, 10, 1), "due_on": date(2026, 10, 29)}
LATE = {**CARRIED, "is_overdue": True, "escalation": 1}


def alerts_of(*rows: dict[str, Any]) -> pl.DataFrame:
    """ALERTS, one per row given; `household_key` names it."""
    plain = [{"alert_id": f"A{row['household_key']:0>13}", **row} for row in rows]
    return table(ALERTS, {name: PLAIN_ALERT[name] for name in PLAIN_ALERT if name in ALERTS}, plain)


def people(*keys: int, **known: Any) -> pl.DataFrame:
    plain = {"head_name": "김영희", "address": "서울특별시 종로구 새문안로 1, 101동 202호", "phone": "01012345678"}
    return pl.DataFrame([{"household_key": key, **plain, **known} for key in keys], schema=PEOPLE)


def queue() -> pl.DataFrame:
    """Nine households of one office, every lane, and every state an alert can be shown in."""
    plain = [
        {"household_key": 1, "lane": "urgent", "works_as": "urgent", "band": None, "due_on": date(2026, 11, 5)},
        {
            "household_key": 2,
            "band": "very_high",
            "is_repeat": True,
            "prior_selections": 4,
            "last_outcome": "unreached",
        },
        {"household_key": 3, "lane": "explore", "works_as": "risk", "address_status": "no_unit"},
        {"household_key": 4, "address_status": "mismatch_suspected"},
        {"household_key": 5, "band": "moderate", "head_age": None, "criterion": "전월세 취약·공과금 체납"},
        {"household_key": 6, **LATE},
        {
            **{"household_key": 7, "lane": "risk", "works_as": "trace", **LATE, "escalation": 2, "attempts": 3},
            **{"outcome": "unreached", "answered_on": date(2026, 10, 20), "next_on": date(2026, 11, 3)},
        },
        {"household_key": 8, **CARRIED, "due_on": date(2026, 11, 16), "moved_from": "2611010100"},
        {"household_key": 9, "lane": "partial", "works_as": "partial", "answered_on": date(2026, 10, 29)},
    ]
    who = facts(
        {"household_key": 1, "members": 1, "lives_alone": True, "head_age": 83, "has_senior": True},
        {"household_key": 2, "members": 3, "has_child": True, "prior_selections": 4, "last_outcome": "unreached"},
        *({"household_key": key} for key in range(3, 10)),
    )
    told = evidence(
        {"household_key": 1, "signal": "power_cut", "months": None, "amount_won": None},
        {"household_key": 1, "months": 5, "amount_won": 412_300},
        {"household_key": 2, "signal": "rent_arrears", "months": 4, "amount_won": 1_234_000},
        {"household_key": 2, "signal": "severe_illness"},
        {"household_key": 3, "signal": "telecom_arrears", "months": 3, "amount_won": 214_500},
        {"household_key": 4, "signal": "business_closed", "months": None, "amount_won": None},
        {"household_key": 5, "signal": "loan_arrears", "months": 2, "amount_won": None},
    )
    pushes = pl.DataFrame(
        {
            "household_key": [1, 2, 3, 4, 5],
            "base": -2.0,
            "power_arrears": [0.4, 0.0, 0.0, 0.0, 0.0],
            "rent_arrears": [0.0, 0.9, 0.0, 0.0, 0.0],
            "across": [0.2, 0.5, 0.0, 0.0, 0.0],
            "household": [0.3, -0.1, 0.0, 0.1, -0.2],
            "contacts": [0.0, 0.7, 0.0, -0.2, 0.0],
        }
    )
    return point_to(tell(alerts_of(*plain), pushes, told, who), who, told, BENEFITS, AS_OF)
