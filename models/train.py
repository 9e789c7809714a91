"""Learn from what officers found: small monotone trees, judged on later rounds, calibrated, checked against shap."""

import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from models import calibration, comparison
from models.columns import CAP, FeatureLike, columns_of, matrix_of, without_extremes
from models.contenders import judge_contenders
from models.errors import TrainingRefused
from models.explain import check_against_shap
from models.folds import Fold, Folds, split
from models.labels import features_digest, label_digest
from models.learner import FIXED, Labels, Learner, Numbers, TrainSettings, try_out
from models.model import Model, read_model
from models.monotone import violations
from models.rules import single_rules
from models.stability import reasons_under_another_seed
from signals.outcomes import NEED_DEFINITION

__all__ = ["Fitted", "TrainSettings", "Trained", "fit", "train"]

SHAP_SAMPLE: Final = 500
PAIRS: Final = 10_000
PACKAGES: Final = ("lightgbm", "numpy", "pandas", "polars", "shap", "woodelf-explainer")


@dataclass(frozen=True)
class Trained:
    model: Model
    text: str  # LightGBM's, as it is signed and saved
    facts: dict[str, Any]  # for the passport: JSON, no household in it
    # Rows not learned from: household_key, selected_on, received_on, office, label, margin, probability.
    judged: pl.DataFrame


@dataclass(frozen=True)
class Boosted:
    """More rows than are here, from all of which the model itself learns elsewhere."""

    rows: pl.DataFrame  # household_key, selected_on, received_on, label
    parts: int
    fit: Callable[[Learner, int], str]  # by this learner's recipe, so many trees: LightGBM's text


@dataclass(frozen=True)
class Fitted:
    """What was learned, before anybody asks how good it is beside others."""

    model: Model
    text: str
    trees: int
    rows: pl.DataFrame  # sorted, as the learner saw them
    learner: Learner
    folds: Folds
    seen: npt.NDArray[np.bool_]  # rows judged by a model that had not learned from them
    judged: pl.DataFrame  # as in Trained


def fit(
    matrix: pl.DataFrame | pd.DataFrame,
    features: Iterable[FeatureLike],
    settings: TrainSettings,
    seed: int,
    boosted: Boosted | None = None,
) -> Fitted:
    """The model alone; see `train` for the matrix and what is refused."""
    rows, columns = _rows(matrix), columns_of(features)
    label = rows.get_column("label").cast(pl.Int64).to_numpy()
    _refuse_labels(label, settings.min_positives)
    values = matrix_of(rows, columns)
    folds = _refuse_folds(split(rows, settings.gap_days))
    learner = Learner(values, label, columns, settings, seed)
    trees, margin = try_out(learner, folds)
    seen = np.isfinite(margin)
    chances = _refuse_worthless(calibration.fit(margin[seen], label[seen]))
    text = boosted.fit(learner, trees) if boosted else learner.fit(trees).model_to_string(num_iteration=trees)
    text = without_extremes(text)
    model = read_model("new", text, columns, chances)
    _refuse_constant(model.margin(values))
    return Fitted(model, text, trees, rows, learner, folds, seen, _judged(rows, seen, margin, chances))


def train(
    matrix: pl.DataFrame | pd.DataFrame,
    features: Iterable[FeatureLike],
    settings: TrainSettings,
    seed: int,
    capacity: Mapping[str, int] | None = None,
    boosted: Boosted | None = None,
) -> Trained:
    """`matrix`: one row per household and round: household_key, selected_on, received_on (of the answer), office,
    label, and the features as known on selected_on. `capacity`: places per office, for precision at capacity.
    `boosted`: `matrix` is a draw from these rows, for all but the model itself.
    TrainingRefused when nothing worth publishing can be learned."""
    told = tuple(features)
    fitted = fit(matrix, told, settings, seed, boosted)
    rows, learner, folds, model, seen = fitted.rows, fitted.learner, fitted.folds, fitted.model, fitted.seen
    judged = fitted.judged
    facts = {
        **_about_rows(rows if boosted is None else boosted.rows),
        **({} if boosted is None else _about_parts(boosted, rows.height)),
        "label_digest": label_digest(),
        "features_digest": features_digest(told),
        **_about_settings(settings, seed, fitted.trees),
        "folds": {"kind": folds.kind, "why": folds.why, "windows": [_about_fold(f) for f in folds.folds]},
        "base_margin": model.expected_margin,
        "stability": reasons_under_another_seed(learner, model.booster, fitted.trees),
        "violations": {"pairs": PAIRS, "found": violations(model, learner.values, PAIRS, np.random.default_rng(seed))},
        "largest_difference_to_shap": check_against_shap(model, rows.gather_every(max(1, rows.height // SHAP_SAMPLE))),
        "metrics": comparison.compare(
            rows.filter(pl.Series(seen)),
            judged,
            single_rules(model.columns, {f.name: f.label_ko for f in told}),
            capacity,
            np.random.default_rng(seed),
            {code: other[seen] for code, other in judge_contenders(learner, folds).items()},
        ),
    }
    return Trained(model, fitted.text, facts, judged)


def _rows(matrix: pl.DataFrame | pd.DataFrame) -> pl.DataFrame:
    """In one order, whatever order they came in: bagging draws by position."""
    rows = pl.from_pandas(matrix) if isinstance(matrix, pd.DataFrame) else matrix
    rows = rows.with_columns(pl.col("selected_on", "received_on").cast(pl.Date)).sort("selected_on", "household_key")
    if rows.select("selected_on", "household_key").is_duplicated().any():
        raise ValueError("a household stands twice in one round: labels are one per household and round")
    return rows


def _refuse_labels(label: Labels, min_positives: int) -> None:
    needs = int(label.sum())
    if needs in (0, len(label)):
        raise TrainingRefused(
            f"all {len(label)} matured outcomes say the same",
            "wait for officers' answers of both kinds, then train again",
        )
    if min(needs, len(label) - needs) < min_positives:
        raise TrainingRefused(
            f"{needs} of {len(label)} reviewed households had need; {min_positives} with and without are wanted",
            "wait for more answers, or lower model.min_positives in config.yaml",
        )


def _refuse_folds(folds: Folds) -> Folds:
    if not folds.folds:
        raise TrainingRefused("no part of the outcomes can be kept back to judge on", "wait for more answers")
    return folds


def _refuse_worthless(fitted: calibration.Calibration) -> calibration.Calibration:
    if fitted.slope <= 0:
        raise TrainingRefused(
            "on households it had not seen the model ranks no better than chance",
            "keep the model you have; check that outcomes and features belong to the same households",
        )
    return fitted


def _refuse_constant(margin: Numbers) -> None:
    if np.ptp(margin) == 0:
        raise TrainingRefused(
            f"the model gives all {len(margin)} households the same score",
            "check that the features are not all empty for the rounds learned from",
        )


def _judged(
    rows: pl.DataFrame, seen: npt.NDArray[np.bool_], margin: Numbers, fitted: calibration.Calibration
) -> pl.DataFrame:
    return (
        rows.select("household_key", "selected_on", "received_on", "office", pl.col("label").cast(pl.Int8))
        .filter(pl.Series(seen))
        .with_columns(margin=margin[seen], probability=fitted.probability(margin[seen]))
    )


def _about_rows(rows: pl.DataFrame) -> dict[str, Any]:
    rounds = rows.group_by("selected_on").agg(rows=pl.len(), needs=pl.col("label").sum()).sort("selected_on")
    return {
        "label": NEED_DEFINITION,
        "rows": rows.height,
        "needs": int(rows.get_column("label").sum()),
        "last_answer": str(rows.get_column("received_on").max()),
        "rounds": [{"selected_on": str(day), "rows": n, "needs": int(needs)} for day, n, needs in rounds.iter_rows()],
    }


def _about_parts(boosted: Boosted, drawn: int) -> dict[str, Any]:
    return {"boosted": {"parts": boosted.parts, "drawn_to_judge": drawn, "monotone_constraints_method": "basic"}}


def _about_settings(settings: TrainSettings, seed: int, trees: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "trees": trees,
        "parameters": {**FIXED, **asdict(settings)},
        "cap_won": CAP,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }


def _about_fold(fold: Fold) -> dict[str, Any]:
    return {
        "judged_on": str(fold.judged_on) if fold.judged_on else None,
        "learned": len(fold.train),
        "judged": len(fold.test),
    }
