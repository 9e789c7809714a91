"""One small country for all tests of the room: 3,000 households, about two seconds."""

import pytest

from synthetic import Country, CountrySettings, make_country


@pytest.fixture(scope="session")
def country() -> Country:
    return make_country(CountrySettings(households=3_000, seed=7))


@pytest.fixture(scope="session")
def files(country: Country) -> dict[str, bytes]:
    return dict(country.files())
