import hashlib
import json
import os
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bundle import MODEL, PASSPORT, SIGNATURE, Origin, pack, public_key_of, read_passport, unpack
from models.calibration import Calibration
from models.columns import Column, matrix_of
from models.errors import ModelRefused, SignatureMismatch
from models.model import Model
from models.report import write_report
from models.train import Trained
from tests.models.made_up import FEATURES

# TRUST test 6 asks for 500: `MODEL_MUTATIONS=500`.
MUTATIONS = int(os.environ.get("MODEL_MUTATIONS", "100"))
SEED = bytes(range(32))
PUBLIC = public_key_of(SEED)
ORIGIN = Origin("2026-01-02", "code-digest", "settings-digest", {"observations": 3})


@pytest.fixture(scope="module")
def files(trained: Trained) -> dict[str, bytes]:
    return pack(trained, ORIGIN, SEED)


@pytest.fixture
def _no_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("LightGBM was handed files before they were verified")

    monkeypatch.setattr(lgb, "Booster", refuse)


def test_comes_back_the_same(trained: Trained, files: dict[str, bytes], rows: pl.DataFrame) -> None:
    model = unpack(files, PUBLIC, FEATURES)
    matrix = matrix_of(rows, model.columns)
    np.testing.assert_array_equal(model.margin(matrix), trained.model.margin(matrix))
    assert model.calibration == trained.model.calibration
    assert model.columns == trained.model.columns
    assert unpack(files, PUBLIC).columns == model.columns, "who only reads a model names no features"
    assert pack(trained, ORIGIN, SEED) == files


def test_the_id_follows_everything_told(trained: Trained, files: dict[str, bytes]) -> None:
    other = pack(trained, replace(ORIGIN, code="other"), SEED)
    assert read_passport(other, PUBLIC)["id"] != read_passport(files, PUBLIC)["id"]


def test_the_report_reads(files: dict[str, bytes]) -> None:
    told = write_report(read_passport(files, PUBLIC))
    assert "위기정보 종류가 많은 순" in told
    assert "| 2025-11-11 |" in told


MADE = Trained(
    model=cast(Model, SimpleNamespace(columns=(Column("months", "overdue", 1),), calibration=Calibration(0.5, -1.0))),
    text="tree\n", facts={"households": 3, "이름": "표"}, judged=pl.DataFrame(),
)  # fmt: skip
TOLD = {
    "format": "blindspot-model-1", "as_of": "2026-01-02", "code": "code-digest", "settings": "settings-digest",
    "inputs": {"observations": 3}, "model_sha256": hashlib.sha256(b"tree\n").hexdigest(),
    "columns": [["months", "overdue", 1]], "calibration": {"slope": 0.5, "intercept": -1.0},
    "training": {"households": 3, "이름": "표"},
}  # fmt: skip


def as_text(told: object) -> bytes:
    return (json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def signed(told: dict[str, Any]) -> dict[str, bytes]:
    """As a bundle is written down, with no help of the code under test; by the holder of the key."""
    passport = as_text(told)
    covered = b"blindspot-model-1\0" + hashlib.sha256(b"tree\n").digest() + hashlib.sha256(passport).digest()
    signature = Ed25519PrivateKey.from_private_bytes(SEED).sign(covered)
    return {"model.txt": b"tree\n", "passport.json": passport, "signature": signature}


def named(told: dict[str, Any]) -> dict[str, Any]:
    return {"id": "m" + hashlib.sha256(as_text(told)).hexdigest()[:12], **told}


def test_bundles_are_written_and_read_as_they_ever_were() -> None:
    # What was trained and kept must be read after every upgrade, and the same training give the same bytes.
    assert pack(MADE, ORIGIN, SEED) == signed(named(TOLD))
    assert read_passport(signed(named(TOLD)), PUBLIC) == named(TOLD)
    with pytest.raises(ValueError, match="nan"):
        pack(replace(MADE, facts={"auc": float("nan")}), ORIGIN, SEED)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (named(TOLD | {"format": "blindspot-model-2"}), "written as blindspot-model-2"),
        (named(TOLD | {"model_sha256": "0" * 64}), "not this model's"),
        (named(TOLD) | {"code": "other"}, "not this model's"),
    ],
)
def test_a_signed_passport_that_tells_another_story_is_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelRefused, match=words):
        read_passport(signed(told), PUBLIC)


@pytest.mark.usefixtures("_no_loading")
@settings(max_examples=MUTATIONS, deadline=None)
@given(st.data())
def test_any_change_is_refused_before_loading(files: dict[str, bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([MODEL, PASSPORT, SIGNATURE]))
    content = files[name]
    at = data.draw(st.integers(0, len(content) - 1))
    changed = data.draw(
        st.sampled_from(
            [
                content[:at] + bytes([content[at] ^ (1 << data.draw(st.integers(0, 7)))]) + content[at + 1 :],
                content[:at],
                content[:at] + content[at + 1 :],
                content[: at + 1] + b" " + content[at + 1 :],
                content + content[at:],
            ]
        )
    )
    with pytest.raises(SignatureMismatch):
        unpack({**files, name: changed}, PUBLIC)


@pytest.mark.usefixtures("_no_loading")
def test_files_missing_added_or_swapped_are_refused(files: dict[str, bytes]) -> None:
    for wrong in (
        {k: v for k, v in files.items() if k != SIGNATURE},
        {**files, "model.pkl": b""},
        {**files, MODEL: files[PASSPORT], PASSPORT: files[MODEL]},
    ):
        with pytest.raises(SignatureMismatch):
            unpack(wrong, PUBLIC)


@pytest.mark.usefixtures("_no_loading")
def test_another_key_or_another_models_passport_is_refused(trained: Trained, files: dict[str, bytes]) -> None:
    with pytest.raises(SignatureMismatch):
        unpack(files, public_key_of(bytes(32)))
    other = pack(replace(trained, text=trained.text + "\n"), ORIGIN, SEED)
    for mixed in ({**files, MODEL: other[MODEL]}, {**files, PASSPORT: other[PASSPORT]}):
        with pytest.raises(SignatureMismatch):
            unpack(mixed, PUBLIC)


@pytest.mark.usefixtures("_no_loading")
def test_other_columns_than_todays_are_refused(files: dict[str, bytes]) -> None:
    regrouped = (replace(FEATURES[0], group="gas_cut"), *FEATURES[1:])
    last, first = FEATURES[-1].name, FEATURES[0].name
    for features, words in (
        (FEATURES[:-1], last), (FEATURES[::-1], "their order"), (regrouped, f"{first}, {first}"),
        ([], ", ".join(sorted(one.name for one in FEATURES)[:5])),
    ):  # fmt: skip
        with pytest.raises(ModelRefused, match=rf"not the ones the model learned from \({words}\)"):
            unpack(files, PUBLIC, features)
