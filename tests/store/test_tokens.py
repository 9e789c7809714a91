import hashlib
import hmac
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.keys import Keys
from store.many_macs import macs
from store.tokens import Domain, digests, tokens

KEYS = Keys(token=bytes(range(32)), log=bytes(32), sign=bytes(32), seals={"seal-001": bytes(32)})
DOMAINS: tuple[Domain, ...] = get_args(Domain)
texts = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=20)


def slow_token(value: str | None, domain: str, key: bytes) -> int | None:
    if value is None:
        return None
    full = hmac.digest(key, domain.encode() + b"\0" + value.encode(), hashlib.sha256)
    return int.from_bytes(full[:8], "big", signed=True)


@given(texts, st.sampled_from(DOMAINS))
def test_a_token_is_the_start_of_an_hmac(values: list[str | None], domain: Domain) -> None:
    found = tokens(pl.Series("person_no", values, dtype=pl.String), domain, KEYS)
    assert found.name == "person_no"
    assert found.dtype == pl.Int64
    assert found.to_list() == [slow_token(value, domain, KEYS.token) for value in values]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_no_two_domains_and_no_two_keys_agree(value: str) -> None:
    series = pl.Series([value])
    other = replace(KEYS, token=hashlib.sha256(KEYS.token).digest())
    told = {tokens(series, domain, keys)[0] for domain in DOMAINS for keys in (KEYS, other)}
    assert len(told) == 2 * len(DOMAINS)


@given(texts, st.sampled_from(DOMAINS))
def test_the_digest_begins_with_the_token(values: list[str | None], domain: Domain) -> None:
    told = digests(pl.Series(values, dtype=pl.String), domain, KEYS)
    for value, token, digest in told.iter_rows():
        assert (value is None) == (token is None) == (digest is None)
        assert digest is None or (len(digest) == 32 and int.from_bytes(digest[:8], "big", signed=True) == token)


def test_many_tokens_are_the_same_tokens() -> None:
    # Lengths around the ends of blocks, in groups of lanes that are not full, and in columns cut from another.
    lengths = [0, 1, 13, 46, 47, 48, 49, 50, 55, 56, 63, 64, 65, 111, 112, 113, 119, 120, 300]
    values = pl.Series("address", [f"{'가a9'[n % 3]}" * length for n, length in enumerate(lengths * 3)])
    for domain in DOMAINS:
        for told in (values, values[:1], values[5:24], values.clear()):
            found = tokens(told, domain, KEYS, are_many=True)
            assert found.name == "address"
            assert found.to_list() == [slow_token(value, domain, KEYS.token) for value in told]
    full = [hmac.digest(KEYS.token, b"person\0" + value.encode(), hashlib.sha256) for value in values]
    assert [bytes(mac) for mac in macs(values, KEYS.token, b"person\0")] == full
    with_null = pl.Series([None, "9001011234567"])
    assert tokens(with_null, "person", KEYS, are_many=True).to_list() == [None, LITERAL]
    with pytest.raises(ValueError, match="65 bytes"):
        macs(values, bytes(65), b"")


def test_a_token_is_the_same_in_every_process() -> None:
    # A literal: it may never change, or every join with the lake is lost.
    assert tokens(pl.Series(["9001011234567"]), "person", KEYS).to_list() == [LITERAL]
    told = (
        "import polars as pl; from store.tokens import tokens; from tests.store.test_tokens import KEYS\n"
        "print(tokens(pl.Series(['9001011234567']), 'person', KEYS)[0])"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, cwd=root)
    assert int(found.stdout) == LITERAL


@pytest.mark.parametrize("secret", ["token", "log", "sign", "seals"])
def test_keys_are_never_shown(secret: str) -> None:
    assert secret not in repr(KEYS)


LITERAL = -3194464428845520643
