from dataclasses import replace
from itertools import combinations
from math import factorial

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import explain as explaining
from models import pushes as tables
from models.calibration import Calibration
from models.columns import Column, columns_of, groups_of, matrix_of
from models.errors import ExplanationRefused
from models.explain import check_against_shap, explain, shap_values
from models.model import read_model
from models.pushes import shapley_table
from models.score import score
from models.train import Trained
from tests.models.made_up import FEATURES, draw_rows


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5), st.floats(-2, 2))
def test_tables_equal_shapleys_own_sum(covers: list[float], leaf: float) -> None:
    d = len(covers)
    table = shapley_table(np.array(covers), leaf)
    for pattern in range(2**d):
        met = [(pattern >> (d - 1 - i)) & 1 for i in range(d)]
        for i in range(d):
            rest = [j for j in range(d) if j != i]
            total = 0.0
            for size in range(d):
                for known in combinations(rest, size):
                    others = float(np.prod([met[j] if j in known else covers[j] for j in rest]))
                    total += factorial(size) * factorial(d - size - 1) / factorial(d) * others * (met[i] - covers[i])
            assert table[pattern, i] == pytest.approx(leaf * total, abs=1e-12)


def surprising(rows: pl.DataFrame) -> pl.DataFrame:
    """Nothing known at all, unknown where training always knew, beyond the cap, below zero."""
    odd = rows[:40].with_columns(pl.lit(np.nan, pl.Float32).alias(f.name) for f in FEATURES)
    huge = rows[40:80].with_columns(pl.lit(3e9, pl.Float32).alias(f.name) for f in FEATURES)
    below = rows[80:120].with_columns(-pl.col(f.name) for f in FEATURES)
    return pl.concat([odd, huge, below, rows[120:900]])


def test_rows_add_up_to_the_score(trained: Trained, rows: pl.DataFrame) -> None:
    told = surprising(rows)
    pushes, scores = explain(trained.model, told), score(trained.model, told)
    assert pushes.columns == ["household_key", "base", *groups_of(trained.model.columns)]
    assert pushes.get_column("household_key").equals(scores.get_column("household_key"))
    sums = pushes.select(pl.sum_horizontal(pl.exclude("household_key"))).to_series()
    np.testing.assert_allclose(sums, scores.get_column("margin"), atol=1e-12)


def test_every_group_equals_shap(trained: Trained, rows: pl.DataFrame) -> None:
    told = surprising(rows).sort("household_key")
    pushes = explain(trained.model, told)
    values = shap_values(trained.model.booster, matrix_of(told, trained.model.columns))
    for group in groups_of(trained.model.columns):
        positions = [i for i, c in enumerate(trained.model.columns) if c.group == group]
        np.testing.assert_allclose(pushes.get_column(group), values[:, positions].sum(axis=1), atol=1e-12)
    assert check_against_shap(trained.model, told) < 1e-12


def test_order_and_batches_do_not_matter(trained: Trained, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = explain(trained.model, rows)
    assert explain(trained.model, rows.sample(fraction=1, shuffle=True, seed=3)).equals(whole)
    monkeypatch.setattr(explaining, "ROWS_AT_A_TIME", 700)
    np.testing.assert_allclose(explain(trained.model, rows).to_numpy(), whole.to_numpy(), atol=1e-12)


def test_few_and_no_households(trained: Trained, rows: pl.DataFrame) -> None:
    whole = explain(trained.model, rows[:300])
    one = explain(trained.model, rows[:1])
    np.testing.assert_allclose(
        one.to_numpy(), whole.filter(pl.col("household_key") == rows["household_key"][0]).to_numpy(), atol=1e-12
    )
    assert explain(trained.model, rows.clear()).columns == whole.columns


def test_pushes_that_do_not_add_up_are_refused(
    trained: Trained, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = tables.shapley_table
    monkeypatch.setattr(tables, "shapley_table", lambda covers, leaf: right(covers, leaf) * 1.0001)
    with pytest.raises(ExplanationRefused, match="miss the score"):
        explain(replace(trained.model), rows)  # a model keeps its tables once they are made


def test_a_difference_to_shap_is_refused(trained: Trained, rows: pl.DataFrame) -> None:
    # The same sums in the wrong columns: only shap can tell.
    columns = columns_of(FEATURES)
    swapped = replace(trained.model, columns=(columns[1], columns[0], *columns[2:]))
    told = rows.rename({columns[0].name: columns[1].name, columns[1].name: columns[0].name})
    right = tables.shapley_table
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "shapley_table", lambda covers, leaf: right(covers, leaf)[:, ::-1])
        with pytest.raises(ExplanationRefused, match="differ from shap"):
            check_against_shap(swapped, told)


def test_values_a_hair_apart_take_their_own_branch() -> None:
    # Thresholds lie between neighbouring float32 numbers: rounded to float32 they would swallow one of the two.
    rng = np.random.default_rng(0)
    low = rng.random(30).astype(np.float32)
    is_high = rng.random((2_000, low.size)) < 0.5
    matrix = np.where(is_high, np.nextafter(low, np.float32(2)), low)
    data = lgb.Dataset(matrix, is_high.sum(axis=1) > 15, params={"verbosity": -1})
    booster = lgb.train({"objective": "binary", "num_leaves": 4, "verbosity": -1, "num_threads": 1}, data, 60)
    columns = tuple(Column(f"c{i}", f"c{i}", 0) for i in range(low.size))
    model = read_model("", booster.model_to_string(), columns, Calibration(1.0, 0.0))
    names = [c.name for c in columns]
    told = pl.DataFrame(matrix, schema=names).with_columns(household_key=pl.int_range(pl.len()))
    assert check_against_shap(model, told) < 1e-12


def test_trees_that_ask_nothing_push_nothing() -> None:
    data = lgb.Dataset(np.zeros((100, 2)), np.arange(100) % 4 == 0, params={"verbosity": -1})
    booster = lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 3)
    model = read_model("", booster.model_to_string(), (Column("a", "g", 0), Column("b", "g", 0)), Calibration(1.0, 0.0))
    pushes = explain(model, pl.DataFrame({"household_key": [1, 2], "a": [0.0, 9.0], "b": [1.0, 1.0]}))
    assert pushes.get_column("g").to_list() == [0.0, 0.0]
    assert pushes.get_column("base").to_list() == pytest.approx([np.log(0.25 / 0.75)] * 2)


def test_five_thousand_rows_equal_shap_and_add_up(trained: Trained) -> None:
    told = draw_rows(5_000, seed=31)
    assert check_against_shap(trained.model, told, 1e-4) <= 1e-4
    pushes = explain(trained.model, told).select(pl.sum_horizontal(pl.exclude("household_key"))).to_series()
    np.testing.assert_allclose(pushes, score(trained.model, told)["margin"], atol=1e-6)
