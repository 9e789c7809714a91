"""What goes wrong in the month: on which day, how, what the night must come to, and where it must be seen."""

# ruff: noqa: ARG001, ARG005  (one shape for every fault)

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal

from benchmarks.month_world import World
from flows import pauses
from flows.desk import glance, now

# before: before the night begins; during: while it is at work; instead: it does all that the night needs.
When = Literal["before", "during", "instead"]
Board = Mapping[str, Any]
TITLES: Final = {"refused": "내보내지 않았습니다", "warnings": "살펴볼 것이 있습니다", "again": "다시 시작했습니다"}


CLOCK_BACK: Final = timedelta(days=4)


@dataclass(frozen=True)
class Fault:
    day: int  # of October
    name: str
    kind: Literal["delivery", "system"]
    when: When
    do: Callable[[World, date], object]
    board: Callable[[Board], bool]  # of that night or, where it had none, or ended before, of the next
    told: tuple[str, str]  # a message of that night, or the next: of which title, and what it says
    becomes: str = "done"
    seen: Callable[[World, date], bool] | None = None  # in our own records
    after: Callable[[World, date], object] | None = None  # what a person mends


def _sent_on(world: World, start: str, day: date, revision: int = 0) -> str:
    """The name under which the newest file that begins so would be sent on that day."""
    source, month, _ = world.sent(start)[0][:-4].partition("_r")[0].split("_")
    return f"{source}_{month}_{day:%Y%m%d}{f'_r{revision}' if revision else ''}.csv"


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


# Deliveries


def nothing(world: World, day: date) -> None:
    """It is what did not come."""


def at_last(start: str) -> Callable[[World, date], None]:
    return lambda world, day: world.deliver(start)


def doubled(world: World, day: date) -> None:
    name, data = world.sent("supply-stop_202609")
    world.arrive(name, data)


def corrected(world: World, day: date) -> None:
    data = world.sent("supply-stop_202609")[1]
    world.arrive(_sent_on(world, "supply-stop_202609", day, 1), b"".join(_lines(data)[:-1]))


def broken(world: World, day: date) -> None:
    world.arrive(f"nps_202607_{day:%Y%m%d}.csv", "이것은,자료가\r\n아닙,니다\r\n".encode("cp949"))


def being_copied(world: World, day: date) -> None:
    """Cut off within a line, and changed a moment ago."""
    name = _sent_on(world, "nhis_202607", day, 1)
    world.arrive(name, _corrected_nhis(world)[:20_001])
    at = now().timestamp()
    os.utime(world.inbox / name, (at, at))


def copied_whole(world: World, day: date) -> None:
    name = _sent_on(world, "nhis_202607", day - timedelta(days=1), 1)
    world.arrive(name, _corrected_nhis(world))


def _corrected_nhis(world: World) -> bytes:
    """Bytes that came before would be known again."""
    return b"".join(_lines(world.sent("nhis_202607")[1])[:-1])


def cut_off(world: World, day: date) -> None:
    """And not touched for a day."""
    name = _sent_on(world, "haengbok_202607", day, 1)
    world.arrive(name, world.sent("haengbok_202607")[1][:9_001])
    at = now().timestamp() - 86_400
    os.utime(world.inbox / name, (at, at))


def unnamed(world: World, day: date) -> None:
    world.arrive("자료_최종_진짜최종.csv", b"".join(_lines(world.sent("supply-stop_202609")[1])[:-2]))


def second_version(world: World, day: date) -> None:
    name, data = world.sent("nhis_202607")
    world.arrive(name, b"".join(_lines(data)[:-3]))


def bad_rows(world: World, day: date) -> None:
    """Every tenth row's first cell is gone."""
    lines = _lines(world.sent("haengbok_202608")[1])
    spoilt = [
        line.partition(b",")[1] + line.partition(b",")[2] if n % 10 == 1 and n > 1 else line
        for n, line in enumerate(lines)
    ]
    world.arrive(_sent_on(world, "haengbok_202608", day, 1), b"".join(spoilt))


def half_the_people(world: World, day: date) -> None:
    """A correction of a whole register, by half of it."""
    for register in ("residents", "addresses"):
        name, data = _largest(world, register)
        lines = _lines(data)
        world.arrive(_corrected(name, day, 1), b"".join([lines[0], *lines[1 : len(lines) // 2]]))


def all_the_people(world: World, day: date) -> None:
    for register in ("residents", "addresses"):
        name, data = _largest(world, register)
        world.arrive(_corrected(name, day, 2), data)


def _largest(world: World, register: str) -> tuple[str, bytes]:
    file = max((world.folder / "sent").glob(f"{register}_*"), key=lambda f: f.stat().st_size)
    return file.name, file.read_bytes()


def _corrected(name: str, day: date, revision: int) -> str:
    source, month, _ = name[:-4].partition("_r")[0].split("_")
    return f"{source}_{month}_{day:%Y%m%d}_r{revision}.csv"


# The system


def killer(what: str) -> Callable[[World, date], None]:
    return lambda world, day: world.strike(what)


def serve_killed(world: World, day: date) -> None:
    world.stop_serving(9)
    world.serve()


def database_stopped(world: World, day: date) -> None:
    """PostgreSQL, under ours and Prefect's. SQLite cannot be stopped: somebody else holds its file, longer than we
    wait."""
    if world.postgres is not None:
        world.postgres.stop()
        time.sleep(60)  # longer than a step is tried again
        world.postgres.start()
        return
    holder = sqlite3.connect(world.work / "blindspot.db", isolation_level=None, timeout=60)
    holder.execute("BEGIN EXCLUSIVE")
    time.sleep(45)
    holder.execute("ROLLBACK")
    holder.close()


def read_only(world: World, day: date) -> None:
    place = world.work / "outbox"
    subprocess.run(["mount", "--bind", place, place], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)


def writable(world: World, day: date) -> None:
    subprocess.run(["umount", "-l", world.work / "outbox"], check=True)


def clock_back(world: World, day: date) -> None:
    """Behind the end of the last night that was done."""
    world.set_clock(day - CLOCK_BACK, "12:00:00")


def unsigned(world: World, day: date) -> None:
    model = next((world.work / "models").glob("*/model.txt"))
    (world.folder / "model.txt").write_bytes(model.read_bytes())
    model.write_bytes(model.read_bytes().replace(b"leaf_value=", b"leaf_value=9", 1))


def signed(world: World, day: date) -> None:
    next((world.work / "models").glob("*/model.txt")).write_bytes((world.folder / "model.txt").read_bytes())


def open_key(world: World, day: date) -> None:
    for file in (world.work / "keys").iterdir():
        file.chmod(0o444)


def closed_key(world: World, day: date) -> None:
    for file in (world.work / "keys").iterdir():
        file.chmod(0o400)


def paused(world: World, day: date) -> None:
    pauses.pause(glance(world.config), None, "점검", "당직")


def resumed(world: World, day: date) -> None:
    assert pauses.resume(glance(world.config), "당직")


def two_at_once(world: World, day: date) -> None:
    """By hand, while the scheduled one is at work: it is held there, else it might be over first."""
    world.strike("run", signal.SIGSTOP)
    try:
        code = world.command("nightly", "--as-of", f"{day}")
    finally:
        world.strike("run", signal.SIGCONT)
    (world.folder / "second").write_text(str(code), encoding="ascii")


def nobody_listens(world: World, day: date) -> None:
    world.receiver.is_broken = True
    world.arrive(f"nps_202607_{day:%Y%m%d}.csv", b"\xff\xfe\x00broken again")


def somebody_listens(world: World, day: date) -> None:
    world.receiver.is_broken = False


def off_for_two_nights(world: World, day: date) -> None:
    """Off from the evening before the night before; on in the morning. Nobody asks for the night: serve must."""
    world.stop_serving()
    world.set_clock(day, "08:00:00")
    world.serve()


# Seen on the board


def incident(code: str, where: str = "") -> Callable[[Board], bool]:
    return lambda board: any(one["code"] == code and (not where or where in one["where"]) for one in board["incidents"])


def refused_as(kind: str) -> Callable[[Board], bool]:
    return lambda board: board["state"] == "refused" and board["refusal"]["kind"] == kind


def turned_back(source: str) -> Callable[[Board], bool]:
    return lambda board: any(one["source"] == source for one in board["refused_files"])


def late(*sources: str) -> Callable[[Board], bool]:
    return lambda board: {one["code"] for one in board["sources"] if one["state"] == "late"} >= set(sources)


# Seen in our own records


def state_of(start: str, state: str) -> Callable[[World, date], bool]:
    return lambda world, day: any(one.state == state for one in world.deliveries(start))


def begun_twice(world: World, day: date) -> bool:
    """A run has no id, and no row of the ledger, before its deliveries are taken in."""
    lines = [line for line in world.journal(day) if line.get("event") == "started" and line.get("as_of") == f"{day}"]
    return len(lines) > 1


def refusal(kind: str) -> Callable[[World, date], bool]:
    def seen(world: World, day: date) -> bool:
        days = (day, day - CLOCK_BACK)
        return any(line.get("refusal") == kind for one in days for line in world.journal(one))

    return seen


def second_was_refused(world: World, day: date) -> bool:
    """Busy (11), and nothing was changed."""
    done = [run for run in world.runs() if run.as_of == day and run.state == "done"]
    return len(done) == 1 and (world.folder / "second").read_text(encoding="ascii") == "11"


def nobody_told(world: World, day: date) -> bool:
    return any(line.get("event") == "notified" and line.get("told") == 0 for line in world.journal(day))


def one_skipped(world: World, day: date) -> bool:
    """The later of two missed nights is done, the earlier is not."""
    done = {run.as_of for run in world.runs() if run.state == "done"}
    return day in done and day - timedelta(days=1) not in done


HELD_BACK: Final = ("welfare-app_202609", "kepco_202607_202610", "er-notice_202609")

# fmt: off
FAULTS: Final = (
    Fault(2, "worker killed in the night", "system", "during", killer("worker"), incident("restarted", "작업자"),
          ("again", ""), seen=begun_twice),
    Fault(4, "a delivery doubled", "delivery", "before", doubled, incident("again"),
          ("warnings", "이미 받은 것과 같은 파일")),
    Fault(5, "a delivery corrected", "delivery", "before", corrected, incident("corrected"),
          ("warnings", "고쳐 보낸 파일"), seen=state_of("supply-stop_202609_20261005_r1", "taken")),
    Fault(6, "a broken file", "delivery", "before", broken, turned_back("nps"), ("warnings", "돌려보낸 파일"),
          seen=state_of("nps_202607_20261006", "refused")),
    Fault(7, "one delivery late, another never comes", "delivery", "before", nothing, late("welfare-app", "er-notice"),
          ("warnings", "받기로 한 날이 지난 자료"), after=at_last("welfare-app_202609")),
    Fault(8, "run killed in the night", "system", "during", killer("run"), incident("begun_again"), ("again", ""),
          seen=begun_twice),
    Fault(9, "a file nobody can name", "delivery", "before", unnamed, turned_back(""), ("warnings", "돌려보낸 파일"),
          seen=state_of("자료", "refused")),
    Fault(10, "nobody takes notifications", "system", "before", nobody_listens, incident("untold"),
          ("warnings", "아무도 받지 못한 알림"), seen=nobody_told, after=somebody_listens),
    Fault(11, "a file still being copied", "delivery", "before", being_copied, incident("waiting"),
          ("warnings", "기다리는 파일")),
    Fault(12, "... and whole a day later", "delivery", "before", copied_whole, incident("corrected"),
          ("warnings", "고쳐 보낸 파일"), seen=state_of("nhis_202607_20261011_r1", "taken")),
    Fault(13, "a second version", "delivery", "before", second_version, turned_back("nhis"),
          ("warnings", "돌려보낸 파일"), seen=state_of("nhis_202607_20261010", "refused")),
    Fault(14, "a file cut off", "delivery", "before", cut_off, turned_back("haengbok"), ("warnings", "돌려보낸 파일"),
          seen=state_of("haengbok_202607_20261014_r1", "refused")),
    Fault(15, "server killed in the night", "system", "during", killer("server"), incident("restarted", "Prefect 서버"),
          ("warnings", "Prefect 서버")),
    Fault(16, "a required source stale", "delivery", "before", nothing, refused_as("stale"), ("refused", "(stale)"),
          "refused (stale)", refusal("stale"), at_last("kepco_202607_202610")),
    Fault(17, "rows spoilt", "delivery", "before", bad_rows, incident("spoilt"), ("warnings", "여러 줄을 뺀 파일")),
    Fault(18, "serve itself killed in the night", "system", "during", serve_killed,
          incident("restarted", "blindspot serve"), ("warnings", "blindspot serve")),
    Fault(19, "database stopped in the night", "system", "during", database_stopped, incident("stopped", "database"),
          ("refused", "(database)")),
    Fault(20, "disk read-only", "system", "before", read_only, refused_as("disk"), ("refused", "(disk)"),
          "refused (disk)", refusal("disk"), writable),
    Fault(21, "clock four days back", "system", "before", clock_back, refused_as("clock"), ("refused", "(clock)"),
          "refused (clock)", refusal("clock")),
    Fault(22, "model changed, signature void", "system", "before", unsigned, refused_as("model"),
          ("refused", "(model)"), "refused (model)", refusal("model"), signed),
    Fault(24, "paused by a person", "system", "before", paused, refused_as("paused"), ("refused", "(paused)"),
          "refused (paused)", refusal("paused"), resumed),
    Fault(25, "key files open to others", "system", "before", open_key, incident("stopped", "keys"),
          ("refused", "(keys)"), "refused (keys)", refusal("keys"), closed_key),
    Fault(26, "two nights at once", "system", "during", two_at_once, incident("stopped", "busy"),
          ("refused", "(busy)"), seen=second_was_refused),
    Fault(28, "off for two nights", "system", "instead", off_for_two_nights, incident("restarted", "밤 실행"),
          ("again", ""), seen=one_skipped),
    Fault(29, "half a register", "delivery", "before", half_the_people, refused_as("cohort"), ("refused", "(cohort)"),
          "refused (cohort)", refusal("cohort")),
    Fault(30, "... and the whole again", "delivery", "before", all_the_people, incident("corrected"),
          ("warnings", "고쳐 보낸 파일")),
)
# fmt: on
