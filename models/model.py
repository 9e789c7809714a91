"""A trained model in memory: what scoring and explaining need, nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.calibration import Calibration
from models.columns import Column, Matrix
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

    def margin(self, matrix: Matrix) -> Numbers:
        """Log-odds before calibration; pushes add up to it."""
        if not len(matrix):
            return np.zeros(0)
        margin: Numbers = self.booster.predict(matrix, raw_score=True)
        return margin


def read_model(model_id: str, text: str, columns: Sequence[Column], calibration: Calibration) -> Model:
    """Only for text just trained here, or whose signature was verified: LightGBM's reader trusts what it reads."""
    return Model(model_id, lgb.Booster(model_str=text), tuple(columns), calibration)
