"""A trained model in memory: what scoring and explaining need, nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from models.boosting import lightgbm as lgb
from models.calibration import Calibration
from models.columns import Column, Matrix, groups_of
from models.pushes import Engine
from models.trees import Trees

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    id: str
    booster: Any  # lightgbm.Booster, which has no types
    columns: tuple[Column, ...]
    calibration: Calibration

    @cached_property
    def trees(self) -> Trees:
        """The same margins for whole columns; needed only where many rows are scored."""
        return Trees(self.booster)

    @cached_property
    def engine(self) -> Engine:
        """Pushes per group of columns; needed only where alerts are explained."""
        groups = groups_of(self.columns)
        return Engine(self.booster, [groups.index(column.group) for column in self.columns])

    @cached_property
    def expected_margin(self) -> float:
        """The margin before anything is known of a household: the trees' mean over the rows they learned from."""
        nothing = np.zeros((1, len(self.columns)), dtype=np.float32)
        contributions: Numbers = self.booster.predict(nothing, pred_contrib=True)
        return float(contributions[0, -1])

    def margin(self, matrix: Matrix) -> Numbers:
        """Log-odds before calibration; pushes add up to it."""
        if not len(matrix):
            return np.zeros(0)
        margin: Numbers = self.booster.predict(matrix, raw_score=True)
        return margin


def read_model(model_id: str, text: str, columns: Sequence[Column], calibration: Calibration) -> Model:
    """Only for text just trained here, or whose signature was verified: LightGBM's reader trusts what it reads."""
    return Model(model_id, lgb.Booster(model_str=text), tuple(columns), calibration)
