"""What raised or lowered a score, exactly, summed per signal.

`shap.TreeExplainer` and LightGBM's own contributions walk every tree for every row: about 3,000 rows/s for 200 trees of
16 leaves. woodelf looks whole paths up in tables: the same values at several times the rate, from some hundred rows on.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
from woodelf.core.cube_metric import ShapleyValues
from woodelf.core.path_to_s_vectors.base_p2s import PathToSVectors
from woodelf.core.trees.parse_models import load_decision_tree_ensemble_model
from woodelf.high_depth_woodelf import woodelf_for_high_depth

from models.columns import Matrix, groups_of, matrix_of
from models.errors import ExplanationRefused
from models.model import Model

Numbers = npt.NDArray[np.float64]

ROWS_AT_A_TIME = 50_000
# Sums of a few hundred doubles stay ten thousand times below this; float32 tables, woodelf's default, would not.
TOLERANCE = 1e-6


def explain(model: Model, features: pl.DataFrame) -> pl.DataFrame:
    """Pushes on the margin (log-odds): household_key, base, one column per group, Float64, sorted by household_key.
    base + all groups = margin on every row, or ExplanationRefused."""
    rows = features.sort("household_key")
    groups = groups_of(model.columns)
    base = expected_margin(model)
    engine = _Engine(model.booster, [c.group for c in model.columns])
    parts = [np.zeros((0, len(groups)))]
    for part in rows.iter_slices(ROWS_AT_A_TIME):
        matrix = matrix_of(part, model.columns)
        pushes = engine.pushes(matrix, groups)
        _check_sums(pushes.sum(axis=1) + base, model.margin(matrix))
        parts.append(pushes)
    told = pl.DataFrame(np.concatenate(parts), schema=dict.fromkeys(groups, pl.Float64))
    return pl.concat(
        [rows.select("household_key", pl.lit(base, dtype=pl.Float64).alias("base")), told], how="horizontal"
    )


def expected_margin(model: Model) -> float:
    """The margin before anything is known of a household: the trees' mean over the rows they learned from."""
    nothing = np.zeros((1, len(model.columns)), dtype=np.float32)
    contributions: Numbers = model.booster.predict(nothing, pred_contrib=True)
    return float(contributions[0, -1])


def _check_sums(told: Numbers, margin: Numbers) -> None:
    scale = max(1.0, float(np.abs(margin).max(initial=0.0)))
    worst = float(np.abs(told - margin).max(initial=0.0))
    if not worst <= TOLERANCE * scale:
        raise ExplanationRefused(
            f"pushes miss the score by up to {worst:.1e}",
            "report this as a bug, with requirements.lock: no reasons were told",
        )


def check_against_shap(model: Model, sample: pl.DataFrame, tolerance: float = 1e-4) -> float:
    """Largest difference to shap.TreeExplainer over all columns and rows of the sample; ExplanationRefused if above."""
    matrix = matrix_of(sample, model.columns)
    names = tuple(c.name for c in model.columns)
    ours = _Engine(model.booster, names).pushes(matrix, names)
    worst = float(np.abs(ours - shap_values(model.booster, matrix)).max(initial=0.0))
    if not worst <= tolerance:
        raise ExplanationRefused(
            f"pushes differ from shap by up to {worst:.1e} (allowed {tolerance:.0e})",
            "install exactly what requirements.lock names, then train again",
        )
    return worst


def shap_values(booster: Any, matrix: Matrix) -> Numbers:
    import warnings

    import shap  # a second to import, needed only when a model is trained

    with warnings.catch_warnings():
        # It announces on every call that binary models give one array; that is the shape relied on here.
        warnings.filterwarnings("ignore", message="LightGBM binary classifier", category=UserWarning)
        values: Numbers = shap.TreeExplainer(booster).shap_values(matrix)
    return values


class _Engine:
    """The trees, read once; rows in batches. Columns go by their number: pandas looks numbers up faster than names."""

    def __init__(self, booster: Any, group_of: Sequence[str]) -> None:
        self._trees = load_decision_tree_ensemble_model(booster, list(range(len(group_of))))
        self._used = sorted({n for tree in self._trees.trees for n in tree.get_all_features()})
        self._tables = GroupTables(group_of, self._trees.max_depth)

    def pushes(self, matrix: Matrix, groups: Sequence[str]) -> Numbers:
        # Compared as float64: with float32 columns NumPy would round the thresholds.
        data = pd.DataFrame(matrix[:, self._used].astype(np.float64), columns=self._used)
        values: dict[str, Numbers] = {}
        if self._used and len(data):
            values = woodelf_for_high_depth(
                self._trees, data, None, self._tables.metric, path_to_matrices_calculator=self._tables,
                model_was_loaded=True, verbose=False,
            )  # fmt: skip
        nothing = np.zeros(len(matrix))
        return np.column_stack([values.get(group, nothing) for group in groups])


class GroupTables(PathToSVectors):  # type: ignore[misc]  # woodelf has no types
    """For one leaf: what each pattern of decisions met adds to each group. Float64; woodelf's own are float32."""

    def __init__(self, group_of: Sequence[str], max_depth: int) -> None:
        super().__init__(metric=ShapleyValues(), max_depth=max_depth)
        self._group_of = group_of

    def get_path_dependent_s_matrix(
        self,
        features_in_path: Sequence[int],
        consumer_patterns: object,  # noqa: ARG002  woodelf's signature; the dense tables hold every pattern
        covers: Numbers,
        w: float,
        w_neighbor: float | None = None,
    ) -> dict[str, Numbers]:
        if not features_in_path:
            return {}
        table = shapley_table(covers, w)
        if w_neighbor is not None:
            # The sibling leaf takes the other branch of the last decision: its last bit and last cover are turned over.
            sibling = shapley_table(np.append(covers[:-1], 1.0 - covers[-1]), w_neighbor)
            table = table + sibling[np.arange(len(table)) ^ 1]
        return _summed(table, [self._group_of[number] for number in features_in_path])


def _summed(table: Numbers, groups: Iterable[str]) -> dict[str, Numbers]:
    sums: dict[str, Numbers] = {}
    for position, group in enumerate(groups):
        sums[group] = sums[group] + table[:, position] if group in sums else table[:, position]
    return sums


def shapley_table(covers: Numbers, leaf: float) -> Numbers:
    """Patterns (2^d, first feature in the highest bit) x features (d): path-dependent Shapley values at one leaf.

    For feature i: leaf * (b_i - r_i) * integral over t in 0..1 of the product over j != i of (t b_j + (1-t) r_j), with
    b: the row meets j's decisions; r: share of training rows that did. Gauss-Legendre with d/2 nodes is exact.
    """
    plan = _plan(len(covers))
    factors = plan.t * plan.met[:, :, None] + (1 - plan.t) * covers[:, None]  # patterns x features x nodes
    others = factors[:, plan.others].prod(axis=2)
    table: Numbers = leaf * (plan.met - covers) * (others @ plan.weights)
    return table


class _Plan(NamedTuple):
    """What does not depend on the leaf. Worked out once per depth: a model has thousands of leaves."""

    met: Numbers  # patterns x features: 0 or 1
    others: npt.NDArray[np.int64]  # features x the other features
    t: Numbers
    weights: Numbers


@cache
def _plan(d: int) -> _Plan:
    nodes, weights = np.polynomial.legendre.leggauss((d + 1) // 2)
    met = ((np.arange(2**d)[:, None] >> np.arange(d - 1, -1, -1)) & 1).astype(np.float64)
    others = np.array([[j for j in range(d) if j != i] for i in range(d)], dtype=np.int64).reshape(d, d - 1)
    return _Plan(met, others, (nodes + 1) / 2, weights / 2)
