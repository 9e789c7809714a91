"""Yardsticks that are too easy would flatter the model: each must learn what was planted."""

import numpy as np
import polars as pl
import pytest

from models.columns import columns_of, matrix_of
from models.contenders import CONTENDERS, judge_contenders
from models.evaluate import roc_auc
from models.folds import split
from models.learner import Learner
from models.train import Trained
from tests.models.made_up import FEATURES, QUICK


def test_each_ranks_households_it_had_not_seen(rows: pl.DataFrame, trained: Trained) -> None:
    ordered = rows.sort("selected_on", "household_key")
    columns, label = columns_of(FEATURES), ordered["label"].cast(pl.Int64).to_numpy()
    learner = Learner(matrix_of(ordered, columns), label, columns, QUICK, 5)
    told = judge_contenders(learner, split(ordered, QUICK.gap_days))
    assert set(told) == {c.code for c in CONTENDERS} == set(trained.facts["metrics"]["contenders"])
    for code, margin in told.items():
        seen = np.isfinite(margin)
        assert seen.sum() == trained.judged.height
        auc = roc_auc(label[seen].astype(np.float64), margin[seen])
        assert auc > 0.65
        assert trained.facts["metrics"]["contenders"][code]["roc_auc"]["value"] == pytest.approx(auc)


def test_every_window_tells_every_order(trained: Trained) -> None:
    metrics = trained.facts["metrics"]
    orders = {"model", *metrics["rules"], *metrics["contenders"]}
    assert [w["judged_on"] for w in metrics["windows"]] == [w["judged_on"] for w in trained.facts["folds"]["windows"]]
    assert all(set(w["precision"]) == set(w["roc_auc"]) == orders for w in metrics["windows"])
    assert metrics["calibration"]["kind"] == "out_of_time"
    assert set(metrics["precision_over"]) == orders - {"model"}
    assert {"best_last", "best_mean", "always_model", "always_logistic"} <= set(metrics["regret"])
