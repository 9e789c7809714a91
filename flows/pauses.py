"""A night that takes in what arrives and publishes nothing: somebody has paused it, with a name and a reason."""

from datetime import date

from flows.desk import Glance, now, today
from flows.errors import OperatorError
from store import pauses
from store.pauses import Paused

# Longer is no reason but a story; it is told in `status` and on the board.
MOST_LETTERS = 200


def pause(seen: Glance, until_on: date | None, because: str, by: str) -> None:
    """A night that runs meanwhile is stopped too, up to the moment in which it is recorded as published."""
    for name, told in (("--because", because), ("--by", by)):
        if not told.strip() or len(told) > MOST_LETTERS:
            raise OperatorError("paused", f"{name} is empty or longer than {MOST_LETTERS} letters", "say it shortly")
    if until_on is not None and until_on < today():
        raise OperatorError("paused", f"{until_on} is over", "name the last day of the pause, or none")
    pauses.pause(seen.engine, until_on, because.strip(), by.strip(), now())


def resume(seen: Glance, by: str) -> bool:
    """False: nothing was paused."""
    if not by.strip():
        raise OperatorError("paused", "--by is empty", "say who decides")
    return pauses.resume(seen.engine, by.strip(), now()) > 0


def paused_on(seen: Glance, day: date) -> Paused | None:
    return pauses.paused_on(seen.engine, day)


def refuse_while_paused(seen: Glance, as_of: date) -> None:
    """Deliveries and answers are taken in all the same: the day they became known must be right."""
    if told := paused_on(seen, as_of):
        cure = "`blindspot resume --by NAME` when the reason is gone, then run the night again"
        raise OperatorError("paused", f"{told}; what arrived was taken in, yesterday's queues stay", cure)
