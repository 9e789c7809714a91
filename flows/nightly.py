"""The night: what arrived, what is known, who is at risk, who joins which queue, why, and the sheets."""

from datetime import date
from pathlib import Path

from prefect import flow

from flows.closing import close_night
from flows.desk import Desk, open_desk
from flows.explain import keep_explanations
from flows.inbox import take_in
from flows.knowledge import known_on
from flows.offices import read_offices
from flows.publishing import fill_office_queues, publish, tell_reasons
from flows.run import Run, running
from flows.scoring import check_cohort, check_sources, explain_alerts, load_model, score_households
from flows.summary import NightSummary


@flow(name="nightly", persist_result=False, log_prints=False)
def nightly(as_of: date, config: str, work: str) -> NightSummary:
    """Agency files in, one explained queue per office out."""
    with open_desk(Path(config), Path(work)) as desk, running(desk, "nightly", as_of) as run:
        return work_night(desk, run)


def work_night(desk: Desk, run: Run) -> NightSummary:
    offices = read_offices(desk.settings.offices)
    model_id, model = run.stage(load_model, desk)
    taken = run.stage(take_in, desk, run.as_of)
    run.open(model_id)
    run.stage(check_sources, desk, run.as_of)

    known = run.stage(known_on, desk, run.as_of)
    scored = run.stage(score_households, desk, known, model)
    run.stage(check_cohort, desk, scored.scores.height)

    filled = run.stage(fill_office_queues, desk, run, scored, known, offices)
    pushes = run.stage(explain_alerts, scored, model, filled.alerts)
    told = run.stage(tell_reasons, scored, filled.alerts, pushes, run.as_of)
    keep_explanations(desk.work, told, pushes, run.id, model_id)
    outbox = run.stage(publish, desk, run, scored, told, filled, offices, known)
    return close_night(desk, run, taken, scored, filled, offices, outbox)
