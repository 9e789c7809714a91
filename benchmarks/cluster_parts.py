"""Scheduler, workers and object storage on loopback, as processes of their own; all of them end with the `with`."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import psutil
import pyarrow.fs as pafs

from flows.run import CODE, ROOT

BIN = Path(sys.executable).parent
# As docs/cluster.md says: a core per worker, nothing of a household on a worker's disk, patience with bad machines.
ENVIRONMENT = {
    "POLARS_MAX_THREADS": "1",
    "DASK_DISTRIBUTED__WORKER__MEMORY__TARGET": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "False",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "5",
    "DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "0",
}
BUCKET = "country"


class Cluster:
    """A scheduler and two workers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = folder / "scheduler.json"
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Cluster":
        self._told.unlink(missing_ok=True)
        told = [
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            "--dashboard-address",
            "127.0.0.1:0",
        ]
        self._start([*told, "--scheduler-file", str(self._told)])
        self._workers = [self._worker(), self._worker()]
        self.address = self._wait_for(2)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            _kill_group(process)

    def kill(self, number: int, with_nanny: bool) -> None:
        nanny = self._workers[number]
        if with_nanny:
            _kill_group(nanny)
            return
        for child in psutil.Process(nanny.pid).children(recursive=True):
            child.kill()

    def mend(self) -> None:
        self._workers = [worker if worker.poll() is None else self._worker() for worker in self._workers]
        self._wait_for(2)

    @contextmanager
    def one_more(self, checkout: Path) -> Iterator[None]:
        worker = self._worker(PYTHONPATH=str(checkout))
        try:
            self._wait_for(3)
            yield
        finally:
            _kill_group(worker)
            self._wait_for(2)

    def _worker(self, **environment: str) -> "subprocess.Popen[bytes]":
        told = ["worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--memory-limit", "4GB"]
        places = ["--scheduler-file", str(self._told), "--local-directory", str(self._folder / "dask")]
        return self._start([*told, *places], **environment)

    def _start(self, command: list[str], **environment: str) -> "subprocess.Popen[bytes]":
        with (self._folder / "dask.log").open("ab") as log:
            process = subprocess.Popen(
                [BIN / "dask", *command], env=os.environ | ENVIRONMENT | environment, cwd=self._folder,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._running.append(process)
        return process

    def _wait_for(self, workers: int) -> str:
        from distributed import Client

        _until(self._told.exists)
        with Client(scheduler_file=str(self._told), timeout=60, set_as_default=False) as client:
            _until(lambda: len(client.nthreads()) == workers)
            return str(client.scheduler.address)


class ObjectStorage:
    """moto's server. Each of the three clients (deltalake, Polars, pyarrow) reads the same variables."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "storage.log"

    def __enter__(self) -> "ObjectStorage":
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                [BIN / "moto_server", "--host", "127.0.0.1", "--port", "0"], stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        _until(lambda: b"Running on http" in self._log.read_bytes())
        port = self._log.read_text().split("Running on http://127.0.0.1:")[1].split()[0]
        self._before = dict(os.environ)
        os.environ |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        return self

    def __exit__(self, *_: object) -> None:
        os.environ.clear()
        os.environ.update(self._before)
        _kill_group(self._server)

    def places(self, name: str, lake: Path) -> dict[str, str]:
        """A copy of the lake, and a scratch folder, of their own."""
        pafs.copy_files(str(lake), f"s3://{BUCKET}/{name}/lake")
        return {"lake": f"s3://{BUCKET}/{name}/lake", "scratch": f"s3://{BUCKET}/{name}/scratch"}


def changed_checkout(folder: Path) -> Path:
    """Ours, but for one line of no effect."""
    shutil.rmtree(folder, ignore_errors=True)
    for room in CODE:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "features" / "ranges.py").open("a") as file:
        file.write("# another commit\n")
    return folder


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


def _until(is_so: Callable[[], bool], seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            raise SystemExit("what should have come up did not")
        time.sleep(0.1)
