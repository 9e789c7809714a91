from pathlib import Path

import optuna
import polars as pl
import pytest

from models.columns import columns_of, matrix_of
from models.folds import Folds, split
from models.learner import Learner
from models.search import new_study, search
from tests.models.made_up import FEATURES, QUICK


@pytest.fixture
def bench(rows: pl.DataFrame) -> tuple[Learner, Folds]:
    ordered = rows.sort("selected_on", "household_key")[:1_500]
    columns, label = columns_of(FEATURES), ordered["label"].cast(pl.Int64).to_numpy()
    return Learner(matrix_of(ordered, columns), label, columns, QUICK, 5), split(ordered, QUICK.gap_days)


def trials(count: int) -> list[bool]:
    return [True] * count + [False]


def run(bench: tuple[Learner, Folds], study: optuna.Study, count: int) -> list[tuple[int, float, float]]:
    left, told = iter(trials(count)), []
    search(*bench, study, lambda: next(left), lambda *figures: told.append(figures))
    return told


def test_the_usual_recipe_comes_first_and_the_best_one_is_taken(bench: tuple[Learner, Folds]) -> None:
    study = new_study(1, None, "a")
    told = run(bench, study, 4)
    assert [number for number, _, _ in told] == [1, 2, 3, 4]
    first = study.trials[0].params
    assert (first["leaves"], first["depth"], first["ridge"]) == (QUICK.leaves, QUICK.depth, QUICK.ridge)
    found = search(*bench, study, lambda: False, lambda *_: None)
    assert found.leaf_rows == study.best_params["leaf_rows"]
    assert told[-1][2] == max(worth for _, worth, _ in told) >= told[0][1]
    assert found.trees == QUICK.trees


def test_the_same_seed_tries_the_same(bench: tuple[Learner, Folds]) -> None:
    one, other, third = (new_study(seed, None, "a") for seed in (1, 1, 2))
    assert run(bench, one, 3) == run(bench, other, 3) != run(bench, third, 3)


def test_a_study_goes_on_where_it_stopped(bench: tuple[Learner, Folds], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    run(bench, new_study(1, optuna.storages.RDBStorage(url), "a"), 2)
    again = new_study(1, optuna.storages.RDBStorage(url), "a")
    assert [number for number, *_ in run(bench, again, 1)] == [3]
    assert len({trial.params["ridge"] for trial in again.trials}) == 3
    assert not new_study(1, optuna.storages.RDBStorage(url), "b").trials


def test_without_time_the_usual_recipe_stays(bench: tuple[Learner, Folds]) -> None:
    assert search(*bench, new_study(1, None, "a"), lambda: False, lambda *_: None) == QUICK
