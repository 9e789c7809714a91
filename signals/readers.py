"""What each source's cells say: text -> identifiers in one written form, days, numbers, our codes. A reader each."""

from collections.abc import Collection, Mapping

import polars as pl

from signals import contract, normalise, parse
from signals.blocks import Reader
from signals.catalogue import SIGNALS
from signals.delivery import DeliveryName
from signals.layout import Agency, Field, Layout
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
    def tell(cells: pl.DataFrame) -> pl.DataFrame:
        told = cells.with_columns(_identifier(agency))
        told = told.with_columns(_as_told(told["identifier"], cells[_KEY_FIELDS[agency.key_kind]]))
        told = told.join(_codes(agency, signals), on="source_code", how="left", maintain_order="left")
        return _with_numbers(_with_days(told, agency.layout, name), agency.layout)

    return Reader(name.filename, agency.layout, contract.Observations, OBSERVATION, tell)


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


def _as_told(identifier: pl.Series, cells: pl.Series) -> pl.Series:
    """Is there anything in the cell? Only where no identifier was found the cell itself is asked."""
    at = identifier.is_null().arg_true()
    texts = cells.gather(at).to_frame("text").select(normalise.text(pl.col("text"))).to_series()
    return identifier.clone().scatter(at, texts).alias("identifier_text")  # scatter works in place


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
    first_day = pl.when(is_day).then(pl.col("written")).otherwise(parse.month_start(pl.col("month"), layout.dates))
    last_day = pl.when(is_day).then(pl.col("written")).otherwise(parse.month_end(pl.col("month"), layout.dates))
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


def residents_reader(name: DeliveryName) -> Reader:
    layout = REGISTERS["residents"].layout

    def tell(cells: pl.DataFrame) -> pl.DataFrame:
        person_no = cells.select(normalise.person_no(pl.col("person_no"))).to_series()
        return cells.with_columns(
            _as_told(person_no, cells["person_no"]),
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
            normalise.address(pl.col("address")).alias("address"),
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
