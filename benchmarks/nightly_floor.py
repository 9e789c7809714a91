"""The benchmark of the night, the floor: what nobody can leave out, bare, on what is ready.

python -m benchmarks.nightly_floor ready WORK FOLDER    features of some households and alerts as matrices, unmeasured
python -m benchmarks.nightly_floor bare WORK FOLDER HOUSEHOLDS ALERTS    the floor; the last line is JSON

Read: every column of the lake's four tables, file by file. Predict: lightgbm.Booster.predict for every household, on a
ready float32 matrix of all columns (C order), a block that is used again and again so that it fits into memory.
Explain: woodelf for every alert, on ready rows, used again likewise.
"""

import json
import os
import pickle
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import polars as pl

from benchmarks.nightly_country import current_files

BLOCK = 100_000  # rows of 400 columns: 160 MB
EXPLAINED_AT_A_TIME = 50_000
READY_ALERTS = 20_000
THREADS = os.cpu_count() or 1


def make_ready(work: Path, folder: Path) -> None:
    """From what the night has arranged: real features of real households."""
    from features import build, feature_list
    from models.columns import columns_of, matrix_of
    from signals.catalogue import SIGNALS
    from signals.tables import CONTACTS

    columns = columns_of(feature_list(SIGNALS))
    arranged = pickle.loads((work / "arranged.pickle").read_bytes())
    queued = pl.concat(
        [pl.read_parquet(file, columns=["household_key"]) for file in (work / "regions").glob("*.parquet")]
    )
    folder.mkdir(exist_ok=True)
    found, count = [], 0
    for part in arranged.day.sources:
        prepared = arranged.prepared(part, arranged.day.rows("contacts", part, CONTACTS))
        if part == 0:
            np.save(folder / "households.npy", _c_order(build(_of(prepared, prepared.households[:BLOCK])), columns))
        found.append(matrix_of(build(_of(prepared, queued)).features, columns))
        count += len(found[-1])
        if count >= READY_ALERTS:
            break
    np.save(folder / "alerts.npy", np.ascontiguousarray(np.concatenate(found)))
    (folder / "columns.json").write_text(json.dumps([column.name for column in columns]))


def _of(prepared: Any, wanted: pl.DataFrame) -> Any:
    mine = pl.col("household_key").is_in(wanted["household_key"].implode())
    tables = ("households", "observations", "contacts")
    return replace(prepared, **{name: getattr(prepared, name).filter(mine) for name in tables})


def _c_order(built: Any, columns: Any) -> np.ndarray:
    from models.columns import matrix_of

    return np.ascontiguousarray(matrix_of(built.features, columns))


def bare(work: Path, folder: Path, households: int, alerts: int) -> dict[str, Any]:
    booster = lgb.Booster(model_str=model_text(work))
    read = _read(work)
    predict = _predict(booster, np.load(folder / "households.npy"), households)
    names = json.loads((folder / "columns.json").read_text())
    explain = _explain(booster, np.load(folder / "alerts.npy"), names, alerts)
    told = {"read": read, "predict": predict, "explain": explain}
    stages = {name: round(seconds, 2) for name, seconds in told.items()}
    return {
        "seconds": round(sum(told.values()), 2), "stages": stages, "threads": THREADS,
        "households": households, "alerts": alerts, "columns": len(names),
    }  # fmt: skip


def model_text(work: Path) -> str:
    (file,) = (work / "models").glob("*/model.txt")
    return file.read_text()


def _read(work: Path) -> float:
    from store.lake import TABLES

    files = [file for table in TABLES for file in current_files(work, table)]
    began = time.perf_counter()
    for file in files:
        pl.read_parquet(file)
    return time.perf_counter() - began


def _predict(booster: lgb.Booster, block: np.ndarray, households: int) -> float:
    booster.predict(block[:1000], raw_score=True, num_threads=THREADS)
    began, left = time.perf_counter(), households
    while left > 0:
        booster.predict(block[:left], raw_score=True, num_threads=THREADS)
        left -= len(block)
    return time.perf_counter() - began


def _explain(booster: lgb.Booster, rows: np.ndarray, names: list[str], alerts: int) -> float:
    from woodelf import WoodelfExplainer

    block = np.resize(rows, (min(alerts, EXPLAINED_AT_A_TIME), rows.shape[1]))
    ready = pd.DataFrame(block, columns=names)
    began, left = time.perf_counter(), alerts
    explainer = WoodelfExplainer(booster, feature_perturbation="tree_path_dependent")
    while left > 0:
        explainer.shap_values(ready[:left], verbose=False)
        left -= len(ready)
    return time.perf_counter() - began


def main(words: list[str]) -> None:
    match words:
        case ["ready", work, folder]:
            make_ready(Path(work), Path(folder))
            print(json.dumps({}))
        case ["bare", work, folder, households, alerts]:
            print(json.dumps(bare(Path(work), Path(folder), int(households), int(alerts))))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
