"""Keys: 32-byte files of mode 0400 in one folder. The environment may name the folder, never a value.

token.key      identifiers to keyed tokens; token-002.key and on, layers over it (`store.tokens`)
seal-001.key   and on: seals identities and archive; the newest seals, every one opens
log.key        the chains of the logs; log-002.key and on: the newest writes, every one verifies
sign.key       Ed25519 seed for model bundles
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from store.faults import StoreError
from store.files import write_whole

ENVIRONMENT = "BLINDSPOT_KEYS"
LENGTH = 32
SINGLE = ("token", "log", "sign")
Rotated = Literal["seal", "log"]


@dataclass(frozen=True, slots=True)
class Keys:
    token: bytes = field(repr=False)
    log: bytes = field(repr=False)
    sign: bytes = field(repr=False)
    seals: Mapping[str, bytes] = field(repr=False)  # key id -> key; the newest seals, every one opens
    old_logs: tuple[bytes, ...] = field(repr=False, default=())  # oldest first

    @property
    def seal_id(self) -> str:
        return max(self.seals)


@dataclass(frozen=True, slots=True)
class KeyFile:
    key_id: str
    made_at: datetime
    fault: str  # "": none
    cure: str


def keys_folder(setting: Path) -> Path:
    named = os.environ.get(ENVIRONMENT)
    return Path(named) if named else setting


def has_keys(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*.key"))


def create_keys(folder: Path) -> Keys:
    """Fresh keys in an empty folder. Existing keys are never replaced: what they sealed would be lost."""
    if has_keys(folder):
        raise StoreError("keys", f"{folder} already holds keys", "use them, or name another folder")
    for name in (*SINGLE, "seal-001"):
        _write_key(folder / f"{name}.key")
    return load_keys(folder)


def rotate(folder: Path, kind: Rotated) -> str:
    """Add a newer key of a kind; returns its id. Tokens stay, so every join holds; older keys still open."""
    load_keys(folder)  # a folder that is not whole is mended first
    newest = max((file.stem for file in folder.glob(f"{kind}-*.key")), default=f"{kind}-001")
    key_id = f"{kind}-{int(newest.removeprefix(f'{kind}-')) + 1:03d}"
    _write_key(folder / f"{key_id}.key")
    return key_id


def rotate_seal(folder: Path) -> Keys:
    rotate(folder, "seal")
    return load_keys(folder)


def load_keys(folder: Path) -> Keys:
    seals = {file.stem: _read_key(file) for file in sorted(folder.glob("seal-*.key"))}
    if not seals:
        cure = f"create keys once (`blindspot keys init`), or name their folder in the settings or in {ENVIRONMENT}"
        raise StoreError("keys", f"no sealing key in {folder}", cure)
    token, log, sign = (_read_key(folder / f"{name}.key") for name in SINGLE)
    *old_logs, newest = (log, *(_read_key(file) for file in sorted(folder.glob("log-*.key"))))
    return Keys(token, newest, sign, seals, tuple(old_logs))


def key_files(folder: Path) -> list[KeyFile]:
    """Every key that is there, and every one that must be; by id."""
    names = {file.stem for file in folder.glob("*.key")} | {*SINGLE}
    if not any(name.startswith("seal-") for name in names):
        names.add("seal-001")
    return [_looked_at(folder / f"{name}.key") for name in sorted(names)]


def _looked_at(path: Path) -> KeyFile:
    try:
        _read_key(path)
    except StoreError as error:
        fault, cure = error.what.removeprefix(f"{path} "), error.cure
    else:
        fault = cure = ""
    made = path.stat().st_mtime if path.exists() else 0.0
    return KeyFile(path.stem, datetime.fromtimestamp(made, UTC), fault, cure)


def _write_key(path: Path) -> None:
    write_whole(path, secrets.token_bytes(LENGTH), mode=0o400)


def _read_key(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        key = path.read_bytes()
    except OSError as error:
        raise StoreError("keys", f"cannot read {path}: {error.strerror}", _cure(path, error)) from None
    if mode & 0o077:
        raise StoreError("keys", f"{path} can be read by others", f"chmod 0400 {path}")
    if len(key) != LENGTH:
        raise StoreError("keys", f"{path} has {len(key)} bytes, not {LENGTH}", _restore(path))
    return key


def _cure(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"give it to the account that runs Blindspot: `chown ACCOUNT {path}`, mode 0400"
    return _restore(path)


def _restore(path: Path) -> str:
    return f"put it back from the keys' backup, then chmod 0400 {path}"
