"""What officers' answers teach: one label per household and round."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final, Protocol

import polars as pl

from models.columns import FeatureLike
from signals.answers import last_told
from signals.outcomes import NEED_DEFINITION, OUTCOMES

# A round counts once its answering time is over: what has come in before is what was quick to answer, and that is not
# like the rest. Eight weeks: twice what an alert by risk has (queue.due_days), nearly the two months to the next round.
ANSWERING_DAYS: Final = 56

_TAUGHT = {"need": 1, "no_need": 0, "nothing": None}


def label(contacts: pl.DataFrame, as_of: date, answering_days: int = ANSWERING_DAYS) -> pl.DataFrame:
    """Known on `as_of`: household_key, selected_on, office, received_on, label (1 need found, 0 no need).

    Only of what was selected at least `answering_days` before, and only households somebody tried to contact. The
    newest contact counts, even when it then teaches nothing; an alert teaches once, also when the sheet and the
    contacts register both tell of it.
    """
    told = contacts.filter(
        pl.col("received_on") <= as_of, pl.col("contacted_on").is_not_null(), pl.col("outcome").is_not_null(),
        _is_over(as_of, answering_days),
    )  # fmt: skip
    order = ["household_key", "selected_on", "contacted_on", "received_on", "alert", "outcome"]
    last = last_told(told).sort(order).unique(["household_key", "selected_on"], keep="last", maintain_order=True)
    teaches = {code: _TAUGHT[outcome.teaches] for code, outcome in OUTCOMES.items()}
    taught = last.with_columns(label=pl.col("outcome").replace_strict(teaches, return_dtype=pl.Int8))
    return (
        taught.filter(pl.col("label").is_not_null())
        .select("household_key", "selected_on", "office", "received_on", "label")
        .sort("selected_on", "household_key")
    )


def _is_over(as_of: date, answering_days: int) -> pl.Expr:
    return pl.col("selected_on") <= as_of - timedelta(days=answering_days)


class OutcomeLike(Protocol):
    @property
    def teaches(self) -> str: ...


def label_digest(outcomes: Mapping[str, OutcomeLike] = OUTCOMES, name: str = NEED_DEFINITION) -> str:
    """Of what means need, not of what it is called: an outcome that teaches something else is another definition."""
    return _digest({"name": name, "teaches": {code: outcome.teaches for code, outcome in outcomes.items()}})


def features_digest(features: Iterable[FeatureLike]) -> str:
    """Of everything told of every column, in order: name, group, direction, words, what stands for nothing."""
    told = ("name", "group", "monotone", "label_ko", "description", "empty")
    return _digest([[getattr(feature, name, None) for name in told] for feature in features])


def _digest(told: Any) -> str:
    # An `empty` of NaN is a value like any other here.
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]


def coverage(contacts: pl.DataFrame, as_of: date, answering_days: int = ANSWERING_DAYS) -> pl.DataFrame:
    """Per round and lane, known on `as_of`: is_open (its answering time is not over: it teaches nothing yet), selected,
    tried, reached, answered, matured (taught a label) and needs. What is learned from is the matured part: a model
    never heard of the rest. A round says nothing of a lane that is not here: alerts nobody has answered are in no
    register.
    """
    known = contacts.filter(pl.col("received_on") <= as_of)
    order = ["household_key", "selected_on", "contacted_on", "received_on", "alert", "outcome"]
    last = last_told(known).sort(order).unique(["household_key", "selected_on"], keep="last", maintain_order=True)
    teaches = {code: _TAUGHT[outcome.teaches] for code, outcome in OUTCOMES.items()}
    is_contact = {code: outcome.is_contact for code, outcome in OUTCOMES.items()}
    outcome = pl.col("outcome")
    is_over = _is_over(as_of, answering_days)
    told = last.with_columns(
        label=pl.when(is_over).then(outcome.replace_strict(teaches, return_dtype=pl.Int8)),
        is_reached=outcome.replace_strict(is_contact, return_dtype=pl.Boolean),
    )
    return (
        told.group_by("selected_on", "lane")
        .agg(
            is_open=(~is_over).first(),
            selected=pl.len(),
            tried=pl.col("contacted_on").is_not_null().sum(),
            answered=outcome.is_not_null().sum(),
            reached=pl.col("is_reached").sum(),
            matured=pl.col("label").is_not_null().sum(),
            needs=pl.col("label").sum(),
        )
        .cast({"selected": pl.Int64, "tried": pl.Int64, "answered": pl.Int64, "reached": pl.Int64})
        .cast({"matured": pl.Int64, "needs": pl.Int64})
        .sort("selected_on", "lane")
    )
