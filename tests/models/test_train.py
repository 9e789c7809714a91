from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.columns import CAP, columns_of, matrix_of, without_extremes
from models.errors import ModelRefused, TrainingRefused
from models.evaluate import roc_auc
from models.folds import hashed
from models.learner import Learner
from models.report import write_report
from models.train import Boosted, Trained, fit, train
from tests.models.made_up import CAPACITY, FEATURES, QUICK, Fact, draw_rows

NAMES = [f.name for f in FEATURES]


def test_learns_what_was_planted(trained: Trained) -> None:
    fresh = draw_rows(4_000, seed=2)
    margin = trained.model.margin(matrix_of(fresh, trained.model.columns))
    label = fresh.get_column("label").to_numpy().astype(np.float64)
    assert roc_auc(label, margin) > 0.7
    metrics = trained.facts["metrics"]
    assert metrics["model"]["roc_auc"]["value"] > max(r["roc_auc"]["value"] for r in metrics["rules"].values())
    assert metrics["calibration"]["expected_error"] < 0.05
    assert trained.facts["folds"]["kind"] == "time"


def test_same_rows_in_any_order_give_the_same_bytes(rows: pl.DataFrame, trained: Trained) -> None:
    again = train(rows.sample(fraction=1, shuffle=True, seed=9), FEATURES, QUICK, 5, CAPACITY)
    assert again.text == trained.text
    assert again.facts == trained.facts
    assert train(rows, FEATURES, QUICK, 6, CAPACITY).text != trained.text


def test_any_number_of_threads_grows_the_same_trees(rows: pl.DataFrame, trained: Trained) -> None:
    text = fit(rows, FEATURES, replace(QUICK, threads=2), 5).text
    trees, parameters = text.split("\nparameters:")
    assert "[num_threads: 2]" in parameters
    assert trees == trained.text.split("\nparameters:")[0]


def test_a_model_that_learned_elsewhere_from_more_rows_is_told_of_with_them(rows: pl.DataFrame) -> None:
    asked: list[tuple[int, int, str]] = []

    def elsewhere(learner: Learner, trees: int) -> str:
        whole = replace(learner, values=matrix_of(rows, learner.columns), label=rows["label"].cast(pl.Int64).to_numpy())
        text = str(whole.fit(trees).model_to_string())
        asked.append((learner.seed, trees, without_extremes(text)))
        return text

    here = rows.filter(pl.Series(hashed(rows["household_key"].to_numpy(), 2) == 0))
    boosted = Boosted(rows.select("household_key", "selected_on", "received_on", "label"), 3, elsewhere)
    told = train(here, FEATURES, QUICK, 5, CAPACITY, boosted)
    assert asked == [(5, told.facts["trees"], told.text)]
    assert told.facts["rows"] == sum(one["rows"] for one in told.facts["rounds"]) == rows.height
    assert told.facts["boosted"]["drawn_to_judge"] == here.height
    assert set(told.judged["household_key"]) <= set(here["household_key"])
    report = write_report({"id": "m", "as_of": "2026-01-02", "training": told.facts})
    assert f"learned from all of them, in 3 parts on a cluster; the rest is from a draw of {here.height}" in report


def test_pandas_rows_are_the_same_rows(rows: pl.DataFrame, trained: Trained) -> None:
    assert train(rows.to_pandas(), FEATURES, QUICK, 5, CAPACITY).text == trained.text


def test_one_answer_is_refused(rows: pl.DataFrame) -> None:
    for only in (0, 1):
        with pytest.raises(TrainingRefused, match="say the same"):
            train(rows.with_columns(label=pl.lit(only, pl.Int8)), FEATURES, QUICK, 5)


def test_too_few_needs_are_refused(rows: pl.DataFrame) -> None:
    with pytest.raises(TrainingRefused, match="had need; 5000"):
        train(rows, FEATURES, replace(QUICK, min_positives=5_000), 5)


def test_constant_scores_are_refused(rows: pl.DataFrame) -> None:
    empty = rows.with_columns(pl.lit(None, pl.Float32).alias(name) for name in NAMES)
    with pytest.raises(TrainingRefused, match=r"same score|no better than chance"):
        train(empty, FEATURES, QUICK, 5)


def test_labels_that_contradict_the_past_are_refused(rows: pl.DataFrame) -> None:
    last = pl.col("selected_on") == rows.get_column("selected_on").max()
    planted = (pl.col("power_arrears__months_now") > 0).cast(pl.Int8)
    turned = rows.with_columns(label=pl.when(last).then(1 - planted).otherwise(planted), received_on="selected_on")
    early = turned.filter(
        pl.col("selected_on").is_in([*sorted(rows["selected_on"].unique())[:1], rows["selected_on"].max()])
    )
    with pytest.raises(TrainingRefused, match="no better than chance"):
        train(_four_rounds(early), FEATURES, QUICK, 5)


def _four_rounds(rows: pl.DataFrame) -> pl.DataFrame:
    """Only the last of four rounds can be judged: the first three lie within the gap."""
    first = rows.get_column("selected_on").min()
    old = pl.col("selected_on") == first
    days = pl.duration(days=pl.int_range(pl.len()) % 3)
    return rows.with_columns(selected_on=pl.when(old).then(pl.col("selected_on") + days).otherwise("selected_on"))


def test_a_missing_column_is_an_error(rows: pl.DataFrame) -> None:
    with pytest.raises(ModelRefused, match="wage_arrears__on_now"):
        train(rows.drop("wage_arrears__on_now"), FEATURES, QUICK, 5)


def test_a_household_twice_in_a_round_is_an_error(rows: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="twice"):
        train(pl.concat([rows, rows[:1]]), FEATURES, QUICK, 5)


@pytest.mark.parametrize("column", [f for f in FEATURES if f.monotone], ids=lambda f: f.name)
def test_more_hardship_never_lowers_a_score(trained: Trained, column: Fact) -> None:
    rng = np.random.default_rng(3)
    columns = columns_of(FEATURES)
    position = FEATURES.index(column)
    matrix = matrix_of(draw_rows(10_000, seed=4), columns)
    matrix[:, position] = np.nan_to_num(matrix[:, position])
    raised = matrix.copy()
    raised[:, position] += rng.gamma(1.0, 1.0 + np.abs(matrix[:, position]).mean(), len(matrix)).astype(np.float32)
    change = trained.model.margin(raised) - trained.model.margin(matrix)
    assert int((change * columns[position].monotone < -1e-12).sum()) == 0


def test_no_household_can_be_read_from_the_model(rows: pl.DataFrame) -> None:
    told = rows.with_columns(
        premium__level_now=pl.when(pl.int_range(pl.len()) == 7).then(987_654_321.0).otherwise("premium__level_now")
    )
    text = train(told, FEATURES, QUICK, 5).text
    infos = next(line for line in text.splitlines() if line.startswith("feature_infos="))
    assert set(infos.removeprefix("feature_infos=").split(" ")) <= {"none", f"[{-CAP:.0f}:{CAP:.0f}]"}
    assert "987654321" not in text
    assert f"{rows.select(pl.col('premium__level_now').max()).item():.0f}" not in text
