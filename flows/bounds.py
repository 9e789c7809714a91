"""What a night must keep within besides its sources and its cohort: the clock, and the spread of its scores."""

from datetime import date, timedelta
from typing import Final

from flows.desk import Desk, now
from flows.errors import OperatorError
from models.drift import psi
from store import ledger

# Households compared: enough that chance moves the index by less than 0.001, few enough for any country.
SAMPLE: Final = 200_000


def check_clock(desk: Desk) -> None:
    """Records stand in the order of their times, and a night is for the day that the clock tells."""
    last, bound = ledger.last_time(desk.engine), desk.settings.night.clock_back_hours
    if last is not None and now() < last - timedelta(hours=bound):
        what = f"the clock says {now():%Y-%m-%d %H:%M} UTC; a run ended at {last:%Y-%m-%d %H:%M} UTC"
        cure = "set the clock (timedatectl), then run again; if the later time is the wrong one: night.clock_back_hours"
        raise OperatorError("clock", what, cure)


def check_drift(desk: Desk, as_of: date, model: str, households: int) -> None:
    """Tonight's scores beside those of the model's first night: a feed that breaks, and a world that slowly changes,
    both move them. On its first night a model has been judged by the gate on that very day's households."""
    first = ledger.first_done_with(desk.engine, model, before=as_of)
    if first is None:
        return
    every = max(1, households // SAMPLE)
    then, today = (desk.lake.margins(day, every) for day in (first.as_of, as_of))
    if not then.size or not today.size:
        return
    found, bound = psi(then, today), desk.settings.night.drift
    if found > bound:
        what = f"the scores have moved by {found:.2f} since {first.as_of}, the model's first night: more than {bound}"
        cure = "look at the newest deliveries (`blindspot status`), then retrain; raise night.drift if it is real"
        raise OperatorError("drift", what, cure)
