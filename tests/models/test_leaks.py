"""What is not known must not help: answers drawn anew, and a column that peeks."""

from dataclasses import replace

import numpy as np
import polars as pl

from models.calibration import Calibration, out_of_time
from models.columns import Column, columns_of, matrix_of
from models.evaluate import roc_auc
from models.learner import Learner
from models.model import read_model
from models.monotone import violations
from models.stability import reasons_under_another_seed
from models.train import Trained, train
from tests.models.made_up import CAPACITY, FEATURES, QUICK, ROUNDS, draw_rows


def drawn_anew(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Answers of the last two rounds by chance alone, and three times as often need."""
    rng = np.random.default_rng(seed)
    chance = pl.Series((rng.random(rows.height) < 0.6).astype(np.int8))
    return rows.with_columns(label=pl.when(pl.col("selected_on") >= ROUNDS[4]).then(chance).otherwise("label"))


def auc_of_last_rounds(rows: pl.DataFrame) -> float:
    told = train(rows, FEATURES, QUICK, 5, CAPACITY).judged.filter(pl.col("selected_on") >= ROUNDS[4])
    return roc_auc(told["label"].to_numpy().astype(np.float64), told["margin"].to_numpy())


def test_no_feature_knows_answers_that_were_drawn_anew() -> None:
    assert 0.44 < auc_of_last_rounds(drawn_anew(draw_rows(4_000, seed=21), 22)) < 0.56


def test_a_column_that_peeks_would_be_seen() -> None:
    anew = drawn_anew(draw_rows(4_000, seed=21), 22)
    peeking = anew.with_columns(contacts__selections=pl.col("label").cast(pl.Float32))
    assert auc_of_last_rounds(peeking) > 0.9


def test_the_probability_of_a_round_follows_what_earlier_rounds_told() -> None:
    rows = drawn_anew(draw_rows(4_000, seed=21), 22)
    judged = train(rows, FEATURES, QUICK, 5, CAPACITY).judged
    told = judged.with_columns(before=out_of_time(judged)).filter(pl.col("selected_on") == ROUNDS[4])
    before = told["before"].to_numpy()
    base = rows.filter(pl.col("selected_on") < ROUNDS[4])["label"].cast(pl.Float64).to_numpy().mean()
    assert abs(before.mean() - base) < 0.06 < abs(told["label"].cast(pl.Float64).to_numpy().mean() - before.mean())


def test_falls_are_counted_and_ours_are_none(trained: Trained, rows: pl.DataFrame) -> None:
    assert trained.facts["violations"] == {"pairs": 10_000, "found": 0}
    columns = columns_of(FEATURES)
    free = tuple(Column(c.name, c.group, 0) for c in columns)
    turned = Learner(matrix_of(rows, free), 1 - rows["label"].cast(pl.Int64).to_numpy(), free, QUICK, 5).fit(20)
    model = read_model("", turned.model_to_string(), columns, Calibration(1.0, 0.0))
    assert violations(model, matrix_of(rows, columns), 10_000, np.random.default_rng(0)) > 1_000


def test_reasons_hold_under_another_seed(trained: Trained) -> None:
    told = trained.facts["stability"]
    assert 0.6 < told["rank_correlation"] <= 1.0
    assert 0.6 < told["same_strongest"] <= 1.0


def test_reasons_of_noise_hold_less(rows: pl.DataFrame, trained: Trained) -> None:
    noise = rows["label"].sample(fraction=1, shuffle=True, seed=1).cast(pl.Int64).to_numpy()
    columns = columns_of(FEATURES)
    learner = Learner(matrix_of(rows, columns), noise, columns, replace(QUICK, leaves=4), 5)
    told = reasons_under_another_seed(learner, learner.fit(20), 20)
    assert told["rank_correlation"] < trained.facts["stability"]["rank_correlation"]
