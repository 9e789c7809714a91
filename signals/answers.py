"""Which of several tellings of one answer stands: the same rule for features, labels and the queue."""

from typing import Final

import polars as pl

_KEYS: Final = ("household_key", "alert")


def last_told(contacts: pl.DataFrame) -> pl.DataFrame:
    """CONTACTS rows, or some of their columns -> one row per household and alert, sorted by both.

    The newest contact date wins, then the day received: an officer's older copy that arrives late changes nothing. A
    row without an outcome never takes away an answer. Last, all other columns decide, so the order of rows never does.
    """
    is_answered = pl.col("outcome").is_not_null()
    order = ("contacted_on", "received_on", "selected_on", "outcome")
    others = sorted(set(contacts.columns) - {*_KEYS, *order})
    # Nulls sort first: a selection nobody has worked yet gives way to any contact.
    ordered = contacts.sort(*_KEYS, is_answered, *order, *others)
    return ordered.unique(_KEYS, keep="last", maintain_order=True)
