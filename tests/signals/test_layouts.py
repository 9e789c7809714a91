"""What a source writes comes out as it was meant, whatever its layout."""

from collections.abc import Callable
from datetime import date

import pytest

from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.intake import Split, split_addresses, split_contacts, split_observations, split_residents
from signals.layout import Agency
from signals.registers import HOUSING_KO, REGISTERS
from signals.signal import Signal
from tests.signals.writer import MONTH, good_row, name_of, row_of, signals_of, write, write_table

PLAIN = {"person": "9001011234567", "address": "가람특별시 중구 은행로 12 101동 1203호", "household": "H00000001"}


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
def test_round_trip_of_every_signal(signal: Signal) -> None:
    agency = AGENCIES[signal.agency]
    split = split_observations(write(agency.layout, [row_of(signal, agency)]), agency, name_of(agency.code))
    assert split.set_aside.rows() == []
    fields = {c.field for c in agency.layout.columns}
    tells_months = signal.kind in ("arrears", "status") and fields & {"months", "start_month"}
    assert split.accepted.to_dicts() == [
        {
            "row_no": 2,
            "identifier": PLAIN[agency.key_kind],
            "signal": signal.name,
            "observed_on": MONTH,
            "months": 5 if tells_months else None,
            "amount_won": 123_000 if signal.kind in ("arrears", "amount") else None,
        }
    ]
    assert split.leftover == split.warnings == ()


@pytest.mark.parametrize("agency", AGENCIES.values(), ids=AGENCIES)
def test_order_of_columns_does_not_matter_and_extra_ones_never_enter(agency: Agency) -> None:
    row = row_of(signals_of(agency)[0], agency)
    plain = split_observations(write(agency.layout, [row]), agency, name_of(agency.code))
    columns = list(reversed(agency.layout.columns))
    table = [
        ["비고", *(c.header for c in columns)],
        ["홍길동 010-1234-5678", *(row.get(c.field, "") for c in columns)],
    ]
    split = split_observations(write_table(agency.layout, table), agency, name_of(agency.code))
    assert split.accepted.equals(plain.accepted)
    assert split.leftover == ("비고",)


def test_events_keep_their_day_and_months_their_last() -> None:
    stop, kepco = AGENCIES["supply-stop"], AGENCIES["kepco"]
    cut = row_of(SIGNALS["power_cut"], stop, day=date(2026, 8, 3))
    owed = row_of(SIGNALS["power_arrears"], kepco, day=date(2026, 8, 3))
    told_cut = split_observations(write(stop.layout, [cut]), stop, name_of("supply-stop")).accepted
    told_owed = split_observations(write(kepco.layout, [owed]), kepco, name_of("kepco")).accepted
    assert told_cut["observed_on"].item() == date(2026, 8, 3)
    assert told_owed["observed_on"].item() == MONTH


def test_a_bill_with_nothing_overdue_is_taken_in_as_zero_months() -> None:
    agency = AGENCIES["kcredit"]
    row = row_of(SIGNALS["card_arrears"], agency, months=0)
    accepted = split_observations(write(agency.layout, [row]), agency, name_of("kcredit")).accepted
    assert accepted.select("months", "amount_won").rows() == [(0, 123_000)]


def test_a_month_still_running_is_told_only_up_to_the_day_of_sending() -> None:
    agency = AGENCIES["nhis"]
    row = row_of(SIGNALS["health_arrears"], agency, day=date(2026, 10, 31))
    accepted = split_observations(write(agency.layout, [row]), agency, name_of("nhis")).accepted
    assert accepted["observed_on"].item() == date(2026, 10, 15)


SPLITS: dict[str, Callable[..., Split]] = {
    "residents": split_residents,
    "addresses": split_addresses,
    "contacts": split_contacts,
}


@pytest.mark.parametrize("code", SPLITS)
def test_registers_round_trip(code: str) -> None:
    layout = REGISTERS[code].layout
    split = SPLITS[code](write(layout, [good_row(code)]), name_of(code))
    assert split.set_aside.rows() == []
    expected: dict[str, dict[str, object]] = {
        "residents": {
            "row_no": 2, "person_no": "9001011234567", "name": "김하나", "phone": "01012345678",
            "household_no": "H00000001", "birth_year": 1990, "is_head": True, "valid_from": date(2020, 3, 1),
            "valid_to": date(2024, 5, 1), "end_reason": "moved",
        },
        "addresses": {
            "row_no": 2, "household_no": "H00000001", "address": PLAIN["address"],
            "building": "가람특별시 중구 은행로 12", "has_unit": True, "housing": "apartment", "office": "0111051500",
            "valid_from": date(2020, 3, 1), "valid_to": None,
        },
        "contacts": {
            "row_no": 2, "case_no": "2026-01-0001", "household_no": "H00000001", "office": "0111051500",
            "lane": "incumbent", "selected_on": date(2026, 1, 5), "contacted_on": date(2026, 1, 20),
            "outcome": "emergency", "benefit": "긴급복지", "recorded_on": date(2026, 1, 21),
        },
    }  # fmt: skip
    assert split.accepted.to_dicts() == [expected[code]]


@pytest.mark.parametrize(("code", "label"), HOUSING_KO.items())
def test_every_kind_of_housing_is_understood(code: str, label: str) -> None:
    raw = write(REGISTERS["addresses"].layout, [{**good_row("addresses"), "housing": label}])
    assert split_addresses(raw, name_of("addresses")).accepted["housing"].to_list() == [code]
