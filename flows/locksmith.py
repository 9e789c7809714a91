"""Keys made, rotated and looked at. Every act stands in the log of custody before it is done."""

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.desk import Desk, Glance, now
from flows.errors import OperatorError
from store import custody, identities
from store.archive import Archive, sealed_files
from store.custody import Act, Deed
from store.deliveries import taken_ids
from store.keys import KeyFile, Rotated, create_keys, has_keys, key_files, keys_folder, load_keys, rotate


@dataclass(frozen=True, slots=True)
class Rotation:
    key_id: str
    is_resumed: bool  # an earlier one was finished instead; no new key was made
    identities: int  # sealed again
    files: int


@dataclass(frozen=True, slots=True)
class KeyState:
    folder: Path
    files: list[KeyFile]
    identities: Mapping[str, int]  # rows per sealing key
    archive: Mapping[str, int]  # files per sealing key

    @property
    def pending(self) -> int:
        """Rows and files that an older key seals: a rotation was not finished."""
        newest = max((file.key_id for file in self.files if file.key_id.startswith("seal-")), default="")
        return sum(n for told in (self.identities, self.archive) for key_id, n in told.items() if key_id != newest)


def deed(act: Act, what: str, **detail: int | str) -> Deed:
    """By whoever is logged in here."""
    return Deed(account=_account(), place=socket.gethostname(), act=act, what=what, detail=detail)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has a number and no name
        return f"uid {os.getuid()}"


def init_keys(seen: Glance) -> Path:
    """Fresh keys, where nothing was ever taken in: new keys beside old data would part every join."""
    folder = keys_folder(seen.settings.keys_folder)
    if not has_keys(folder) and taken_ids(seen.engine):
        what = f"{folder} holds no keys, and data was taken in with others"
        raise OperatorError("keys", what, "restore the keys from their backup; new ones open nothing")
    keys = create_keys(folder)
    custody.note(seen.engine, keys, deed(Act.KEYS_CREATED, "all"), now())
    return folder


def rotate_key(desk: Desk, kind: Rotated) -> Rotation:
    """A new key of the kind. What the old one sealed is sealed again with it; a rotation that was killed is finished
    first, and only that. No token changes: every join holds."""
    folder = keys_folder(desk.settings.keys_folder)
    if kind == "log":
        # Noted with the old key: the chain passes from one to the other in the next record.
        custody.note(desk.engine, desk.keys, deed(Act.KEY_ROTATED, "log"), now())
        return Rotation(rotate(folder, "log"), False, 0, 0)
    is_resumed = bool(key_state(desk).pending)
    if not is_resumed:
        custody.note(desk.engine, desk.keys, deed(Act.KEY_ROTATED, "seal"), now())
        rotate(folder, "seal")
    keys = load_keys(folder)
    rows = identities.reseal(desk.engine, keys)
    files = Archive(desk.work / "archive", keys).reseal()
    custody.note(desk.engine, keys, deed(Act.RESEALED, keys.seal_id, rows=rows, files=files), now())
    return Rotation(keys.seal_id, is_resumed, rows, files)


def key_state(seen: Glance) -> KeyState:
    folder = keys_folder(seen.settings.keys_folder)
    files = sealed_files(seen.settings.work / "archive")
    return KeyState(folder, key_files(folder), identities.sealed_by(seen.engine), files)
