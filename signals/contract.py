"""What a good row is. A rule's name is the name in the report; its text and cure stand in signals.rules.

A rule that compares with an unreadable (null) cell passes: the rule for unreadable cells tells of that one.
"""

# ruff: noqa: N805 - dataframely hands the schema's class to its rules
import dataframely as dy
import polars as pl

from signals.parse import MOST_MONTHS, MOST_WON

_c = pl.col


class Observations(dy.Schema):
    """Parsed cells, whether anything was in them, what the catalogue says of the signal, and the day of sending."""

    row_no = dy.Int64()
    is_told = dy.Bool()
    identifier = dy.String(nullable=True)
    signal = dy.Categorical(nullable=True)
    kind = dy.Categorical(nullable=True)
    available_from = dy.Date(nullable=True)
    min_months = dy.Int64(nullable=True)
    first_day = dy.Date(nullable=True)  # of the month or day told of
    observed_on = dy.Date(nullable=True)
    are_months_told = dy.Bool()
    months = dy.Int64(nullable=True)
    least_months = dy.Int64()  # 0, or 1 where a spell's start is told
    is_amount_told = dy.Bool()
    amount_won = dy.Int64(nullable=True)
    sent_on = dy.Date()

    @dy.rule()
    def identifier_missing(cls) -> pl.Expr:
        return _c("is_told")

    @dy.rule()
    def identifier_malformed(cls) -> pl.Expr:
        return _c("identifier").is_not_null()

    @dy.rule()
    def unknown_code(cls) -> pl.Expr:
        return _c("signal").is_not_null()

    @dy.rule()
    def month_unreadable(cls) -> pl.Expr:
        return _c("first_day").is_not_null()

    @dy.rule()
    def month_in_future(cls) -> pl.Expr:
        return _c("first_day") <= _c("sent_on")

    @dy.rule()
    def before_available_from(cls) -> pl.Expr:
        return _c("observed_on") >= _c("available_from")

    @dy.rule()
    def months_missing(cls) -> pl.Expr:
        return (_c("kind") != "arrears") | _c("are_months_told")

    @dy.rule()
    def months_unreadable(cls) -> pl.Expr:
        # A spell's length also needs the month it is told for: that one has its own rule.
        return ~_c("are_months_told") | _c("months").is_not_null() | _c("first_day").is_null()

    @dy.rule()
    def months_negative(cls) -> pl.Expr:
        return _c("months") >= _c("least_months")

    @dy.rule()
    def months_absurd(cls) -> pl.Expr:
        return _c("months") <= MOST_MONTHS

    @dy.rule()
    def below_legal_threshold(cls) -> pl.Expr:
        return (_c("kind") != "arrears") | (_c("months") >= _c("min_months"))

    @dy.rule()
    def amount_missing(cls) -> pl.Expr:
        return ~_c("kind").is_in(["arrears", "amount"]) | _c("is_amount_told")

    @dy.rule()
    def amount_unreadable(cls) -> pl.Expr:
        return ~_c("is_amount_told") | _c("amount_won").is_not_null()

    @dy.rule()
    def amount_negative(cls) -> pl.Expr:
        return _c("amount_won") >= 0

    @dy.rule()
    def amount_absurd(cls) -> pl.Expr:
        return _c("amount_won") <= MOST_WON


class _Spells(dy.Schema):
    row_no = dy.Int64()
    household_no = dy.String(nullable=True)
    valid_from = dy.Date(nullable=True)
    valid_to_text = dy.String(nullable=True)
    valid_to = dy.Date(nullable=True)  # the first day it no longer holds
    sent_on = dy.Date()

    @dy.rule()
    def household_malformed(cls) -> pl.Expr:
        return _c("household_no").is_not_null()

    @dy.rule()
    def valid_from_unreadable(cls) -> pl.Expr:
        return _c("valid_from").is_not_null()

    @dy.rule()
    def valid_from_in_future(cls) -> pl.Expr:
        return _c("valid_from") <= _c("sent_on")

    @dy.rule()
    def valid_to_unreadable(cls) -> pl.Expr:
        return _c("valid_to_text").is_null() | _c("valid_to").is_not_null()

    @dy.rule()
    def valid_to_in_future(cls) -> pl.Expr:
        return _c("valid_to") <= _c("sent_on")

    @dy.rule()
    def valid_to_before_valid_from(cls) -> pl.Expr:
        return _c("valid_to") >= _c("valid_from")


class Residents(_Spells):
    is_told = dy.Bool()
    person_no = dy.String(nullable=True)
    name = dy.String(nullable=True)
    phone = dy.String(nullable=True)
    birth_year = dy.Int16(nullable=True)
    is_head = dy.Bool(nullable=True)
    end_reason_text = dy.String(nullable=True)
    end_reason = dy.String(nullable=True)

    @dy.rule()
    def identifier_missing(cls) -> pl.Expr:
        return _c("is_told")

    @dy.rule()
    def identifier_malformed(cls) -> pl.Expr:
        return _c("person_no").is_not_null()

    @dy.rule()
    def head_unreadable(cls) -> pl.Expr:
        return _c("is_head").is_not_null()

    @dy.rule()
    def unknown_end_reason(cls) -> pl.Expr:
        return _c("end_reason_text").is_null() | _c("end_reason").is_not_null()


class Addresses(_Spells):
    address = dy.String(nullable=True)
    building = dy.String(nullable=True)
    has_unit = dy.Bool(nullable=True)
    housing = dy.String(nullable=True)
    office = dy.String(nullable=True)

    @dy.rule()
    def address_malformed(cls) -> pl.Expr:
        return _c("address").is_not_null()

    @dy.rule()
    def unknown_housing(cls) -> pl.Expr:
        return _c("housing").is_not_null()

    @dy.rule()
    def unknown_office(cls) -> pl.Expr:
        return _c("office").is_not_null()


class Contacts(dy.Schema):
    row_no = dy.Int64()
    case_no = dy.String(nullable=True)
    household_no = dy.String(nullable=True)
    office = dy.String(nullable=True)
    lane = dy.String(nullable=True)
    selected_on = dy.Date(nullable=True)
    contacted_on_text = dy.String(nullable=True)
    contacted_on = dy.Date(nullable=True)
    outcome_text = dy.String(nullable=True)
    outcome = dy.String(nullable=True)
    benefit = dy.String(nullable=True)
    recorded_on = dy.Date(nullable=True)
    sent_on = dy.Date()

    @dy.rule()
    def case_missing(cls) -> pl.Expr:
        return _c("case_no").is_not_null()

    @dy.rule()
    def household_malformed(cls) -> pl.Expr:
        return _c("household_no").is_not_null()

    @dy.rule()
    def unknown_office(cls) -> pl.Expr:
        return _c("office").is_not_null()

    @dy.rule()
    def unknown_lane(cls) -> pl.Expr:
        return _c("lane").is_not_null()

    @dy.rule()
    def unknown_outcome(cls) -> pl.Expr:
        return _c("outcome_text").is_null() | _c("outcome").is_not_null()

    @dy.rule()
    def selected_on_unreadable(cls) -> pl.Expr:
        return _c("selected_on").is_not_null()

    @dy.rule()
    def contacted_on_unreadable(cls) -> pl.Expr:
        return _c("contacted_on_text").is_null() | _c("contacted_on").is_not_null()

    @dy.rule()
    def contacted_before_selected(cls) -> pl.Expr:
        return _c("contacted_on") >= _c("selected_on")

    @dy.rule()
    def recorded_on_unreadable(cls) -> pl.Expr:
        return _c("recorded_on").is_not_null()

    @dy.rule()
    def recorded_on_in_future(cls) -> pl.Expr:
        return _c("recorded_on") <= _c("sent_on")

    @dy.rule()
    def recorded_before_contacted(cls) -> pl.Expr:
        return (_c("recorded_on") >= _c("selected_on")).fill_null(True) & (
            _c("recorded_on") >= _c("contacted_on")
        ).fill_null(True)
