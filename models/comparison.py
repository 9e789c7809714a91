"""The model beside the plain rules, on the same rows it had not seen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from models import calibration
from models.evaluate import Judgement, average_precision, judge, per_office, ratio_interval
from models.rules import GENERAL, Rule, order_of

MODEL_KO = "모형"


def compare(
    rows: pl.DataFrame,
    judged: pl.DataFrame,
    single: Sequence[Rule],
    capacity: Mapping[str, int] | None,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """`rows` are the judged rows with their features, in the order of `judged`. JSON-able."""
    margin = judged.get_column("margin").to_numpy()
    model = judge(MODEL_KO, judged, margin, capacity, rng)
    rules = (*GENERAL, *_best_single(rows, single))
    told = {rule.code: judge(rule.name_ko, judged, order_of(rule, rows), capacity, rng) for rule in rules}
    best = max(rules, key=lambda rule: _worth(told[rule.code]))
    return {
        "rows": judged.height,
        "needs": int(judged.get_column("label").sum()),
        "model": model.as_dict(),
        "rules": {code: judgement.as_dict() for code, judgement in told.items()},
        "best_rule": best.code,
        "precision_over_best_rule": _ratio(judged, margin, order_of(best, rows), capacity, rng),
        "calibration": _calibration(judged),
    }


def _best_single(rows: pl.DataFrame, single: Sequence[Rule]) -> list[Rule]:
    """Chosen with hindsight on the judged rows: the best that looking at one signal alone could have done."""
    label = rows.get_column("label").to_numpy().astype(np.float64)
    worth = {rule: average_precision(label, order_of(rule, rows)) for rule in single}
    return [max(worth, key=lambda rule: worth[rule])] if worth else []


def _worth(judgement: Judgement) -> float:
    taken = judgement.precision_at_capacity or judgement.precision_at_tenth
    return taken.mean


def _ratio(
    judged: pl.DataFrame, ours: Any, theirs: Any, capacity: Mapping[str, int] | None, rng: np.random.Generator
) -> dict[str, float] | None:
    if capacity is None:
        return None
    a, b = per_office(judged, ours, capacity), per_office(judged, theirs, capacity)
    if not a.height:
        return None
    return ratio_interval(a, b, rng)._asdict()


def _calibration(judged: pl.DataFrame) -> dict[str, Any]:
    told = calibration.table(judged.get_column("probability").to_numpy(), judged.get_column("label").to_numpy())
    return {"expected_error": calibration.expected_error(told), "bands": [band._asdict() for band in told]}
