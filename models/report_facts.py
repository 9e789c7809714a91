"""One training in figures: the machine-readable twin of the report.

Nothing here is measured twice or invented; what was not measured is null.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from models.calibration import Numbers
from models.columns import FeatureLike, Matrix, groups_of, matrix_of
from models.errors import ModelRefused
from models.evaluate import per_office
from models.model import Model
from models.pushes import Engine
from models.report_watch import Watch, tell_watch
from models.rules import GENERAL, order_of

FORMAT: Final = "blindspot-report-2"
# Enough to draw and to average; the pushes of every household are told by the night.
SAMPLE: Final = 500
TOP: Final = 12
DEPENDENCE: Final = 4
GRID: Final = 15
SHARES: Final = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
DRAWS: Final = 100


@dataclass(frozen=True)
class Subject:
    """What a report is about."""

    passport: Mapping[str, Any]
    model: Model
    stored: str  # the registry's name of it
    rows: pl.DataFrame  # learned from, with features
    judged: pl.DataFrame  # Trained.judged
    decision: Mapping[str, Any] | None  # as the gate wrote it down; None: it never looked
    champion: Model | None  # the one before, when its files hold
    champion_passport: Mapping[str, Any] | None
    coverage: pl.DataFrame  # labels.coverage
    features: Sequence[FeatureLike]
    names_ko: Mapping[str, str]  # of groups
    watch: Watch


@dataclass(frozen=True)
class Pushes:
    """Of a sample of reviewed households: for figures, and to draw."""

    matrix: Matrix
    values: Numbers  # rows x columns
    columns: tuple[int, ...]  # the TOP, the strongest first


def sample_pushes(subject: Subject) -> Pushes:
    rows = subject.rows.sort("selected_on", "household_key")
    matrix = matrix_of(rows.gather_every(-(-rows.height // SAMPLE)), subject.model.columns)
    values = Engine(subject.model.booster, range(len(subject.model.columns))).pushes(matrix).T
    strength = np.abs(values).mean(axis=0)
    order = np.argsort(-strength, kind="stable")[:TOP]
    return Pushes(matrix, values, tuple(int(i) for i in order if strength[i] > 0))


def tell(subject: Subject, pushes: Pushes, rng: np.random.Generator) -> dict[str, Any]:
    """JSON-able; the same subject and seed give the same bytes."""
    training, decision = subject.passport["training"], subject.decision
    return {
        "format": FORMAT,
        "model": subject.stored,
        "as_of": subject.passport["as_of"],
        "decision": decision and decision["decision"],
        "champion": decision and decision["champion"],
        "changes": _changes(subject, pushes),
        "metrics": training["metrics"],
        "evidence": decision and decision["evidence"]["measured"],
        "capacity_curve": _capacity_curve(subject, rng),
        "groups": _groups(subject, pushes),
        "columns": _columns(subject, pushes),
        "partial_dependence": [_dependence(subject, pushes, c) for c in pushes.columns[:DEPENDENCE]],
        "sampled": len(pushes.matrix),
        "watch": tell_watch(subject.watch, subject.model, training, subject.names_ko, rng),
        "coverage": _coverage(subject.coverage),
        "data": {k: v for k, v in training.items() if k != "metrics"} | {"inputs": subject.passport["inputs"]},
        "code": subject.passport["code"],
    }


def _groups(subject: Subject, pushes: Pushes) -> list[dict[str, Any]]:
    """Mean absolute push of each group over the sample, the strongest first."""
    told = _strengths(subject.model, pushes.values)
    whole = sum(told.values()) or 1.0
    ordered = sorted(told.items(), key=lambda item: (-item[1], item[0]))
    names = subject.names_ko
    return [{"group": g, "name_ko": names[g], "mean_push": v, "share": v / whole} for g, v in ordered if v > 0]


def _strengths(model: Model, values: Numbers) -> dict[str, float]:
    groups = np.array([c.group for c in model.columns])
    return {g: float(np.abs(values[:, groups == g].sum(axis=1)).mean()) for g in groups_of(model.columns)}


def _columns(subject: Subject, pushes: Pushes) -> list[dict[str, Any]]:
    labels = {f.name: f.label_ko for f in subject.features}
    told = []
    for i in pushes.columns:
        column = subject.model.columns[i]
        strength = float(np.abs(pushes.values[:, i]).mean())
        told.append(
            {"column": column.name, "name_ko": labels[column.name], "monotone": column.monotone, "mean_push": strength}
        )
    return told


def _dependence(subject: Subject, pushes: Pushes, column: int) -> dict[str, Any]:
    """Mean chance of the sample if all of it had this value: what the trees made of it, not what would happen."""
    values = pushes.matrix[:, column]
    known = values[np.isfinite(values)]
    grid = np.unique(np.quantile(known, np.linspace(0.02, 0.98, GRID))).astype(np.float32) if known.size else known
    points = []
    for value in grid:
        changed = pushes.matrix.copy(order="F")
        changed[:, column] = value
        chance = subject.model.calibration.probability(subject.model.margin(changed))
        points.append({"value": float(value), "chance": float(chance.mean())})
    told = subject.model.columns[column]
    unknown = float(1 - known.size / max(len(values), 1))
    return {"column": told.name, "monotone": told.monotone, "points": points, "unknown": unknown}


def _capacity_curve(subject: Subject, rng: np.random.Generator) -> list[dict[str, Any]]:
    """At every share of a round: precision and recall of the model, with intervals, and of the general rules."""
    judged = subject.judged.sort("selected_on", "household_key")
    keys = ["household_key", "selected_on"]
    rows = judged.select(keys).join(subject.rows, on=keys, how="left", maintain_order="left")
    orders = {rule.code: order_of(rule, rows) for rule in GENERAL}
    margin, label = judged["margin"].to_numpy(), judged["label"].to_numpy().astype(np.float64)
    rounds = [np.flatnonzero((judged["selected_on"] == d).to_numpy()) for d in judged["selected_on"].unique().sort()]
    places = [max(1, round(share * judged.height / len(rounds))) for share in SHARES]
    drawn = _drawn_precision(label, margin, rounds, places, rng)
    needs = max(float(label.sum()), 1.0)
    told = []
    for i, share in enumerate(SHARES):
        taken, found = _found(judged, margin, places[i])
        low, high = np.quantile(drawn[:, i], [0.025, 0.975])
        rules = {code: _found(judged, order, places[i])[1] / taken for code, order in orders.items()}
        told.append({
            "share": share, "places": taken, "precision": found / taken, "low": float(low),
            "high": float(high), "recall": found / needs, "rules": rules,
        })  # fmt: skip
    return told


def _found(judged: pl.DataFrame, score: Numbers, places: int) -> tuple[int, float]:
    """Of all offices together, so many a round: how many were taken, and the need among them (mean over ties)."""
    taken = per_office(judged.with_columns(office=pl.lit("all")), score, {"all": places})
    return int(taken["taken"].sum()), float(taken["mean"].sum())


def _drawn_precision(
    label: Numbers, score: Numbers, rounds: Sequence[Any], places: Sequence[int], rng: np.random.Generator
) -> Numbers:
    """Draws x shares. Within a round a household stands once: rows are households."""
    found, taken = np.zeros((DRAWS, len(places))), np.zeros(len(places))
    for rows in rounds:
        ordered = label[rows][np.argsort(-score[rows], kind="stable")]
        here = np.minimum(places, len(rows))
        taken += here
        for d in range(DRAWS):
            again = np.sort(rng.integers(0, len(rows), len(rows)))
            found[d] += np.cumsum(ordered[again])[here - 1]
    told: Numbers = found / taken
    return told


def _coverage(coverage: pl.DataFrame) -> list[dict[str, Any]]:
    """Per round, lanes together: how many of those selected ever taught anything."""
    columns = ("selected", "tried", "answered", "reached", "matured", "needs")
    per_round = coverage.group_by("selected_on").agg(pl.col("is_open").first(), pl.col(columns).sum())
    rounds = per_round.sort("selected_on")
    return [{**row, "selected_on": str(row["selected_on"])} for row in rounds.iter_rows(named=True)]


def _changes(subject: Subject, pushes: Pushes) -> dict[str, Any] | None:
    """What differs from the champion that was judged against. None: there was none, or its files do not hold."""
    before, now = subject.champion_passport, subject.passport
    if before is None:
        return None
    a, b = before["training"], now["training"]
    columns = [{c[0] for c in told["columns"]} for told in (before, now)]
    return {
        "as_of": [before["as_of"], now["as_of"]],
        "rows": [a["rows"], b["rows"]],
        "needs": [a["needs"], b["needs"]],
        "trees": [a["trees"], b["trees"]],
        "roc_auc": [m["metrics"]["model"]["roc_auc"]["value"] for m in (a, b)],
        "expected_error": [m["metrics"]["calibration"]["expected_error"] for m in (a, b)],
        "label_changed": a["label_digest"] != b["label_digest"],
        "features_changed": a["features_digest"] != b["features_digest"],
        "columns_added": sorted(columns[1] - columns[0]),
        "columns_removed": sorted(columns[0] - columns[1]),
        "parameters": _different(a["parameters"], b["parameters"]),
        "versions": _different(a["versions"], b["versions"]),
        "code_changed": before["code"] != now["code"],
        **_moved(subject, pushes),
    }


def _different(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, list[Any]]:
    names = sorted({*before, *now})
    return {n: [before.get(n), now.get(n)] for n in names if before.get(n) != now.get(n)}


def _moved(subject: Subject, pushes: Pushes) -> dict[str, Any]:
    """The same households under both: agreement of the two orders, and the groups whose push changed most."""
    nothing = {"agreement": None, "groups": None}
    if subject.champion is None:
        return nothing
    rows = subject.rows.sort("selected_on", "household_key").gather_every(-(-subject.rows.height // SAMPLE))
    try:
        matrix = matrix_of(rows, subject.champion.columns)
    except ModelRefused:
        return nothing
    theirs = Engine(subject.champion.booster, range(len(subject.champion.columns))).pushes(matrix).T
    margins = pl.DataFrame({"a": subject.champion.margin(matrix), "b": subject.model.margin(pushes.matrix)})
    then, now = _strengths(subject.champion, theirs), _strengths(subject.model, pushes.values)
    moved = {g: [then.get(g, 0.0), now.get(g, 0.0)] for g in {*then, *now}}
    ordered = sorted(moved.items(), key=lambda item: (-abs(item[1][1] - item[1][0]), item[0]))[:8]
    agreement = margins.select(pl.corr("a", "b", method="spearman")).item()
    told = [{"group": g, "name_ko": subject.names_ko.get(g, g), "mean_push": pair} for g, pair in ordered]
    return {"agreement": float(agreement) if np.isfinite(agreement) else None, "groups": told}
