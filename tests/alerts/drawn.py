"""Small tables for this room's tests: name only what matters, the rest is plain."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from alerts.live import EVIDENCE
from alerts.queue import FACTS, Filled, fill_queues
from alerts.settings import QueueSettings
from alerts.tables import OPEN_ALERTS
from signals.tables import CONTACTS

AS_OF = date(2026, 11, 2)
OFFICE = "1111051500"
PLAIN_FACTS: dict[str, Any] = {
    "office": OFFICE,
    "housing": "apartment",
    "address_status": "match",
    "members": 2,
    "head_age": 47,
    "has_child": False,
    "has_senior": False,
    "lives_alone": False,
    "prior_selections": 0,
    "last_outcome": None,
    "last_contacted_on": None,
    "relieved": [],
}
PLAIN_EVIDENCE: dict[str, Any] = {
    "signal": "power_arrears",
    "months": 3,
    "amount_won": 183_000,
    "observed_on": date(2026, 8, 31),
    "received_on": date(2026, 10, 12),
    "count": 1,
}
PLAIN_OPEN: dict[str, Any] = {
    "office": OFFICE,
    "lane": "risk",
    "works_as": "risk",
    "band": "high",
    "true_band": "high",
    "attempts": 0,
    "opened_on": date(2026, 10, 1),
    "due_on": date(2026, 10, 29),
    "inclusion": 1.0,
}
PLAIN_CONTACT: dict[str, Any] = {
    "alert": "C-1",
    "office": OFFICE,
    "lane": "incumbent",
    "selected_on": date(2026, 9, 1),
    "contacted_on": date(2026, 10, 20),
    "outcome": "no_need",
    "benefit": None,
    "received_on": date(2026, 10, 21),
    "delivery": "d",
}

Rows = Iterable[Mapping[str, Any]]


def table(schema: pl.Schema, plain: Mapping[str, Any], rows: Rows) -> pl.DataFrame:
    return pl.DataFrame([{**plain, **row} for row in rows], schema=schema, orient="row")


def facts(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return table(FACTS, PLAIN_FACTS, rows)


def evidence(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return table(EVIDENCE, PLAIN_EVIDENCE, rows)


def opened(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return table(OPEN_ALERTS, PLAIN_OPEN, [{"alert_id": f"OLD{row['household_key']}", **row} for row in rows])


def contacts(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return table(CONTACTS, PLAIN_CONTACT, rows)


def scores(probabilities: Mapping[int, float | None]) -> pl.DataFrame:
    schema = {"household_key": pl.Int64, "margin": pl.Float64, "probability": pl.Float64}
    return pl.DataFrame([(k, 0.0, p) for k, p in probabilities.items()], schema=schema, orient="row")


def fill(
    probabilities: Mapping[int, float | None],
    facts_: pl.DataFrame,
    evidence_: pl.DataFrame,
    open_: pl.DataFrame | None = None,
    contacts_: pl.DataFrame | None = None,
    *,
    seed: int = 0,
    bands_then: pl.DataFrame | None = None,
    stopped: pl.Series | None = None,
    **settings: Any,
) -> Filled:
    return fill_queues(
        scores(probabilities),
        facts_,
        evidence_,
        opened() if open_ is None else open_,
        contacts() if contacts_ is None else contacts_,
        QueueSettings(**{"capacity": 10, **settings}),
        AS_OF,
        np.random.default_rng(seed),
        bands_then=bands_then,
        stopped=stopped,
    )


def decisions(filled: Filled) -> dict[int, str]:
    return dict(filled.considered.select("household_key", pl.col("decision").cast(pl.String)).iter_rows())
