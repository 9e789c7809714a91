"""Keys: 32-byte files of mode 0400 in one folder. The environment may name the folder, never a value."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from store.faults import StoreError
from store.files import make_folder, write_whole

ENVIRONMENT = "BLINDSPOT_KEYS"
LENGTH = 32
# token: identifiers to keyed tokens. Never changed, or every join in the lake is lost.
# log: the chain of the access log. sign: Ed25519 seed for model bundles.
SINGLE = ("token", "log", "sign")


@dataclass(frozen=True, slots=True)
class Keys:
    token: bytes = field(repr=False)
    log: bytes = field(repr=False)
    sign: bytes = field(repr=False)
    seals: Mapping[str, bytes] = field(repr=False)  # key id -> key; the newest seals, every one opens

    @property
    def seal_id(self) -> str:
        return max(self.seals)


def keys_folder(setting: Path) -> Path:
    named = os.environ.get(ENVIRONMENT)
    return Path(named) if named else setting


def has_keys(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*.key"))


def create_keys(folder: Path) -> Keys:
    """Fresh keys in an empty folder. Existing keys are never replaced: what they sealed would be lost."""
    if has_keys(folder):
        raise StoreError("keys", f"{folder} already holds keys", "use them, or name another folder")
    make_folder(folder)
    for name in (*SINGLE, "seal-001"):
        _write_key(folder / f"{name}.key")
    return load_keys(folder)


def rotate_seal(folder: Path) -> Keys:
    """Add a newer sealing key. Tokens stay as they are, so every join holds; older keys still open."""
    newest = load_keys(folder).seal_id
    _write_key(folder / f"seal-{int(newest.removeprefix('seal-')) + 1:03d}.key")
    return load_keys(folder)


def load_keys(folder: Path) -> Keys:
    seals = {file.stem: _read_key(file) for file in sorted(folder.glob("seal-*.key"))}
    if not seals:
        cure = f"create keys once (`create_keys`), or name their folder in the settings or in {ENVIRONMENT}"
        raise StoreError("keys", f"no sealing key in {folder}", cure)
    token, log, sign = (_read_key(folder / f"{name}.key") for name in SINGLE)
    return Keys(token, log, sign, seals)


def _write_key(path: Path) -> None:
    write_whole(path, secrets.token_bytes(LENGTH), mode=0o400)


def _read_key(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        key = path.read_bytes()
    except OSError as error:
        raise StoreError("keys", f"cannot read {path}: {error.strerror}", "restore it from its backup") from None
    if mode & 0o077:
        raise StoreError("keys", f"{path} can be read by others", f"chmod 0400 {path}")
    if len(key) != LENGTH:
        raise StoreError("keys", f"{path} has {len(key)} bytes, not {LENGTH}", "restore it from its backup")
    return key
