"""The columns a model reads: their order, their groups, their caps."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from models.errors import ModelRefused

Matrix = npt.NDArray[np.float32]

# Won, both signs. Published: a model file holds this, not the largest amount any household had; above it nobody is told
# apart. Months, days and counts stay far below.
CAP: Final = 100_000_000.0


class FeatureLike(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def monotone(self) -> int: ...
    @property
    def label_ko(self) -> str: ...


class Column(NamedTuple):
    name: str
    group: str
    monotone: int  # 1: more of it can only raise the score; -1: only lower it; 0: free


def columns_of(features: Iterable[FeatureLike]) -> tuple[Column, ...]:
    columns = tuple(Column(f.name, f.group, int(f.monotone)) for f in features)
    if len({c.name for c in columns}) != len(columns):
        raise ValueError("two features have the same name")
    return columns


def groups_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """Groups in the order in which they first appear."""
    return tuple(dict.fromkeys(c.group for c in columns))


def require(columns: Sequence[Column], given: Sequence[str]) -> None:
    """ModelRefused unless all are there."""
    there = set(given)
    if missing := [c.name for c in columns if c.name not in there]:
        raise ModelRefused(
            f"the features lack {len(missing)} of the model's {len(columns)} columns, first {missing[0]}",
            "train a new model with `blindspot retrain`: the catalogue changed since this one",
        )


def matrix_of(frame: pl.DataFrame, columns: Sequence[Column]) -> Matrix:
    """Rows x columns in the model's order, float32, within the cap, null as NaN: to train, score and explain alike."""
    require(columns, frame.columns)
    names = [c.name for c in columns]
    matrix: Matrix = np.empty((frame.height, len(names)), dtype=np.float32, order="F")
    for position, name in enumerate(names):
        values = frame.get_column(name).cast(pl.Float32).to_numpy()
        np.clip(values, -CAP, CAP, out=matrix[:, position])
    return matrix


def without_extremes(model_text: str) -> str:
    """LightGBM writes the exact smallest and largest value of every feature: put the published cap there."""
    head, rest = model_text.split("\nfeature_infos=", 1)
    infos, rest = rest.split("\n", 1)
    published = (told if told == "none" else f"[{-CAP:.0f}:{CAP:.0f}]" for told in infos.split(" "))
    return f"{head}\nfeature_infos={' '.join(published)}\n{rest}"
