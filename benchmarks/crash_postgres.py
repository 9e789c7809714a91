"""A night whose PostgreSQL is stopped in the middle and started again."""

import os
import pwd
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.crash_country import differences, make, state_of, work_one_night, write_config
from benchmarks.crash_night import Night, night

STOPS: Final = 10
_PLACES: Final = ("/usr/lib/postgresql/*/bin", "/opt/pgsql*/bin", "/usr/local/bin", "/usr/bin")


class Server:
    """Behind a socket, with its writes synced: what it says is committed outlives its end."""

    def __init__(self, binaries: Path, folder: Path, account: str | None) -> None:
        self._binaries, self._folder, self._account = binaries, folder, account

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://blindspot@/{name}?host={self._folder}"

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder}"
        self._control("start", "-w", "-o", options, "-l", self._folder / "log")

    def stop(self) -> None:
        """Without a goodbye, as a machine that loses power."""
        self._control("stop", "-m", "immediate")

    def copy(self, name: str, of: str = "template1") -> str:
        with psycopg.connect(
            host=str(self._folder), user="blindspot", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {of}".encode())
            # PostgreSQL 15 copies a sequence as if its next numbers were in the log: stopped before a checkpoint, it
            # would give them out twice.
            connection.execute("CHECKPOINT")
        return self.url(name)

    def _control(self, *words: Any) -> None:
        command = [self._binaries / "pg_ctl", "-D", self._folder / "data", *words]
        subprocess.run(command, user=self._account, cwd="/", check=True, stdout=subprocess.DEVNULL)


def find_server() -> tuple[Path, str | None] | None:
    """Where it is, and as whom it runs: never as root."""
    found = [
        place for pattern in _PLACES for place in sorted(Path("/").glob(pattern[1:])) if (place / "initdb").exists()
    ]
    account = None
    if os.geteuid() == 0:
        account = next((one.pw_name for one in pwd.getpwall() if one.pw_name == "postgres"), None)
        if account is None:
            return None
    return (found[0].joinpath("initdb").resolve().parent, account) if found else None


@contextmanager
def server() -> Iterator[Server | None]:
    found = find_server()
    if found is None:
        yield None
        return
    binaries, account = found
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if account:
            shutil.chown(folder, account, account)
        told: list[str | Path] = [
            binaries / "initdb",
            "-D",
            folder / "data",
            "-U",
            "blindspot",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        subprocess.run(told, user=account, cwd="/", check=True, stdout=subprocess.DEVNULL)
        started = Server(binaries, folder, account)
        started.start()
        try:
            yield started
        finally:
            started.stop()


def stopped_nights(folder: Path, seed: int) -> Iterator[tuple[str, list[str]]]:
    """How each night ended whose server went away at some moment, and what was wrong after the next."""
    rng = random.Random(seed)
    with server() as postgres:
        if postgres is None:
            print("no PostgreSQL server here: its stops were not tried")
            return
        place = folder / "postgres"
        place.mkdir()
        _, before = make(place, postgres.copy("before"))
        config = write_config(place, "straight", postgres.copy("straight", "before"))
        begun = time.monotonic()
        work_one_night(config, Path(shutil.copytree(before, place / "straight")))
        seconds, wanted = time.monotonic() - begun, state_of(config, place / "straight")
        for number in range(STOPS):
            config = write_config(place, f"try-{number}", postgres.copy(f"try_{number}", "before"))
            work = Path(shutil.copytree(before, place / f"try-{number}"))
            running = Night(config, work)
            time.sleep(rng.uniform(0, seconds))
            postgres.stop()
            outcome = running.end()
            postgres.start()
            again = night(config, work)
            ended = "done" if outcome.done else outcome.refusal or "killed" * outcome.killed or "bug"
            wrong = [] if again.done else [f"the next night: {again}"]
            wrong += differences(state_of(config, work), wanted) if again.done else []
            wrong += [] if ended in ("done", "database") else [f"it ended as {outcome}"]
            yield ended, wrong
