"""Is there anything to do? Answered from the ledger alone, before a heavy library is imported."""

from datetime import date

from flows.desk import Glance
from flows.errors import OperatorError
from store import ledger
from store.tables import Run


def done_night(seen: Glance, as_of: date) -> Run | None:
    """The night that is done for that day. A day before the last night is refused: nothing known can be unlearned."""
    last = ledger.last_done_night(seen.engine)
    if last is not None and as_of < last.as_of:
        what = f"the last night was {last.as_of}; {as_of} lies before it"
        raise OperatorError("past", what, f"run a night for {last.as_of} or later")
    return ledger.find_done(seen.engine, "nightly", as_of)
