"""What agencies send: in their own layout, never before they could, and the same bytes for the same seed."""

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.delivery import DeliveryRefused, read_name
from signals.intake import split_addresses, split_contacts, split_observations, split_residents
from signals.registers import REGISTERS
from synthetic import Country, CountrySettings, FlawRates, make_country
from synthetic.calendar import day_number, last_day, month_of, to_date
from synthetic.homes import HOUSING

PERFECT = FlawRates(late=0, twice=0, corrected=0, broken=0, extra_column=0, bad_rows=0)
SMALL = CountrySettings(households=600, months=8, rounds=4, seed=11)
LAYOUTS = {code: source.layout for code, source in (AGENCIES | REGISTERS).items()}


def digest(country: Country) -> str:
    whole = hashlib.sha256()
    for name, raw in country.files():
        whole.update(name.encode() + raw)
    return whole.hexdigest()


def test_same_seed_same_bytes_and_another_seed_others() -> None:
    first = make_country(SMALL)
    assert digest(first) == digest(make_country(SMALL))
    assert digest(first) != digest(make_country(replace(SMALL, seed=12)))
    assert first.truth.equals(make_country(SMALL).truth)


def test_files_come_in_the_order_of_the_day_sent_and_none_after_the_end(
    country: Country, files: dict[str, bytes]
) -> None:
    sent = [read_name(name).sent_on for name in files]
    assert sent == sorted(sent)
    assert sent[-1] <= country.settings.end
    assert len(files) == len(country.sending)
    assert {read_name(name).source for name in files} == LAYOUTS.keys()


@pytest.mark.parametrize("source", LAYOUTS)
def test_each_source_writes_its_own_layout(source: str, files: dict[str, bytes], country: Country) -> None:
    flawed = set(country.flaws.filter(pl.col("flaw").str.contains("broken|extra"))["file"])
    layout = LAYOUTS[source]
    mine = [raw for name, raw in files.items() if read_name(name).source == source and name not in flawed]
    assert mine
    for raw in mine:
        header, *_ = raw.decode(layout.encoding).splitlines()
        assert header.split(layout.separator) == [column.header for column in layout.columns]


def test_nothing_is_told_before_its_lag(country: Country) -> None:
    for delivery in country.world.planned:
        shortest, longest = AGENCIES[delivery.source].lag_days
        lag = delivery.sent - day_number(last_day(delivery.base))
        assert lag >= shortest
        assert lag <= longest or delivery.flaw in ("late", "twice", "correction", "redelivered")
        rows = country.rows_of(delivery)
        assert rows.is_empty() or int(rows["day"].max()) <= day_number(last_day(delivery.base))  # type: ignore[arg-type]


def test_every_month_is_told_once_by_those_who_tell_each_month(country: Country) -> None:
    months = [d.base for d in country.world.planned if d.source == "nhis" and d.flaw in ("", "broken", "late")]
    assert months == list(range(months[0], months[0] + len(months)))
    assert len(months) >= country.settings.months


def test_nobody_is_told_of_a_signal_before_its_feed_began() -> None:
    signals = {"policy_loan": SIGNALS["policy_loan"]}
    country = make_country(CountrySettings(households=2_000), signals)
    begin = signals["policy_loan"].available_from
    days = [to_date(int(day)) for rows in country.rows.values() for day in rows["day"].unique()]
    assert days
    assert min(days) >= begin > date(2024, 11, 1)


@pytest.mark.parametrize("name", sorted(name for name, signal in SIGNALS.items() if signal.covers_housing))
def test_only_covered_housing_is_told_of(name: str, country: Country) -> None:
    order = next(i for i, feed in enumerate(country.world.feeds) if feed.signal.name == name)
    covered = [HOUSING.index(kind) for kind in SIGNALS[name].covers_housing or ()]
    kinds = country.world.homes.stays["housing"].to_numpy()[country.world.real]
    for (agency, base), rows in country.rows.items():
        if agency == SIGNALS[name].agency and SIGNALS[name].kind != "event":
            home = rows.filter(pl.col("signal") == order)["household"].to_numpy()
            assert set(kinds[base - country.world.first, home].tolist()) <= set(covered)


def test_arrears_are_told_from_the_legal_months_on(country: Country) -> None:
    for order, feed in enumerate(country.world.feeds):
        if feed.signal.kind == "arrears":
            months = [m for rows in country.rows.values() for m in rows.filter(pl.col("signal") == order)["months"]]
            assert min(months, default=99) >= feed.signal.min_months


def test_card_bills_come_every_month_also_with_nothing_overdue(country: Country) -> None:
    order = next(i for i, feed in enumerate(country.world.feeds) if feed.signal.name == "card_arrears")
    for (agency, _), rows in country.rows.items():
        if agency == "kcredit":
            bills = rows.filter(pl.col("signal") == order)
            assert bills.height / country.settings.households == pytest.approx(0.4, abs=0.05)
            assert (bills["months"] == 0).mean() > 0.8  # type: ignore[operator]  # a share


def test_a_new_signal_is_one_entry_and_changes_nobody_elses_files() -> None:
    power = SIGNALS["power_arrears"]
    new = replace(power, name="heating_arrears", source_code="난방체납", points=0)
    before, after = make_country(SMALL), make_country(SMALL, {**SIGNALS, new.name: new})
    old_files, new_files = dict(before.files()), dict(after.files())
    assert old_files.keys() == new_files.keys()
    changed = {read_name(name).source for name in old_files if old_files[name] != new_files[name]}
    assert changed == {"kepco"}
    assert any("난방체납".encode("cp949") in raw for name, raw in new_files.items() if name.startswith("kepco"))


def test_intake_finds_exactly_the_flaws_that_were_made(country: Country, files: dict[str, bytes]) -> None:
    refused, found = [], Counter[str]()
    received = accepted = 0
    for name, raw in files.items():
        try:
            split = _split(name, raw, country)
        except DeliveryRefused:
            refused.append(name)
            continue
        assert split.accepted.height + split.set_aside.height == split.received
        received, accepted = received + split.received, accepted + split.accepted.height
        found.update(split.set_aside["rule"].to_list())
        found.update({"extra_column": len(split.leftover)})
    made = dict(country.flaws.group_by("flaw").agg(pl.col("rows").sum()).iter_rows())
    assert refused == country.flaws.filter(pl.col("flaw").str.starts_with("broken"))["file"].to_list()
    assert found["unknown_code"] == made["unknown_code"]
    assert found["month_in_future"] == made["future_month"]
    assert found["amount_negative"] == made["negative_amount"]
    assert found["months_unreadable"] == made["not_a_number"]
    assert found["identifier_malformed"] + found["household_malformed"] == made["malformed_key"]
    assert found["extra_column"] == country.flaws.filter(pl.col("flaw") == "extra_column").height
    assert 1 - accepted / received < 0.01


def _split(name: str, raw: bytes, country: Country):  # type: ignore[no-untyped-def]  # Split of four kinds of file
    told = read_name(name)
    match told.source:
        case "residents":
            return split_residents(raw, told)
        case "addresses":
            return split_addresses(raw, told, set(country.offices["code"]))
        case "contacts":
            return split_contacts(raw, told, set(country.offices["code"]))
        case source:
            return split_observations(raw, AGENCIES[source], told)


def test_broken_files_come_again_but_one(country: Country, files: dict[str, bytes]) -> None:
    broken = [d for d in country.sending if d.flaw == "broken"]
    again = {(d.source, d.base) for d in country.sending if d.flaw == "redelivered"}
    assert len(broken) >= 4
    assert sum((d.source, d.base) not in again for d in broken) == 1


def test_a_file_sent_twice_is_the_same_and_a_correction_is_not(country: Country, files: dict[str, bytes]) -> None:
    first = {(d.source, d.base): d.file for d in reversed(country.sending) if d.revision == 0}
    pairs = {flaw: [d for d in country.sending if d.flaw == flaw] for flaw in ("twice", "correction")}
    assert pairs["twice"]
    assert pairs["correction"]
    assert all(files[d.file] == files[first[d.source, d.base]] for d in pairs["twice"])
    assert all(
        files[d.file] != files[first[d.source, d.base]] for d in pairs["correction"] if country.rows_of(d).height
    )


def test_perfect_agencies_send_nothing_that_is_set_aside() -> None:
    country = make_country(replace(SMALL, flaws=PERFECT))
    assert country.flaws.filter(pl.col("flaw") != "unknown_outcome").is_empty()
    for name, raw in country.files():
        if not name.startswith("contacts"):
            assert _split(name, raw, country).set_aside.is_empty(), name


def test_the_first_months_are_told_of_before_the_first_round(country: Country) -> None:
    first_round = country.registers.contacts["selected"].min()
    known = {d.source for d in country.world.planned if d.sent <= int(first_round)}  # type: ignore[arg-type]
    assert {"nhis", "kepco", "kcredit", "haengbok"} <= known
    assert country.world.first == month_of(date(2024, 7, 1))
