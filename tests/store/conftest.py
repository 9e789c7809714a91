from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from store.database import open_database
from store.keys import Keys, create_keys

NOW = datetime(2026, 9, 1, 1, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return create_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def one_postgres(postgres: Callable[[], str]) -> str:
    return postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address with nothing at it, on each database we speak."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database' / 'blindspot.db'}"
    address: str = request.getfixturevalue("one_postgres")
    # Emptied, not made anew: a database is 300 files, and their removal would take longer than the tests.
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return address


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = open_database(url)
    yield opened
    opened.dispose()
