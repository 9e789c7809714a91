import math
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.errors import EXIT_CODES, OperatorError
from flows.settings import Engine, load_settings
from flows.workers import open_workers
from models.errors import ScoresRefused, TrainingRefused
from store.faults import StoreError

ROOT = Path(__file__).parent.parent.parent


def engine(**told: Any) -> Engine:
    whole: dict[str, Any] = {
        "kind": "local",
        "workers": 1,
        "scheduler": None,
        "lake": None,
        "scratch": None,
        "standstill_minutes": 1.0,
    }
    return Engine(**(whole | told))


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_ranges(workers: int) -> None:
    with open_workers(engine(workers=workers), 9) as hands:
        assert list(hands.map(math.factorial, 9, "counting")) == [math.factorial(n) for n in range(9)]


def test_one_piece_of_work_is_done_here_and_several_elsewhere() -> None:
    with open_workers(engine(workers=2), 9) as hands:
        assert list(hands.map(where, 1, "looking")) == [os.getpid()]
        assert os.getpid() not in set(hands.map(where, 2, "looking"))


def where(_: int) -> int:
    return os.getpid()


@pytest.mark.parametrize(
    "error",
    [
        OperatorError("stale", "a", "b"),
        StoreError("lake", "a", "b"),
        TrainingRefused("a", "b"),
        ScoresRefused("a", "b"),
    ],
)
def test_a_refusal_comes_out_of_another_process_whole(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_a_cluster_without_its_extra_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "flows.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(OperatorError, match="extra `cluster`") as told, open_workers(engine(kind="dask"), 2):
        pass
    assert told.value.exit_code == EXIT_CODES["engine"]


@pytest.fixture
def settings_of(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    def load(**told: str) -> Engine:
        whole = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
        whole["engine"] |= told
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
        return load_settings(tmp_path / "config.yaml", tmp_path / "work").engine

    yield load


def test_places_are_told_in_full_because_workers_stand_elsewhere(
    settings_of: Callable[..., Engine], tmp_path: Path
) -> None:
    assert settings_of().places == (f"{tmp_path}/work/lake", f"{tmp_path}/work/scratch")
    assert settings_of(lake="shared/lake").places[0] == f"{tmp_path}/shared/lake"
    assert settings_of(scratch="s3://bucket/scratch").places[1] == "s3://bucket/scratch"
