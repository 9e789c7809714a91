"""A country by parts: nobody counted twice or forgotten, keys that never meet, places as many as there are."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic import Country
from synthetic.calendar import last_day
from synthetic.homes import write_addresses
from synthetic.keys import mixed
from synthetic.parts import WholeCountry, country_agencies, delivery_id, divide, real_size
from synthetic.people import PartOf, person_numbers
from synthetic.registers import household_numbers
from synthetic.sent import place_numbers
from synthetic.truth import write_spells

END = date(2026, 10, 31)
MILLIONS = 23_500_000


@pytest.fixture(scope="module")
def whole() -> WholeCountry:
    return divide(real_size(MILLIONS, 24, END, seed=1), files_share=0.05)


def test_the_whole_country_has_the_real_places(whole: WholeCountry) -> None:
    offices = whole.offices
    assert offices["region_ko"].n_unique() == 17
    assert offices["district_code"].n_unique() == 229
    assert offices.height == offices["code"].n_unique() == 3_502
    assert offices.select("district_code", "name_ko").is_unique().all()
    assert offices.select("region_ko", "district_ko").n_unique() == 229
    assert offices["code"].str.contains(r"^[0-9]{10}$").all()
    assert (offices["code"].str.slice(0, 5) == offices["district_code"]).all()
    assert 190_000 < offices["capacity"].sum() < 210_000


def test_parts_share_out_every_household_and_every_place_of_an_office(whole: WholeCountry) -> None:
    assert sum(part.settings.households for part in whole.parts) == MILLIONS
    assert max(part.settings.households for part in whole.parts) <= 250_000
    files = [part for part in whole.parts if part.of_files]
    assert sum(part.settings.households for part in files) == round(0.05 * MILLIONS)
    capacity = pl.concat(part.places.offices.select("code", "capacity") for part in whole.parts)
    summed = capacity.group_by("code").sum().join(whole.offices, on="code", suffix="_whole")
    assert summed.height == whole.offices.height
    assert np.allclose(summed["capacity"], summed["capacity_whole"])
    for part in whole.parts:
        assert part.places.share.sum() == pytest.approx(1)
        assert set(part.places.near) == set(range(part.places.offices["district_code"].n_unique()))


def test_parts_differ_in_chance_alone(whole: WholeCountry) -> None:
    assert len({part.settings.seed for part in whole.parts}) == len(whole.parts)
    assert len({part.planned for part in whole.parts}) == 1
    plain = {replace(p.settings, seed=0, cases_from=0, households=200) for p in whole.parts if p.of_files is None}
    assert len(plain) == 1
    other = divide(replace(whole.settings, seed=2), files_share=0.05)
    assert not {p.settings.seed for p in other.parts} & {p.settings.seed for p in whole.parts}


def test_deliveries_are_few_and_each_has_a_name_of_its_own(whole: WholeCountry) -> None:
    told = [delivery_id(delivery, 1) for delivery in whole.sent]
    assert len(set(told)) == len(told) < 1_000
    assert not {delivery_id(delivery, 2) for delivery in whole.sent} & set(told)
    assert all(delivery.flaw != "twice" for delivery in whole.sent)
    # What is urgent comes every month, states every quarter: the required sources are fresh either way.
    newest = {delivery.source: delivery.base for delivery in whole.sent}
    assert set(newest) >= {code for code, agency in country_agencies().items() if agency.is_required}
    assert last_day(newest["nhis"]) == date(2026, 6, 30)
    assert last_day(newest["welfare-app"]) == date(2026, 9, 30)


def test_keys_are_never_the_same_and_lie_anywhere() -> None:
    numbers = np.concatenate([np.arange(200_000), 2**32 + np.arange(200_000), 2**44 * 90 + 256 * np.arange(200_000)])
    person, household = mixed("person", numbers, 1), mixed("household", numbers, 1)
    assert person.n_unique() == household.n_unique() == len(numbers)
    assert not person.is_in(household.implode()).any()
    # 256 equal ranges: about 2,344 keys in each.
    for kept in (56, 0):
        counts = np.bincount((person.to_numpy().view(np.uint64) >> np.uint64(kept)) % 256, minlength=256)
        assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 255 + 6 * np.sqrt(2 * 255)


def test_places_have_the_same_number_where_they_have_the_same_words(country: Country) -> None:
    stays = country.world.homes.stays
    numbers = place_numbers(stays)
    number = pl.concat([numbers["address"], numbers["supply"], numbers["building"]])
    words = pl.concat([stays["address"], stays["supply"], stays["address"].str.split(", ").list.first()])
    pairs = pl.DataFrame({"number": number, "words": words})
    assert pairs.n_unique() == pairs["number"].n_unique() == pairs["words"].n_unique()
    assert (place_numbers(stays, 2**44)["supply"] - numbers["supply"] == 2**44).all()


def test_no_identifier_of_one_part_is_one_of_another(country: Country) -> None:
    world, parts = country.world, [PartOf(number, 3, seed=9) for number in range(3)]
    people = pl.concat(person_numbers(world.life.people, 7 + part.number, part) for part in parts)
    assert people.n_unique() == 3 * len(world.life.people)
    assert people.str.contains("^[0-9]{13}$").all()
    assert pl.concat(household_numbers(3_000, 7 + part.number, part) for part in parts).n_unique() == 9_000
    plain = world.homes.stays.drop("address", "supply")
    buildings = [
        set(write_addresses(plain, world.places, 9, part)["address"].str.split(", ").list.first()) for part in parts
    ]
    assert len(set.union(*buildings)) == sum(len(one) for one in buildings)


def test_spells_of_need_say_the_same_as_its_months(country: Country) -> None:
    keys = country.numbers.cast(pl.Int64)
    spells = write_spells(country.world, keys)
    months = country.truth.select("month").unique().sort("month")
    told = spells.join_where(months, pl.col("month") >= pl.col("begins"), pl.col("month") <= pl.col("ends"))
    truth = country.truth.with_columns(household_key=pl.col("household_no").cast(pl.Int64))
    in_need = truth.filter("need").select("household_key", "month").sort("household_key", "month")
    # Spells are also told of households that are not there yet, or no longer.
    there = told.join(truth, on=["household_key", "month"], how="semi")
    assert there.select("household_key", "month").sort("household_key", "month").equals(in_need)
    worst = told.join(truth, on=["household_key", "month"]).group_by("household_key", "begins", "ends", "worst")
    assert worst.agg(pl.col("hardship").max()).select((pl.col("hardship") <= pl.col("worst")).all()).item()
    gap = spells.sort("household_key", "begins").select(
        (pl.col("begins") > pl.col("ends").shift(1).dt.offset_by("1mo").dt.month_end()).over("household_key")
    )
    assert gap.to_series().drop_nulls().all()
