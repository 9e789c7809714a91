"""One model grown by several workers, each over the part of the rows that it read: LightGBM's data-parallel learner.

Each worker sends the others the sums over its part, never a row; every one ends with the same trees. LightGBM's own
sockets carry them, in the clear and open to whoever asks first: on one machine, or on a network that is encrypted below
(engine.train_network). A worker that dies ends the attempt for all; the next begins from the first tree.
"""

import os
import platform
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, ip_address
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import polars as pl
import psutil
from distributed import Client, Future, wait

from flows.cluster import (
    AGAIN,
    AGAIN_ALL,
    LOOPBACK,
    PATIENCE,
    Meeting,
    Told,
    WorkFailed,
    met,
    no_worker,
    refusing,
    same,
    standing,
    work_range,
)
from flows.errors import OperatorError
from flows.parts import ROWS
from flows.settings import Engine
from models.columns import Column, Matrix, matrix_of
from models.learner import Labels, Learner, Peers, TrainSettings
from store.shuffle import Shuffle

LOOK: Final = 2.0  # seconds between two looks at who is still there
GRACE: Final = 5.0  # seconds for the others to notice that one was lost; LightGBM's may wait for it for ever


@dataclass(frozen=True, slots=True)
class Work:
    """What every worker is told."""

    scratch: str
    rounds: int
    parts: int
    columns: tuple[Column, ...]
    settings: TrainSettings
    seed: int
    trees: int


@dataclass(frozen=True, slots=True, repr=False)
class Held:
    """A part in a worker's memory."""

    values: Matrix
    label: Labels

    def __sizeof__(self) -> int:
        return self.values.nbytes + self.label.nbytes


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a learner will listen."""

    place: str  # ip:port
    process: int


class Lost(Exception):  # noqa: N818  an attempt that ended without a model; the next may have one
    pass


def refuse_few(settings: Engine, parts: int) -> None:
    with met(settings) as (client, _):
        _chosen(client, parts, settings.train_network)


def boost(settings: Engine, work: Work) -> str:
    """The model's text: the same bytes for the same parts, whichever workers hold them."""
    network, ended = settings.train_network, None
    with met(settings) as (client, meeting), refusing():
        for _ in range(1 + AGAIN):
            try:
                return _attempt(client, meeting, work, network)
            except (Lost, WorkFailed) as error:
                ended = error
    if isinstance(ended, WorkFailed):
        raise ended
    cure = f"look after the workers' memory and network; {AGAIN_ALL}"
    raise OperatorError("engine", f"a worker was lost in each of {1 + AGAIN} attempts to train", cure)


def _attempt(client: Client, meeting: Meeting, work: Work, network: IPv4Network | None) -> str:
    chosen = _chosen(client, work.parts, network)
    held = _begin(client, Told(partial(load, work), meeting, standing()), chosen)
    _all(client, held, chosen)
    spots = _spots(client, chosen, network)
    learning = _begin(client, Told(partial(learn, work, spots), meeting, standing()), chosen, held)
    try:
        texts = set(_all(client, learning, chosen))
    except (Lost, WorkFailed):
        _free(client, learning, chosen)
        raise
    if len(texts) > 1:
        raise RuntimeError("the learners of one model ended with different trees")
    return str(texts.pop())


def _chosen(client: Client, parts: int, network: IPv4Network | None) -> list[str]:
    """A worker for each part. Which of them holds which part changes no byte."""
    with suppress(TimeoutError):
        client.wait_for_workers(parts, timeout=PATIENCE)
    chosen = sorted(client.nthreads())[:parts]
    if not chosen:
        raise no_worker()
    if len(chosen) < parts:
        cure = f"start {parts - len(chosen)} more, or raise model.rows_per_part"
        raise OperatorError("engine", f"to train in {parts} parts takes as many workers; {len(chosen)} are there", cure)
    if network is None and any(urlsplit(address).hostname not in LOOPBACK for address in chosen):
        what = "workers of several machines would learn together in the clear"
        raise OperatorError("engine", what, "set engine.train_network to one that is encrypted (docs/cluster.md)")
    return chosen


def _begin(client: Client, told: Told, chosen: Sequence[str], held: Sequence[Future] = ()) -> list[Future]:
    """Each on its own worker: a learner that waits for the others fills a thread."""
    step = f"training-{uuid4().hex[:8]}"
    shared = client.submit(same, told, key=f"{step}-told", pure=False, retries=AGAIN)
    return [
        client.submit(work_range, shared, part, *held[part : part + 1], key=(step, part), workers=[worker], pure=False)
        for part, worker in enumerate(chosen)
    ]


def _all(client: Client, futures: Sequence[Future], chosen: Sequence[str]) -> list[Any]:
    """Their results. Lost: a worker went away before."""
    while not any(future.status == "error" for future in futures):
        with suppress(TimeoutError):
            wait(futures, timeout=LOOK)
            return [future.result() for future in futures]
        if not set(chosen) <= set(client.nthreads()):
            raise Lost
    return [future.result() for future in futures if future.status == "error"]


def _spots(client: Client, chosen: Sequence[str], network: IPv4Network | None) -> tuple[Spot, ...]:
    told = client.run(find_spot, network, workers=list(chosen), on_error="return")
    spots = tuple(told.get(address) for address in chosen)
    for spot in spots:
        if isinstance(spot, OperatorError):
            raise spot
        if not isinstance(spot, Spot):
            raise Lost
    return spots


def _free(client: Client, learning: Sequence[Future], chosen: Sequence[str]) -> None:
    """Learners wait for one that is lost, some for ever: their workers are started anew."""
    with suppress(TimeoutError):
        wait(learning, timeout=GRACE)
    there = client.nthreads()
    stuck = [a for a, future in zip(chosen, learning, strict=True) if a in there and future.status == "pending"]
    client.cancel(list(learning), force=True)
    if not stuck:
        return
    try:
        client.restart_workers(stuck, timeout=PATIENCE)
    except (TimeoutError, ValueError):  # ValueError: without a nanny
        cure = f"start them again; {AGAIN_ALL}"
        raise OperatorError("engine", f"{', '.join(stuck)} wait for a worker that was lost", cure) from None


def load(work: Work, part: int) -> Held:
    """On a worker."""
    rows = Shuffle(work.scratch).gather(ROWS, part, range(work.rounds))
    return Held(matrix_of(rows, work.columns), rows["label"].cast(pl.Int64).to_numpy())


def find_spot(network: IPv4Network | None) -> Spot:
    """On a worker: its address on the network, and a port that was free a moment ago."""
    address = "127.0.0.1" if network is None else _address(network)
    with socket.socket() as probe:
        probe.bind((address, 0))
        return Spot(f"{address}:{probe.getsockname()[1]}", os.getpid())


def _address(network: IPv4Network) -> str:
    told = (a.address for card in psutil.net_if_addrs().values() for a in card if a.family == socket.AF_INET)
    for address in told:
        if ip_address(address) in network:
            return str(address)
    cure = "set engine.train_network to a network that all workers are in"
    raise OperatorError("engine", f"{platform.node()} has no address in {network}", cure)


def learn(work: Work, spots: Sequence[Spot], part: int, held: Held) -> str:
    """On a worker, together with the others."""
    mine = spots[part]
    if mine.process != os.getpid():
        raise ChildProcessError("a worker that came back is not waited for")
    peers = Peers(tuple(spot.place for spot in spots), int(mine.place.rpartition(":")[2]))
    learner = Learner(held.values, held.label, work.columns, work.settings, work.seed)
    return learner.fit_with(peers, work.trees)
