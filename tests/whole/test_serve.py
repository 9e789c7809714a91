"""`blindspot serve` with Prefect's real server, worker and scheduler: a cron run comes by itself, and all of it ends.

Half a minute of CPU and two minutes of waiting for a minute of the clock: `make schedule-test`.
"""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from flows.leftovers import OWNER, environments
from flows.schedule import SEOUL
from tests.whole.conftest import ROOT

pytestmark = pytest.mark.skipif("SERVE" not in os.environ, reason="minutes of waiting for a clock: make schedule-test")
ROOMS = ("signals", "features", "models", "alerts", "synthetic", "store", "flows", "config.yaml")
PATIENCE = 300


class House:
    """A checkout of our own, by links, whose prefect.yaml we may write."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "work"
        for name in ROOMS:
            (folder / name).symlink_to(ROOT / name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        told = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
        told["work"], told["schedule"]["port"] = str(self.work), self.port
        self.config = folder / "mine.yaml"
        self.config.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")

    def schedule(self, at: datetime) -> None:
        told = (ROOT / "prefect.yaml").read_text(encoding="utf-8")
        assert "30 1 * * *" in told
        at_seoul = at.astimezone(SEOUL)
        (self.folder / "prefect.yaml").write_text(
            told.replace("30 1 * * *", f"{at_seoul.minute} {at_seoul.hour} * * *"), encoding="utf-8"
        )

    def begin(self) -> "subprocess.Popen[bytes]":
        program = "from flows.cli import main; main()"
        environment = {name: told for name, told in os.environ.items() if not name.startswith(("PREFECT", OWNER))}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", program, "serve", "--config", str(self.config)],
                env=environment | {"PYTHONPATH": str(self.folder)}, cwd="/", stderr=log,
            )  # fmt: skip

    @contextmanager
    def api(self, password: str | None = None) -> Iterator[httpx.Client]:
        told = (self.work / "prefect" / "password").read_text().strip() if password is None else password
        name, _, secret = told.partition(":")
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api", auth=(name, secret), timeout=30) as client:
            yield client

    def flow_runs(self) -> list[dict[str, Any]]:
        with self.api() as client:
            found: list[dict[str, Any]] = client.post("/flow_runs/filter", json={"limit": 200}).json()
        return found

    def alive(self) -> list[int]:
        return [pid for pid, told in environments() if told.get("PREFECT_HOME") == str(self.work / "prefect")]


def wait(is_so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until, what
        time.sleep(0.5)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    for pid in one.alive():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(900)
def test_a_cron_run_comes_by_itself_and_all_of_it_ends(house: House) -> None:
    at = (datetime.now(SEOUL) + timedelta(minutes=4)).replace(second=0, microsecond=0)
    house.schedule(at)
    serving = house.begin()
    served = house.work / "prefect" / "served.json"
    try:
        wait(served.exists, "it serves")
        wait((house.work / "prefect" / "tmp" / "runner_storage").is_dir, "the worker keeps to our own folder")
        _is_closed_to_others(house)

        def by_cron() -> list[dict[str, Any]]:
            runs = [run for run in house.flow_runs() if run["auto_scheduled"]]
            return [run for run in runs if datetime.fromisoformat(run["expected_start_time"]) == at]

        wait(lambda: bool(by_cron()), "Prefect's scheduler makes the run")
        wait(lambda: by_cron()[0]["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED"), "the run comes to its end")
        # In an empty work folder there is nothing to score with: refused, in our words, for the scheduled day.
        message = by_cron()[0]["state"]["message"]
        assert message.startswith(f"{at:%Y-%m-%d} · refused (")
        assert set(by_cron()[0]["parameters"]) == {"config", "work"}
        assert datetime.fromisoformat(by_cron()[0]["start_time"]) >= at - timedelta(seconds=15)

        serving.kill()  # SIGKILL: server and worker stay
        serving.wait()
        assert len(house.alive()) >= 2
        served.unlink()
        serving = house.begin()
        wait(served.exists, "it serves again")
        assert "processes that a killed run had left" in (house.folder / "log").read_text(encoding="utf-8")
        wait(lambda: bool(house.flow_runs()), "its records are those of before")
        assert [run["id"] for run in by_cron()]

        serving.send_signal(signal.SIGTERM)
        assert serving.wait(100) == 0
        assert house.alive() == []
        assert not served.exists()
    finally:
        serving.kill()
        serving.wait()


def _is_closed_to_others(house: House) -> None:
    """Whoever may talk to Prefect's server may run commands as us."""
    for password in ("", "blindspot:", "blindspot:wrong"):
        with house.api(password) as client:
            assert client.post("/flow_runs/filter", json={}).status_code == httpx.codes.UNAUTHORIZED
    with socket.socket() as tried:
        tried.settimeout(2)
        # All of 127.0.0.0/8 is this machine, but only the one address is listened on.
        assert tried.connect_ex(("127.0.0.2", house.port)) != 0
    files = (house.work, *house.work.rglob("*"))
    assert [file for file in files if stat.S_IMODE(file.lstat().st_mode) & 0o077] == []


@pytest.mark.timeout(300)
def test_a_second_one_and_a_taken_port_are_refused(house: House) -> None:
    house.schedule(datetime.now(SEOUL) - timedelta(hours=2))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", house.port))
        taken.listen()
        assert house.begin().wait(60) == 41
    house.work.mkdir(exist_ok=True)
    from store.files import hold

    with hold(house.work / "serve.lock"):
        assert house.begin().wait(60) == 11
    assert house.alive() == []
