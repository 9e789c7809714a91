"""A delivery's bytes -> rows taken in and rows set aside, each with the first rule it broke. One pass, no row lost."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import dataframely as dy
import polars as pl

from signals import contract, normalise, parse
from signals.catalogue import SIGNALS
from signals.delivery import DeliveryName
from signals.layout import Agency, Field, Layout
from signals.outcomes import OUTCOMES
from signals.registers import END_REASONS_KO, HOUSING_KO, LANES, REGISTERS
from signals.rows import Rows, read_rows
from signals.rules import RULES, column_at_fault
from signals.signal import KeyKind, Signal

SET_ASIDE = pl.Schema({"row_no": pl.Int64, "column": pl.String, "rule": pl.String})
_OUTCOME_CODES = {o.label_ko: o.code for o in OUTCOMES.values()}
_HOUSING_CODES = {label: code for code, label in HOUSING_KO.items()}
_END_REASON_CODES = {label: code for code, label in END_REASONS_KO.items()}
_KEY_FIELDS: dict[KeyKind, Field] = {"person": "person_no", "address": "address", "household": "household_no"}


@dataclass(frozen=True, slots=True)
class Split:
    """accepted.height + set_aside.height == received, always."""

    accepted: pl.DataFrame
    set_aside: pl.DataFrame  # row_no, column (header at fault, or empty), rule: one line per row
    received: int
    leftover: tuple[str, ...]  # columns nobody declared
    warnings: tuple[str, ...]


def split_observations(raw: bytes, agency: Agency, name: DeliveryName, signals: dict[str, Signal] = SIGNALS) -> Split:
    """accepted: row_no, identifier (one written form), signal, observed_on, months, amount_won."""
    rows = read_rows(raw, agency.layout, name.filename)
    told = rows.cells.with_columns(_identifier(agency), pl.col(_KEY_FIELDS[agency.key_kind]).alias("identifier_text"))
    told = told.join(_codes(agency, signals), on="source_code", how="left", maintain_order="left")
    told = _with_days(told, agency.layout, name)
    told = _with_numbers(told, agency.layout)
    split = _split(told, contract.Observations, rows, agency.layout)
    columns = ["row_no", "identifier", "signal", "observed_on", "months", "amount_won"]
    accepted = split.accepted.select(columns).with_columns(pl.col("months").cast(pl.Int16))
    return _without_repeats(split, accepted, agency.layout)


def _identifier(agency: Agency) -> pl.Expr:
    cell = pl.col(_KEY_FIELDS[agency.key_kind])
    match agency.key_kind:
        case "person":
            one_form = normalise.person_no(cell)
        case "address":
            one_form = normalise.address(cell)
        case "household":
            one_form = normalise.household_no(cell)
    return one_form.alias("identifier")


def _codes(agency: Agency, signals: dict[str, Signal]) -> pl.DataFrame:
    ours = [s for s in signals.values() if s.agency == agency.code]
    return pl.DataFrame(
        {
            "source_code": [s.source_code for s in ours],
            "signal": [s.name for s in ours],
            "kind": [s.kind for s in ours],
            "available_from": [s.available_from for s in ours],
            "min_months": [s.min_months for s in ours],
        },
        schema={
            "source_code": pl.String,
            "signal": pl.String,
            "kind": pl.String,
            "available_from": pl.Date,
            "min_months": pl.Int64,
        },
    )


def _with_days(told: pl.DataFrame, layout: Layout, name: DeliveryName) -> pl.DataFrame:
    """Events keep their day where the source writes one; all else is told of a month, by its last day."""
    written = parse.day(pl.col("month"), layout.dates)
    is_day = (pl.col("kind") == "event") & pl.lit(parse.has_days(layout.dates))
    first_day = pl.when(is_day).then(pl.col("written")).otherwise(pl.col("written").dt.month_start())
    last_day = pl.when(is_day).then(pl.col("written")).otherwise(pl.col("written").dt.month_end())
    # A file sent within the month it tells of knows nothing of the days to come.
    observed_on = pl.min_horizontal(last_day, pl.col("sent_on"))
    return told.with_columns(written.alias("written"), pl.lit(name.sent_on).alias("sent_on")).with_columns(
        first_day.alias("first_day"), pl.when(pl.col("written").is_not_null()).then(observed_on).alias("observed_on")
    )


def _with_numbers(told: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Months and won, only for the kinds where they mean something."""
    has_months = pl.col("kind").is_in(["arrears", "status"])
    has_amount = pl.col("kind").is_in(["arrears", "amount"])
    months, least = pl.lit(None, pl.Int64), 0
    months_text = amount_text = pl.lit(None, pl.String)
    if layout.rows == "spell":
        start = parse.day(pl.col("start_month"), layout.dates)
        months, least, months_text = parse.months_between(start, pl.col("written")), 1, pl.col("start_month")
    elif "months" in told.columns:
        months, months_text = parse.whole(pl.col("months")), pl.col("months")
    if "amount" in told.columns:
        amount_text = pl.col("amount")
    return told.with_columns(
        pl.when(has_months).then(months_text).alias("months_text"),
        pl.when(has_months).then(months).alias("months"),
        pl.lit(least, pl.Int64).alias("least_months"),
        pl.when(has_amount).then(amount_text).alias("amount_text"),
        pl.when(has_amount).then(parse.whole(amount_text) * layout.won_per_unit).alias("amount_won"),
    )


def split_residents(raw: bytes, name: DeliveryName) -> Split:
    """accepted: row_no, person_no, name, phone, household_no, birth_year, is_head, valid_from, valid_to, end_reason."""
    layout = REGISTERS["residents"].layout
    rows = read_rows(raw, layout, name.filename)
    told = rows.cells.with_columns(
        pl.col("person_no").alias("identifier_text"),
        normalise.person_no(pl.col("person_no")).alias("person_no"),
        normalise.phone(pl.col("phone")).alias("phone"),
        pl.col("phone").alias("phone_text"),
        pl.col("is_head")
        .str.to_uppercase()
        .replace_strict({"Y": True, "N": False}, default=None, return_dtype=pl.Boolean),
        pl.col("end_reason").alias("end_reason_text"),
        _code("end_reason", _END_REASON_CODES),
        *_spell(layout, name),
    ).with_columns(normalise.birth_year(pl.col("person_no")).alias("birth_year"))
    split = _split(told, contract.Residents, rows, layout)
    columns = ["row_no", "person_no", "name", "phone", "household_no"]
    columns += ["birth_year", "is_head", "valid_from", "valid_to", "end_reason"]
    split = _without_repeats(split, split.accepted.select(columns), layout)
    return _with_phone_warning(_in_one_household(split, layout), told)


def split_addresses(raw: bytes, name: DeliveryName, offices: Collection[str] | None = None) -> Split:
    """accepted: row_no, household_no, address, building, has_unit, housing, office, valid_from, valid_to."""
    layout = REGISTERS["addresses"].layout
    rows = read_rows(raw, layout, name.filename)
    told = rows.cells.with_columns(
        normalise.address(pl.col("address")).alias("address"),
        _code("housing", _HOUSING_CODES),
        _office(offices),
        *_spell(layout, name),
    ).with_columns(
        normalise.building(pl.col("address")).alias("building"),
        normalise.has_unit(pl.col("address")).alias("has_unit"),
    )
    split = _split(told, contract.Addresses, rows, layout)
    columns = [
        "row_no",
        "household_no",
        "address",
        "building",
        "has_unit",
        "housing",
        "office",
        "valid_from",
        "valid_to",
    ]
    return _without_repeats(split, split.accepted.select(columns), layout)


def split_contacts(raw: bytes, name: DeliveryName, offices: Collection[str] | None = None) -> Split:
    """accepted: row_no, case_no, household_no, office, lane, selected_on, contacted_on, outcome, benefit, recorded_on.

    outcome is a key of OUTCOMES, or null: not answered yet.
    """
    layout = REGISTERS["contacts"].layout
    rows = read_rows(raw, layout, name.filename)
    told = rows.cells.with_columns(
        normalise.household_no(pl.col("household_no")).alias("household_no"),
        _office(offices),
        _code("lane", {lane: lane for lane in LANES}),
        pl.col("contacted_on").alias("contacted_on_text"),
        *(parse.day(pl.col(day), layout.dates).alias(day) for day in ("selected_on", "contacted_on", "recorded_on")),
        pl.col("outcome").alias("outcome_text"),
        _code("outcome", _OUTCOME_CODES),
        pl.lit(name.sent_on).alias("sent_on"),
    )
    split = _split(told, contract.Contacts, rows, layout)
    columns = [
        "row_no",
        "case_no",
        "household_no",
        "office",
        "lane",
        "selected_on",
        "contacted_on",
        "outcome",
        "benefit",
    ]
    return _without_repeats(split, split.accepted.select(*columns, "recorded_on"), layout)


def _spell(layout: Layout, name: DeliveryName) -> tuple[pl.Expr, ...]:
    return (
        normalise.household_no(pl.col("household_no")).alias("household_no"),
        parse.day(pl.col("valid_from"), layout.dates).alias("valid_from"),
        pl.col("valid_to").alias("valid_to_text"),
        parse.day(pl.col("valid_to"), layout.dates).alias("valid_to"),
        pl.lit(name.sent_on).alias("sent_on"),
    )


def _code(column: str, codes: Mapping[str, str]) -> pl.Expr:
    return pl.col(column).replace_strict(codes, default=None, return_dtype=pl.String)


def _office(offices: Collection[str] | None) -> pl.Expr:
    is_known = pl.col("office").str.contains("^[0-9]{10}$")
    if offices is not None:
        is_known &= pl.col("office").is_in(sorted(offices))
    return pl.when(is_known).then(pl.col("office")).alias("office")


def _split(told: pl.DataFrame, schema: type[dy.Schema], rows: Rows, layout: Layout) -> Split:
    good, failed = schema.filter(told.select(schema.column_names()))
    details = failed.details()
    broken_rules = [rule for rule in RULES if rule in details.columns]
    first = pl.coalesce(pl.when(pl.col(rule) == "invalid").then(pl.lit(rule)) for rule in broken_rules)
    bad = details.select("row_no", first.alias("rule")) if broken_rules else rows.broken.clear()
    set_aside = _told_of(pl.concat([rows.broken, bad]), layout)
    return Split(good, set_aside, rows.cells.height + rows.broken.height, rows.leftover, rows.warnings)


def _told_of(bad: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    columns = {rule: column_at_fault(rule, layout) for rule in RULES}
    column = pl.col("rule").replace_strict(columns, return_dtype=pl.String).alias("column")
    return bad.select("row_no", column, "rule").cast(SET_ASIDE).sort("row_no")


def _without_repeats(split: Split, accepted: pl.DataFrame, layout: Layout) -> Split:
    """Compared after normalising, among good rows only: the first stays."""
    is_first = pl.struct(pl.exclude("row_no")).is_first_distinct()
    return _set_aside_too(split, accepted, accepted.select(is_first).to_series(), "duplicate_row", layout)


def _in_one_household(split: Split, layout: Layout) -> Split:
    """Of a person's open spells in several households, the one that began last stays."""
    newest = (
        split.accepted.filter(pl.col("valid_to").is_null())
        .sort("valid_from", "row_no", descending=[True, False])
        .unique("person_no", keep="first", maintain_order=True)
        .select("person_no", pl.col("household_no").alias("newest"))
    )
    joined = split.accepted.join(newest, on="person_no", how="left", maintain_order="left")
    is_good = joined["valid_to"].is_not_null() | (joined["household_no"] == joined["newest"])
    return _set_aside_too(split, split.accepted, is_good, "person_in_two_households", layout)


def _set_aside_too(split: Split, accepted: pl.DataFrame, is_good: pl.Series, rule: str, layout: Layout) -> Split:
    bad = accepted.filter(~is_good).select("row_no", pl.lit(rule).alias("rule"))
    set_aside = pl.concat([split.set_aside, _told_of(bad, layout)]).sort("row_no")
    return Split(accepted.filter(is_good), set_aside, split.received, split.leftover, split.warnings)


def _with_phone_warning(split: Split, told: pl.DataFrame) -> Split:
    """A person without a usable phone is still a person: the number is left empty, and the count told."""
    unreadable = told.filter(pl.col("phone_text").is_not_null() & pl.col("phone").is_null()).height
    if not unreadable:
        return split
    warning = f"읽을 수 없는 연락처 {unreadable:,}건은 비워 두고 받았습니다."
    return Split(split.accepted, split.set_aside, split.received, split.leftover, (*split.warnings, warning))
