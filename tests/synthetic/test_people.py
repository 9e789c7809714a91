"""Margins of the made-up population, and identifiers that nobody can have."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic import Country
from synthetic.calendar import NEVER, day_number
from synthetic.people import People, make_people, names, person_numbers, phones

TODAY = day_number(date(2026, 10, 31))


@pytest.fixture(scope="module")
def people() -> People:
    return make_people(20_000, TODAY, seed=3)


def test_household_sizes_follow_the_census(people: People) -> None:
    size = np.bincount(people.household)
    shares = np.bincount(np.minimum(size, 4), minlength=5)[1:] / len(size)
    assert shares == pytest.approx([0.36, 0.29, 0.19, 0.16], abs=0.015)  # DOMAIN 7


def test_one_person_households_have_the_ages_of_the_census(people: People) -> None:
    alone = np.bincount(people.household)[people.household] == 1
    age = people.age(TODAY)[alone]
    assert np.mean(age < 30) == pytest.approx(0.178, abs=0.02)
    assert np.mean((age >= 30) & (age < 40)) == pytest.approx(0.174, abs=0.02)
    assert np.mean((age >= 60) & (age < 70)) == pytest.approx(0.176, abs=0.02)


def test_everybody_has_a_number_of_their_own(people: People) -> None:
    numbers = person_numbers(people, 3)
    assert numbers.n_unique() == len(people)
    assert numbers.str.contains(r"^\d{6}[1-4]\d{6}$").all()


def test_numbers_say_birthday_and_sex_and_check_until_they_no_longer_do(people: People) -> None:
    """A slow reading of a few numbers, digit by digit."""
    numbers = person_numbers(people, 3)
    new_style = 0
    for index in range(0, len(people), 997):
        number, born = numbers[index], date.fromordinal(date(1970, 1, 1).toordinal() + int(people.birth[index]))
        assert number[:6] == born.strftime("%y%m%d")
        assert int(number[6]) == 1 + int(people.is_female[index]) + (2 if born.year >= 2000 else 0)
        total = sum(
            int(digit) * weight for digit, weight in zip(number, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5], strict=False)
        )
        is_old_style = number[7:9] in ("97", "98", "99") and (11 - total % 11) % 10 == int(number[12])
        new_style += not is_old_style
        assert is_old_style or born >= date(2020, 10, 1) or new_style < 4  # a few changed theirs
    assert new_style < 8


def test_no_phone_can_be_in_service_and_some_have_none(people: People) -> None:
    known = phones(people, TODAY, 3)
    assert known.drop_nulls().str.contains(r"^010-0\d{3}-\d{4}$").all()
    assert 0.1 < known.null_count() / len(people) < 0.3


def test_names_are_korean_and_repeat_as_names_do(people: People) -> None:
    drawn = names(people, 3)
    assert drawn.str.contains(r"^[가-힣]{2,4}$").all()
    assert 300 < drawn.n_unique() < 1_401


def test_renting_follows_who_lives_alone(country: Country) -> None:
    alone = country.world.members.size == 1
    owns = ~country.world.homes.is_renter
    assert owns[alone].mean() == pytest.approx(0.313, abs=0.05)
    assert owns.mean() == pytest.approx(0.564, abs=0.03)


def test_addresses_are_shared_by_nobody_unless_the_unit_is_missing(country: Country) -> None:
    stays = country.world.homes.stays
    whole = stays.filter(pl.col("address").str.ends_with("호"))
    assert whole["address"].n_unique() == whole.height
    without = stays.filter(~pl.col("address").str.ends_with("호"), pl.col("housing") != 4)  # 4: detached
    assert 0.01 < without.height / stays.height < 0.08


def test_some_live_elsewhere_than_registered(country: Country) -> None:
    elsewhere = country.world.homes.lives_elsewhere < NEVER
    assert 0.008 < elsewhere.mean() < 0.04
    known = country.world.homes.stays.filter(~pl.col("is_registered"))
    assert sorted(known["household"]) == np.flatnonzero(elsewhere).tolist()
    registered = country.registers.addresses["address"]
    assert not known["address"].filter(known["address"].str.ends_with("호")).is_in(registered.implode()).any()


def test_offices_are_unequal_and_named_once_per_district(country: Country) -> None:
    offices = country.offices
    assert offices["code"].str.contains(r"^\d{10}$").all()
    assert offices["code"].is_unique().all()
    assert offices.select("district_code", "name_ko").is_unique().all()
    assert offices["capacity"].min() >= 3  # type: ignore[operator]  # a column of whole numbers
