"""Other recipes, tried for as long as somebody is willing to wait: seeded, resumable, judged as every model is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import optuna

from models.evaluate import average_precision
from models.folds import Folds
from models.learner import Learner, TrainSettings, try_out

# Small on purpose: around these the real and the made-up data are flat, and trees must stay cheap to explain.
LEAVES: Final = (8, 16, 24, 32)
DEPTH: Final = (3, 6)
LEARNING_RATE: Final = (0.02, 0.1)
LEAF_ROWS: Final = (20, 100)
COLUMN_SHARE: Final = (0.1, 0.6)
ROW_SHARE: Final = (0.6, 1.0)
RIDGE: Final = (0.1, 50.0)

Progress = Callable[[int, float, float], None]  # trials done, the newest's worth, the best so far


def search(
    learner: Learner, folds: Folds, study: optuna.Study, is_time_left: Callable[[], bool], tell: Progress
) -> TrainSettings:
    """The best recipe of the study: the usual one first, then what Optuna proposes, until the time is over. A trial
    that was begun is ended. `study` maximises; one that is handed in again goes on where it stopped."""
    if not study.trials:
        study.enqueue_trial(_usual(learner.settings))
    while is_time_left():
        trial = study.ask()
        worth = _worth(replace(learner, settings=_proposed(trial, learner.settings)), folds)
        study.tell(trial, worth)
        tell(len(study.trials), worth, study.best_value)
    return settings_from(study, learner.settings)


def settings_from(study: optuna.Study, usual: TrainSettings) -> TrainSettings:
    """The usual recipe where nothing was tried to its end."""
    if not any(t.state.is_finished() and t.value is not None for t in study.trials):
        return usual
    return replace(usual, **study.best_params)


def _usual(settings: TrainSettings) -> dict[str, float]:
    names = ("leaves", "depth", "learning_rate", "leaf_rows", "column_share", "row_share", "ridge")
    return {name: getattr(settings, name) for name in names}


def _proposed(trial: optuna.Trial, usual: TrainSettings) -> TrainSettings:
    return replace(
        usual,
        leaves=trial.suggest_categorical("leaves", LEAVES),
        depth=trial.suggest_int("depth", *DEPTH),
        learning_rate=trial.suggest_float("learning_rate", *LEARNING_RATE, log=True),
        leaf_rows=trial.suggest_int("leaf_rows", *LEAF_ROWS, log=True),
        column_share=trial.suggest_float("column_share", *COLUMN_SHARE),
        row_share=trial.suggest_float("row_share", *ROW_SHARE),
        ridge=trial.suggest_float("ridge", *RIDGE, log=True),
    )


def _worth(learner: Learner, folds: Folds) -> float:
    """Mean average precision over the windows: finer than precision at capacity, and of the same kind."""
    _, margin = try_out(learner, folds)
    label = learner.label.astype(np.float64)
    return float(np.mean([average_precision(label[fold.test], margin[fold.test]) for fold in folds.folds]))


def new_study(seed: int, storage: optuna.storages.BaseStorage | None, name: str) -> optuna.Study:
    """`name`: of rows, columns and code, so that another question never goes on where this one stopped. The same seed
    proposes the same recipes; after an interruption, others than it would have without one."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=8)
    return study
