"""Fixtures of more than one room."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.drawn_keys import keys_drawn_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def the_real_work_folder_is_left_alone() -> Iterator[None]:
    """A test that forgets to name its own folder would write into the operator's."""

    def state() -> list[tuple[str, int]]:
        work = ROOT / "work"
        return sorted((str(f), f.stat().st_mtime_ns) for f in work.rglob("*")) if work.exists() else []

    before = state()
    yield
    assert state() == before, "a test changed the checkout's own work folder"


@pytest.fixture(autouse=True)
def no_connection_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "a socket file"
        if host not in ("127.0.0.1", "::1", "localhost", "a socket file"):
            raise AssertionError(f"a test reached out to {host}")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with keys_drawn_for(item.nodeid):
        return (yield)


_BINARIES = (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *sorted(Path("/opt").glob("pgsql*/bin")))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """A throw-away PostgreSQL behind a socket; every call makes an empty database and returns its URL."""
    binaries = _postgres_binaries()
    account = _postgres_account()
    # Not tmp_path: a socket's path has 107 bytes, and pytest's folders are closed to other accounts.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if account:
            shutil.chown(folder, account, account)
        _as(account, [binaries / "initdb", "-D", folder / "data", "-U", "blindspot", "-A", "trust", "-N", "-E", "UTF8"])
        settings = {"listen_addresses": "", "unix_socket_directories": name, "fsync": "off", "max_connections": "40"}
        command: list[str | Path] = [binaries / "postgres", "-D", folder / "data"]
        command += [f"-c{k}={v}" for k, v in settings.items()]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, user=account, cwd=name, stdout=log, stderr=log)
        try:
            yield _maker_of_databases(name, server, folder / "log")
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept, so nothing need be written
            server.wait(30)


def _maker_of_databases(folder: str, server: subprocess.Popen[bytes], log: Path) -> Callable[[], str]:
    made = 0

    def make() -> str:
        nonlocal made
        made += 1
        _wait_until_ready(folder, server, log)
        with psycopg.connect(host=folder, user="blindspot", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE test_{made}".encode())
        return f"postgresql+psycopg://blindspot@/test_{made}?host={folder}"

    return make


def _wait_until_ready(folder: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(host=folder, user="blindspot", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text(errors="replace")) from None
            time.sleep(0.05)


def _postgres_binaries() -> Path:
    on_path = shutil.which("initdb")
    for folder in (*_BINARIES, *([Path(on_path).parent] if on_path else [])):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.skip("no PostgreSQL server binaries on this machine")


def _postgres_account() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("running as root, and there is no account `postgres` to run the server as")


def _as(account: str | None, command: list[str | Path]) -> None:
    subprocess.run(command, user=account, cwd="/", check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium, in which people will see the pages."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium fonts-noto-cjk)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()
