"""What goes wrong on the way: bad rows, wrong figures, unreadable files. All of it is counted."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from signals.layout import Agency, Field, Layout
from signals.signal import KeyKind
from synthetic.calendar import last_day
from synthetic.deliveries import Delivery
from synthetic.settings import generator
from synthetic.writing import ASCII_DIGITS, FULL_WIDTH_DIGITS, as_text, date_text, encode

BAD_ROWS = ("unknown_code", "future_month", "negative_amount", "not_a_number", "malformed_key", "unknown_key")
CORRECTED_SHARE = 0.02  # of the rows of a file that is corrected later
BROKEN = ("wrong_encoding", "renamed_column", "truncated")
KEY_FIELDS: Mapping[KeyKind, Field] = {"person": "person_no", "address": "address", "household": "household_no"}
MALFORMED: Mapping[KeyKind, str] = {"person": "991301-9", "address": "주소 미상", "household": "?"}
# Well formed, and nobody's.
NOBODY: Mapping[KeyKind, str] = {
    "person": "350229979{}",
    "address": "서울특별시 없는구 없는로 1, {}호",
    "household": "990000{}",
}


def count_bad_rows(
    agency: Agency, delivery: Delivery, rows: pl.DataFrame, share: float, seed: int
) -> Mapping[str, int]:
    """How many rows of each kind are slipped in; the same for every sending of one month. `rows`: named by field."""
    rng = generator(seed, "bad rows", delivery.source, delivery.base)
    fields = {column.field for column in agency.layout.columns}
    kinds = [kind for kind in BAD_ROWS if _can(kind, fields, rows)]
    drawn = np.bincount(rng.choice(len(kinds), rng.binomial(rows.height, share)), minlength=len(kinds))
    return {kind: int(count) for kind, count in zip(kinds, drawn, strict=True) if count}


def _can(kind: str, fields: set[Field], rows: pl.DataFrame) -> bool:
    field = _needs(kind)
    return field is None or (field in fields and rows[field].null_count() < rows.height)


def _needs(kind: str) -> Field | None:
    match kind:
        case "negative_amount":
            return "amount"
        case "not_a_number":
            return "months"
        case _:
            return None


def slip_in(text: pl.DataFrame, agency: Agency, delivery: Delivery, bad: Mapping[str, int], seed: int) -> pl.DataFrame:
    """Copies of real rows, spoilt, at any place of the file: the real rows all stay."""
    rng = generator(seed, "slip in", delivery.source, delivery.base)
    parts = [text.with_columns(_at=pl.Series(np.arange(text.height, dtype=np.float64)))]
    for kind, count in bad.items():
        field = _needs(kind)
        rows = np.arange(text.height) if field is None else _filled(text, _header(agency.layout, field))
        copies = text[rng.choice(rows, count)].with_row_index("_copy")
        at = pl.Series("_at", rng.random(count) * text.height)
        parts.append(copies.with_columns(_spoil(kind, agency, delivery)).drop("_copy").with_columns(at))
    return pl.concat(parts).sort("_at", maintain_order=True).drop("_at")


def _filled(text: pl.DataFrame, header: str) -> np.ndarray:
    return np.flatnonzero((text[header] != "").to_numpy())


def _spoil(kind: str, agency: Agency, delivery: Delivery) -> pl.Expr:
    layout = agency.layout
    key = _header(layout, KEY_FIELDS[agency.key_kind])
    match kind:
        case "unknown_code":
            return pl.lit("기타-99").alias(_header(layout, "source_code"))
        case "future_month":
            later = date_text(last_day(delivery.base + 14), layout)
            return _digits(pl.lit(later), layout).alias(_header(layout, "month"))
        case "negative_amount":
            return _digits(pl.lit("-50"), layout).alias(_header(layout, "amount"))
        case "not_a_number":
            return pl.lit("확인중").alias(_header(layout, "months"))
        case "malformed_key":
            return pl.lit(MALFORMED[agency.key_kind]).alias(key)
        case "unknown_key":
            return _digits(pl.format(NOBODY[agency.key_kind], 1_000 + pl.col("_copy")), layout).alias(key)
        case _:
            raise ValueError(f"no such flaw: {kind}")


def _header(layout: Layout, field: Field) -> str:
    return next(column.header for column in layout.columns if column.field == field)


def _digits(text: pl.Expr, layout: Layout) -> pl.Expr:
    return text if layout.digits == "ascii" else text.str.replace_many(ASCII_DIGITS, FULL_WIDTH_DIGITS)


def correct_later(rows: pl.DataFrame, delivery: Delivery, seed: int) -> tuple[pl.DataFrame, int]:
    """The first telling of a file that is corrected later: some amounts ten times too high, or some rows missing."""
    rng = generator(seed, "corrected", delivery.source, delivery.base)
    wrong = rng.random(rows.height) < CORRECTED_SHARE
    wrong[: 1 if rows.height else 0] = True
    with_won = wrong & (rows["amount"].is_not_null().to_numpy() if "amount" in rows.columns else False)
    if with_won.any():
        tenfold = pl.when(pl.Series(with_won)).then(pl.col("amount") * 10).otherwise("amount")
        return rows.with_columns(tenfold.alias("amount")), int(with_won.sum())
    return rows.filter(pl.Series(~wrong)), int(wrong.sum())


def broken_how(delivery: Delivery, seed: int) -> str:
    return BROKEN[int(generator(seed, "broken", delivery.source, delivery.base).integers(len(BROKEN)))]


def break_file(text: pl.DataFrame, agency: Agency, how: str) -> bytes:
    layout = agency.layout
    match how:
        case "wrong_encoding":
            return encode(text, layout, "utf-8" if layout.encoding == "cp949" else "utf-16")
        case "renamed_column":
            key = _header(layout, KEY_FIELDS[agency.key_kind])
            return encode(text.rename({key: f"{key}_신규"}), layout)
        case "truncated":
            whole = encode(text, layout)
            return whole[: len(whole) * 2 // 3].rstrip(b"\r\n")
        case _:
            raise ValueError(f"no such way to break a file: {how}")


def write_file(rows: pl.DataFrame, agency: Agency, delivery: Delivery, bad: Mapping[str, int], seed: int) -> bytes:
    """One file as it is sent, with the flaws of its delivery. `rows`: columns named by field."""
    if delivery.flaw == "corrected":
        rows, _ = correct_later(rows, delivery, seed)
    text = as_text(rows, agency.layout)
    if bad:
        text = slip_in(text, agency, delivery, bad, seed)
    if delivery.flaw == "extra_column":
        text = text.with_columns(pl.lit("").alias("비고"))
    if delivery.flaw == "broken":
        return break_file(text, agency, broken_how(delivery, seed))
    return encode(text, agency.layout)
