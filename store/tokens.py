"""Identifiers become keyed tokens: HMAC-SHA-256 with domain separation, its first 8 bytes a signed integer."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Final, Literal

import numpy as np
import polars as pl

from store.keys import Keys

Domain = Literal["person", "address", "household", "phone"]  # address: full addresses and buildings alike
_BLOCK: Final = 64  # bytes, SHA-256


def tokens(values: pl.Series, domain: Domain, keys: Keys, *, are_many: bool = False) -> pl.Series:
    """Int64, same length and name. Null stays null; text must come normalised (`signals.normalise`).

    are_many: millions in this process; they are worked several times as fast after seconds of preparation.
    """
    if are_many and not values.null_count():
        from store.many_macs import macs

        first = macs(values, keys.token, domain.encode() + b"\0", words=2).view(">i8").ravel()
        return pl.Series(values.name, first.astype(np.int64))
    told = digests(values, domain, keys)
    return told.select("value", "token").to_series(1).rename(values.name)


def digests(values: pl.Series, domain: Domain, keys: Keys) -> pl.DataFrame:
    """value, token (Int64), digest (32 bytes): one row per value, in order. Each different value is worked once."""
    frame = values.cast(pl.String).alias("value").to_frame()
    different = frame.drop_nulls().unique()
    full = list(_macs(different["value"].to_list(), domain, keys))
    first = np.frombuffer(b"".join(full), dtype=">i8")[:: hashlib.sha256().digest_size // 8].astype(np.int64)
    known = different.with_columns(token=pl.Series(first, dtype=pl.Int64), digest=pl.Series(full, dtype=pl.Binary))
    return frame.join(known, on="value", how="left", maintain_order="left")


def _macs(values: Iterable[str], domain: Domain, keys: Keys) -> Iterable[bytes]:
    # RFC 2104 with both pads hashed once: twice as fast as hmac.digest, which hashes the key again for every value.
    inner, outer = _padded(keys.token, 0x36), _padded(keys.token, 0x5C)
    start, end = hashlib.sha256(inner + domain.encode() + b"\0").copy, hashlib.sha256(outer).copy
    return (_mac(start, end, value.encode()) for value in values)


def _mac(start: Callable[[], "hashlib._Hash"], end: Callable[[], "hashlib._Hash"], value: bytes) -> bytes:
    inside, outside = start(), end()
    inside.update(value)
    outside.update(inside.digest())
    return outside.digest()


def _padded(key: bytes, pad: int) -> bytes:
    return bytes(byte ^ pad for byte in key.ljust(_BLOCK, b"\0"))
