"""From nothing to queues: a made-up country, its files taken in, a model trained, one night."""

from datetime import date
from pathlib import Path

from prefect import flow

from flows.board import on_the_board
from flows.desk import open_desk
from flows.engine import hushed
from flows.made_up import fill_inbox
from flows.nightly import work_night
from flows.retrain import learn
from flows.run import running
from flows.summary import NightSummary, TrainingSummary


@flow(name="demo", persist_result=False, log_prints=False)
@hushed()
def demo(as_of: date, config: str, work: str, households: int) -> tuple[TrainingSummary, NightSummary]:
    with open_desk(Path(config), Path(work)) as desk:
        if not desk.settings.offices.exists():
            fill_inbox(desk.settings, desk.settings.demo.model_copy(update={"households": households}))
        with running(desk, "retrain", as_of) as run:
            trained = learn(desk, run)
        with on_the_board(desk, as_of), running(desk, "nightly", as_of) as run:
            return trained, work_night(desk, run)
