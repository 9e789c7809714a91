"""The model beside the plain rules, on the same rows it had not seen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from models import calibration
from models.contenders import CONTENDERS
from models.evaluate import (
    SHARE,
    Judgement,
    at_capacity,
    at_share,
    average_precision,
    contested,
    judge,
    per_office,
    ratio_interval,
    roc_auc,
)
from models.rules import GENERAL, Numbers, Rule, order_of
from models.selection import regrets

MODEL_KO = "모형"


def compare(
    rows: pl.DataFrame,
    judged: pl.DataFrame,
    single: Sequence[Rule],
    capacity: Mapping[str, int] | None,
    rng: np.random.Generator,
    contenders: Mapping[str, Numbers] | None = None,
) -> dict[str, Any]:
    """`rows` are the judged rows with their features, in the order of `judged`; `contenders`: other learners' margins
    of the same rows. JSON-able."""
    margin = judged.get_column("margin").to_numpy()
    model = judge(MODEL_KO, judged, margin, capacity, rng)
    rules = (*GENERAL, *_best_single(rows, single))
    orders = {rule.code: order_of(rule, rows) for rule in rules}
    told = {rule.code: judge(rule.name_ko, judged, orders[rule.code], capacity, rng) for rule in rules}
    best = max(rules, key=lambda rule: _worth(told[rule.code]))
    others = {c.code: judge(c.name_ko, judged, contenders[c.code], capacity, rng) for c in CONTENDERS if contenders}
    windows = _windows(judged, {"model": margin, **orders, **(contenders or {})}, capacity)
    return {
        "rows": judged.height,
        "needs": int(judged.get_column("label").sum()),
        "model": model.as_dict(),
        "rules": {code: judgement.as_dict() for code, judgement in told.items()},
        "contenders": {code: judgement.as_dict() for code, judgement in others.items()},
        "best_rule": best.code,
        "precision_over_best_rule": _ratio(judged, margin, orders[best.code], capacity, rng),
        "precision_over": {
            code: _ratio(judged, margin, order, capacity, rng)
            for code, order in {**orders, **(contenders or {})}.items()
        },
        "windows": windows,
        "regret": regrets([window["precision"] for window in windows]),
        "calibration": _calibration(judged, rng),
    }


def _windows(
    judged: pl.DataFrame, orders: Mapping[str, Numbers], capacity: Mapping[str, int] | None
) -> list[dict[str, Any]]:
    """Every order in every round: precision where orders can differ (see evaluate.contested), and ROC-AUC."""
    shared, places, where = (judged, None, "top tenth") if capacity is None else contested(judged, capacity)
    told = []
    for day in sorted(judged.get_column("selected_on").unique().to_list()):
        mine = (judged.get_column("selected_on") == day).to_numpy()
        part, label = shared.filter(pl.Series(mine)), judged.get_column("label").to_numpy()[mine].astype(np.float64)
        told.append({
            "judged_on": str(day), "rows": int(mine.sum()), "needs": int(label.sum()), "where": where,
            "precision": {code: _precision(part, label, order[mine], places) for code, order in orders.items()},
            "roc_auc": {code: roc_auc(label, order[mine]) for code, order in orders.items()},
        })  # fmt: skip
    return told


def _precision(part: pl.DataFrame, label: Numbers, order: Numbers, places: Mapping[str, int] | None) -> float:
    if places is None:
        return at_share(label, order, SHARE).mean
    return at_capacity(per_office(part, order, places), max(float(label.sum()), 1.0), 1.0).mean


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


def _calibration(judged: pl.DataFrame, rng: np.random.Generator) -> dict[str, Any]:
    """Of chances as they would have been told before each round, wherever earlier answers allow it."""
    chance = judged.get_column("probability").to_numpy()
    before = calibration.curve_out_of_time(judged, chance, rng)
    label = judged.get_column("label").cast(pl.Int64).to_numpy()
    curve = calibration.curve(chance, label, rng) if before is None else before
    kind = "in_sample" if before is None else "out_of_time"
    rows = sum(band.rows for band in curve.bands)
    return {
        "kind": kind, "rows": rows, "expected_error": curve.expected_error, "low": curve.low,
        "high": curve.high, "by_chance": curve.by_chance, "bands": [band._asdict() for band in curve.bands],
    }  # fmt: skip
