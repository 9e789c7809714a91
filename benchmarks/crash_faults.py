"""Faults of the machine around a night. Each ends the night, refuses it in its own words, or does not disturb it; run
again without the fault, everything must be as if it had never been."""

import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import psutil

from benchmarks.crash_country import files_in, write_config
from benchmarks.crash_night import Conditions, Night, Outcome, night

IS_ROOT: Final = os.geteuid() == 0


@dataclass(frozen=True)
class Tried:
    """What came of a night under a fault. `allowed`: how it may end; "killed", "done", or a kind of refusal."""

    outcome: Outcome
    allowed: tuple[str, ...]

    @property
    def how(self) -> str:
        return "killed" if self.outcome.killed else "done" if self.outcome.done else self.outcome.refusal


@dataclass(frozen=True)
class Ground:
    """Where a fault is tried: after each yield there lies a fresh copy at `work`."""

    config: Path
    work: Path
    rng: random.Random


Fault = Callable[[Ground], Iterator[Tried]]


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "-l", place], check=True, capture_output=True)


@contextmanager
def small_disk(work: Path, spare: int | None = None, files: int | None = None) -> Iterator[Callable[[], None]]:
    """The work folder on a file system of its own with so many bytes or files to spare; yields what makes it large."""
    aside = work.with_name(f"{work.name}.aside")
    work.rename(aside)
    work.mkdir()
    _mount("-t", "tmpfs", "-o", "size=1g", "none", work)
    try:
        shutil.copytree(aside, work, dirs_exist_ok=True)
        found = os.statvfs(work)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        size = "1g" if spare is None else str(used + spare)
        count = 100_000 if files is None else found.f_files - found.f_ffree + files
        _mount("-o", f"remount,size={size},nr_inodes={count}", work)
        yield lambda: _mount("-o", "remount,size=1g,nr_inodes=100000", work)
        kept = work.with_name(f"{work.name}.kept")
        shutil.copytree(work, kept)
    finally:
        _unmount(work)
        work.rmdir()
        shutil.rmtree(aside)
    kept.rename(work)


def disk_full(on: Ground) -> Iterator[Tried]:
    for spare in (4, 100, 250, 400, 600, 900, 1300, 1800, 2500):
        with small_disk(on.work, spare << 10) as grow:
            outcome = night(on.config, on.work)
            grow()
        yield Tried(outcome, ("disk", "done"))


def no_more_files(on: Ground) -> Iterator[Tried]:
    """Room, and no inodes."""
    for files in (2, 10, 20, 30, 40):
        with small_disk(on.work, files=files) as grow:
            outcome = night(on.config, on.work)
            grow()
        yield Tried(outcome, ("disk", "done"))


def files_may_not_grow(on: Ground) -> Iterator[Tried]:
    for size in (4_000, 30_000, 200_000):
        yield Tried(night(on.config, on.work, Conditions(file_size=size)), ("disk", "database", "done"))


def read_only(on: Ground) -> Iterator[Tried]:
    for name in ("outbox", "replies", "lake", "archive", "inbox", "anchors", "explained", ""):
        place = on.work / name
        _mount("--bind", place, place)
        try:
            _mount("-o", "remount,ro,bind", place)
            outcome = night(on.config, on.work)
        finally:
            _unmount(place)
        yield Tried(outcome, ("disk",))


def clock_set_back(on: Ground) -> Iterator[Tried]:
    for back in (timedelta(hours=3), timedelta(days=400)):
        yield Tried(night(on.config, on.work, Conditions(clock_back=back)), ("clock",))


def too_little_memory(on: Ground) -> Iterator[Tried]:
    """Libraries in Rust and C++ abort where Python raises: that is as a kill."""
    for spare in (20, 100, 300, 600, 1000, 1500):
        conditions = Conditions(memory=spare << 20)
        yield Tried(night(on.config, on.work, conditions), ("memory", "killed", "done", "lake", "engine", "disk"))


def two_at_once(on: Ground) -> Iterator[Tried]:
    for gap in (0.0, 0.3, 0.8):
        first = Night(on.config, on.work)
        time.sleep(gap)
        second = Night(on.config, on.work)
        both = [first.end(), second.end()]
        refused = [one for one in both if not one.done]
        # One that begins after the other has ended works the same night again.
        yield Tried(refused[0] if refused else both[0], ("busy", "done"))


def worker_killed(on: Ground) -> Iterator[Tried]:
    for _ in range(2):
        begun, worker = _with_worker(on)
        if worker:
            worker.kill()
        yield Tried(begun.end(), ("engine", "done"))


def worker_stands_still(on: Ground) -> Iterator[Tried]:
    """For ever, as one does that waits for a thread which the system refused it, or for a disk of the network."""
    begun, worker = _with_worker(on)
    if worker:
        worker.suspend()
    outcome = begun.end()
    if worker:
        worker.kill()
    yield Tried(outcome, ("killed", "done"))


def _with_worker(on: Ground) -> tuple[Night, psutil.Process | None]:
    """A night, and one of its workers a while after its start; None: it has none any more."""
    begun = Night(write_config(on.config.parent, f"workers-{on.work.name}", workers=2), on.work)
    parent, until = psutil.Process(begun.pid), time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if pool := [c for c in parent.children() if "spawn_main" in " ".join(c.cmdline())]:
                time.sleep(on.rng.uniform(0.5, 3))
                chosen = on.rng.choice(pool)
                return begun, chosen if chosen.is_running() else None
        except psutil.Error:
            break
        time.sleep(0.01)
    return begun, None


def told_to_stop(on: Ground) -> Iterator[Tried]:
    """Not SIGKILL: what Python does on its way out must not harm either."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGABRT):
        begun = Night(on.config, on.work)
        time.sleep(on.rng.uniform(0.2, 1.2))
        begun.kill(number)
        outcome = begun.end()
        interrupted = outcome.text.rstrip().endswith("KeyboardInterrupt")
        yield Tried(Outcome(killed=True) if interrupted else outcome, ("killed", "done"))


def scratch_damaged(on: Ground) -> Iterator[Tried]:
    """Left by the night before: cut off, emptied, overwritten. It is a cache, and its ends are looked at."""
    for how, which in itertools.product(("cut", "empty", "garbage", "gone"), ("ground", "others")):
        files = [file for file in files_in(on.work / "scratch") if file.suffix == ".arrow"]
        wanted = [file for file in files if (file.parent.name == "ground") == (which == "ground")]
        for file in wanted:
            raw = file.read_bytes()
            damaged = {"cut": raw[: len(raw) // 2], "empty": b"", "garbage": on.rng.randbytes(len(raw))}
            file.unlink()
            if how != "gone":
                file.write_bytes(damaged[how])
        yield Tried(night(on.config, on.work), ("lake", "done"))


def left_behind(on: Ground) -> Iterator[Tried]:
    """What crashes of all kinds have left, all at once."""
    for name in ("replies/.x.csv.reply.csv.part", "archive/ab/.ab.sealed.part", "explained/.2026-11-02.parquet.part"):
        (on.work / name).parent.mkdir(exist_ok=True)
        (on.work / name).write_bytes(b"half")
    (on.work / "outbox/.2026-11-02.part/1111051500").mkdir(parents=True)
    (on.work / "outbox/.2026-11-02.part/1111051500/queue.csv").write_bytes(b"half")
    day = next(place for place in (on.work / "outbox").iterdir() if not place.name.startswith("."))
    day.rename(day.with_name(f".{day.name}.before"))
    (on.work / "lock").write_text("999999\n")
    outcome = night(on.config, on.work)
    assert outcome.repaired, "what was repaired is told"
    yield Tried(outcome, ("done",))


def keys_gone(on: Ground) -> Iterator[Tried]:
    keys = on.work / "keys"
    for name in ("token.key", "log.key", "sign.key", "seal-001.key"):
        aside = keys.with_name(name)
        (keys / name).rename(aside)
        outcome = night(on.config, on.work)
        aside.rename(keys / name)
        yield Tried(outcome, ("keys",))
    keys.rename(on.work / "keys.aside")
    outcome = night(on.config, on.work)
    shutil.rmtree(keys, ignore_errors=True)
    (on.work / "keys.aside").rename(keys)
    yield Tried(outcome, ("keys",))


def keys_unreadable(on: Ground) -> Iterator[Tried]:
    key = on.work / "keys" / "log.key"
    raw = key.read_bytes()
    for damaged, mode in ((raw[:16], 0o400), (b"", 0o400), (raw, 0o644)):
        key.chmod(0o600)
        key.write_bytes(damaged)
        key.chmod(mode)
        outcome = night(on.config, on.work)
        key.chmod(0o600)
        key.write_bytes(raw)
        key.chmod(0o400)
        yield Tried(outcome, ("keys",))


def database_held(on: Ground) -> Iterator[Tried]:
    """Another program writes and does not end."""
    for before in (0.0, 0.5, 0.9):
        begun = Night(on.config, on.work, Conditions(database_wait_ms=300))
        time.sleep(before)
        with closing(sqlite3.connect(on.work / "blindspot.db", timeout=10, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            outcome = begun.end()
            other.execute("ROLLBACK")
        yield Tried(outcome, ("database", "done"))


def database_damaged(on: Ground) -> Iterator[Tried]:
    file = on.work / "blindspot.db"
    raw = file.read_bytes()
    file.write_bytes(b"not a database" * 300)
    outcome = night(on.config, on.work)
    for left in on.work.glob("blindspot.db*"):
        left.unlink()
    file.write_bytes(raw)
    yield Tried(outcome, ("database",))


def model_changed(on: Ground) -> Iterator[Tried]:
    for name in ("model.txt", "passport.json", "signature"):
        file = next(on.work.glob(f"models/*/{name}"))
        raw = file.read_bytes()
        file.write_bytes(raw[:-2] + bytes([raw[-2] ^ 1]) + raw[-1:])
        outcome = night(on.config, on.work)
        file.write_bytes(raw)
        yield Tried(outcome, ("model",))


def delivery_grows(on: Ground) -> Iterator[Tried]:
    """A file is still being copied while the night runs; what is half waits, and comes with the next night."""
    file = next(iter(sorted((on.work / "inbox").glob("nts_202608*")) or sorted((on.work / "inbox").glob("lh_*"))))
    raw = file.read_bytes()
    file.write_bytes(raw[: len(raw) // 2 - 3])
    outcome = night(on.config, on.work, Conditions(kill_at=on.rng.randrange(40, 80)))
    file.write_bytes(raw)
    yield Tried(outcome, ("killed", "done"))


FAULTS: Final[Mapping[str, Fault]] = {
    fault.__name__: fault
    for fault in (
        clock_set_back, too_little_memory, two_at_once, worker_killed, worker_stands_still, told_to_stop,
        scratch_damaged, left_behind, keys_gone, keys_unreadable, database_held, database_damaged, model_changed,
        delivery_grows, files_may_not_grow,
    )
}  # fmt: skip
# They mount file systems.
FAULTS_OF_ROOT: Final[Mapping[str, Fault]] = {fault.__name__: fault for fault in (disk_full, no_more_files, read_only)}
