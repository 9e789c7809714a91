"""Two workers on Dask, for the tests of what runs there."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.settings import Engine

if TYPE_CHECKING:  # heavy: loaded only where it is asked for
    from distributed import LocalCluster


@pytest.fixture(scope="module")
def dask() -> "Iterator[LocalCluster]":
    from tests.flows.clusters import local

    with local(2) as cluster:
        yield cluster


@pytest.fixture
def engine(dask: "LocalCluster", tmp_path: Path) -> Engine:
    lake, scratch = str(tmp_path / "lake"), str(tmp_path / "scratch")
    return Engine(
        kind="dask", workers=1, scheduler=dask.scheduler_address, lake=lake, scratch=scratch, standstill_minutes=1
    )
