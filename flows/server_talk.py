"""What `blindspot serve` asks of Prefect's server. Imported once the environment names that server."""

import subprocess
import sys
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Crashed, Scheduled
from prefect.workers.process import ProcessWorker

from flows.errors import OperatorError
from flows.schedule import FILE, NIGHTLY, SEOUL

POOL = "blindspot"
AT_WORK = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
WAITING = (StateType.SCHEDULED,)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def deploy() -> None:
    """The work pool, and the deployments of prefect.yaml. Again and again: what is there is brought up to date."""
    with get_client(sync_client=True) as client:
        template = ProcessWorker.get_default_base_job_template()
        pool = WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template)
        client.create_work_pool(pool, overwrite=True)
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(FILE)]
    told = subprocess.run(command, cwd=FILE.parent, capture_output=True, text=True, check=False)
    if told.returncode:
        last = " ".join((told.stderr or told.stdout).split())[-300:]
        raise OperatorError("serve", f"prefect.yaml cannot be deployed: {last}", "mend prefect.yaml, then start again")


def crash_unfinished() -> int:
    """No worker and no run of ours is alive: what Prefect still believes to be at work was killed."""
    with get_client(sync_client=True) as client:
        runs = _runs(client, AT_WORK)
        for run in runs:
            client.set_flow_run_state(run.id, Crashed(message="its process was gone"), force=True)
    return len(runs)


def gone(alive: Collection[str]) -> set[str]:
    """Runs that Prefect believes to be running, and that have no process: they ended while it could not be told."""
    with get_client(sync_client=True) as client:
        return {str(run.id) for run in _runs(client, (StateType.RUNNING, StateType.CANCELLING))} - set(alive)


def crash(runs: Iterable[str]) -> None:
    with get_client(sync_client=True) as client:
        for run in runs:
            client.set_flow_run_state(UUID(run), Crashed(message="its process was gone"), force=True)


def skip_superseded(due: datetime) -> int:
    """Nights that were missed while a later one is due already: a queue for a day that is over helps nobody."""
    with get_client(sync_client=True) as client:
        late = [run for run in _runs(client, WAITING, NIGHTLY) if _day(run) < due.astimezone(SEOUL).date()]
        for run in late:
            state: State[Any] = Cancelled(name="Skipped", message=f"the night of {due:%Y-%m-%d} is due already")
            client.set_flow_run_state(run.id, state, force=True)
    return len(late)


def begin_again(due: datetime) -> bool:
    """The night that was due then, once more. False: it waits or works already."""
    with get_client(sync_client=True) as client:
        if any(_day(run) == due.astimezone(SEOUL).date() for run in _runs(client, (*AT_WORK, *WAITING), NIGHTLY)):
            return False
        found = client.read_deployment_by_name(f"{NIGHTLY}/{NIGHTLY}")
        client.create_flow_run_from_deployment(found.id, state=Scheduled(scheduled_time=due), tags=["again"])
    return True


def _runs(client: SyncPrefectClient, states: tuple[StateType, ...], *names: str) -> list[FlowRun]:
    """The oldest 200; of the deployments of these names, or of all."""
    of_state = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))))
    named = DeploymentFilter(name=DeploymentFilterName(any_=list(names))) if names else None
    return client.read_flow_runs(
        flow_run_filter=of_state, deployment_filter=named, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=200
    )


def _day(run: FlowRun) -> date:
    when = run.expected_start_time
    return date.max if when is None else when.astimezone(SEOUL).date()
