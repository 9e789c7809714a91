import numpy as np
import polars as pl
import pytest

from models.errors import ModelRefused, ScoresRefused
from models.score import ENOUGH_TO_JUDGE, refuse_constant, score
from models.train import Trained
from tests.models.made_up import FEATURES


def test_one_row_a_household_in_order(trained: Trained, rows: pl.DataFrame) -> None:
    scores = score(trained.model, rows)
    assert scores.columns == ["household_key", "margin", "probability"]
    assert scores.get_column("household_key").is_sorted()
    assert scores.get_column("probability").is_between(0, 1).all()
    assert scores.equals(score(trained.model, rows.sample(fraction=1, shuffle=True, seed=1)))
    by_margin = scores.sort("margin", "probability").get_column("probability")
    assert by_margin.is_sorted()


def test_the_label_and_the_round_change_no_score(trained: Trained, rows: pl.DataFrame) -> None:
    bare = rows.select("household_key", *(f.name for f in FEATURES))
    assert score(trained.model, bare).equals(score(trained.model, rows))


def test_null_and_nan_are_the_same_unknown(trained: Trained, rows: pl.DataFrame) -> None:
    nulls = rows.with_columns(pl.col("gas_cut__count_180d").fill_nan(None))
    assert score(trained.model, nulls).equals(score(trained.model, rows))


def test_nobody_to_score_is_no_error(trained: Trained, rows: pl.DataFrame) -> None:
    assert score(trained.model, rows.clear()).height == 0


def test_constant_scores_are_refused(trained: Trained, rows: pl.DataFrame) -> None:
    same = rows.with_columns(pl.lit(1.0, pl.Float32).alias(f.name) for f in FEATURES)
    assert score(trained.model, same[: ENOUGH_TO_JUDGE - 1]).height == ENOUGH_TO_JUDGE - 1
    with pytest.raises(ScoresRefused, match="same score"):
        score(trained.model, same[:ENOUGH_TO_JUDGE])
    with pytest.raises(ScoresRefused, match="same score"):
        refuse_constant(score(trained.model, same[:2]))


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ScoresRefused, match="not a number"):
        refuse_constant(pl.DataFrame({"margin": [0.1, np.nan]}))


def test_a_household_twice_is_refused(trained: Trained, rows: pl.DataFrame) -> None:
    with pytest.raises(ScoresRefused, match="twice"):
        score(trained.model, pl.concat([rows[:3], rows[:1]]))


def test_a_missing_column_is_refused(trained: Trained, rows: pl.DataFrame) -> None:
    with pytest.raises(ModelRefused, match="premium__level_now"):
        score(trained.model, rows.drop("premium__level_now"))
