import numpy as np
import polars as pl
import pytest

from features import FEATURES as REAL
from models.columns import CAP, Column, columns_of, groups_of, matrix_of
from models.errors import ModelRefused
from models.rules import GENERAL, NOT_SIGNALS, single_rules
from signals.catalogue import SIGNALS
from tests.models.made_up import FEATURES

COLUMNS = (Column("b", "two", 0), Column("a", "one", 1))


def test_the_models_order_counts_and_amounts_are_capped() -> None:
    frame = pl.DataFrame({"a": [1.0, None, float("nan"), 5e9], "b": [-5e9, 2.0, 3.0, float("inf")], "more": [0] * 4})
    matrix = matrix_of(frame, COLUMNS)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, np.array([[-CAP, 1], [2, np.nan], [3, np.nan], [CAP, CAP]], np.float32))


def test_a_missing_column_names_itself() -> None:
    with pytest.raises(ModelRefused, match="first b"):
        matrix_of(pl.DataFrame({"a": [1.0]}), COLUMNS)


def test_two_features_of_one_name_are_an_error() -> None:
    with pytest.raises(ValueError, match="same name"):
        columns_of((FEATURES[0], FEATURES[0]))


def test_groups_keep_the_features_order() -> None:
    assert groups_of((*COLUMNS, Column("c", "two", 0))) == ("two", "one")


def test_the_rules_know_the_features() -> None:
    names = {f.name for f in REAL}
    assert {rule.column for rule in GENERAL} <= names
    single = single_rules(columns_of(REAL), {f.name: f.label_ko for f in REAL})
    assert {rule.column.rpartition("__")[0] for rule in single} == set(SIGNALS)
    assert {f.group for f in REAL} - set(SIGNALS) == NOT_SIGNALS
