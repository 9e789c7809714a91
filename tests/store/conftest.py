import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from store.database import open_database
from store.keys import Keys, create_keys
from tests.conftest import _as, _postgres_account, _postgres_binaries, _wait_until_ready

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


class Stoppable:
    """A PostgreSQL of our own behind a socket, that keeps what it has when it is stopped."""

    def __init__(self, folder: Path, binaries: Path, account: str | None) -> None:
        self.url = f"postgresql+psycopg://blindspot@/postgres?host={folder}"
        self._folder, self._binaries, self._account = folder, binaries, account
        self.server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command: list[str | Path] = [self._binaries / "postgres", "-D", self._folder / "data", "-clisten_addresses="]
        command.append(Path(f"-cunix_socket_directories={self._folder}"))
        with (self._folder / "log").open("ab") as log:
            self.server = subprocess.Popen(command, user=self._account, cwd=self._folder, stdout=log, stderr=log)
        _wait_until_ready(str(self._folder), self.server, self._folder / "log")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: every connection ends at once. SIGQUIT: as if the power had gone."""
        if self.server:
            self.server.send_signal(how)
            self.server.wait(60)

    def restart(self, times: int) -> None:
        for how in (signal.SIGINT, signal.SIGQUIT) * times:
            self.stop(how)
            time.sleep(0.3)
            self.start()
            time.sleep(0.3)


@pytest.fixture
def stoppable() -> Callable[[], AbstractContextManager[Stoppable]]:
    @contextmanager
    def made() -> Iterator[Stoppable]:
        binaries, account = _postgres_binaries(), _postgres_account()
        with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            if account:
                shutil.chown(folder, account, account)
            _as(account, [binaries / "initdb", "-D", folder / "data", "-U", "blindspot", "-A", "trust", "-E", "UTF8"])
            server = Stoppable(folder, binaries, account)
            server.start()
            try:
                yield server
            finally:
                server.stop(signal.SIGQUIT)

    return made
