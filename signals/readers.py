"""What each source's cells say: text -> identifiers in one written form, days, numbers, our codes. A reader each."""

from collections.abc import Collection, Mapping
from typing import assert_never

import polars as pl

from signals import contract, normalise, parse
from signals.blocks import Reader
from signals.catalogue import SIGNALS
from signals.delivery import DeliveryName
from signals.layout import Agency, Field, Layout
from signals.once import all_once
from signals.outcomes import OUTCOMES
from signals.registers import END_REASONS_KO, HOUSING_KO, LANES, REGISTERS
from signals.signal import KeyKind, Signal

_OUTCOME_CODES = {o.label_ko: o.code for o in OUTCOMES.values()}
_HOUSING_CODES = {label: code for code, label in HOUSING_KO.items()}
_END_REASON_CODES = {label: code for code, label in END_REASONS_KO.items()}
_KEY_FIELDS: dict[KeyKind, Field] = {"person": "person_no", "address": "address", "household": "household_no"}

# An accepted row, after row_no.
OBSERVATION = ("identifier", "signal", "observed_on", "months", "amount_won")
RESIDENT = (
    *("person_no", "name", "phone", "household_no", "birth_year", "is_head"),
    *("valid_from", "valid_to", "end_reason"),
)
ADDRESS = ("household_no", "address", "building", "has_unit", "housing", "office", "valid_from", "valid_to")
CONTACT = (
    *("case_no", "household_no", "office", "lane", "selected_on", "contacted_on"),
    *("outcome", "benefit", "recorded_on"),
)


def observations_reader(agency: Agency, name: DeliveryName, signals: dict[str, Signal] = SIGNALS) -> Reader:
    layout, codes = agency.layout, _codes(agency, signals)

    def tell(cells: pl.DataFrame) -> pl.DataFrame:
        key = cells[_KEY_FIELDS[agency.key_kind]]
        identifier = _one_form(key, agency.key_kind).alias("identifier")
        told = cells.select("row_no").hstack([identifier, _is_told(identifier, key).alias("is_told")])
        told = told.hstack(_meant(cells["source_code"], codes)).hstack(_days_seen(cells["month"], layout, name))
        return _with_numbers(_with_days(told, layout, name), cells, layout)

    return Reader(name.filename, layout, contract.Observations, OBSERVATION, tell)


def _one_form(cells: pl.Series, kind: KeyKind) -> pl.Series:
    match kind:
        case "person":
            return normalise.person_nos(cells)
        case "address":
            return normalise.addresses(cells)
        case "household":
            return normalise.household_nos(cells)
        case other:
            assert_never(other)


def _is_told(found: pl.Series, cells: pl.Series) -> pl.Series:
    """Is there anything in the cell? Only where nothing was found in it the cell itself is asked."""
    at = found.is_null().arg_true()
    if at.is_empty():
        return found.is_not_null()
    return found.is_not_null().scatter(at, normalise.texts(cells.gather(at)).is_not_null())


def _codes(agency: Agency, signals: dict[str, Signal]) -> pl.DataFrame:
    ours = [s for s in signals.values() if s.agency == agency.code]
    few = pl.Categorical()  # a number each, where millions of rows say the same
    return pl.DataFrame(
        {
            "source_code": [s.source_code for s in ours],
            "signal": [s.name for s in ours],
            "kind": [s.kind for s in ours],
            "available_from": [s.available_from for s in ours],
            "min_months": [s.min_months for s in ours],
        },
        schema={
            "source_code": pl.String(),
            "signal": few,
            "kind": few,
            "available_from": pl.Date(),
            "min_months": pl.Int64(),
        },
    )


def _meant(cells: pl.Series, codes: pl.DataFrame) -> pl.DataFrame:
    """signal, kind, available_from, min_months: null where nobody knows the code."""

    def told(texts: pl.Series) -> pl.DataFrame:
        plain = normalise.texts(texts).alias("source_code").to_frame()
        return plain.join(codes, on="source_code", how="left", maintain_order="left").drop("source_code")

    return all_once(cells, told)


def _days_seen(cells: pl.Series, layout: Layout, name: DeliveryName) -> pl.DataFrame:
    """written, first, and both ways to say when it was seen: by the day written, by the last day of its month."""
    sent_on = pl.lit(name.sent_on)
    told = parse.days(cells, layout.dates)
    # A file sent within the month it tells of knows nothing of the days to come.
    seen = (
        pl.when(pl.col("written").is_not_null()).then(pl.min_horizontal(day, sent_on)).alias(f"{day}_seen")
        for day in ("written", "last")
    )
    return told.select("written", "first", *seen)


def _with_days(told: pl.DataFrame, layout: Layout, name: DeliveryName) -> pl.DataFrame:
    """Events keep their day where the source writes one; all else is told of a month, by its last day."""
    is_day = (pl.col("kind") == "event") & pl.lit(parse.has_days(layout.dates))
    return told.with_columns(
        pl.when(is_day).then("written").otherwise("first").alias("first_day"),
        pl.when(is_day).then("written_seen").otherwise("last_seen").alias("observed_on"),
        pl.lit(name.sent_on).alias("sent_on"),
    )


def _with_numbers(told: pl.DataFrame, cells: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Months and won, only for the kinds where they mean something."""
    has_months = pl.col("kind").is_in(["arrears", "status"])
    has_amount = pl.col("kind").is_in(["arrears", "amount"])
    nothing = pl.Series([None], dtype=pl.Int64).new_from_index(0, told.height)
    months, are_told, least = nothing, nothing.is_not_null(), 0
    if layout.rows == "spell":
        start = parse.days(cells["start_month"], layout.dates)["written"]
        months = told.select(parse.months_between(pl.lit(start), pl.col("written"))).to_series()
        are_told, least = _is_told(start, cells["start_month"]), 1
    elif "months" in cells.columns:
        months = parse.wholes(cells["months"])
        are_told = _is_told(months, cells["months"])
    amount, is_amount_told = nothing, nothing.is_not_null()
    if "amount" in cells.columns:
        amount = parse.wholes(cells["amount"])
        is_amount_told = _is_told(amount, cells["amount"])
    return told.with_columns(
        pl.when(has_months).then(are_told.alias("months")).otherwise(False).alias("are_months_told"),
        pl.when(has_months).then(months).alias("months"),
        pl.lit(least, pl.Int64).alias("least_months"),
        pl.when(has_amount).then(is_amount_told).otherwise(False).alias("is_amount_told"),
        pl.when(has_amount).then(amount * layout.won_per_unit).alias("amount_won"),
    )


def residents_reader(name: DeliveryName) -> Reader:
    layout = REGISTERS["residents"].layout

    def tell(cells: pl.DataFrame) -> pl.DataFrame:
        person_no = normalise.person_nos(cells["person_no"])
        return cells.with_columns(
            _is_told(person_no, cells["person_no"]).alias("is_told"),
            person_no,
            normalise.phone(pl.col("phone")).alias("phone"),
            normalise.text(pl.col("phone")).alias("phone_text"),
            pl.col("is_head")
            .str.to_uppercase()
            .replace_strict({"Y": True, "N": False}, default=None, return_dtype=pl.Boolean),
            pl.col("end_reason").alias("end_reason_text"),
            _code("end_reason", _END_REASON_CODES),
            *_spell(layout, name),
        ).with_columns(normalise.birth_year(pl.col("person_no")).alias("birth_year"))

    return Reader(name.filename, layout, contract.Residents, RESIDENT, tell)


def addresses_reader(name: DeliveryName, offices: Collection[str] | None = None) -> Reader:
    layout = REGISTERS["addresses"].layout

    def tell(cells: pl.DataFrame) -> pl.DataFrame:
        return cells.with_columns(
            normalise.addresses(cells["address"]),
            _code("housing", _HOUSING_CODES),
            _office(offices),
            *_spell(layout, name),
        ).with_columns(
            normalise.building(pl.col("address")).alias("building"),
            normalise.has_unit(pl.col("address")).alias("has_unit"),
        )

    return Reader(name.filename, layout, contract.Addresses, ADDRESS, tell)


def contacts_reader(name: DeliveryName, offices: Collection[str] | None = None) -> Reader:
    layout = REGISTERS["contacts"].layout

    def tell(cells: pl.DataFrame) -> pl.DataFrame:
        return cells.with_columns(
            normalise.household_no(pl.col("household_no")).alias("household_no"),
            _office(offices),
            _code("lane", {lane: lane for lane in LANES}),
            pl.col("contacted_on").alias("contacted_on_text"),
            *(
                parse.day(pl.col(day), layout.dates).alias(day)
                for day in ("selected_on", "contacted_on", "recorded_on")
            ),
            pl.col("outcome").alias("outcome_text"),
            _code("outcome", _OUTCOME_CODES),
            pl.lit(name.sent_on).alias("sent_on"),
        )

    return Reader(name.filename, layout, contract.Contacts, CONTACT, tell)


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
