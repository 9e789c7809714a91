import os
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bundle import MODEL, PASSPORT, SIGNATURE, Origin, pack, public_key_of, read_passport, unpack
from models.columns import matrix_of
from models.errors import ModelRefused, SignatureMismatch
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
    assert pack(trained, ORIGIN, SEED) == files


def test_the_id_follows_everything_told(trained: Trained, files: dict[str, bytes]) -> None:
    other = pack(trained, replace(ORIGIN, code="other"), SEED)
    assert read_passport(other, PUBLIC)["id"] != read_passport(files, PUBLIC)["id"]


def test_the_report_reads(files: dict[str, bytes]) -> None:
    told = write_report(read_passport(files, PUBLIC))
    assert "위기정보 종류가 많은 순" in told
    assert "| 2025-11-11 |" in told


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
    for features in (FEATURES[:-1], FEATURES[::-1], regrouped):
        with pytest.raises(ModelRefused, match="not the ones"):
            unpack(files, PUBLIC, features)
