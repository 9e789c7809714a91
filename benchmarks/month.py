"""October 2026 in half an hour: `blindspot serve` with Prefect's real server and worker, 31 scheduled nights, and what
goes wrong in them (benchmarks/month_faults.py). Each night is published or refused as it must be; each fault is in our
own records, on a board and in a message: those of its night or, where that had none or was over, of the next.

    python -m benchmarks.month [--postgres] [--days 31] [--keep FOLDER]

Sped up: the product's clock is moved from night to night, and each run is given the time at which Prefect's scheduler
would have made it. That cron runs do come is a test of its own (make schedule-test). Killing, stopping and read-only
mounts are real; the mounts need root.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--postgres", action="store_true", help="ours and Prefect's database on PostgreSQL")
    asked.add_argument("--days", type=int, default=31)
    asked.add_argument("--keep", type=Path, help="an empty folder for the country, kept")
    told = asked.parse_args()
    if "MONTH_CLOCK" not in os.environ:
        _again_with_moved_clock(told.keep)
    from benchmarks.crash_postgres import server

    folder = Path(os.environ["MONTH_CLOCK"]).parent
    with server() if told.postgres else nullcontext() as postgres:
        if told.postgres and postgres is None:
            sys.exit("there is no PostgreSQL on this machine")
        return Month(folder, postgres).live(told.days)


def _again_with_moved_clock(keep: Path | None) -> None:
    """The clock is set before Python reads it: by an interpreter begun anew."""
    folder = (keep or Path(tempfile.mkdtemp(prefix="month-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    start = datetime.fromisoformat("2026-09-30T12:00:00+09:00").timestamp()
    (folder / "clock").write_text(json.dumps([time.time(), start]), encoding="ascii")
    places = f"{ROOT / 'benchmarks' / 'month_clock'}:{ROOT}"
    environment = os.environ | {"MONTH_CLOCK": str(folder / "clock"), "PYTHONPATH": places}
    os.execve(sys.executable, [sys.executable, "-m", "benchmarks.month", *sys.argv[1:]], environment)


@dataclass
class Night:
    day: date
    fault: str
    wanted: str
    became: str
    seconds: float
    wrong: list[str]


class Month:
    def __init__(self, folder: Path, postgres: object) -> None:
        from benchmarks.crash_postgres import Server
        from benchmarks.month_faults import FAULTS
        from benchmarks.month_world import make_world

        assert postgres is None or isinstance(postgres, Server)
        self.world = make_world(folder, postgres)
        self.faults = {fault.day: fault for fault in FAULTS}
        self.nights: list[Night] = []
        self.boards: dict[date, dict[str, Any] | None] = {}  # as each night left it: a night may be worked again

    def live(self, days: int) -> int:
        from benchmarks.month_world import FIRST

        begun = time.monotonic()
        self.world.set_clock(FIRST - timedelta(days=1), "20:00:00")
        self.world.serve()
        try:
            for day in (FIRST + timedelta(days=n) for n in range(days)):
                if day.day == 27 and 28 in self.faults:
                    continue  # serve is off
                self._live_one(day)
                show(self.nights[-1])
        finally:
            with suppress(Exception):
                self.world.stop_serving()
            (self.world.folder / "told.json").write_text(json.dumps(self.world.receiver.told, ensure_ascii=False))
        self.judge()
        for night in self.nights:
            if night.wrong:
                show(night)
        return summary(self.nights, time.monotonic() - begun, self.world.folder)

    def _live_one(self, day: date) -> None:
        from benchmarks.month_faults import HELD_BACK

        world, fault = self.world, self.faults.get(day.day)
        begun, wrong = time.monotonic(), []
        before = _shown(world.work / "outbox")
        if fault is None or fault.when != "instead":
            world.set_clock(day, "01:29:30")
        world.deliver_until(day, *HELD_BACK)
        became = self._night(day)
        self.boards[day] = self._board(day)
        wanted = fault.becomes if fault else "done"
        if became != wanted:
            wrong.append(f"became {became}")
        wrong += self._outbox(day, before, wanted)
        if fault is not None:
            if fault.seen is not None and not fault.seen(world, day):
                wrong.append("not in our records")
            if fault.after is not None:
                fault.after(world, day)
        name = fault.name if fault else ""
        self.nights.append(Night(day, name, wanted, became, time.monotonic() - begun, wrong))

    def _night(self, day: date) -> str:
        world, fault = self.world, self.faults.get(day.day)
        if fault is not None and fault.when != "during":
            fault.do(world, day)
        if fault is None or fault.when != "instead":
            world.begin(day)
        if fault is not None and fault.when == "during":
            world.wait(lambda: world.is_at_work(day), f"the night of {day} at work")
            fault.do(world, day)
        wanted = fault.becomes if fault else "done"
        with suppress(TimeoutError):
            world.wait(lambda: world.outcome(day) != "", f"the night of {day}")
        if wanted == "done" and world.outcome(day) != "done":
            # Serve begins it again ten minutes after it was due.
            world.set_clock(day, "01:45:00")
            with suppress(TimeoutError):
                world.wait(lambda: world.outcome(day) == "done", f"the night of {day}, again")
        return world.outcome(day) or "without an end"

    def _outbox(self, day: date, before: dict[str, str], wanted: str) -> list[str]:
        """Published whole, or nothing of it; what was there before is as it was."""
        after = _shown(self.world.work / "outbox")
        wrong = [f"{name} was changed" for name, digest in before.items() if after.get(name) != digest]
        folder = self.world.work / "outbox" / f"{day}"
        if folder.exists() != (wanted == "done"):
            wrong.append(f"outbox/{day} is {'there' if folder.exists() else 'not there'}")
        if wanted == "done" and folder.exists():
            named = json.loads((folder / "manifest.json").read_bytes())["files"]
            found = {n.partition("/")[2]: d for n, d in after.items() if n.startswith(f"{day}/")}
            found.pop("manifest.json")
            if found != named:
                wrong.append("its files are not those of the manifest")
        return wrong

    def judge(self) -> None:
        """When all is over: what a night had no board or message for is told by the next."""
        from benchmarks.month_faults import TITLES

        days = [night.day for night in self.nights]
        boards = [self.boards[day] for day in days]
        for number, night in enumerate(self.nights):
            fault = self.faults.get(night.day.day)
            if fault is None:
                continue
            if not any(board is not None and fault.board(board) for board in boards[number : number + 2]):
                night.wrong.append("not on the board")
            title, words = fault.told
            told = [message for day in days[number : number + 2] for message in self.world.receiver.of(day)]
            if title and not any(TITLES[title] in one.partition("\n")[0] and words in one for one in told):
                night.wrong.append(f"nobody was told ({[one.partition(chr(10))[0] for one in told]})")

    def _board(self, day: date) -> dict[str, Any] | None:
        file = self.world.work / "board" / f"{day}" / "board.json"
        told: dict[str, Any] | None = json.loads(file.read_bytes()) if file.exists() else None
        return told


def _shown(outbox: Path) -> dict[str, str]:
    files = (file for file in sorted(outbox.rglob("*")) if file.is_file())
    names = {str(file.relative_to(outbox)): file for file in files}
    return {n: hashlib.sha256(f.read_bytes()).hexdigest() for n, f in names.items() if not n.startswith(".")}


def show(night: Night) -> None:
    mark = "ok  " if not night.wrong else "BAD "
    print(
        f"{mark}{night.day} {night.became:18} {night.seconds:5.0f} s  {night.fault}  {'; '.join(night.wrong)}",
        flush=True,
    )


def summary(nights: list[Night], seconds: float, folder: Path) -> int:
    faults = sum(bool(night.fault) for night in nights)
    bad = sum(bool(night.wrong) for night in nights)
    done = sum(night.became == "done" for night in nights)
    print(
        f"{len(nights)} nights in {seconds / 60:.0f} minutes: {done} published, {len(nights) - done} refused; "
        f"{faults} with a fault; {bad} not as they must be ({folder})"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
