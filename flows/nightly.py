"""The night: what arrived, what is known, who is at risk, who joins which queue, why, and the sheets."""

from datetime import date
from pathlib import Path

from prefect import flow

from flows.artifacts import tell_night
from flows.board import on_the_board
from flows.bounds import check_clock, check_drift
from flows.closing import close_night, count_night
from flows.desk import Desk, open_desk
from flows.engine import hushed
from flows.explain import keep_explanations
from flows.inbox import take_in
from flows.nights import keep_as_read
from flows.notify import watching
from flows.offices import read_offices
from flows.pauses import refuse_while_paused
from flows.publishing import publish
from flows.queue_settings import capacity_on, queue_settings, told_capacities
from flows.ranges import arrange, ground_of, leave, open_day, tidy_lake
from flows.run import Run, running
from flows.scoring import Offices, check_cohort, check_sources, load_model, score_households
from flows.standstill import ended_if_still
from flows.summary import NightSummary
from flows.telling import fill_office_queues, gather_queues
from flows.workers import open_workers


@flow(name="nightly", persist_result=False, log_prints=False)
@hushed()
def nightly(as_of: date, config: str, work: str) -> NightSummary:
    """Agency files in, one explained queue per office out."""
    where = Path(config), Path(work)
    with (
        watching(*where, "nightly", as_of) as watch,
        open_desk(*where) as desk,
        ended_if_still(desk.settings.engine.standstill_minutes),
        on_the_board(desk, as_of),
        running(desk, "nightly", as_of) as run,
    ):
        watch.summary = work_night(desk, run)
    tell_night(watch.summary)
    return watch.summary


def work_night(desk: Desk, run: Run) -> NightSummary:
    check_clock(desk)
    offices = read_offices(desk.settings.offices)
    model = run.stage(load_model, desk)
    taken = run.stage(take_in, desk, run.as_of)
    run.stage(tidy_lake, desk)
    run.note_deliveries(taken)
    run.open(model.id)
    keep_as_read(run)
    refuse_while_paused(desk, run.as_of)
    run.stage(check_sources, desk, run.as_of)

    served = Offices(offices["office"], queue_settings(desk.settings.queue, offices, told_capacities(desk, run.as_of)))
    day = open_day(desk, run.as_of)
    with open_workers(desk.settings.engine, day.parts) as workers:
        ground = ground_of(desk, run, day, capacity_on(desk, offices, run.as_of))
        arranged = run.stage(arrange, day, ground, workers)
        scored = run.stage(score_households, desk, run, arranged, model, served, workers)
        run.stage(check_cohort, desk, scored.households)
        run.stage(check_drift, desk, run.as_of, model.id, scored.households)
        filled = run.stage(fill_office_queues, desk, arranged, scored, model, served, workers)
    queues = run.stage(gather_queues, desk, arranged, scored, filled)
    keep_explanations(desk.work, queues.told, run.id, model.id)
    count_night(run, scored, queues)
    outbox = run.stage(publish, desk, run, queues, offices)
    leave(arranged, ground)
    return close_night(desk, run, taken, scored, queues, offices, outbox)
