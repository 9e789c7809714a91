"""Our features against plain pandas: the same work on the same made-up tables, each in a process of its own.

python benchmarks/features.py [--households N] [--parts N]. Both work the households by parts: pandas' wide tables of
two million households and all columns would not fit into memory at once.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
OBSERVATIONS_PER_HOUSEHOLD = 3
TARGET_RATIO, TARGET_GIB = 0.25, 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=2_000_000)
    parser.add_argument("--parts", type=int, default=0, help="default: 250,000 households each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=2, help="of each side, in turn; the quickest counts")
    given = parser.parse_args()
    parts = given.parts or max(1, given.households // 250_000)
    observations = given.households * OBSERVATIONS_PER_HOUSEHOLD
    print(f"{given.households:,} households, {observations:,} observations, {parts} parts of households on both sides")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _run("features_tables", name, str(given.households), str(observations), str(given.seed))
        runs = [
            (_measured("ours", "features_ours", folder, parts), _measured("pandas", "features_pandas", folder, parts))
            for _ in range(given.runs)
        ]
        # In turn, and the quickest run of each: what else a machine does can only slow a side down.
        ours, theirs = (min(side, key=lambda run: float(run["seconds"])) for side in zip(*runs, strict=True))
        differing = _differing(folder, ours.pop("sums"), theirs.pop("sums"))
        features = len(pd.read_parquet(folder / "ours.parquet").columns) - 1
    ratio = ours["seconds"] / theirs["seconds"]
    print(f"ours takes {ratio:.3f} of pandas' time (target at most {TARGET_RATIO})")
    print(f"{features} features compared, {len(differing)} differ {differing[:5]}")
    figures = {
        "benchmark": "features",
        "households": given.households,
        "observations": observations,
        "features": features,
        "parts": parts,
        "runs": given.runs,
        "ours_seconds": round(ours["seconds"], 2),
        "pandas_seconds": round(theirs["seconds"], 2),
        "time_ratio": round(ratio, 4),
        "ours_peak_gib": round(ours["peak_gib"], 3),
        "pandas_peak_gib": round(theirs["peak_gib"], 3),
        "same_numbers": not differing,
        "targets_met": ratio <= TARGET_RATIO and ours["peak_gib"] <= TARGET_GIB and not differing,
    }
    print(json.dumps(figures))


def _run(module: str, *arguments: str) -> str:
    # As a module from the checkout: beside this file, `import features` would find this file.
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _measured(label: str, module: str, folder: Path, parts: int) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(_run(module, str(folder), str(parts)))
    print(f"{label}: {figures['seconds']:.1f} s, peak {figures['peak_gib']:.2f} GiB")
    return figures


def _differing(folder: Path, our_sums: list[float], their_sums: list[float]) -> list[str]:
    """Features that differ: every number of the first part, and the sum over all households."""
    ours = pd.read_parquet(folder / "ours.parquet").set_index("household_key")
    theirs = pd.read_parquet(folder / "pandas.parquet").set_index("household_key")
    if not (ours.index.equals(theirs.index) and ours.columns.equals(theirs.columns)):
        raise SystemExit("The two sides do not have the same households and features.")
    differ = ~np.isclose(our_sums, their_sums, rtol=1e-5)
    for i, name in enumerate(ours.columns):
        differ[i] |= not np.allclose(ours[name], theirs[name], rtol=1e-5, atol=1e-6, equal_nan=True)
    return [name for name, is_different in zip(ours.columns, differ, strict=True) if is_different]


if __name__ == "__main__":
    main()
