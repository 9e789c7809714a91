"""workload.csv: the table of the district's page, for machines."""

import polars as pl

from alerts.cells import csv_bytes
from alerts.described import WORKLOAD_COLUMNS, WORKLOAD_NAMES
from alerts.tables import take
from alerts.workload import WORKLOAD


def write_csv(workload: pl.DataFrame) -> bytes:
    """WORKLOAD of one district -> bytes. Work to be shared out by those who read it: told exactly."""
    told = take(workload, WORKLOAD, "workload")
    if told["district"].n_unique() > 1:
        raise ValueError("workload.csv holds one district; split the workload by district first")
    rows = told.sort("office").select("office", "name_ko", *WORKLOAD_NAMES).iter_rows()
    header = [column.header for column in WORKLOAD_COLUMNS]
    return csv_bytes(header, [[str(value) for value in row] for row in rows])
