"""Training and judging beside bare LightGBM over the same folds, in the same run: seconds by the clock and of CPU.

Ours: constrained trees window by window, the number of trees, the model that goes out, calibration, every plain rule,
logistic regression, a bare LightGBM as yardstick, bootstrap intervals, the check against shap. Bare: LightGBM's own
defaults fitted and asked once per window: every other window before ours, the others after, so that a busy hour meets
both. Rows are made up: rounds two months apart, half-empty columns, need that hangs on some of them.

    python benchmarks/training.py [--rows 200000] [--columns 300] [--threads 2] [--only ours|bare]
"""

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

from models.columns import columns_of, matrix_of
from models.evaluate import roc_auc
from models.folds import split
from models.rules import COUNT, OLDEST, POINTS
from models.train import TrainSettings, train

ROUNDS = 12
OFFICES = 400
CAPACITY = 20
CARRYING = 25  # columns that tell of need


@dataclass(frozen=True)
class Told:
    name: str
    group: str
    monotone: int
    label_ko: str = "가상 정보"


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--rows", type=int, default=200_000)
    told.add_argument("--columns", type=int, default=300)
    told.add_argument("--threads", type=int, default=2)
    told.add_argument("--only", choices=("ours", "bare"))
    asked = told.parse_args()
    features = columns(asked.columns)
    rows = made_up(asked.rows, features)
    settings = TrainSettings(threads=asked.threads)
    figures: dict[str, float] = {}
    yardstick = Bare(rows, features, settings)
    if asked.only != "ours":
        yardstick.fit(slice(0, None, 2))
    if asked.only != "bare":
        figures["ours_seconds"], figures["ours_cpu"], figures["ours_roc_auc"] = ours(rows, features, settings)
    if asked.only != "ours":
        yardstick.fit(slice(1, None, 2))
        figures["bare_seconds"], figures["bare_cpu"] = yardstick.seconds, yardstick.cpu
        figures["bare_roc_auc"] = yardstick.roc_auc()
    if asked.only is None:
        figures["ratio"] = figures["ours_seconds"] / figures["bare_seconds"]
        figures["ratio_cpu"] = figures["ours_cpu"] / figures["bare_cpu"]
    figures["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"benchmark": "training", "rows": asked.rows, "columns": asked.columns, "threads": asked.threads,
                      **{name: round(value, 3) for name, value in figures.items()}}))  # fmt: skip


def columns(count: int) -> tuple[Told, ...]:
    """A third each: may only raise, may only lower, free. Ten to a signal; the last three are what plain rules read."""
    general = (Told(COUNT, "across", 1), Told(POINTS, "across", 1), Told(OLDEST, "across", 0))
    signals = tuple(
        Told(f"signal_{i // 10}__{'months_now' if i % 10 == 0 else f'shape_{i % 10}'}", f"signal_{i // 10}", i % 3 - 1)
        for i in range(count - len(general))
    )
    return signals + general


def made_up(rows: int, features: tuple[Told, ...]) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    values = rng.gamma(1.0, 1.0, (rows, len(features))).astype(np.float32)
    values[rng.random(values.shape, dtype=np.float32) < 0.5] = 0.0
    signs = np.array([f.monotone or 1 for f in features], dtype=np.float32)
    weight = np.where(np.arange(len(features)) % (len(features) // CARRYING) == 0, 0.35, 0.0) * signs
    risk = (values @ weight.astype(np.float32)).astype(np.float64)
    margin = risk - np.quantile(risk, 0.8) + rng.normal(0, 1, rows)
    # Nothing is known of a tenth: drawn after need was, so it only hides.
    values[rng.random(values.shape, dtype=np.float32) < 0.1] = np.nan
    place = np.sort(rng.integers(0, ROUNDS, rows))
    days = [date(2024, 1, 5) + timedelta(days=61 * i) for i in range(ROUNDS)]
    late = rng.integers(5, 50, rows)
    told = pl.DataFrame(values, schema=[f.name for f in features])
    return told.with_columns(
        household_key=pl.Series(rng.permutation(rows).astype(np.int64)),
        selected_on=pl.Series([days[i] for i in place]),
        received_on=pl.Series([days[i] + timedelta(days=int(n)) for i, n in zip(place, late, strict=True)]),
        office=pl.Series([f"{1_111_051_000 + i}" for i in rng.integers(0, OFFICES, rows)]),
        label=pl.Series((rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.int8)),
    )


def ours(rows: pl.DataFrame, features: tuple[Told, ...], settings: TrainSettings) -> tuple[float, float, float]:
    capacity = dict.fromkeys(rows["office"].unique(), CAPACITY)
    wall, cpu = time.monotonic(), time.process_time()
    trained = train(rows, features, settings, 1, capacity)
    seconds = time.monotonic() - wall, time.process_time() - cpu
    return *seconds, trained.facts["metrics"]["model"]["roc_auc"]["value"]


class Bare:
    """LightGBM's defaults over the same folds, some at a time."""

    def __init__(self, rows: pl.DataFrame, features: tuple[Told, ...], settings: TrainSettings) -> None:
        ordered = rows.sort("selected_on", "household_key")
        self.values, self.label = matrix_of(ordered, columns_of(features)), ordered["label"].cast(pl.Int64).to_numpy()
        self.folds = split(ordered, settings.gap_days).folds
        self.margin = np.full(len(self.label), np.nan)
        self.parameters = {"objective": "binary", "verbosity": -1, "num_threads": settings.threads, "seed": 1}
        self.seconds = self.cpu = 0.0

    def fit(self, which: slice) -> None:
        wall, cpu = time.monotonic(), time.process_time()
        for fold in self.folds[which]:
            booster = lgb.train(self.parameters, lgb.Dataset(self.values[fold.train], self.label[fold.train]))
            self.margin[fold.test] = booster.predict(self.values[fold.test], raw_score=True)
        self.seconds, self.cpu = self.seconds + time.monotonic() - wall, self.cpu + time.process_time() - cpu

    def roc_auc(self) -> float:
        seen = np.isfinite(self.margin)
        return roc_auc(self.label[seen].astype(np.float64), self.margin[seen])


if __name__ == "__main__":
    main()
