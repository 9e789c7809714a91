"""One night of a small made-up country on a Dask cluster of this machine, and on this machine alone: byte for byte.

    python benchmarks/cluster.py show           two workers, one night, both outboxes compared
    python benchmarks/cluster.py kill           20 nights, in each of which one of two workers is killed (SIGKILL)
    python benchmarks/cluster.py kill --s3      one such night with lake and scratch in object storage
    python benchmarks/cluster.py train          models learned here and in two parts, beside each other; workers killed

Whether a worker comes back (its nanny lives) or stays away (killed with it) and when, is drawn from --seed.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.cluster_parts import Cluster, ObjectStorage, changed_checkout
from flows.engine import set_environment

NIGHT = date(2026, 11, 2)


@dataclass(frozen=True)
class Country:
    """As it was before the night: taken in, and a model deployed."""

    folder: Path

    def config(self, name: str, rows_per_part: int | None = None, **engine: Any) -> Path:
        told = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
        told["model"] |= {"trees": 60, "rows_per_part": rows_per_part}
        told["night"]["households_per_part"] = 450
        told["engine"] |= {"workers": 1} | engine
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
        return file


@dataclass(frozen=True)
class Night:
    seconds: dict[str, float]
    files: dict[str, bytes]
    scores: bytes
    ranges: int  # worked by the cluster, all steps together

    def is_as(self, other: "Night") -> bool:
        return self.files == other.files and self.scores == other.scores


def make(folder: Path, households: int) -> Country:
    from flows.desk import open_desk
    from flows.made_up import fill_inbox
    from flows.retrain import learn
    from flows.run import running
    from flows.settings import load_settings

    country = Country(folder)
    config, work = country.config("local"), folder / "before"
    settings = load_settings(config, work)
    fill_inbox(settings, settings.demo.model_copy(update={"households": households}))
    with open_desk(config, work) as desk, running(desk, "retrain", NIGHT) as run:
        if not learn(desk, run).is_deployed:
            raise SystemExit("the gate held the model back: take more households")
    return country


def work(country: Country, config: Path, then: Mapping[int, Callable[[], None]] | None = None) -> Night:
    """One night in a fresh copy of the work folder. `then`: what happens after so many ranges."""
    from flows.desk import open_desk
    from flows.nightly import work_night
    from flows.run import running

    folder = Path(shutil.copytree(country.folder / "before", country.folder / "work"))
    try:
        with counted_ranges(then or {}) as ranges, open_desk(config, folder) as desk:
            with running(desk, "nightly", NIGHT) as run:
                work_night(desk, run)
            told = [f for place in ("outbox", "explained") for f in sorted((folder / place).rglob("*"))]
            scores = desk.lake.read_scores(NIGHT).write_csv().encode()
        files = {str(f.relative_to(folder)): f.read_bytes() for f in told if f.is_file()}
        return Night(run.seconds, files, scores, next(ranges))
    finally:
        shutil.rmtree(folder)


@contextmanager
def counted_ranges(then: Mapping[int, Callable[[], None]]) -> Iterator[Iterator[int]]:
    """Yields the number of the next result of a worker of the cluster."""
    from flows import cluster

    real, numbers = cluster._result, itertools.count()

    def result(client: Any, future: Any) -> Any:
        then.get(next(numbers), lambda: None)()
        return real(client, future)

    setattr(cluster, "_result", result)  # noqa: B010  mypy keeps functions from being replaced
    try:
        yield numbers
    finally:
        setattr(cluster, "_result", real)  # noqa: B010


def show(country: Country) -> None:
    alone = work(country, country.config("local"))
    with Cluster(country.folder) as cluster:
        print(f"a scheduler and two workers at {cluster.address}")
        together = work(country, country.config("dask", kind="dask", scheduler=cluster.address))
    print(f"{'stage':24}{'here, s':>10}{'cluster, s':>12}")
    for stage in alone.seconds:
        print(f"{stage:24}{alone.seconds[stage]:10.2f}{together.seconds[stage]:12.2f}")
    if not together.is_as(alone):
        raise SystemExit("the outboxes differ")
    print(f"{len(alone.files)} files of the outbox and the scores of all households: equal, byte for byte")


def kill(country: Country, runs: int, seed: int, storage: ObjectStorage | None) -> list[dict[str, Any]]:
    alone, draw, told = work(country, country.config("local")), random.Random(seed), []
    with Cluster(country.folder) as cluster:
        refuse_changed(country, cluster)
        config = _config(country, cluster, storage, "whole")
        whole = work(country, config)
        if not whole.is_as(alone):
            raise SystemExit("a night that nobody disturbed differs")
        for number in range(1, runs + 1):
            after, delay, with_nanny = draw.randrange(whole.ranges), draw.uniform(0, 0.3), draw.random() < 0.5
            killer = threading.Timer(delay, cluster.kill, (draw.randrange(2), with_nanny))
            config = _config(country, cluster, storage, f"run-{number}")
            night = work(country, config, {after: killer.start})
            killer.join()
            fact = {"run": number, "killed_after_ranges": after, "of": night.ranges, "and_s": round(delay, 2),
                    "with_nanny": with_nanny, "equal": night.is_as(alone)}  # fmt: skip
            told.append(fact)
            print(json.dumps(fact), flush=True)
            cluster.mend()
    return told


def train_in_parts(country: Country, seeds: int) -> None:
    from benchmarks.cluster_training import compare, train_whole
    from flows.desk import open_desk
    from flows.retrain import reviewed
    from flows.run import running

    folder = Path(shutil.copytree(country.folder / "before", country.folder / "work"))
    try:
        with Cluster(country.folder) as cluster:
            places: dict[str, Any] = {"kind": "dask", "scheduler": cluster.address}
            with open_desk(country.config("beside", **places), folder) as desk:
                wrong, rows = compare(desk, NIGHT, seeds, cluster), reviewed(desk, NIGHT).height
            half = country.config("whole", rows_per_part=-(-rows // 2), **places)
            with open_desk(half, folder) as desk, running(desk, "retrain", NIGHT) as run:
                wrong += train_whole(desk, run)
    finally:
        shutil.rmtree(folder)
    if wrong:
        raise SystemExit("\n".join(["", "wrong:", *wrong]))
    print("models learned in parts: as good as here within the bounds, monotone, and the same whoever dies")


def refuse_changed(country: Country, cluster: Cluster) -> None:
    """A worker of another checkout is refused before the first range."""
    from flows.errors import OperatorError

    with cluster.one_more(changed_checkout(country.folder / "changed")):
        try:
            work(country, country.config("changed", kind="dask", scheduler=cluster.address))
        except OperatorError as error:
            if "other code than ours" not in str(error):
                raise
            print(f"refused, as it should be: {error}", flush=True)
            return
    raise SystemExit("a worker with other code was let in")


def _config(country: Country, cluster: Cluster, storage: ObjectStorage | None, name: str) -> Path:
    places: dict[str, Any] = {} if storage is None else storage.places(name, country.folder / "before" / "lake")
    return country.config(name, kind="dask", scheduler=cluster.address, **places)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("show", "kill", "train"))
    parser.add_argument("--households", type=int, default=3000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=4, help="train: models of each kind")
    parser.add_argument("--s3", action="store_true", help="lake and scratch in object storage on loopback")
    parser.add_argument("--country", type=Path, help="keep the country here, or take the one that is there")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        folder = Path(name)
        set_environment(folder)
        os.umask(0o077)
        country = Country(wanted.country) if wanted.country else make(folder, wanted.households)
        if wanted.what == "show":
            show(country)
            return
        if wanted.what == "train":
            train_in_parts(country, wanted.seeds)
            return
        with ObjectStorage(folder) if wanted.s3 else nullcontext() as storage:
            told = kill(country, wanted.runs, wanted.seed, storage)
    equal = sum(fact["equal"] for fact in told)
    print(f"{equal} of {len(told)} nights with a killed worker: equal to one machine, byte for byte")
    raise SystemExit(equal < len(told))


if __name__ == "__main__":
    main()
