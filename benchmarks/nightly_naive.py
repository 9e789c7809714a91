"""The benchmark of the night, the plain way: pandas, LightGBM, shap.TreeExplainer, a CSV per office.

python -m benchmarks.nightly_naive WORK TABLES [--parts N]. TABLES: a folder of our own, filled with links to the lake's
files. Whole tables are read and merged at once; the wide frames of features are built for a share of the households at
a time (benchmarks/features_pandas.py), because those of two million at once do not fit. The last line is JSON.
"""

import argparse
import json
import os
import shutil
import time
import warnings
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from benchmarks.features_pandas import Prepared, build, prepare, read
from benchmarks.nightly_country import current_files
from benchmarks.nightly_floor import model_text

TABLES = ("observations", "residents", "addresses", "contacts")
TOLD = 3  # signals named to an officer


def link_tables(work: Path, folder: Path) -> None:
    """Each table as a folder of Parquet files, as benchmarks/features_pandas.py reads it."""
    shutil.rmtree(folder, ignore_errors=True)
    for table in TABLES:
        place = folder / f"{table}.parquet"
        place.mkdir(parents=True)
        for file in current_files(work, table):
            os.link(file, place / file.name)


class Clock:
    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._since = time.perf_counter()

    def ends(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self._since
        self._since = now


def work_night(work: Path, tables: Path, parts: int, out: Path) -> dict[str, Any]:
    booster = lgb.Booster(model_str=model_text(work))
    offices = pd.read_csv(work / "offices.csv", dtype={"office": str}).set_index("office")
    clock = Clock()
    frames = read(tables, TABLES)
    clock.ends("read")
    prepared = prepare(frames)
    frames.clear()
    clock.ends("features")
    chosen, households = choose(prepared, booster, offices["capacity"], parts, clock)
    pushes = explain(booster, chosen.drop(columns=["office", "margin"]))
    clock.ends("explain")
    write(chosen, pushes, out)
    clock.ends("write")
    stages = {name: round(seconds, 2) for name, seconds in clock.stages.items()}
    seconds = round(sum(clock.stages.values()), 2)
    return {"seconds": seconds, "stages": stages, "households": households, "alerts": len(chosen), "parts": parts}


def choose(
    prepared: Prepared, booster: lgb.Booster, capacity: "pd.Series[int]", parts: int, clock: Clock
) -> tuple[pd.DataFrame, int]:
    """The highest scores of each office, within its capacity."""
    best, households = [], 0
    for part in range(parts):
        features = build(prepared, part, parts)
        clock.ends("features")
        margin = booster.predict(features, raw_score=True, num_threads=os.cpu_count() or 1)
        office = prepared.addresses["office"].reindex(features.index).astype(str)
        scored = pd.concat([features, office, pd.Series(margin, features.index, name="margin")], axis=1)
        clock.ends("predict")
        best.append(within(scored, capacity))
        households += len(features)
        clock.ends("queues")
    chosen = within(pd.concat(best), capacity)
    clock.ends("queues")
    return chosen, households


def within(scored: pd.DataFrame, capacity: "pd.Series[int]") -> pd.DataFrame:
    ranked = scored.sort_values(["office", "margin"], ascending=[True, False])
    place = ranked.groupby("office").cumcount()
    return ranked[place < ranked["office"].map(capacity).fillna(0)]


def explain(booster: lgb.Booster, features: pd.DataFrame) -> np.ndarray:
    import shap

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="LightGBM binary classifier", category=UserWarning)
        values: np.ndarray = shap.TreeExplainer(booster).shap_values(features)
    return values


def write(chosen: pd.DataFrame, pushes: np.ndarray, out: Path) -> None:
    names = np.array(chosen.columns.drop(["office", "margin"]))
    top = np.argsort(-pushes, axis=1)[:, :TOLD]
    told = chosen[["office", "margin"]].copy()
    for place in range(TOLD):
        told[f"reason_{place + 1}"] = names[top[:, place]]
    out.mkdir(exist_ok=True)
    for office, rows in told.groupby("office"):
        rows.to_csv(out / f"{office}.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--parts", type=int, default=1)
    given = parser.parse_args()
    link_tables(given.work, given.tables)
    print(json.dumps(work_night(given.work, given.tables, given.parts, given.tables / "out")))


if __name__ == "__main__":
    main()
