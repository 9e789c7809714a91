"""Officers' answers to our own alerts, as results come back in the contacts register."""

import polars as pl

from flows.desk import Desk, now
from signals.outcomes import OUTCOMES
from store import alerts

# Spoken to, or died: only such an answer ends an alert. Nobody met, moved, in hospital: still to be found.
CLOSING = [code for code, outcome in OUTCOMES.items() if outcome.ends]


def record_answers(desk: Desk, contacts: pl.DataFrame, delivery: str) -> int:
    """`contacts`: CONTACTS rows of one delivery; past rounds' case numbers are passed over."""
    answers = contacts.drop_nulls("outcome").select(
        alert_id="alert",
        known_on="received_on",
        outcome="outcome",
        closes=pl.col("outcome").is_in(CLOSING),
    )
    return alerts.record_answers(desk.engine, answers, delivery, now())
