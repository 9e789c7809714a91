"""The audit table of a training, from a file to a frame in memory: never stored, never learned."""

import getpass
import socket
from io import BytesIO
from pathlib import Path

import polars as pl

from flows.desk import Desk, now
from flows.errors import OperatorError
from models.audit import HOUSEHOLD_KEY, read_audit
from signals import normalise
from store import access_log
from store.access_log import Disclosure
from store.purposes import Purpose
from store.tokens import tokens


def take_audit(desk: Desk, file: Path, households: pl.Series) -> pl.DataFrame:
    """household_key and the columns of models.audit for those of `households` that the file tells of. The access log
    names them first. AuditRefused, OperatorError: the file cannot be read without guessing."""
    told = read_audit(_text_of(file))
    key = told.columns[0]
    keyed = told.with_columns(_keys(desk, told[key], file)).select(HOUSEHOLD_KEY, pl.col("^audit__.*$"))
    ours = keyed.filter(pl.col(HOUSEHOLD_KEY).is_in(households.unique().implode())).sort(HOUSEHOLD_KEY)
    if ours.is_empty():
        cure = "check that the table holds the same household numbers as the registers"
        raise OperatorError("audit", f"{file.name} tells of no household that was reviewed", cure)
    _log(desk, ours[HOUSEHOLD_KEY].to_list(), file)
    return ours


def with_audit(matrix: pl.DataFrame, audit: pl.DataFrame | None) -> pl.DataFrame:
    """For the gate's comparison of groups only. What is learned from never passes here."""
    return matrix if audit is None else matrix.join(audit, on=HOUSEHOLD_KEY, how="left", maintain_order="left")


def _text_of(file: Path) -> pl.DataFrame:
    try:
        raw = file.read_bytes()
        if file.suffix == ".parquet":
            return pl.read_parquet(BytesIO(raw)).select(pl.all().cast(pl.String))
        return pl.read_csv(_decoded(raw).encode(), infer_schema=False)
    except (OSError, pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        what = f"{file} cannot be read: {type(error).__name__}"
        raise OperatorError("audit", what, "give a CSV (UTF-8 or CP949) or a Parquet file") from None


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp949")


def _keys(desk: Desk, cells: pl.Series, file: Path) -> pl.Series:
    if cells.name == HOUSEHOLD_KEY:
        keys = cells.cast(pl.Int64, strict=False)
    else:
        one_form = pl.select(normalise.household_no(pl.lit(cells))).to_series()
        keys = tokens(one_form, "household", desk.keys)
    # Two ways to write one number give one key: whose row would it be?
    if keys.null_count() or keys.is_duplicated().any():
        what = f"{file.name}: {cells.name} holds what is no household, or one household twice"
        raise OperatorError("audit", what, "one row per household, by its number (세대번호) or its token")
    return keys.alias(HOUSEHOLD_KEY)


def _log(desk: Desk, subjects: list[int], file: Path) -> None:
    told = Disclosure(
        account=getpass.getuser(), place=socket.gethostname(), task="audit", purpose=Purpose.FAIRNESS,
        reason=f"read from {file.name}; compared, not kept", subjects=subjects,
    )  # fmt: skip
    access_log.record_access(desk.engine, desk.keys, told, now())
