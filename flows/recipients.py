"""Who opens the sheets that are sealed on their way: a CSV the operator keeps, by office."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

import polars as pl

from flows.errors import OperatorError

Way = Literal["age", "zip"]
COLUMNS: Final = ("office", "way", "key")
_SHAPES: Final = {
    "office": r"^[0-9]{10}$",
    "way": "^(age|zip)$",
    "key": r"^(age1[0-9a-z]{50,}|[A-Za-z0-9][A-Za-z0-9._-]*)$",
}


@dataclass(frozen=True, slots=True)
class Recipients:
    by_office: Mapping[str, tuple[Way, tuple[str, ...]]]

    def of(self, office: str) -> tuple[Way, tuple[str, ...]]:
        if office not in self.by_office:
            cure = "write its line into the recipients file (transport.recipients in config.yaml)"
            raise OperatorError("export", f"nobody is named who opens sheets of {office}", cure)
        return self.by_office[office]


def read_recipients(file: Path) -> Recipients:
    try:
        told = pl.read_csv(file, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError):
        raise OperatorError("export", f"{file} cannot be read", f"write a CSV with {', '.join(COLUMNS)}") from None
    if missing := [name for name in COLUMNS if name not in told.columns]:
        raise OperatorError("export", f"{file} lacks {', '.join(missing)}", f"its columns are {', '.join(COLUMNS)}")
    found: dict[str, tuple[Way, tuple[str, ...]]] = {}
    for number, row in enumerate(told.select(COLUMNS).iter_rows(named=True), start=2):
        wrong = [name for name, shape in _SHAPES.items() if not re.fullmatch(shape, row[name] or "")]
        way, keys = found.get(row["office"], (row["way"], ()))
        if row["way"] == "age" and not str(row["key"]).startswith("age1"):
            wrong.append("key")
        if way != row["way"] or (way == "zip" and keys):
            wrong.append("way")
        if wrong:
            cure = "several lines of age, or one of zip, for each office; keys as config.yaml says"
            raise OperatorError("export", f"{file} · row {number} · {wrong[0]}: not usable", cure)
        found[row["office"]] = (cast(Way, way), (*keys, row["key"]))
    return Recipients(found)
