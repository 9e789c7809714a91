"""Each rule has one planted row that breaks it, and only that row is set aside."""

from typing import Any

import pytest

from signals.agencies import AGENCIES
from signals.intake import Split, split_addresses, split_contacts, split_observations, split_residents
from signals.layout import Layout
from signals.rules import RULES, column_at_fault
from tests.signals.writer import good_row, layout_of, name_of, row_of, signals_of, write

# rule -> source, what is changed in its good row
PLANTED: dict[str, tuple[str, dict[str, str]]] = {
    "identifier_missing": ("nhis", {"person_no": " "}),
    "identifier_malformed": ("nhis", {"person_no": "901301-1234567"}),
    "unknown_code": ("nhis", {"source_code": "새 코드"}),
    "month_unreadable": ("nhis", {"month": "202613"}),
    "month_in_future": ("nhis", {"month": "202611"}),
    "before_available_from": ("nhis", {"month": "201509"}),
    "months_missing": ("nhis", {"months": ""}),
    "months_unreadable": ("nhis", {"months": "다섯"}),
    "months_negative": ("nhis", {"months": "-1"}),
    "months_absurd": ("nhis", {"months": "601"}),
    "below_legal_threshold": ("nhis", {"months": "2"}),
    "amount_missing": ("nhis", {"amount": ""}),
    "amount_unreadable": ("nhis", {"amount": "1,23,4원"}),
    "amount_negative": ("nhis", {"amount": "-1"}),
    "amount_absurd": ("nhis", {"amount": "10,000,000,001"}),
    "household_malformed": ("residents", {"household_no": "?"}),
    "head_unreadable": ("residents", {"is_head": "예"}),
    "unknown_end_reason": ("residents", {"end_reason": "기타"}),
    "valid_from_unreadable": ("residents", {"valid_from": "2020-02-30"}),
    "valid_from_in_future": ("residents", {"valid_from": "2026-10-16", "valid_to": ""}),
    "valid_to_unreadable": ("residents", {"valid_to": "모름"}),
    "valid_to_in_future": ("residents", {"valid_to": "2026-10-16"}),
    "valid_to_before_valid_from": ("residents", {"valid_to": "2020-02-29"}),
    "address_malformed": ("addresses", {"address": "은행로"}),
    "unknown_housing": ("addresses", {"housing": "성"}),
    "unknown_office": ("addresses", {"office": "111051500"}),
    "case_missing": ("contacts", {"case_no": ""}),
    "unknown_lane": ("contacts", {"lane": "나중"}),
    "unknown_outcome": ("contacts", {"outcome": "부정수급"}),
    "selected_on_unreadable": ("contacts", {"selected_on": "", "contacted_on": ""}),
    "contacted_on_unreadable": ("contacts", {"contacted_on": "2026.01.20"}),
    "contacted_before_selected": ("contacts", {"contacted_on": "2026-01-04"}),
    "recorded_on_unreadable": ("contacts", {"recorded_on": ""}),
    "recorded_on_in_future": ("contacts", {"recorded_on": "2026-10-16"}),
    "recorded_before_contacted": ("contacts", {"recorded_on": "2026-01-19"}),
}
# Rules that compare rows or lines: each has its own test below.
APART = {"unreadable_characters", "wrong_field_count", "duplicate_row", "person_in_two_households"}


def split(source: str, raw: bytes) -> Split:
    name = name_of(source)
    match source:
        case "residents":
            return split_residents(raw, name)
        case "addresses":
            return split_addresses(raw, name)
        case "contacts":
            return split_contacts(raw, name)
        case code:
            return split_observations(raw, AGENCIES[code], name)


def broken(source: str, raw: bytes) -> list[tuple[Any, ...]]:
    told = split(source, raw)
    assert told.accepted.height + told.set_aside.height == told.received
    return told.set_aside.rows()


def test_every_rule_is_planted() -> None:
    assert set(PLANTED) | APART == set(RULES)


@pytest.mark.parametrize("rule", PLANTED)
def test_planted_row_is_set_aside_with_its_rule_and_column(rule: str) -> None:
    source, changes = PLANTED[rule]
    layout, good = layout_of(source), good_row(source)
    raw = write(layout, [good, {**good, **changes}])
    assert broken(source, raw) == [(3, column_at_fault(rule, layout), rule)]
    assert column_at_fault(rule, layout)


def test_spell_told_backwards() -> None:
    agency = AGENCIES["citygas"]
    row = row_of(signals_of(agency)[0], agency)
    raw = write(agency.layout, [{**row, "start_month": "202609"}, {**row, "start_month": "26년"}])
    assert [r for _, _, r in broken("citygas", raw)] == ["months_negative", "months_unreadable"]


def test_first_broken_rule_is_told_and_one_cell_hides_no_other_row() -> None:
    good = good_row("nhis")
    rows = [{**good, "month": "엉망", "amount": "엉망"}, {**good, "amount": "-5"}, {**good, "person_no": ""}]
    rules = [r for _, _, r in broken("nhis", write(layout_of("nhis"), rows))]
    assert rules == ["month_unreadable", "amount_negative", "identifier_missing"]


def test_cells_without_meaning_for_the_kind_are_left_out() -> None:
    agency = AGENCIES["nhis"]
    status = next(s for s in signals_of(agency) if s.kind == "status")
    row = {**row_of(status, agency), "amount": "해당없음", "months": ""}
    told = split("nhis", write(agency.layout, [row]))
    assert told.accepted.select("months", "amount_won").rows() == [(None, None)]


@pytest.mark.parametrize("line", ["하나,둘", ",,,,,,,,,,", '"열린 따옴표,,,,,,', 'a"b,,,,,,', ",,,,,,,"])
def test_ragged_lines_are_set_aside_and_shift_nothing(line: str) -> None:
    layout = layout_of("nhis")
    raw = write(layout, [good_row("nhis")])
    tail = raw.split(b"\r\n")[1]
    told = split("nhis", raw + line.encode("cp949") + b"\r\n\r\n" + tail.replace(b"1234567", b"1234568") + b"\n")
    assert told.set_aside.rows() == [(3, "", "wrong_field_count")]
    # Row 4 is blank: no row.
    assert told.accepted["row_no"].to_list() == [2, 5]
    assert told.accepted["identifier"].to_list() == ["9001011234567", "9001011234568"]


def test_quoted_separators_and_quotes_are_cells_like_others() -> None:
    row = {**good_row("kapt"), "address": '가람특별시 중구 은행로 12, "한마음" 101동 1203호'}
    told = split("kapt", write(layout_of("kapt"), [row]))
    assert told.accepted["identifier"].to_list() == ['가람특별시 중구 은행로 12 "한마음" 101동 1203호']


def test_one_bad_byte_spoils_its_own_line_only() -> None:
    layout = layout_of("nhis")
    lines = write(layout, [good_row("nhis")] * 2).split(b"\r\n")
    lines[1] = lines[1].replace("남의 것".encode("cp949"), b"\xff\xfe", 1)
    assert broken("nhis", b"\r\n".join(lines)) == [(2, "", "unreadable_characters")]


def test_duplicates_are_found_after_normalising_and_the_first_stays() -> None:
    good = good_row("nhis")
    rows = [
        {**good, "amount": "x"},
        good,
        {**good, "person_no": "９００１０１－１２３４５６７"},
        {**good, "amount": "1"},
    ]
    assert broken("nhis", write(layout_of("nhis"), rows)) == [
        (2, "금액(원)", "amount_unreadable"),
        (4, "", "duplicate_row"),
    ]


def test_a_person_in_two_households_stays_in_the_newest() -> None:
    good = {**good_row("residents"), "valid_to": "", "end_reason": ""}
    rows = [
        good,
        {**good, "household_no": "H00000002", "valid_from": "2025-01-01"},
        {**good, "household_no": "H00000003", "valid_from": "2010-01-01", "valid_to": "2012-01-01"},
        {**good, "person_no": "900101-2234567"},
    ]
    told = split("residents", write(layout_of("residents"), rows))
    assert told.set_aside.rows() == [(2, "세대번호", "person_in_two_households")]
    assert told.accepted["household_no"].to_list() == ["H00000002", "H00000003", "H00000001"]


def test_offices_that_do_not_exist_are_set_aside_when_the_list_is_known() -> None:
    raw = write(layout_of("addresses"), [good_row("addresses")])
    assert split_addresses(raw, name_of("addresses"), ["0111051500"]).set_aside.height == 0
    assert split_addresses(raw, name_of("addresses"), ["0111053000"]).set_aside["rule"].to_list() == ["unknown_office"]


def test_an_unreadable_phone_is_left_empty_and_told() -> None:
    told = split("residents", write(layout_of("residents"), [{**good_row("residents"), "phone": "없음"}]))
    assert told.accepted["phone"].to_list() == [None]
    assert told.warnings == ("읽을 수 없는 연락처 1건은 비워 두고 받았습니다.",)


def test_an_answer_may_still_be_missing() -> None:
    row = {**good_row("contacts"), "contacted_on": "", "outcome": "", "benefit": ""}
    told = split("contacts", write(layout_of("contacts"), [row]))
    assert told.accepted.select("contacted_on", "outcome", "benefit").rows() == [(None, None, None)]


def test_a_large_file_with_one_bad_row_in_the_middle() -> None:
    layout: Layout = layout_of("nhis")
    head, line, _ = write(layout, [good_row("nhis")]).split(b"\r\n")
    count = 100_000
    lines = [line.replace(b"1234567", b"%07d" % i) for i in range(count)]
    lines[count // 2] = b"x"
    told = split("nhis", b"\n".join([head, *lines, b""]))
    assert told.received == count
    assert told.accepted.height == count - 1
    assert told.set_aside.rows() == [(count // 2 + 2, "", "wrong_field_count")]
