"""Sheets sealed on their way: age to a public key, AES zip to a password. Any other program of the kind opens them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyrage
import pyzipper
from pyzipper.zipfile_aes import AESZipInfo

from store.faults import StoreError

# WinZip's AES derives its key in 1,000 rounds only: the password itself must be strong.
LEAST_PASSWORD: Final = 20
# Names within a zip are not encrypted, and neither is the time: both say nothing.
_NO_DAY: Final = (1980, 1, 1, 0, 0, 0)


def seal_age(plain: bytes, recipients: Sequence[str]) -> bytes:
    """For whoever holds the private key of one of `recipients` (age1...)."""
    try:
        keys = [pyrage.x25519.Recipient.from_str(told) for told in recipients]
    except pyrage.RecipientError:
        raise StoreError("keys", "a recipient is no age key", "its key begins with age1, one per line") from None
    if not keys:
        raise StoreError("keys", "no recipient is named", "without one nobody could open it")
    return bytes(pyrage.encrypt(plain, keys))


def seal_zip(plain: bytes, name: str, password: bytes) -> bytes:
    """AES-256, one file called `name`."""
    if len(password) < LEAST_PASSWORD:
        raise StoreError("keys", "the password is too short", f"give at least {LEAST_PASSWORD} characters")
    told = AESZipInfo(name, _NO_DAY)
    told.compress_type = pyzipper.ZIP_DEFLATED
    with io.BytesIO() as out:
        with pyzipper.AESZipFile(out, "w", encryption=pyzipper.WZ_AES) as file:
            file.setpassword(password)
            file.writestr(told, plain)
        return out.getvalue()


def read_password(path: Path) -> bytes:
    """One line. Raises StoreError where others can read it too."""
    try:
        mode, told = path.stat().st_mode, path.read_bytes().strip()
    except OSError as error:
        raise StoreError("keys", f"cannot read {path}: {error.strerror}", "write the password into it") from None
    if mode & 0o077:
        raise StoreError("keys", f"{path} can be read by others", f"chmod 0400 {path}")
    return told
