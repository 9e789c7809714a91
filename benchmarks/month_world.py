"""A small country, `blindspot serve` beside it as a process of its own, and a clock that can be moved."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from benchmarks.crash_postgres import Server
from flows.desk import glance, now, open_desk
from flows.leftovers import OF_RUN, environments
from flows.made_up import fill_inbox
from flows.retrain import learn
from flows.run import running
from flows.schedule import SEOUL
from flows.settings import load_settings
from store import deliveries, ledger, models
from store.tables import Delivery, Run

ROOT: Final = Path(__file__).parent.parent
HOUSEHOLDS: Final = 12_000  # a night long enough to be struck in its midst
BEFORE, FIRST, LAST = date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 31)
PATIENCE_SECONDS: Final = 400


class Receiver:
    """Who is to be told: a web server of this machine that keeps what comes."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.is_broken = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                if not outer.is_broken:
                    message = json.loads(raw)
                    outer.told.append(f"{message['title']}\n{message['message']}")
                self.send_response(500 if outer.is_broken else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def of(self, day: date) -> list[str]:
        return [message for message in self.told if f"{day}" in message.partition("\n")[0]]


@dataclass
class World:
    folder: Path
    config: Path
    postgres: Server | None
    receiver: Receiver = field(default_factory=Receiver)
    serving: "subprocess.Popen[bytes] | None" = None

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def inbox(self) -> Path:
        return self.work / "inbox"

    @property
    def later(self) -> Path:
        """What will be sent."""
        return self.folder / "later"

    # The clock

    def set_clock(self, day: date, clock: str) -> None:
        told = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=SEOUL).timestamp()
        beside = self.folder / "clock.new"
        beside.write_text(json.dumps([time.time(), told]), encoding="ascii")
        beside.replace(self.folder / "clock")
        # A file's age is told by its own time.
        for file in self.inbox.iterdir():
            os.utime(file, (told - 86_400, told - 86_400))

    # What arrives

    def arrive(self, name: str, data: bytes) -> None:
        (self.inbox / name).write_bytes(data)

    def deliver_until(self, day: date, *besides: str) -> None:
        """What was sent by that day and is still on its way."""
        for file in sorted(self.later.iterdir()):
            sent = file.name[:-4].partition("_r")[0][-8:]
            if sent <= f"{day:%Y%m%d}" and not file.name.startswith(besides):
                shutil.move(file, self.inbox / file.name)

    def deliver(self, start: str) -> None:
        for file in self.later.glob(f"{start}*"):
            shutil.move(file, self.inbox / file.name)

    def sent(self, start: str) -> tuple[str, bytes]:
        """The newest file that begins so, on its way or there: its name, and its bytes."""
        file = max(
            (f for f in (self.folder / "sent").iterdir() if f.name.startswith(start)), key=lambda f: f.name[-12:]
        )
        return file.name, file.read_bytes()

    # blindspot serve

    def serve(self) -> None:
        environment = os.environ | {
            "MONTH_CLOCK": str(self.folder / "clock"),
            "PYTHONPATH": f"{ROOT / 'benchmarks' / 'month_clock'}:{ROOT}",
            "BLINDSPOT_NOTIFY": self.receiver.url,
        }
        command = [sys.executable, "-c", "from flows.cli import main; main()", "serve", "--config", str(self.config)]
        begun = time.clock_gettime_ns(time.CLOCK_REALTIME)
        with (self.folder / "serve.log").open("ab") as log:
            self.serving = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder)
        file = self.work / "prefect" / "served.json"
        self.wait(lambda: file.exists() and file.stat().st_mtime_ns > begun, "serving")
        self._hold_cron()

    def stop_serving(self, number: int = signal.SIGTERM) -> None:
        assert self.serving is not None
        self.serving.send_signal(number)
        self.serving.wait(200)

    def strike(self, what: str, number: int = signal.SIGKILL) -> None:
        """`server`, `worker`, or the `run` at work."""
        words = {"server": b"prefect\0server", "worker": b"prefect\0worker", "run": b"prefect.engine"}[what]
        found = 0
        for pid, told in environments():
            with suppress(OSError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes()
                is_meant = words in line or (what == "run" and OF_RUN in told)
                if told.get("PREFECT_HOME") == str(self.work / "prefect") and is_meant:
                    os.kill(pid, number)
                    found += 1
        if not found:
            raise RuntimeError(f"there is no {what}")

    def command(self, *words: str) -> int:
        """One of ours, by hand: its exit code."""
        environment = os.environ | {
            "MONTH_CLOCK": str(self.folder / "clock"),
            "PYTHONPATH": f"{ROOT / 'benchmarks' / 'month_clock'}:{ROOT}",
            "BLINDSPOT_NOTIFY": self.receiver.url,
        }
        program = [sys.executable, "-c", "from flows.cli import main; main()", *words, "--config", str(self.config)]
        return subprocess.run(program, env=environment, cwd=self.folder, capture_output=True, check=False).returncode

    # Prefect's own records, asked without our code

    @contextmanager
    def _api(self) -> Iterator[httpx.Client]:
        name, _, password = (self.work / "prefect" / "password").read_text().strip().partition(":")
        port = yaml.safe_load(self.config.read_text(encoding="utf-8"))["schedule"]["port"]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", auth=(name, password), timeout=60) as client:
            yield client

    def _hold_cron(self) -> None:
        """Prefect's clock is not moved: where this machine's own night falls into the month, a run would come of it."""
        with self._api() as client:
            for one in client.post("/deployments/filter", json={}).raise_for_status().json():
                for schedule in one["schedules"]:
                    place = f"/deployments/{one['id']}/schedules/{schedule['id']}"
                    client.patch(place, json={"active": False}).raise_for_status()

    def begin(self, day: date) -> None:
        """The scheduled run of that day, as Prefect's scheduler makes it."""
        at = datetime.fromisoformat(f"{day}T01:30:00").replace(tzinfo=SEOUL)
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at.isoformat()}}
        told = {"state": state, "idempotency_key": f"{day}"}

        def is_made() -> bool:
            with self._api() as client, suppress(httpx.HTTPError):  # a server that was begun again a moment ago
                found = client.get("/deployments/name/nightly/nightly").raise_for_status().json()["id"]
                return client.post(f"/deployments/{found}/create_flow_run", json=told).is_success
            return False

        self.wait(is_made, f"the run of {day} is made")

    def flow_runs(self, day: date) -> list[dict[str, Any]]:
        asked = {"deployments": {"name": {"any_": ["nightly"]}}, "limit": 200, "sort": "EXPECTED_START_TIME_DESC"}
        with self._api() as client:
            runs = client.post("/flow_runs/filter", json=asked).raise_for_status().json()
        at = [datetime.fromisoformat(run["expected_start_time"].replace("Z", "+00:00")) for run in runs]
        return [run["state"] for run, when in zip(runs, at, strict=True) if when.astimezone(SEOUL).date() == day]

    # What became of a night

    def wait(self, is_so: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            if time.monotonic() > until:
                raise TimeoutError(f"{what}: {self.folder / 'serve.log'}")
            time.sleep(0.25)

    def is_at_work(self, day: date, stage: str = "take in") -> bool:
        lines = self.journal(day)
        return any(line.get("stage") == stage and line.get("as_of") == f"{day}" for line in lines)

    def journal(self, day: date) -> list[dict[str, Any]]:
        file = self.work / "logs" / f"{day}.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def outcome(self, day: date) -> str:
        """`done`, `refused (KIND)`, `killed`; empty: it waits or works."""
        try:
            states = self.flow_runs(day)
        except httpx.HTTPError:
            return ""
        if not states or any(state["type"] in ("SCHEDULED", "PENDING", "RUNNING", "CANCELLING") for state in states):
            return ""
        if any(run.as_of == day and run.state == "done" for run in self.runs()):
            return "done"
        newest = max(states, key=lambda state: str(state["timestamp"]))
        message = str(newest["message"])
        return message[message.index("refused (") :].partition(")")[0] + ")" if "refused (" in message else "killed"

    def runs(self) -> list[Run]:
        seen = glance(self.config)
        try:
            return ledger.recent(seen.engine, 60, "nightly")
        finally:
            seen.engine.dispose()

    def deliveries(self, start: str) -> list[Delivery]:
        seen = glance(self.config)
        try:
            return [one for one in deliveries.listed(seen.engine) if one.file_name.startswith(start)]
        finally:
            seen.engine.dispose()


def make_world(folder: Path, postgres: Server | None) -> World:
    """A country whose files of September are taken in and learned from; those of October are on their way."""
    world = World(folder, _write_config(folder, postgres), postgres)
    settings = load_settings(world.config)
    fill_inbox(settings, settings.demo.model_copy(update={"households": HOUSEHOLDS, "end": LAST}))
    world.later.mkdir()
    shutil.copytree(world.inbox, folder / "sent")
    for file in sorted(world.inbox.iterdir()):
        if file.name[:-4].partition("_r")[0][-8:] > f"{BEFORE:%Y%m%d}":
            shutil.move(file, world.later / file.name)
    with open_desk(world.config) as desk, running(desk, "retrain", BEFORE) as run:
        trained = learn(desk, run)
        if not trained.is_deployed:  # so few answers pass no gate
            models.promote(desk.engine, trained.model, now())
    return world


def _write_config(folder: Path, postgres: Server | None) -> Path:
    told = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    told["work"] = "work"
    told["model"] |= {"trees": 20, "min_positives": 10}
    # So few households move by chance, and the clock is set to a day on which the machine is not.
    told["night"] |= {"drift": 3.0, "required_sources": ["kepco", "residents", "addresses"], "stale_after_days": 43}
    told["schedule"] |= {"port": _free_port()}
    if postgres is not None:
        told["database"] = postgres.copy("ours")
        told["schedule"]["database"] = postgres.copy("prefects").replace("+psycopg", "+asyncpg")
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    return file


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
    return port
