"""Our side of the features benchmark: python -m benchmarks.features_ours FOLDER PARTS."""

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.features_tables import AS_OF
from features import Known, build, prepare


def main(folder: Path, parts: int) -> None:
    names = ("observations", "residents", "addresses", "contacts")
    # A list, emptied as it is handed over: prepare gives back what it does not need.
    handed = [Known(AS_OF, *(pl.read_parquet(folder / f"{name}.parquet") for name in names))]
    started = time.perf_counter()
    prepared = prepare(handed.pop())
    seconds = time.perf_counter() - started
    sums = []
    for i in range(parts):
        started = time.perf_counter()
        mine = pl.col("household_key") % parts == i
        built = build(
            replace(
                prepared,
                households=prepared.households.filter(mine),
                observations=prepared.observations.filter(mine),
                contacts=prepared.contacts.filter(mine),
            )
        )
        seconds += time.perf_counter() - started
        if i == 0:
            built.features.write_parquet(folder / "ours.parquet")
        sums.append([np.nansum(column.to_numpy(), dtype=float) for column in built.features.drop("household_key")])
        del built
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "peak_gib": peak, "sums": np.sum(sums, axis=0).tolist()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
