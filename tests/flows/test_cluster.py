"""Ranges on a Dask cluster: here its workers are threads of this process; `make cluster-test` kills real ones."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from distributed import Client, LocalCluster
from distributed.comm import CommClosedError

from flows import cluster as ours
from flows.cluster import Meeting, Seen, Standing, Told, WorkFailed, on_cluster, standing, work_range
from flows.errors import OperatorError
from flows.settings import Engine
from store.faults import StoreError
from store.shuffle import Shuffle
from tests.flows.clusters import local

NAME = "가나다-900101"  # what an error's text may hold

Map = Callable[[Callable[[int], Any], range], Iterator[Any]]


def at(engine: Engine, cluster: LocalCluster) -> Engine:
    return engine.model_copy(update={"scheduler": cluster.scheduler_address})


@pytest.fixture
def over(engine: Engine) -> Iterator[Map]:
    with on_cluster(engine) as run:
        yield run


worked: list[int] = []  # by the workers, which are threads of ours


def note(part: int) -> int:
    worked.append(part)
    time.sleep(0.02)
    return part * part


def slow_first(part: int) -> int:
    time.sleep(0.4 if part == 0 else 0.0)
    return part * 10


def test_results_come_in_the_order_of_the_ranges_whichever_is_done_first(over: Map) -> None:
    assert list(over(slow_first, range(20))) == [part * 10 for part in range(20)]


def test_few_ranges_are_handed_out_at_a_time(over: Map) -> None:
    worked.clear()
    results = over(note, range(50))
    next(results)
    time.sleep(0.5)
    assert len(worked) <= 2 * ours.AHEAD
    list(results)
    assert sorted(worked) == list(range(50))


def once(folder: Path, part: int) -> int:
    """Fails the first time."""
    mark = folder / f"{part}"
    if not mark.exists():
        mark.touch()
        raise OSError("storage is busy")
    return part


def test_a_range_that_failed_is_begun_again(over: Map, tmp_path: Path) -> None:
    assert list(over(partial(once, tmp_path), range(4))) == [0, 1, 2, 3]


def fail(name: str, part: int) -> int:
    raise ValueError(f"{name} has no address")


def test_neither_errors_nor_logs_tell_what_was_worked_on(over: Map, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(WorkFailed) as told:
        list(over(partial(fail, NAME), range(3)))
    assert "Compute Failed" in caplog.text and "fail-" in caplog.text
    assert NAME not in caplog.text
    assert NAME not in repr(Told(partial(fail, NAME), Meeting("place", "word"), standing()))
    assert NAME not in str(told.value)
    assert "ValueError" in str(told.value) and "test_cluster.py" in str(told.value)


def refuse(part: int) -> int:
    raise StoreError("lake", "the lake is gone", "restore it")


def test_a_refusal_on_a_worker_is_the_refusal_of_the_night(over: Map) -> None:
    with pytest.raises(StoreError, match="the lake is gone -> restore it"):
        list(over(refuse, range(3)))


def test_files_that_workers_write_are_their_owners(over: Map) -> None:
    before = os.umask(0o022)
    try:
        list(over(abs, range(1)))
        assert os.umask(0o022) == 0o077
    finally:
        os.umask(before)


def leave(folder: Path, part: int) -> int:
    (folder / uuid4().hex).touch()
    return part * part


@pytest.mark.timeout(120)
def test_what_a_killed_worker_held_is_worked_again(engine: Engine, tmp_path: Path) -> None:
    """Processes this time. One of two is killed with results that nobody has fetched."""
    folder = tmp_path / "worked"
    folder.mkdir()
    standing.cache_clear()  # code that was edited since the first test is what a new process loads
    with local(2, processes=True) as passing, on_cluster(at(engine, passing)) as over:
        results = over(partial(leave, folder), range(30))
        told = [next(results)]
        while len(list(folder.iterdir())) < 2 * ours.AHEAD:
            time.sleep(0.1)
        with Client(passing, set_as_default=False) as client:
            held = {address: len(keys) for address, keys in client.has_what().items()}
        holder = next(n for n in passing.workers.values() if n.worker_address == max(held, key=held.__getitem__))
        os.kill(holder.pid, signal.SIGKILL)
        told += results
    assert told == [part * part for part in range(30)]
    assert len(list(folder.iterdir())) > 30


def test_another_checkout_or_library_is_refused_by_name() -> None:
    mine = standing()
    ours._refuse_others(mine, {"tcp://a:1": mine})
    other = replace(mine, code="0" * 64)
    newer = Standing(mine.code, tuple((name, "99" if name == "polars" else told) for name, told in mine.libraries))
    for theirs, what in ((other, "tcp://a:2 runs other code"), (newer, "tcp://a:2 runs polars 99 for")):
        with pytest.raises(OperatorError, match=what):
            ours._refuse_others(mine, {"tcp://a:1": mine, "tcp://a:2": theirs})
    with pytest.raises(OperatorError, match="ModuleNotFoundError"):
        ours._refuse_others(mine, {"tcp://a:1": ModuleNotFoundError("flows")})


def test_a_worker_that_joins_later_with_other_code_or_elsewhere_works_nothing(tmp_path: Path) -> None:
    worked.clear()
    there = Meeting(f"{tmp_path}/meeting", "a word")
    with pytest.raises(OperatorError, match="other code than ours"):
        work_range(Told(note, there, Standing("another", standing().libraries)), 3)
    for word in (None, "of another night"):
        if word:
            Shuffle(there.place).keep("word", 0, pl.DataFrame({"word": [word]}))
        with pytest.raises(OperatorError, match="does not see what we see"):
            work_range(Told(note, replace(there, word=f"{word}, sought"), standing()), 3)
    assert worked == []
    Shuffle(there.place).keep("word", 0, pl.DataFrame({"word": ["a word"]}))
    assert work_range(Told(note, there, standing()), 3) == 9


def test_every_worker_is_looked_at_before_the_first_range(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ours, "look", lambda *_: Seen("of another folder", {}))
        with pytest.raises(OperatorError, match="does not see what we see"), on_cluster(engine):
            pass
    real = standing()

    def other() -> Standing:
        return real if threading.current_thread() is threading.main_thread() else Standing("theirs", real.libraries)

    monkeypatch.setattr(ours, "standing", other)
    with pytest.raises(OperatorError, match="other code than ours"), on_cluster(engine):
        pass


def test_a_worker_that_dies_when_asked_is_left_out(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., dict[str, Any]] = Client.run

    def run(self: Client, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return real(self, *args, **kwargs) | {"tcp://127.0.0.1:1": CommClosedError("gone")}

    monkeypatch.setattr(Client, "run", run)
    with on_cluster(engine) as over:
        assert list(over(abs, range(3))) == [0, 1, 2]


def test_nothing_of_a_country_is_spoken_in_the_clear() -> None:
    for address in ("tcp://10.0.0.5:8786", "tcp://scheduler:8786", "ws://scheduler:8786"):
        with pytest.raises(OperatorError, match="in the clear"):
            ours._checked(address)
    for address in ("tls://scheduler:8786", "tcp://127.0.0.1:8786", "tcp://[::1]:8786"):
        assert ours._checked(address) == address
    with pytest.raises(OperatorError, match="no scheduler is named"):
        ours._checked(None)


def test_a_scheduler_without_workers_is_not_waited_for_all_night(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "PATIENCE", 0.2)
    with local(0) as empty, pytest.raises(OperatorError, match="has had no worker"), on_cluster(at(engine, empty)):
        pass


def test_no_scheduler_at_all_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "CONNECT", 0.3)
    nowhere = engine.model_copy(update={"scheduler": "tcp://127.0.0.1:9"})
    with pytest.raises(OperatorError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"), on_cluster(nowhere):
        pass
