"""Made-up alerts as they reach the pages: told, with their history, in every lane and state. Same seed, same alerts."""

import random
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

import alerts as room
from alerts.bands import BANDS
from alerts.columns import PEOPLE, Office
from alerts.live import is_warning
from alerts.page import SELECTIONS, TEMPLATES, write_office_page
from alerts.tables import ALERTS
from alerts.timeline import TIMELINES
from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from tests.alerts.drawn import AS_OF, OFFICE

TEXTS: Mapping[str, str] = {
    name: (Path(room.__path__[0]) / "pages" / name).read_text(encoding="utf-8") for name in TEMPLATES
}
HERE = Office(OFFICE, "청운효자동", "서울특별시 종로구", 12)
WARNINGS = tuple(name for name, signal in SIGNALS.items() if is_warning(signal))
WORKED = {"urgent": "urgent", "risk": "risk", "explore": "risk", "trace": "trace", "partial": "partial"}
SENTENCES = {
    "reason": ("전기요금이 5개월째 밀려 있습니다(체납액 412,300원, 2026년 8월 기준, 10월 12일 접수).", 4),
    "check": ("전기가 들어오는지, 난방과 조리를 할 수 있는지 확인해 주세요.", 3),
    "benefit": (
        "긴급복지 생계지원: 1인 가구 월 783,000원, 소득 월 1,923,179원 이하 (소득·재산 확인 필요) · 긴급복지지원법",
        3,
    ),
    "ease": ("2026년 9월 자료까지 ‘수도요금 체납’ 정보가 없습니다(3개월 이상 밀린 집만 통보됩니다).", 2),
}
TOLD = pl.Schema(
    {
        **ALERTS,
        **{f"{name}_{n + 1}": pl.String() for name, (_, most) in SENTENCES.items() for n in range(most)},
        "data_age_days": pl.Int64(),
    }
)
PLAIN: dict[str, Any] = {
    **dict.fromkeys(TOLD),
    "household_key": 1,
    "alert_id": "A0000000001",
    "office": OFFICE,
    "lane": "risk",
    "works_as": "risk",
    "band": "high",
    "opened_on": date(2026, 10, 20),
    "due_on": date(2026, 11, 17),
    "is_new": False,
    "is_overdue": False,
    "escalation": 0,
    "is_repeat": False,
    "attempts": 0,
    "as_of": AS_OF,
    "probability": 0.3172,
    "inclusion": 1.0,
    "points": 3,
    "signals": ["power_arrears"],
    "housing": "apartment",
    "address_status": "match",
    "members": 1,
    "head_age": 71,
    "has_child": False,
    "has_senior": True,
    "lives_alone": True,
    "prior_selections": 1,
    "reason_1": SENTENCES["reason"][0],
    "data_age_days": 63,
}


def told(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{**PLAIN, **row} for row in rows], schema=TOLD, orient="row")


def people(*rows: Mapping[str, Any]) -> pl.DataFrame:
    plain = {
        "household_key": 1,
        "head_name": "김영희",
        "address": "서울특별시 종로구 새문안로 1",
        "phone": "01012345678",
    }
    return pl.DataFrame([{**plain, **row} for row in rows], schema=PEOPLE, orient="row")


def history(*rows: Mapping[str, Any]) -> pl.DataFrame:
    plain = {
        "household_key": 1,
        "signal": "power_arrears",
        "observed_on": date(2026, 8, 31),
        "received_on": date(2026, 10, 12),
        "months": 5,
        "amount_won": 412_300,
    }
    return pl.DataFrame([{**plain, **row} for row in rows], schema=TIMELINES, orient="row")


def selections(*rows: Mapping[str, Any]) -> pl.DataFrame:
    plain = {
        "household_key": 1,
        "alert": "C-1",
        "selected_on": date(2026, 3, 10),
        "contacted_on": date(2026, 3, 20),
        "outcome": "unreached",
    }
    return pl.DataFrame([{**plain, **row} for row in rows], schema=SELECTIONS, orient="row")


def page(
    alerts: pl.DataFrame,
    who: pl.DataFrame | None = None,
    told_of: pl.DataFrame | None = None,
    before: pl.DataFrame | None = None,
) -> str:
    raw = write_office_page(
        alerts,
        people({}) if who is None else who,
        history({}) if told_of is None else told_of,
        selections() if before is None else before,
        HERE,
        AS_OF,
        TEXTS,
    )
    return raw.decode()


def office(count: int, seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """told, people, history, selections of `count` households: about as much on each card as a real night tells."""
    draw = random.Random(seed)
    alerts, who, told_of, before = [], [], [], []
    for key in range(1, count + 1):
        live = draw.sample(WARNINGS, draw.choice([1, 1, 2, 2, 3, 4]))
        alerts.append(_alert(draw, key, live))
        who.append(
            {
                "household_key": key,
                "head_name": draw.choice("김이박최정강조윤장임")
                + draw.choice("영수지민서")
                + draw.choice("희호연우진"),
                "address": f"서울특별시 종로구 자하문로{draw.randrange(1, 40)}길 {draw.randrange(1, 99)}, {key}호",
                "phone": f"010{draw.randrange(10**8):08d}",
            }
        )
        told_of += [row for name in live for row in _told_of(draw, key, name)]
        before += [
            {"household_key": key, "alert": f"C-{n}", "outcome": draw.choice([None, *OUTCOMES])}
            for n in range(draw.choice([0, 0, 1, 2, 3]))
        ]
    return told(*alerts), people(*who), history(*told_of), selections(*before)


def _alert(draw: random.Random, key: int, live: list[str]) -> dict[str, Any]:
    lane = draw.choices(list(WORKED), [8, 70, 6, 10, 6])[0]
    opened = AS_OF - timedelta(days=draw.choice([0, 0, 7, 20, 35, 60]))
    due = opened + timedelta(days=3 if lane == "urgent" else 28)
    late, tries = (AS_OF - due).days, draw.choice([0, 0, 1, 2]) if opened < AS_OF else 0
    texts = {
        f"{name}_{n + 1}": f"{text}" for name, (text, most) in SENTENCES.items() for n in range(draw.randint(1, most))
    }
    return {
        "household_key": key,
        "alert_id": f"A{draw.randrange(16**10):010X}",
        "lane": lane,
        "works_as": WORKED[lane],
        "band": draw.choice(list(BANDS)),
        "opened_on": opened,
        "due_on": due,
        "is_new": opened == AS_OF,
        "is_overdue": late > 0,
        "escalation": 0 if late <= 0 else 2 if late > 14 else 1,
        "is_repeat": draw.random() < 0.1,
        "moved_from": "2611010100" if draw.random() < 0.04 else None,
        "criterion": "청년 1인 가구" if draw.random() < 0.05 else None,
        "attempts": tries,
        "outcome": "unreached" if tries else None,
        "answered_on": opened + timedelta(days=3) if tries else None,
        "signals": live,
        "members": draw.randint(1, 5),
        "head_age": draw.randint(20, 95),
        "address_status": draw.choice(["match", "match", "match", "no_unit", "mismatch_suspected", "unknown"]),
        **texts,
    }


def _told_of(draw: random.Random, key: int, name: str) -> list[dict[str, Any]]:
    signal, lag = SIGNALS[name], timedelta(days=draw.choice([12, 41, 72]))
    length = 1 if signal.kind == "event" else draw.choice([1, 2, 3, 6, 12, 22])
    rows = []
    for back in range(length, 0, -1):
        month = AS_OF.year * 12 + AS_OF.month - 1 - 2 - back + 1
        observed = date(month // 12, month % 12 + 1, 1) + timedelta(days=draw.randrange(27))
        owes = length - back + 1 if signal.kind == "arrears" else None
        figures = {"months": owes, "amount_won": owes and 61_050 * owes}
        received = min(observed + lag, AS_OF)
        rows.append({"household_key": key, "signal": name, "observed_on": observed, "received_on": received, **figures})
    return rows
