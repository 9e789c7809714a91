"""One file of everything a work folder holds, and a work folder from that file. Keys go their own way.

Not in it: keys, intermediate files, Prefect's home (`blindspot serve` makes it again), and a lake on object storage,
which keeps versions of its own.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flows import journal
from flows.desk import Desk, now, open_desk
from flows.errors import OperatorError
from flows.settings import Settings, load_settings
from store import access_log, backup, dump, ledger, models
from store.database import HEAD
from store.files import hold, make_folder, sync_folder, write_whole
from store.keys import has_keys, keys_folder, load_keys

# In the work folder, and made again by whoever needs it. The database is taken apart from its files.
_STAGING: Final = "restoring"
_LEFT_OUT: Final = {"lock", "scratch", "prefect", _STAGING}
_SETTINGS: Final = "config-of-backup.yaml"


@dataclass(frozen=True, slots=True)
class BackedUp:
    place: Path
    files: int
    bytes: int
    missing: str  # what is kept elsewhere; "": nothing


@dataclass(frozen=True, slots=True)
class Restored:
    work: Path
    files: int
    last_night: str  # its day; "": none was ever done
    findings: tuple[str, ...]  # what the logs' chains say is wrong
    has_other_settings: bool


def back_up(desk: Desk, config: Path, to: Path, keys_to: Path | None = None) -> BackedUp:
    """While nothing runs in the work folder. `keys_to`: a folder for a copy of the keys; never the backup's own."""
    if keys_to is not None:
        _copy_keys(desk.settings, keys_to, to)
    lake = desk.settings.engine.places[0]
    is_elsewhere = "://" in lake
    dumped = make_folder(Path(desk.work / "scratch" / "dump")) / dump.name_of(desk.engine)
    dumped.unlink(missing_ok=True)
    try:
        dump.dump(desk.engine, dumped)
        told = backup.pack(to, desk.keys, _files(desk.settings, config, dumped), _about(desk))
    finally:
        dumped.unlink(missing_ok=True)
    journal.note(desk.work, now(), "backup", counts={"files": len(told.digests)})
    missing = f"{lake}: its storage keeps the lake's files and their versions" if is_elsewhere else ""
    return BackedUp(to, len(told.digests), told.bytes, missing)


def restore(config: Path, work: Path | None, place: Path) -> Restored:
    """Into a work folder that holds nothing but keys. Nothing takes its place before every byte was compared."""
    settings = load_settings(config, work)
    keys = load_keys(_keys_first(settings))
    folder = make_folder(settings.work)
    with hold(folder / "lock") as held:
        _refuse_full(settings)
        staging = folder / _STAGING
        if staging.exists():
            shutil.rmtree(staging)  # of a restore that was killed
        try:
            told = backup.unpack(place, keys, make_folder(staging))
            _refuse_other_schema(told.about)
            _show(settings, staging)
            differs = _keep_settings(staging, config, folder)
        finally:
            shutil.rmtree(staging)
        held.strike_out()
    with open_desk(config, work) as desk:
        findings, last = _checked(desk, told.about)
    return Restored(folder, len(told.digests), last, findings, differs)


def look_at(config: Path, work: Path | None, place: Path) -> backup.Packed:
    """Every byte compared, nothing written."""
    return backup.look(place, load_keys(_keys_first(load_settings(config, work))))


def _files(settings: Settings, config: Path, dumped: Path) -> Iterator[tuple[str, Path]]:
    lake, offices = settings.engine.places[0], settings.offices
    yield "config.yaml", config
    yield f"database/{dumped.name}", dumped
    yield from _below("work", settings.work, {*_secrets(settings), *_database_files(settings)})
    if "://" not in lake and not Path(lake).is_relative_to(settings.work):
        yield from _below("lake", Path(lake), set())
    if offices.is_file() and not offices.is_relative_to(settings.work):
        yield "offices.csv", offices


def _below(prefix: str, folder: Path, left_out: set[Path]) -> Iterator[tuple[str, Path]]:
    # A folder that stands elsewhere, with only a link here, is part of it.
    for place, folders, names in os.walk(folder, followlinks=True):
        here = Path(place)
        left = {*_LEFT_OUT} if here == folder else set[str]()
        folders[:] = sorted(name for name in folders if name not in left and here / name not in left_out)
        for name in sorted(names):
            if name not in left and here / name not in left_out and (here / name).suffix != ".key":
                yield f"{prefix}/{(here / name).relative_to(folder).as_posix()}", here / name


def _secrets(settings: Settings) -> set[Path]:
    """Keys, wherever they lie, and the addresses to notify, which hold passwords."""
    return {keys_folder(settings.keys_folder), settings.keys_folder, *filter(None, [settings.notify.urls_file])}


def _database_files(settings: Settings) -> set[Path]:
    """SQLite's own, which change under whoever copies them."""
    kind, _, place = settings.database_url.partition(":///")
    return {Path(f"{place}{tail}") for tail in ("", "-wal", "-shm")} if kind == "sqlite" else set()


def _about(desk: Desk) -> dict[str, Any]:
    last = ledger.last_done_night(desk.engine)
    return {
        "made_at": now().isoformat(timespec="seconds"), "schema": HEAD, "lake": desk.settings.engine.places[0],
        "versions": desk.lake.versions(), "last_night": str(last.as_of) if last else "",
    }  # fmt: skip


def _copy_keys(settings: Settings, to: Path, backup_place: Path) -> None:
    if to.resolve() == backup_place.resolve().parent or backup_place.resolve().is_relative_to(to.resolve()):
        cure = "name a folder elsewhere: whoever finds the backup must not find its keys"
        raise OperatorError("backup", f"{to} is where the backup goes", cure)
    if has_keys(to):
        raise OperatorError("backup", f"{to} already holds keys", "name an empty folder: no key is written over")
    for file in sorted(keys_folder(settings.keys_folder).glob("*.key")):
        write_whole(to / file.name, file.read_bytes(), mode=0o400)


def _keys_first(settings: Settings) -> Path:
    folder = keys_folder(settings.keys_folder)
    if not has_keys(folder):
        raise OperatorError("keys", f"no key in {folder}", "put the keys' own backup there first, mode 0400")
    return folder


def _refuse_full(settings: Settings) -> None:
    ours = {"lock", _STAGING}
    found = {path.name for path in settings.work.iterdir() if path != keys_folder(settings.keys_folder)} - ours
    if found:
        what = f"{settings.work} is not empty ({len(found)} entries besides keys)"
        raise OperatorError("backup", what, "move it away, or name another folder with --work: nothing is written over")


def _refuse_other_schema(about: Any) -> None:
    if str(about["schema"]) > HEAD:
        what = f"the backup's database stands at {about['schema']}, this version of Blindspot at {HEAD}"
        raise OperatorError("backup", what, "use the version of Blindspot that made it, or a newer one")


def _show(settings: Settings, staging: Path) -> None:
    lake = settings.engine.places[0]
    if (staging / "lake").exists():
        if "://" in lake or Path(lake).exists():
            raise OperatorError("backup", f"{lake} exists", "name a new folder in engine.lake")
        make_folder(Path(lake).parent)
        shutil.move(staging / "lake", lake)
    if (staging / "offices.csv").exists() and not settings.offices.exists():
        make_folder(settings.offices.parent)
        shutil.move(staging / "offices.csv", settings.offices)
    for path in sorted((staging / "work").iterdir()):
        path.rename(settings.work / path.name)
    # The database last: before it is there, nothing can run on half a folder.
    for dumped in (staging / "database").iterdir():
        dump.load(settings.database_url, dumped)
    sync_folder(settings.work)


def _keep_settings(staging: Path, config: Path, folder: Path) -> bool:
    """Those of the backup beside the rest, if they are others."""
    before = (staging / "config.yaml").read_bytes()
    if before == config.read_bytes():
        return False
    write_whole(folder / _SETTINGS, before)
    return True


def _checked(desk: Desk, about: Any) -> tuple[tuple[str, ...], str]:
    """What only the whole shows: schema, lake, model, logs. Opening it has migrated an older database."""
    if desk.lake.versions() != about["versions"]:
        cure = "restore the lake's own storage to the time of the backup, or take a newer backup"
        raise OperatorError("lake", "the lake is not at the versions of the backup", cure)
    champion = models.champion(desk.engine)
    if champion is not None:
        models.load_files(desk.work / "models", champion)
    last = ledger.last_done_night(desk.engine)
    findings = access_log.verify_chain(desk.engine, desk.keys, desk.work / "anchors")
    return tuple(findings), str(last.as_of) if last else ""
