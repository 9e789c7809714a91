"""From the signed files of two models to the evidence that the gates look at."""

from typing import Final

import numpy as np
import polars as pl

from models import calibration, drift
from models.bundle import unpack
from models.champion import Compared, champion_on, work_of
from models.columns import matrix_of
from models.errors import ExplanationRefused, ModelRefused
from models.evaluate import (
    average_precision,
    chance_taken,
    contested,
    per_office,
    ranking_intervals,
    ratio_interval,
    roc_auc,
)
from models.evidence import CHAMPION, Beside, Bundle, Case, Evidence, Labels, Measured, Order, Suspicion, Telling
from models.explain import check_against_shap
from models.gate_texts import Said, say
from models.groups import GroupReach, compare_reach, groups_of
from models.model import Model
from models.monotone import violations
from models.rules import GENERAL, Numbers, Rule, order_of

# Enough to see a leak, a drift or a wrong push; the rest of 200,000 rows only costs time.
SAMPLE: Final = 20_000
SHAP_SAMPLE: Final = 200
PAIRS: Final = 10_000


def gather(challenger: Bundle, champion: Bundle | None, case: Case, rng: np.random.Generator) -> Evidence:
    """The files are verified before LightGBM reads them; what does not hold is all the evidence there is."""
    try:
        model = unpack(challenger.files, challenger.public_key, case.features)
    except ModelRefused as refused:
        return Evidence(case.as_of, refused.what, None)
    judged = case.judged.sort("selected_on", "household_key")
    rows = _features_of(judged, case.rows)
    compared = None if champion is None else champion_on(champion, case, judged, rows)
    rule = _best_rule(judged, rows, case)
    label = judged.get_column("label").cast(pl.Int64).to_numpy()
    sealed = model.calibration.probability(judged.get_column("margin").to_numpy())
    return Evidence(
        case.as_of,
        None,
        Measured(
            labels=_labels(case, judged),
            order=_order(model, judged, rows, rng),
            rule=_beside(rule.name_ko, say("all_judged"), judged, order_of(rule, rows), case, rng),
            champion=None if compared is None else _beside_champion(compared, judged, case, rng),
            no_champion=case.no_champion if champion is None else say("champion_broken"),
            groups=_reach(judged, rows, compared, rule, case, rng),
            groups_beside=rule.name_ko if compared is None else CHAMPION,
            out_of_time=calibration.curve_out_of_time(judged, sealed, rng),
            as_sealed=calibration.curve(sealed, label, rng),
            suspicion=_suspicion(model, rows, case),
            telling=_telling(model, compared, rows, rng),
            score_psi=_score_psi(model, case),
            feature_drift=_feature_drift(case),
        ),
    )


def _features_of(judged: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    keys = ["household_key", "selected_on"]
    joined = judged.select(keys).join(rows, on=keys, how="left", maintain_order="left")
    if joined.get_column("label").null_count():
        raise ValueError("a judged row is not among the rows that were learned from")
    return joined


def _labels(case: Case, judged: pl.DataFrame) -> Labels:
    needs, judged_needs = (int(frame.get_column("label").sum()) for frame in (case.rows, judged))
    newest_round, newest_answer = case.rows.select(pl.col("selected_on", "received_on").max()).row(0)
    days = (case.as_of - newest_answer).days
    return Labels(case.rows.height, needs, judged.height, judged_needs, newest_round, newest_answer, days)


def _order(model: Model, judged: pl.DataFrame, rows: pl.DataFrame, rng: np.random.Generator) -> Order:
    margin = judged.get_column("margin").to_numpy()
    label = judged.get_column("label").to_numpy().astype(np.float64)
    households = judged.get_column("household_key").to_numpy()
    # What goes out has learned from these rows since: it may order them better, never otherwise.
    going_out = model.margin(matrix_of(rows, model.columns))
    counts = np.unique(going_out, return_counts=True)[1]
    both = pl.DataFrame({"a": margin, "b": going_out})
    agreement = both.select(pl.corr("a", "b", method="spearman")).item()
    auc, _ = ranking_intervals(label, margin, households, rng)
    agreed = float(agreement) if agreement is not None and np.isfinite(agreement) else 0.0
    return Order(len(counts), float(counts.max() / counts.sum()), agreed, auc)


def _best_rule(judged: pl.DataFrame, rows: pl.DataFrame, case: Case) -> Rule:
    """Of those an office can really apply; a single signal's order, chosen with hindsight, is told but binds nobody."""

    shared, places, _ = contested(judged, case.capacity)

    def found(rule: Rule) -> float:
        taken = per_office(shared, order_of(rule, rows), places)
        return float(taken.get_column("mean").sum())

    label = judged.get_column("label").to_numpy().astype(np.float64)
    return max(GENERAL, key=lambda rule: (found(rule), average_precision(label, order_of(rule, rows))))


def _beside(
    other: str, how: Said, judged: pl.DataFrame, theirs: Numbers, case: Case, rng: np.random.Generator
) -> Beside:
    shared, places, _ = contested(judged, case.capacity)
    top = places.get("all")
    where = say("at_capacity", how=how) if top is None else say("top_of_rounds", how=how, places=top)
    ours = per_office(shared, judged.get_column("margin").to_numpy(), places)
    others = per_office(shared, theirs, places)
    ratio = ratio_interval(ours, others, rng) if ours.height else None
    return Beside(other, where, judged.height, int(ours.get_column("taken").sum()), ratio)


def _beside_champion(compared: Compared, judged: pl.DataFrame, case: Case, rng: np.random.Generator) -> Beside:
    shared = judged.filter(pl.Series(compared.rows))
    return _beside(CHAMPION, compared.how, shared, compared.margin[compared.rows], case, rng)


def _reach(
    judged: pl.DataFrame, rows: pl.DataFrame, compared: Compared | None, rule: Rule, case: Case,
    rng: np.random.Generator,
) -> tuple[GroupReach, ...]:  # fmt: skip
    which = np.ones(judged.height, dtype=np.bool_) if compared is None else compared.rows
    theirs = order_of(rule, rows) if compared is None else compared.margin
    shared = judged.filter(pl.Series(which))
    contest, places, _ = contested(shared, case.capacity)
    chance = [chance_taken(contest, order, places) for order in (shared.get_column("margin").to_numpy(), theirs[which])]
    label = shared.get_column("label").to_numpy().astype(np.float64)
    households = shared.get_column("household_key").to_numpy()
    return compare_reach(groups_of(rows.filter(pl.Series(which))), label, chance[0], chance[1], households, rng)


def _suspicion(model: Model, rows: pl.DataFrame, case: Case) -> Suspicion:
    sample = rows.gather_every(max(1, rows.height // SAMPLE))
    matrix, label = matrix_of(sample, model.columns), sample.get_column("label").to_numpy().astype(np.float64)
    gain = np.asarray(model.booster.feature_importance("gain"), dtype=np.float64)
    # Only columns the trees use can carry what should not be known.
    used = np.flatnonzero(gain)
    if not used.size:
        return Suspicion("", 0.5, 0.0, case.late)
    worth = {int(i): abs(roc_auc(label, np.nan_to_num(matrix[:, i], nan=-1.0).astype(np.float64)) - 0.5) for i in used}
    strongest = max(worth, key=lambda i: worth[i])
    return Suspicion(
        model.columns[strongest].name, 0.5 + worth[strongest], float(gain[strongest] / gain.sum()), case.late
    )


def _telling(model: Model, compared: Compared | None, rows: pl.DataFrame, rng: np.random.Generator) -> Telling:
    sample = rows.gather_every(max(1, rows.height // SHAP_SAMPLE))
    try:
        work, difference = work_of(model), check_against_shap(model, sample)
    except (ExplanationRefused, ValueError):
        work, difference = 0, None
    matrix = matrix_of(rows.gather_every(max(1, rows.height // SAMPLE)), model.columns)
    fell = violations(model, matrix, PAIRS, rng)
    return Telling(work, None if compared is None else compared.work, difference, fell)


def _score_psi(model: Model, case: Case) -> float | None:
    if case.then is None or case.now is None:
        return None
    then, now = (model.margin(matrix_of(frame, model.columns)) for frame in (case.then, case.now))
    return drift.psi(then, now)


def _feature_drift(case: Case) -> dict[str, object] | None:
    if case.then is None or case.now is None:
        return None
    return drift.summary(drift.drift_of_features(case.then, case.now, [f.name for f in case.features]))
