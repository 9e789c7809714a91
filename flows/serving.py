"""`blindspot serve`: Prefect's server and one worker on this machine, kept alive, and the deployments of prefect.yaml.

It decides nothing of a night. What it adds to Prefect: what is killed is begun again, what died is called dead, a night
that was missed or killed is caught up with, and one signal stops it all.
"""

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any, Final

from flows import journal
from flows.desk import Glance, glance, now
from flows.engine import home_of
from flows.errors import OperatorError
from flows.leftovers import end_leftovers, end_runs, runs_alive
from flows.memory import ended_for_memory, offer_to_end_first
from flows.notify import message_of_again, tell
from flows.refusals import as_operator_error
from flows.schedule import last_due, nightly_time
from flows.serve_environment import (
    HOST,
    PAGES,
    PASSWORD_FILE,
    SERVED_FILE,
    client_environment,
    enter_environment,
    refuse_taken,
    tell_system,
    url_of,
)
from flows.settings import Settings
from store import ledger
from store.files import hold, write_whole

Say = Callable[[str], None]
LOOK_SECONDS: Final = 2.0
LOOK_AT_NIGHT_EVERY: Final = 10  # looks
READY_SECONDS: Final = 180
STOP_SECONDS: Final = 60
# A night that was due so long ago and is neither done, refused, at work nor waiting is begun again; then after longer.
PAUSES: Final = (timedelta(minutes=10), timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=40))

# Refusals whose reason may be gone without anybody's doing.
PASSING: Final = frozenset({"busy", "database", "memory", "engine"})
FOREVER: Final = datetime.max.replace(tzinfo=UTC)


def serve(config: Path, settings: Settings, say: Say) -> None:
    """Until SIGTERM or SIGINT."""
    with hold(settings.work / "serve.lock"):
        Serving(config, settings, say).run()


@dataclass
class CatchingUp:
    """Of the night that was due last."""

    at: clock = field(default_factory=nightly_time)
    due: datetime | None = None
    tries: int = 0
    not_before: datetime = FOREVER

    def wants(self, seen: Glance, now: datetime) -> datetime | None:
        due = last_due(now, self.at)
        if due != self.due:
            self.due, self.tries, self.not_before = due, 0, due + PAUSES[0]
        if now < self.not_before or self.tries >= len(PAUSES):
            return None
        return None if _is_settled(seen, due.date()) else due

    def tried(self, now: datetime) -> None:
        self.tries += 1
        self.not_before = now + PAUSES[min(self.tries, len(PAUSES) - 1)]


def _is_settled(seen: Glance, day: date) -> bool:
    """Done, or refused: then a person is to act. Before the first night there is nothing to catch up with."""
    last = ledger.last_done_night(seen.engine)
    if last is None or last.as_of >= day:
        return True
    ended = journal.last(seen.settings.work, "ended") or {}
    if ended.get("as_of") == day.isoformat() and ended.get("state") == "refused":
        # Some refusals come before a run has its row in the ledger.
        return ended.get("refusal") not in PASSING
    newest = next((run for run in ledger.recent(seen.engine, 20, "nightly") if run.as_of == day), None)
    return newest is not None and newest.state == "refused"


@dataclass
class Serving:
    config: Path
    settings: Settings
    say: Say
    server: "subprocess.Popen[bytes] | None" = None
    worker: "subprocess.Popen[bytes] | None" = None
    stopping: threading.Event = field(default_factory=threading.Event)
    is_deployed: bool = False
    catching_up: CatchingUp = field(default_factory=CatchingUp)
    gone: set[str] = field(default_factory=set)
    ended: dict[str, Any] | None = None  # the last run of which it was said
    starved: int = field(default_factory=ended_for_memory)  # processes of which it was said

    @property
    def home(self) -> Path:
        return home_of(self.settings.work)

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        enter_environment(self.settings, self.config)
        if (self.home / SERVED_FILE).exists():
            self._note_restart("serve")  # it was not ended in order
        if ended := end_leftovers(self.home, also_served=True):
            self.say(f"ended {ended} processes that a killed run had left")
        self.ended = journal.last(self.settings.work, "ended")
        try:
            for look in itertools.count():
                self._look_after_processes()
                if look % LOOK_AT_NIGHT_EVERY == 0:
                    self._look_after_night()
                tell_system("WATCHDOG=1")
                if self.stopping.wait(LOOK_SECONDS):
                    return
        finally:
            self._stop()

    def _look_after_processes(self) -> None:
        if self.server is None or self.server.poll() is not None:
            self._start_server()
        if not self.stopping.is_set() and (self.worker is None or self.worker.poll() is not None):
            self._start_worker()

    def _start_server(self) -> None:
        if self.server is not None:
            self.say(f"Prefect's server ended ({self.server.returncode}): started again")
            self._note_restart("server")
        port = self.settings.schedule.port
        refuse_taken(port)
        command = ["prefect", "server", "start", "--host", HOST, "--port", str(port)]
        self.server = _start(command, quiet=True)
        from flows import server_talk

        until = time.monotonic() + READY_SECONDS
        while not server_talk.is_ready(url_of(port)) and not self.stopping.wait(0.2):
            if self.server.poll() is not None or time.monotonic() > until:
                cure = "look at the lines above; schedule.database must be reachable, the disk not full"
                raise OperatorError("serve", "Prefect's server does not start", cure)
            tell_system("WATCHDOG=1")
        close_pages(self.home)
        if not self.is_deployed and not self.stopping.is_set():
            server_talk.deploy()
            self.is_deployed = True

    def _start_worker(self) -> None:
        from flows import server_talk

        if self.worker is not None:
            self.say(f"the worker ended ({self.worker.returncode}): started again")
            self._note_restart("worker")
            end_runs(self.home)
        if crashed := server_talk.crash_unfinished():
            self.say(f"{crashed} runs were killed: set to Crashed")
        if skipped := server_talk.skip_superseded(last_due(now(), self.catching_up.at)):
            self.say(f"{skipped} missed nights skipped: a later one is due")
        command = ["prefect", "worker", "start", "--pool", server_talk.POOL, "--name", "blindspot", "--limit", "1"]
        self.worker = _start(command, quiet=False)
        # Before it starts a night: one that is still loading its libraries inherits it.
        offer_to_end_first(self.worker.pid)
        port = self.settings.schedule.port
        told = {"port": port, "client": client_environment(self.settings)}
        write_whole(self.home / SERVED_FILE, json.dumps(told).encode())
        tell_system("READY=1")
        self.say(f"serving: http://{HOST}:{port}, the password is in {self.home / PASSWORD_FILE}")

    def _note_restart(self, process: str) -> None:
        """Told with the night: a process that cannot be kept alive must not send a message every few seconds."""
        journal.note(self.settings.work, now(), "restarted", process=process)

    def _look_after_night(self) -> None:
        """What fails here is tried again at the next look: the processes matter more."""
        from flows import server_talk

        try:
            self._say_starved()
            self._say_ended()
            end_leftovers(self.home, also_served=True)
            self._bury_the_gone()
            seen = glance(self.config, self.settings.work)
            try:
                due = self.catching_up.wants(seen, now())
                if due is not None and server_talk.begin_again(due):
                    self.catching_up.tried(now())
                    self.say(f"the night of {due:%Y-%m-%d} is not done: begun again")
                    self._note_restart("night")
                    tell(self.settings, "warnings", message_of_again(due.date(), self.catching_up.tries))
            finally:
                seen.engine.dispose()
        except Exception as error:
            told = as_operator_error(error)
            self.say(f"cannot look after the night: {told or type(error).__name__}")

    def _say_starved(self) -> None:
        """A process that the kernel ended cannot say why, and `ended (-9)` helps nobody."""
        count = ended_for_memory()
        if count > self.starved:
            self.say(
                f"memory ran out: the kernel ended {count - self.starved} of this service's processes"
                " -> raise MemoryMax of its unit, or lower night.households_per_part or engine.workers"
            )
            journal.note(self.settings.work, now(), "out_of_memory")
        self.starved = count

    def _say_ended(self) -> None:
        """The service's own log tells how each night ended, too, and each refusal."""
        ended = journal.last(self.settings.work, "ended")
        if ended is not None and ended != self.ended:
            self.ended = ended
            self.say(ending(ended))

    def _bury_the_gone(self) -> None:
        """At the second look: a run that has just ended may be about to say so."""
        from flows import server_talk

        gone = server_talk.gone(runs_alive(self.home))
        if dead := gone & self.gone:
            server_talk.crash(dead)
            self.say(f"{len(dead)} runs ended and could not say so: set to Crashed")
        self.gone = gone - dead

    def _stop(self) -> None:
        """The worker first: a night at work is ended and, when we are started again, begun again."""
        tell_system("STOPPING=1")
        (self.home / SERVED_FILE).unlink(missing_ok=True)
        _end(self.worker)
        end_runs(self.home)
        if self.server is not None and self.server.poll() is None:
            from flows import server_talk

            with suppress(Exception):  # told at the next start instead
                server_talk.crash_unfinished()
        _end(self.server)


def ending(told: Mapping[str, Any]) -> str:
    """Of a line of the journal: `nightly of 2026-11-23: refused (stale)`."""
    why = told.get("refusal") or told.get("error")
    return f"{told.get('kind', 'a run')} of {told.get('as_of')}: {told.get('state')}" + (f" ({why})" if why else "")


def close_pages(home: Path) -> None:
    """Prefect copies its pages there with the modes of the installed package: folders open to everybody."""
    for folder in (home / PAGES).rglob("*/"):
        folder.chmod(0o700)


def _start(command: list[str], *, quiet: bool) -> "subprocess.Popen[bytes]":
    """In a session of its own: Ctrl-C in a terminal asks us, and we end them in order."""
    out = subprocess.DEVNULL if quiet else None
    return subprocess.Popen(
        [sys.executable, "-m", *command], stdin=subprocess.DEVNULL, stdout=out, start_new_session=True
    )


def _end(process: "subprocess.Popen[bytes] | None") -> None:
    if process is None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
