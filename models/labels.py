"""What officers' answers teach: one label per household and round."""

from datetime import date

import polars as pl

from signals.answers import last_told
from signals.outcomes import OUTCOMES

_TAUGHT = {"need": 1, "no_need": 0, "nothing": None}


def label(contacts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Known on `as_of`: household_key, selected_on, office, received_on, label (1 need found, 0 no need).

    Only households somebody tried to contact. The newest contact counts, even when it then teaches nothing; an alert
    teaches once, also when the sheet and the contacts register both tell of it.
    """
    told = contacts.filter(
        pl.col("received_on") <= as_of, pl.col("contacted_on").is_not_null(), pl.col("outcome").is_not_null()
    )
    order = ["household_key", "selected_on", "contacted_on", "received_on", "alert", "outcome"]
    last = last_told(told).sort(order).unique(["household_key", "selected_on"], keep="last", maintain_order=True)
    teaches = {code: _TAUGHT[outcome.teaches] for code, outcome in OUTCOMES.items()}
    taught = last.with_columns(label=pl.col("outcome").replace_strict(teaches, return_dtype=pl.Int8))
    return (
        taught.filter(pl.col("label").is_not_null())
        .select("household_key", "selected_on", "office", "received_on", "label")
        .sort("selected_on", "household_key")
    )
