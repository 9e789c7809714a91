"""What `blindspot doctor` looks at, one function each. They change nothing and say the cure."""

import fcntl
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from re import M, findall
from typing import Final, Literal
from urllib.parse import quote

from flows import journal
from flows.accesses import review_state
from flows.desk import Glance, now, today
from flows.errors import OperatorError
from flows.freshness import required_on
from flows.notify import addresses
from flows.pauses import paused_on
from flows.schedule import check_done
from store import deliveries, ledger, models
from store.database import HEAD, revision
from store.keys import has_keys, key_files, keys_folder
from store.role_checks import check as check_roles

State = Literal["ok", "warn", "fail"]
Found = tuple[State, str, str]  # what was found, and the cure; "" where all is well

# Seen to break or to be unsafe; pyproject.toml says why.
LEAST: Final = {"prefect": "3.6.25"}
BELOW: Final = {"sqlalchemy": "2.1", "fastapi": "0.151"}
LOCK: Final = Path(__file__).parent.parent / "requirements.lock"
_MB: Final = 1 << 20
_SPARE: Final = 500 * _MB  # for database, logs and a workbook or two
_BACKUP_DAYS: Final = 7
_LOOKED_THROUGH: Final = 20_000  # files whose mode is asked


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    look: Callable[[Glance], Iterator[Found]]


def locale_(_: Glance) -> Iterator[Found]:
    wrong = [
        name for name in (sys.getfilesystemencoding(), sys.stdout.encoding or "utf-8") if "utf" not in name.lower()
    ]
    if wrong:
        yield "fail", f"text is written as {wrong[0]}", "set LANG=C.UTF-8 (or ko_KR.UTF-8), or PYTHONUTF8=1"
    else:
        yield "ok", "UTF-8", ""


def work_folder(seen: Glance) -> Iterator[Found]:
    work = seen.settings.work
    if quote(str(work)) != str(work):
        # Delta's log names files by URL.
        yield (
            "fail",
            f"{work} has letters that a lake's address cannot hold",
            "use a path of plain letters and no spaces",
        )
    told = work.stat()
    if told.st_uid != os.geteuid():
        yield "fail", f"{work} belongs to another account", "run as the account that owns it, or chown it"
    elif not os.access(work, os.R_OK | os.W_OK | os.X_OK):
        yield "fail", f"{work} cannot be written", f"chmod 0700 {work}, or mount it writable"
    wide = [path for path in _everything(work) if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_symlink()]
    if wide:
        yield "fail", f"{len(wide)} files or folders can be read by others, {wide[0]} first", f"chmod -R go= {work}"
    else:
        yield "ok", f"{work}, for its owner only", ""


def keys(seen: Glance) -> Iterator[Found]:
    folder = keys_folder(seen.settings.keys_folder)
    if not has_keys(folder) and not _is_used(seen):
        yield "ok", "none yet; the first run makes them", ""
        return
    faults = [key for key in key_files(folder) if key.fault]
    for key in faults:
        yield "fail", f"{key.key_id}: {key.fault}", key.cure
    if not faults:
        yield "ok", f"{folder}", ""
    if folder.is_relative_to(seen.settings.work):
        yield (
            "warn",
            "keys lie in the folder that they protect",
            "move them, and name their folder: `keys` in config.yaml",
        )


def database(seen: Glance) -> Iterator[Found]:
    found = revision(seen.engine)
    if found is not None and found > HEAD:
        cure = "use the version of Blindspot that last ran on it, or a newer one"
        yield "fail", f"the schema is at {found}, newer than our {HEAD}", cure
    elif found != HEAD:
        yield "warn", f"the schema is at {found or 'nothing'}", f"the next command moves it to {HEAD}; back up first"
    else:
        yield "ok", f"{seen.engine.dialect.name}, schema {HEAD}", ""


def lake(seen: Glance) -> Iterator[Found]:
    from store.lake import TABLES, Lake

    place = seen.settings.engine.places[0]
    if "://" not in place and not Path(place).is_dir():
        state: State = "fail" if _is_used(seen) else "ok"
        yield state, f"{place}: none yet", "restore it from its backup" if state == "fail" else ""
        return
    found = Lake(place)
    for table in TABLES:
        if gone := found.missing_files(table):
            yield "fail", f"{table}: {len(gone)} files of the newest version are missing", "restore the lake's backup"
    rows = {table: found.rows(table) for table in TABLES}
    yield "ok", ", ".join(f"{count:,} {table}" for table, count in rows.items()), ""


def model(seen: Glance) -> Iterator[Found]:
    from features import feature_list
    from models.bundle import public_key_of, unpack
    from signals.catalogue import SIGNALS
    from store.keys import load_keys

    champion = models.champion(seen.engine)
    if champion is None:
        yield "fail", "no model is deployed", "`blindspot retrain`; if the gate held it back, its report says why"
        return
    files = models.load_files(seen.settings.work / "models", champion)
    signing = load_keys(keys_folder(seen.settings.keys_folder)).sign
    unpack(files, public_key_of(signing), feature_list(SIGNALS))
    yield "ok", f"{champion.id}: digest and signature are right", ""


def offices(seen: Glance) -> Iterator[Found]:
    from flows.offices import read_offices

    listed = read_offices(seen.settings.offices)
    if listed.is_empty():
        yield "fail", "the offices file lists no office", f"write {seen.settings.offices}"
    else:
        yield "ok", f"{listed.height:,} offices in {listed['district'].n_unique():,} districts", ""


def sources(seen: Glance) -> Iterator[Found]:
    """Required ones alone can stop a night."""
    required = list(required_on(seen, today()))
    for silence in required:
        if silence.told:
            yield "fail" if silence.stops else "warn", silence.told, silence.call
    yield "ok", f"{len(required)} required", ""


def disk(seen: Glance) -> Iterator[Found]:
    """A night arranges what it reads anew beside it, and writes the queues."""
    work = seen.settings.work
    needed = 2 * _size(work / "lake") + 2 * _size(work / "outbox") // max(1, _count(work / "outbox")) + _SPARE
    free = shutil.disk_usage(work).free
    words = f"{free / _MB:,.0f} MB free; a night needs about {needed / _MB:,.0f}"
    if free < _SPARE:
        yield "fail", words, "free space, or move the work folder"
    elif free < needed:
        yield "warn", words, "free space, or move the work folder, before the night"
    else:
        yield "ok", words, ""
    files = os.statvfs(work)
    if files.f_files and files.f_favail < 10_000:
        yield "fail", f"only {files.f_favail:,} files can still be made (inodes)", "remove old files, or make room"


def memory(seen: Glance) -> Iterator[Found]:
    free = _free_memory()
    if free is None:
        yield "ok", "this system does not tell what is free", ""
        return
    last = journal.last(seen.settings.work, "ended", kind="nightly", state="done") or {}
    needed = last.get("counts", {}).get("peak_mb")
    if needed is None:
        yield "ok", f"{free:,.0f} MB free; no night has told yet what it needs", ""
    elif free < needed:
        cure = "end other programs, or lower night.households_per_part or engine.workers"
        yield "warn", f"{free:,.0f} MB free; the last night took {needed:,}", cure
    else:
        yield "ok", f"{free:,.0f} MB free; the last night took {needed:,}", ""


def packages(_: Glance) -> Iterator[Found]:
    cure = "`make install`: the lock names what was tested"
    for name, least in LEAST.items():
        if _number(version(name)) < _number(least):
            yield "fail", f"{name} {version(name)} is not safe; {least} is", cure
    for name, bound in BELOW.items():
        if _number(version(name)) >= _number(bound):
            yield "fail", f"{name} {version(name)} breaks Prefect; it must be below {bound}", cure
    differing = [name for name, pins in _pins().items() if _installed(name) not in (None, *pins)]
    if differing:
        words = ", ".join(differing[:4]) + (" and more" if len(differing) > 4 else "")
        yield "warn", f"{len(differing)} packages are not those of the lock: {words}", cure
    else:
        yield "ok", "those of the lock", ""


def clock(seen: Glance) -> Iterator[Found]:
    last = ledger.last_time(seen.engine)
    if last is not None and now() < last - timedelta(hours=seen.settings.night.clock_back_hours):
        yield "fail", f"it is {now():%Y-%m-%d %H:%M} UTC; a run ended at {last:%Y-%m-%d %H:%M}", "set the clock"
    else:
        yield "ok", f"{today()} in Seoul", ""


def lock(seen: Glance) -> Iterator[Found]:
    """Held: somebody is at work. Written in and not held: a run was killed."""
    place = seen.settings.work / "lock"
    if not place.exists():
        yield "ok", "free", ""
        return
    with place.open("rb") as file:
        holder = file.read(20).decode("ascii", "replace").strip()
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            cure = "wait until it has ended; if it hangs, end that process: the next run repairs what it leaves"
            yield "warn", f"process {holder or '?'} is at work in this folder", cure
            return
    if holder:
        yield "warn", "the run before was killed or ended by an error", "nothing to do: the next run repairs it first"
    else:
        yield "ok", "free", ""


def last_night(seen: Glance) -> Iterator[Found]:
    if paused := paused_on(seen, today()):
        yield "warn", str(paused), "`blindspot resume --by NAME` when the reason is gone"
    for run, digest in ledger.left_open(seen.engine):
        what = "published, not yet recorded as done" if digest else "killed before it published"
        yield "warn", f"{run.id}: {what}", "nothing to do: the next run closes it"
    if not _is_used(seen):
        yield "ok", "none yet", ""
        return
    try:
        yield "ok", f"done: {check_done(seen, now())}", ""
    except OperatorError as error:
        yield "warn", error.what, error.cure


def told(seen: Glance) -> Iterator[Found]:
    wanted = addresses(seen.settings.notify)
    last = journal.last(seen.settings.work, "notified")
    if not wanted:
        yield "warn", "nobody is told when a night is refused", "name addresses: `notify` in config.yaml"
    elif last and last.get("told", 0) < last.get("counts", {}).get("addresses", 1):
        yield "warn", f"the last message reached {last.get('told', 0)} of them", "`blindspot notify` sends one to try"
    else:
        yield "ok", f"{len(wanted)} addresses", ""


def backup(seen: Glance) -> Iterator[Found]:
    last = journal.last(seen.settings.work, "backup", days=_BACKUP_DAYS)
    if last is None and _is_used(seen):
        yield "warn", f"no backup in the last {_BACKUP_DAYS} days on which something ran", "`blindspot backup FILE`"
    else:
        yield "ok", f"the last at {last['at'][:16]}" if last else "nothing to back up yet", ""


def access_log(seen: Glance) -> Iterator[Found]:
    if not _is_used(seen):
        yield "ok", "nothing recorded yet", ""
        return
    state = review_state(seen)
    yield "warn" if state.overdue else "ok", str(state), "a person looks at it: `blindspot log review --by NAME`"


def roles(seen: Glance) -> Iterator[Found]:
    if seen.engine.dialect.name != "postgresql" or not _is_used(seen):
        yield "ok", "SQLite: the mode of its file is the only guard", ""
        return
    faults = check_roles(seen.engine)
    for fault in faults:
        yield "warn", fault, "docs/keys.md, roles"
    if not faults:
        yield "ok", "the database holds every account to its role", ""


# In the order in which they are mended: what comes later may hang on what comes before.
CHECKS: Final = (
    Check("locale", locale_),
    Check("work folder", work_folder),
    Check("packages", packages),
    Check("database", database),
    Check("keys", keys),
    Check("lake", lake),
    Check("model", model),
    Check("offices", offices),
    Check("sources", sources),
    Check("disk", disk),
    Check("memory", memory),
    Check("clock", clock),
    Check("lock", lock),
    Check("last night", last_night),
    Check("notifications", told),
    Check("backup", backup),
    Check("access log", access_log),
    Check("roles", roles),
)


def _is_used(seen: Glance) -> bool:
    return revision(seen.engine) == HEAD and bool(deliveries.taken_ids(seen.engine))


def _everything(work: Path) -> Iterator[Path]:
    yield work
    for number, path in enumerate(work.rglob("*")):
        if number >= _LOOKED_THROUGH:
            return
        yield path


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


def _pins() -> dict[str, list[str]]:
    """By package: one version, or one for each range of Pythons."""
    told: dict[str, list[str]] = {}
    for name, pin in findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", LOCK.read_text(encoding="utf-8"), M):
        told.setdefault(name, []).append(pin)
    return told


def _number(words: str) -> tuple[int, ...]:
    """3.8.8rc1 is told as 3, 8, 8."""
    return tuple(int(part) for part in findall(r"[0-9]+", words)[:3])


def _free_memory() -> float | None:
    """MB that programs can still have; Linux alone tells."""
    place = Path("/proc/meminfo")
    found = findall(r"MemAvailable: *([0-9]+) kB", place.read_text()) if place.exists() else []
    return int(found[0]) / 1024 if found else None


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None  # of another system, or an extra
