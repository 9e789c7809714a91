"""AES-256-GCM. What is sealed says where it belongs: moved to another row, column or table it does not open."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from store.faults import StoreError
from store.keys import Keys

_NONCE = 12


class Sealer:
    def __init__(self, keys: Keys) -> None:
        self.key_id = keys.seal_id
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.seals.items()}

    def seal(self, plain: bytes, table: str, column: str, row: str) -> bytes:
        """Nonce and ciphertext, under the newest key."""
        nonce = os.urandom(_NONCE)
        return nonce + self._ciphers[self.key_id].encrypt(nonce, plain, _place(table, column, row, self.key_id))

    def open(self, sealed: bytes, table: str, column: str, row: str, key_id: str) -> bytes:
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise StoreError("keys", f"no key {key_id} for {table}.{column}", "put the key file back into its folder")
        try:
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _place(table, column, row, key_id))
        except (InvalidTag, ValueError):  # a nonce cut off
            what = f"{table}.{column} of row {row} was changed, moved or sealed with another key"
            raise StoreError("sealed", what, "restore it from its backup and look who wrote to it") from None


def _place(table: str, column: str, row: str, key_id: str) -> bytes:
    return "|".join((table, column, row, key_id)).encode()
