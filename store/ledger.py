"""Runs and their stages: what was done, with what. Cheap to import: it decides before heavy rooms are loaded."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from store.database import reading, writing
from store.tables import Run, Stage

Kind = Literal["nightly", "retrain", "demo"]
End = Literal["done", "refused", "failed"]
PUBLISH: Final = "publish"  # the stage that ends in what people see


def run_id(kind: Kind, as_of: date, inputs: str, settings: str, code: str) -> str:
    """The same night on the same inputs is the same run, however often it is begun."""
    told = "|".join((kind, as_of.isoformat(), inputs, settings, code))
    return f"{kind}-{as_of:%Y%m%d}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def start(
    engine: Engine, kind: Kind, as_of: date, *, inputs: str, settings: str, code: str, now: datetime, model: str = ""
) -> Run:
    """Open a run, or open it again after it was killed or refused. One that is done comes back unchanged."""
    wanted = run_id(kind, as_of, inputs, settings, code)
    with writing(engine) as session:
        run = session.get(Run, wanted)
        if run is None:
            run = Run(
                id=wanted, kind=kind, as_of=as_of, started_at=now, state="running",
                inputs=inputs, settings=settings, code=code, model=model or None,
            )  # fmt: skip
            session.add(run)
        elif run.state != "done":
            run.attempts += 1
            run.state, run.message, run.finished_at = "running", "", None
    return run


def finish(
    engine: Engine,
    run: str,
    state: End,
    *,
    now: datetime,
    message: str = "",
    model: str | None = None,
    lake_versions: dict[str, int] | None = None,
    counts: dict[str, Any] | None = None,
    seconds: Mapping[str, float] | None = None,
    outputs: Mapping[str, str] | None = None,
) -> None:
    """The last commit of a run, its stages in it. `message` carries codes and counts, never a value of a person."""
    with writing(engine) as session:
        for name, took in (seconds or {}).items():
            output = (outputs or {}).get(name, "")
            session.merge(Stage(run=run, name=name, state="done", output=output, seconds=took, finished_at=now))
        found = session.get_one(Run, run)
        found.state, found.message, found.finished_at = state, message, now
        found.model = model or found.model
        found.lake_versions = found.lake_versions if lake_versions is None else dict(lake_versions)
        found.counts = found.counts if counts is None else dict(counts)


def prepared(
    session: Session, run: str, digest: str, *, now: datetime, lake_versions: dict[str, int], counts: dict[str, Any]
) -> None:
    """Within the commit that records a night's alerts: files of that digest lie ready. From here on the night is
    published, whoever shows them."""
    found = session.get_one(Run, run)
    found.lake_versions, found.counts = dict(lake_versions), dict(counts)
    session.merge(Stage(run=run, name=PUBLISH, state="prepared", output=digest, seconds=0.0, finished_at=now))


def left_open(engine: Engine) -> list[tuple[Run, str]]:
    """Runs that were killed, and runs prepared that have not ended well, with the digest of what lies ready ("":
    nothing), oldest first."""
    ready = (Stage.run == Run.id) & (Stage.name == PUBLISH) & (Stage.state == "prepared")
    query = select(Run, Stage.output).outerjoin(Stage, ready).where(Run.state != "done")
    with reading(engine) as session:
        found = session.execute(query.order_by(Run.started_at, Run.id)).tuples()
        return [(run, digest or "") for run, digest in found if run.state == "running" or digest]


def last_time(engine: Engine) -> datetime | None:
    """When the last run ended, however it ended."""
    with reading(engine) as session:
        told: datetime | None = session.scalar(select(func.max(Run.finished_at)))
        return told


def stage(
    engine: Engine, run: str, name: str, *, seconds: float, now: datetime, output: str = "", state: str = "done"
) -> None:
    """Record one stage of a run; a second attempt replaces the first."""
    with writing(engine) as session:
        session.merge(Stage(run=run, name=name, state=state, output=output, seconds=seconds, finished_at=now))


def stages(engine: Engine, run: str) -> list[Stage]:
    with reading(engine) as session:
        return list(session.scalars(select(Stage).where(Stage.run == run).order_by(Stage.finished_at, Stage.name)))


def find(engine: Engine, run: str) -> Run | None:
    with reading(engine) as session:
        return session.get(Run, run)


def find_done(engine: Engine, kind: Kind, as_of: date) -> Run | None:
    """The last finished run of that kind for that day. The caller compares its digests with today's."""
    with reading(engine) as session:
        return session.scalars(
            select(Run)
            .where(Run.kind == kind, Run.as_of == as_of, Run.state == "done")
            .order_by(Run.finished_at.desc(), Run.id)
        ).first()


def last_done(engine: Engine, kind: Kind) -> Run | None:
    """The finished run of the latest day."""
    with reading(engine) as session:
        return session.scalars(
            select(Run)
            .where(Run.kind == kind, Run.state == "done")
            .order_by(Run.as_of.desc(), Run.finished_at.desc(), Run.id)
        ).first()


def last_done_night(engine: Engine) -> Run | None:
    return last_done(engine, "nightly")


def night_before(engine: Engine, day: date) -> date | None:
    """The last one that was done, of a day before that one."""
    with reading(engine) as session:
        done = select(func.max(Run.as_of)).where(Run.kind == "nightly", Run.state == "done", Run.as_of < day)
        return session.scalar(done)


def first_done_with(engine: Engine, model: str, before: date) -> Run | None:
    """The first night that was published with a model, of a day before that one."""
    told = select(Run).where(Run.kind == "nightly", Run.state == "done", Run.model == model, Run.as_of < before)
    with reading(engine) as session:
        return session.scalars(told.order_by(Run.as_of, Run.finished_at.desc(), Run.id)).first()


def recent(engine: Engine, count: int, kind: Kind | None = None) -> list[Run]:
    """The runs begun last, newest first."""
    query = select(Run).order_by(Run.started_at.desc(), Run.id).limit(count)
    with reading(engine) as session:
        return list(session.scalars(query if kind is None else query.where(Run.kind == kind)))
