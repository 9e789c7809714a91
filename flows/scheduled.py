"""What the schedule of prefect.yaml starts. Prefect keeps what a run was told and how it ended: days, paths and counts.

The day is the one the run was scheduled for, in Seoul, however late it begins. Heavy rooms are imported only where
there is something to do.
"""

import sys
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.desk import glance, open_desk
from flows.done import done_night
from flows.engine import Broken
from flows.notify import watching
from flows.refusals import as_operator_error
from flows.schedule import SEOUL
from store import ledger


@flow(name="nightly", persist_result=False, log_prints=False)
def nightly(config: str, work: str) -> State[Any]:
    return _told(_night, config, work)


@flow(name="retrain", persist_result=False, log_prints=False)
def retrain(config: str, work: str) -> State[Any]:
    return _told(_training, config, work)


@flow(name="retain", persist_result=False, log_prints=False)
def retain(config: str, work: str) -> State[Any]:
    return _told(_retention, config, work)


def _night(day: date, config: Path, work: Path) -> str:
    with watching(config, work, "nightly", day):  # the flow watches over all the rest
        seen = glance(config, work)
    try:
        if done := done_night(seen, day):
            return f"{done.id} was done already; nothing was changed"
    finally:
        seen.engine.dispose()
    from flows.nightly import nightly as whole

    night = whole.fn(day, str(config), str(work))
    opened, new = (sum(getattr(office, name) for office in night.offices) for name in ("open", "new"))
    return f"{night.run}: {night.households:,} households, {opened:,} open alerts, {new:,} new"


def _training(day: date, config: Path, work: Path) -> str:
    with watching(config, work, "retrain", day):  # the flow watches over all the rest
        seen = glance(config, work)
    try:
        if done := ledger.find_done(seen.engine, "retrain", day):
            return f"{done.id} was done already; nothing was changed"
    finally:
        seen.engine.dispose()
    from flows.retrain import retrain as whole

    trained = whole.fn(day, str(config), str(work))
    return f"{trained.model} {'is deployed' if trained.is_deployed else 'is not deployed'}: {trained.why}"


def _retention(day: date, config: Path, work: Path) -> str:
    from flows.retention import retain as drop

    with open_desk(config, work) as desk:
        proofs = [one for one in drop(desk, day) if one.proof]
    rows, files = (sum(one.counts[at] for one in proofs) for at in (1, 0))
    return f"{len(proofs)} classes of data held what was too old: {rows:,} rows and {files:,} files destroyed"


def _told(work_day: Callable[[date, Path, Path], str], config: str, work: str) -> State[Any]:
    """A refusal in the operator's words; of a bug its kind alone, for its text may hold a value of a person."""
    at = flow_run.scheduled_start_time.astimezone(SEOUL)
    day = date(at.year, at.month, at.day)  # a plain one: Prefect's own kind is refused by the journal
    try:
        return Completed(message=f"{day} · {work_day(day, Path(config), Path(work))}")
    except Exception as told:
        error = told.__cause__ if isinstance(told, Broken) and told.__cause__ else told
        refused = as_operator_error(error)
        if refused is None:
            # Into the journal: where it broke, and again without the text.
            frames = "".join(traceback.format_tb(error.__traceback__))
            sys.stderr.write(f"{frames}{type(error).__name__}\n")
            return Failed(message=f"{day} · failed: {type(error).__name__}")
        sys.stderr.write(f"Refused ({refused.kind}): {refused.what}\nWhat to do: {refused.cure}\n")
        return Failed(message=f"{day} · refused ({refused.kind}): {refused.what} → {refused.cure}")
