import polars as pl
import pytest

from models.train import Trained, train
from tests.models.made_up import CAPACITY, FEATURES, QUICK, draw_rows


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    return draw_rows(3_000, seed=1)


@pytest.fixture(scope="session")
def trained(rows: pl.DataFrame) -> Trained:
    return train(rows, FEATURES, QUICK, seed=5, capacity=CAPACITY)
