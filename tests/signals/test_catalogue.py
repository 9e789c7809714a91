"""Catalogue, sources and registers hang together. A new entry is tested without a new test."""

import re
import string
from datetime import date

import pytest

from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.layout import Agency
from signals.outcomes import OUTCOMES
from signals.registers import REGISTERS
from signals.rules import RULES, Rule
from signals.signal import Kind, Signal

MAY_SAY: dict[Kind, set[str]] = {
    "arrears": {"months", "amount", "observed", "count"},
    "event": {"observed", "count"},
    "amount": {"amount", "observed"},
    "status": {"observed"},
}
each_signal = pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
each_agency = pytest.mark.parametrize("agency", AGENCIES.values(), ids=AGENCIES)


def test_the_catalogue_is_as_wide_as_the_official_count() -> None:
    assert len(SIGNALS) >= 47
    assert sum(s.confirmed for s in SIGNALS.values()) >= 40
    assert len({s.agency for s in SIGNALS.values()}) == len(AGENCIES) >= 12


@each_signal
def test_entry_is_sane(signal: Signal) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", signal.name)
    assert SIGNALS[signal.name] is signal
    assert "__" not in signal.name
    agency = AGENCIES[signal.agency]
    assert signal.key_kind == agency.key_kind
    assert date(2015, 12, 1) <= signal.available_from <= date(2026, 1, 1)
    assert 0 < signal.per_1000 <= 1000
    assert signal.retention_months >= 24
    assert signal.covers_housing is None or signal.covers_housing
    made = signal.made_up
    assert 0 < made.base <= 1
    assert 0 <= made.end <= 1
    assert (made.won > 0) == (signal.kind in ("arrears", "amount"))
    # Arrears and states that never end would fill the country.
    assert made.end > 0 or signal.kind in ("event", "amount")


@each_signal
def test_layout_can_carry_the_kind(signal: Signal) -> None:
    fields = {c.field for c in AGENCIES[signal.agency].layout.columns}
    if signal.kind in ("arrears", "amount"):
        assert "amount" in fields
    if signal.kind == "arrears":
        assert fields & {"months", "start_month"}
    if signal.min_months == 0 and signal.kind == "arrears":
        assert "months" in fields, "a spell that began cannot tell of 0 months"


@each_signal
def test_urgent_signals_come_at_once(signal: Signal) -> None:
    if signal.urgent:
        assert signal.kind == "event"
        assert signal.points >= 3
        assert AGENCIES[signal.agency].lag_days[1] <= 3


@each_signal
def test_only_running_benefits_relieve_and_they_warn_of_nothing(signal: Signal) -> None:
    if signal.relieves:
        assert signal.kind == "status"
        assert signal.domain == "welfare"
        assert signal.points == 0
        assert not signal.urgent
        assert not signal.relieves & {"safety", "reports"}


@each_signal
def test_sentences_are_whole_and_true_by_the_kind(signal: Signal) -> None:
    used = {field for _, field, _, _ in string.Formatter().parse(signal.reason_ko) if field}
    assert used <= MAY_SAY[signal.kind]
    assert "observed" in used, "a reason always says how old it is"
    assert signal.kind != "arrears" or "months" in used
    for sentence in (signal.reason_ko, signal.check_ko):
        assert sentence.endswith(".")
        assert re.search("[가-힣]", sentence)
        assert "  " not in sentence
    # A particle after a filled-in figure may not fit it: figures stand in brackets or before fixed words.
    assert not re.search(r"\{(amount|months|count)\}(을|를|이|가|은|는|와|과|으로|로)", signal.reason_ko)


@each_signal
def test_legal_words(signal: Signal) -> None:
    assert signal.legal_basis
    if signal.kind == "arrears" and "개월" in signal.legal_threshold:
        assert signal.min_months == int(re.findall(r"([0-9]+)개월", signal.legal_threshold)[0])
    if not signal.confirmed:
        assert signal.legal_basis == "운영자가 법적 근거를 확인해야 함"


@each_agency
def test_source_words_name_one_signal_each(agency: Agency) -> None:
    codes = [s.source_code for s in SIGNALS.values() if s.agency == agency.code]
    assert codes
    assert len(codes) == len(set(codes))


@each_agency
def test_source_is_sane(agency: Agency) -> None:
    assert re.fullmatch(r"[a-z][a-z-]*", agency.code)
    assert agency.every_months in (1, 2, 3)
    assert 0 < agency.lag_days[0] <= agency.lag_days[1] <= 75
    fields = [c.field for c in agency.layout.columns if c.field != "dropped"]
    key = {"person": "person_no", "address": "address", "household": "household_no"}[agency.key_kind]
    assert len(fields) == len(set(fields))
    assert {key, "source_code", "month"} <= set(fields)
    assert len(set(fields) & {"person_no", "address", "household_no"}) == 1
    assert ("start_month" in fields) == (agency.layout.rows == "spell")
    assert not (agency.layout.rows == "spell" and "months" in fields)
    for column in agency.layout.columns:
        column.header.encode(agency.layout.encoding)


def test_layouts_truly_differ() -> None:
    layouts = [a.layout for a in AGENCIES.values()]
    assert len({(x.encoding, x.separator, x.dates, x.columns) for x in layouts}) == len(layouts)
    assert {x.encoding for x in layouts} == {"cp949", "utf-8-sig"}
    assert {x.separator for x in layouts} == {",", "|", "\t"}
    assert {x.dates for x in layouts} == {"202608", "2026-08-31", "2026. 8. 31.", "20260831"}
    assert {x.won_per_unit for x in layouts} == {1, 1000}
    assert {x.thousands for x in layouts} == {True, False}
    assert {x.digits for x in layouts} == {"ascii", "full_width"}
    assert {x.person_no for x in layouts} == {"hyphen", "plain"}
    assert {x.rows for x in layouts} == {"month", "spell"}
    assert any(c.field == "dropped" for x in layouts for c in x.columns)


def test_no_feed_covers_rent_of_redevelopment_rentals() -> None:
    feeds = [s for s in SIGNALS.values() if s.domain == "housing" and s.kind == "arrears"]
    assert feeds
    assert all(s.covers_housing and "redevelopment_rental" not in s.covers_housing for s in feeds)


def test_sources_and_registers_share_no_code() -> None:
    assert not set(AGENCIES) & set(REGISTERS)


def test_outcome_labels_are_told_apart() -> None:
    assert len({o.label_ko for o in OUTCOMES.values()}) == len(OUTCOMES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_says_what_and_how(rule: Rule) -> None:
    assert rule.what_ko.endswith(".") and rule.cure_ko.endswith(".")
