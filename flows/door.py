"""The one door: every name, address and phone, and every byte that holds one, leaves through here, logged first.

Nothing else opens identities; a test walks through all rooms and says so.
"""

import getpass
import hashlib
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl

from flows.desk import Desk, now
from flows.errors import OperatorError
from flows.recipients import Recipients
from store import access_log, disclosed, identities
from store.access_log import Disclosure
from store.files import write_whole
from store.keys import keys_folder
from store.purposes import Purpose
from store.transport import read_password, seal_age, seal_zip

KINDS: Final = ("xlsx", "csv", "html")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants it, what for and why: all three stand in the access log."""

    account: str
    purpose: Purpose
    reason: str

    def disclosure(
        self, task: str, subjects: Sequence[int], reason: str, office: str | None = None, run: str | None = None
    ) -> Disclosure:
        return Disclosure(
            account=self.account, place=socket.gethostname(), task=task, purpose=self.purpose, reason=reason,
            subjects=subjects, office=office, run=run,
        )  # fmt: skip


def names_of(desk: Desk, residences: pl.DataFrame, disclosures: Sequence[Disclosure]) -> pl.DataFrame:
    """flows.residences -> household_key, name, phone, address. Recorded and committed first; whom no disclosure names
    is not told."""
    listed = {int(key) for told in disclosures for key in told.subjects}
    if not set(residences["household_key"].to_list()) <= listed:
        raise ValueError("a household whose disclosure is not recorded")
    if disclosures:
        access_log.record_all(desk.engine, desk.keys, disclosures, now())
    return identities.look_up(desk.engine, desk.keys, residences)


def copy_sheet(desk: Desk, office: str, day: date, kind: str, asker: Asker, to: Path) -> Path:
    """An office's sheet of a night, as it went out. Nothing is written over."""
    if to.exists() or not to.parent.is_dir():
        raise OperatorError(
            "export", f"{to} exists, or its folder does not", "name a new file in a folder that is there"
        )
    data = _logged(desk, office, day, kind, asker, f"to {_shown(to)}")
    write_whole(to, data)
    return to


def seal_sheet(desk: Desk, office: str, day: date, kind: str, asker: Asker, folder: Path, who: Recipients) -> Path:
    """The same, sealed for the office's recipients, under a name that tells neither office nor person."""
    if not folder.is_dir():
        raise OperatorError("export", f"{folder} is no folder", "make it first: sealed files get neutral names in it")
    way, keys = who.of(office)
    # Asked for before anything is logged: what cannot be sealed does not leave.
    password = read_password(keys_folder(desk.settings.keys_folder) / "transport" / keys[0]) if way == "zip" else b""
    data = _logged(desk, office, day, kind, asker, f"sealed ({way}) for its office")
    inside = f"sheet.{kind}"
    sealed, end = (seal_zip(data, inside, password), "zip") if way == "zip" else (seal_age(data, keys), f"{kind}.age")
    path = folder / f"{day:%Y%m%d}-{hashlib.sha256(sealed).hexdigest()[:12]}.{end}"
    write_whole(path, sealed)
    return path


def manifest_of(desk: Desk, day: date) -> dict[str, Any]:
    """as_of, run, model, files (name -> SHA-256) of a night's outbox."""
    path = desk.outbox / day.isoformat() / "manifest.json"
    try:
        told: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        what = f"there are no sheets of {day}"
        raise OperatorError("export", what, "name the day of a night whose sheets are still kept") from None
    return told


def _logged(desk: Desk, office: str, day: date, kind: str, asker: Asker, where: str) -> bytes:
    if kind not in KINDS:
        raise OperatorError("export", f"there is no sheet as {kind}", f"choose one of {', '.join(KINDS)}")
    manifest = manifest_of(desk, day)
    data = _as_published(desk, manifest, office, day, kind)
    before = disclosed.of_run(desk.engine, manifest["run"], office)
    subjects = before.subjects if before else ()
    told = asker.disclosure("export", subjects, f"{asker.reason}; {kind} of {day} {where}", office, manifest["run"])
    access_log.record_access(desk.engine, desk.keys, told, now())
    return data


def _as_published(desk: Desk, manifest: dict[str, Any], office: str, day: date, kind: str) -> bytes:
    # The office is compared with names that were published, so that it never becomes a path of its own.
    place = f"{office}/index.html" if kind == "html" else f"{office}/queue_{office}_{day:%Y%m%d}.{kind}"
    if place not in manifest["files"]:
        raise OperatorError("export", f"no sheet of that office was published on {day}", "check the office's 10 digits")
    try:
        data = (desk.outbox / day.isoformat() / place).read_bytes()
    except FileNotFoundError:
        raise OperatorError("export", f"{place} of {day} is gone", "restore the outbox from its backup") from None
    if hashlib.sha256(data).hexdigest() != manifest["files"][place]:
        cure = "look who wrote to it, and restore the outbox from its backup"
        raise OperatorError("export", f"{place} of {day} is not what was published", cure)
    return data


def note_access(desk: Desk, task: str, asker: Asker, subjects: Sequence[int], reason: str) -> None:
    """Committed when it returns: for what leaves without names, too."""
    access_log.record_access(desk.engine, desk.keys, asker.disclosure(task, subjects, reason), now())


def asker(by: str, purpose: Purpose, reason: str) -> Asker:
    """The account of the machine stands beside the name given: a name alone proves nothing."""
    if not by.strip() or not reason.strip():
        raise OperatorError("export", "nobody, or no reason, is named", "give --by and --reason")
    return Asker(f"{by.strip()} ({getpass.getuser()})", purpose, reason.strip())


def _shown(to: Path) -> str:
    return to.name[:100]
