"""How fast households are explained: exact pushes summed per signal, beside shap.TreeExplainer on the same model.

    python benchmarks/explain.py [--rows 50000] [--shap-rows 50000]

The model: 200 trees, 16 leaves, depth 5, on the catalogue's own columns. The last line is JSON.
"""

import argparse
import json
import resource
import statistics
import sys
import time
import warnings
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import shap

# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

from features import FEATURES
from models.calibration import Calibration
from models.columns import Column, columns_of, groups_of, matrix_of
from models.explain import check_against_shap, explain
from models.learner import FIXED
from models.model import Model, read_model

LEARNED_ROWS = 20_000
RUNS = 3


def draw_households(rows: int, columns: tuple[Column, ...], rng: np.random.Generator) -> pl.DataFrame:
    """Mostly nothing told, some of it unknown, as real signals are."""
    told: dict[str, object] = {"household_key": rng.permutation(rows).astype(np.int64)}
    for column in columns:
        shape = column.name.rpartition("__")[2]
        size = 100_000.0 if shape.startswith(("owed", "billed", "level", "change", "m")) else 3.0
        values = rng.gamma(1.0, size, rows).astype(np.float32)
        values[rng.random(rows) < 0.7] = 0.0
        if rng.random() < 0.5:
            values[rng.random(rows) < 0.3] = np.nan
        told[column.name] = values
    return pl.DataFrame(told)


def learn(households: pl.DataFrame, columns: tuple[Column, ...], rng: np.random.Generator) -> Model:
    matrix = matrix_of(households, columns)
    size = np.nanstd(matrix, axis=0) + 1e-9
    weight = rng.normal(0, 1, len(columns)) * (rng.random(len(columns)) < 0.2)
    strain = np.nan_to_num(matrix / size) @ weight
    need = rng.random(len(matrix)) < 1 / (1 + np.exp(-(strain - strain.mean()) / strain.std() + 1.5))
    parameters = {**FIXED, "num_leaves": 16, "max_depth": 5, "learning_rate": 0.05, "num_threads": 2, "seed": 1}
    data = lgb.Dataset(matrix, need.astype(int), feature_name=[c.name for c in columns])
    booster = lgb.train(parameters, data, 200)
    return read_model("benchmark", booster.model_to_string(), columns, Calibration(1.0, 0.0))


def time_ours(model: Model, households: pl.DataFrame) -> tuple[float, pl.DataFrame]:
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        pushes = explain(model, households)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), pushes


def time_shap(model: Model, households: pl.DataFrame) -> tuple[float, np.ndarray]:
    matrix = np.ascontiguousarray(matrix_of(households, model.columns))
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="LightGBM binary classifier", category=UserWarning)
        values = shap.TreeExplainer(model.booster).shap_values(matrix)
    return time.perf_counter() - began, values


def largest_difference(model: Model, pushes: pl.DataFrame, values: np.ndarray) -> float:
    position = {
        group: [i for i, c in enumerate(model.columns) if c.group == group] for group in groups_of(model.columns)
    }
    summed = np.column_stack([values[:, columns].sum(axis=1) for columns in position.values()])
    return float(np.abs(pushes.select(list(position)).to_numpy() - summed).max())


def peak_megabytes() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--shap-rows", type=int, default=50_000, help="explained by shap; at most --rows")
    asked = parser.parse_args()
    rng = np.random.default_rng(1)
    columns = columns_of(FEATURES)
    households = draw_households(asked.rows, columns, rng).sort("household_key")
    model = learn(draw_households(LEARNED_ROWS, columns, rng), columns, rng)
    check_against_shap(model, households[:100])
    before = peak_megabytes()
    seconds, pushes = time_ours(model, households)
    after = peak_megabytes()
    sample = households[: asked.shap_rows]
    shap_seconds, values = time_shap(model, sample)
    ours, theirs = asked.rows / seconds, sample.height / shap_seconds
    told = {
        "benchmark": "explain",
        "rows": asked.rows,
        "shap_rows": sample.height,
        "columns": len(columns),
        "groups": len(groups_of(columns)),
        "rows_per_second": round(ours),
        "shap_rows_per_second": round(theirs),
        "times_faster": round(ours / theirs, 1),
        "largest_difference": largest_difference(model, pushes[: sample.height], values),
        "largest_difference_per_column": check_against_shap(model, households[-1_000:]),
        "peak_megabytes_before": round(before),
        "peak_megabytes": round(after),
    }
    print(f"ours: {ours:,.0f} households/s with sums per signal (median of {RUNS} runs of {asked.rows:,})")
    print(f"shap.TreeExplainer: {theirs:,.0f} households/s without sums ({sample.height:,})")
    print(f"largest difference {told['largest_difference']:.1e}; peak memory {after:,.0f} MB ({before:,.0f} MB before)")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
