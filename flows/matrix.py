"""The bench: the night's own matrix in a data scientist's hands. Keys are tokens, and the log names every household."""

import getpass
import socket
from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Final

import pandas as pd
import polars as pl

from features import build, prepare
from flows.desk import Desk, now, open_desk
from flows.errors import OperatorError
from flows.knowledge import known_on
from flows.retrain import build_matrix
from flows.stops import stopped_on
from signals.catalogue import SIGNALS
from store import access_log
from store.access_log import Disclosure
from store.files import write_whole
from store.purposes import Purpose

DEFAULT_CONFIG: Final = Path(__file__).parent.parent / "config.yaml"


def matrix(
    as_of: date, *, labelled: bool = False, config: Path = DEFAULT_CONFIG, work: Path | None = None
) -> pd.DataFrame:
    """What the night of `as_of` would score, a row per household; columns are told in docs/features.md.

    labelled: a row per reviewed household and round instead, as known on the day it was chosen, with `label` (1: need
    found). household_key is a token. The access log names all of them before this returns.
    """
    with open_desk(Path(config), work and Path(work)) as desk:
        return export(desk, as_of, labelled, "read into Python").to_pandas()


def write_matrix(desk: Desk, as_of: date, labelled: bool, out: Path) -> pl.DataFrame:
    """A Parquet file, whole or not at all, readable by its owner only. Nothing is ever written over."""
    if out.exists():
        raise OperatorError("matrix", f"{out} exists", "name another file, or remove it: nothing is written over")
    if not out.parent.is_dir():
        raise OperatorError("matrix", f"{out.parent} is no folder", "make it first")
    frame = export(desk, as_of, labelled, f"written to {out.name}")
    buffer = BytesIO()
    frame.write_parquet(buffer)
    write_whole(out, buffer.getvalue())
    return frame


def export(desk: Desk, as_of: date, labelled: bool, where: str) -> pl.DataFrame:
    """Logged, then handed out. Households that asked not to be processed are not in it."""
    frame = build_matrix(desk, as_of) if labelled else households_on(desk, as_of)
    told = frame.filter(~pl.col("household_key").is_in(stopped_on(desk, as_of).implode()))
    _log(desk, told["household_key"].unique().to_list(), f"as of {as_of}{', labelled' if labelled else ''}, {where}")
    return told


def households_on(desk: Desk, as_of: date) -> pl.DataFrame:
    """household_key, office and features of every household known on the day."""
    built = build(prepare(known_on(desk, as_of), SIGNALS))
    office = built.facts.select("household_key", "office")
    return office.join(built.features, on="household_key", maintain_order="left").sort("household_key")


def _log(desk: Desk, subjects: Sequence[int], reason: str) -> None:
    told = Disclosure(
        account=getpass.getuser(), place=socket.gethostname(), task="matrix", purpose=Purpose.MODEL, reason=reason,
        subjects=subjects,
    )  # fmt: skip
    access_log.record_access(desk.engine, desk.keys, told, now())
