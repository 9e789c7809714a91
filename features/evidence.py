"""What a reason may claim: figures of the very observations that are live, nothing derived or older."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from features.kinds import Measured
from features.pairs import Bools, Ints, Told
from signals.signal import Signal

EVIDENCE = pl.Schema(
    {
        "household_key": pl.Int64,
        "signal": pl.String,
        "months": pl.Int16,  # arrears: overdue now; status: months it has lasted; else null
        "amount_won": pl.Int64,  # arrears: owed now, overdue members together; amount: the level told last
        "observed_on": pl.Date,  # of the newest observation
        "received_on": pl.Date,
        "count": pl.Int32,  # events in the live window; arrears, status, amount: told (overdue) months of the last 12
    }
)


class Evidence(NamedTuple):
    """One signal's, one entry per household for which it is live. Numbers below zero: nothing to claim."""

    row: Ints
    months: Ints
    amount_won: Ints
    has_amount: Bools
    observed_on: Ints
    received_on: Ints
    times: Ints


def evidence_of(signal: Signal, told: Told, measured: Measured) -> Evidence:
    if signal.kind == "amount":
        told = told.only(told.has_amount)
    newest = told.only(told.is_first()).only(measured.is_live)
    is_arrears = signal.kind == "arrears"
    amount = newest.owed_won if is_arrears else newest.amount_won
    spell = measured.spell[measured.is_live] if signal.kind == "status" else newest.months
    has_months = (spell > 0) & (signal.kind in ("arrears", "status"))
    return Evidence(
        newest.row,
        np.where(has_months, spell, -1).astype(np.int64),
        amount,
        # No amount told, or none of those overdue: nothing to claim.
        amount > 0 if is_arrears else newest.has_amount,
        newest.observed_on,
        newest.received_on,
        measured.count[measured.is_live].astype(np.int64),
    )


def join_evidence(found: Sequence[tuple[Signal, Evidence]], keys: pl.Series) -> pl.DataFrame:
    """Sorted by household, then in the catalogue's order."""
    if not found:
        return pl.DataFrame(schema=EVIDENCE)
    told = Evidence(*(np.concatenate(part) for part in zip(*(evidence for _, evidence in found), strict=True)))
    names = pl.Series([signal.name for signal, _ in found])
    number = np.repeat(np.arange(len(found), dtype=np.uint32), [len(evidence.row) for _, evidence in found])
    # By way of days since 1970: one frame for all signals costs a tenth of one frame each.
    frame = pl.DataFrame({**told._asdict(), "number": number}).sort("row", "number")
    return frame.select(
        household_key=keys.gather(frame["row"]),
        signal=names.gather(frame["number"]),
        months=pl.when(pl.col("months") > 0).then("months").cast(pl.Int16),
        amount_won=pl.when("has_amount").then("amount_won"),
        observed_on=pl.col("observed_on").cast(pl.Int32).cast(pl.Date),
        received_on=pl.col("received_on").cast(pl.Int32).cast(pl.Date),
        count=pl.col("times").cast(pl.Int32),
    )


def relieved_domains(evidence: pl.DataFrame, signals: Sequence[Signal]) -> pl.DataFrame:
    """household_key, relieved: domains of need that running benefits cover, sorted."""
    covers = pl.DataFrame(
        [(signal.name, domain) for signal in signals for domain in sorted(signal.relieves)],
        schema={"signal": pl.String, "domain": pl.String},
        orient="row",
    )
    covered = evidence.select("household_key", "signal").join(covers, on="signal").select("household_key", "domain")
    ordered = covered.unique().sort("household_key", "domain")
    return ordered.group_by("household_key", maintain_order=True).agg(relieved="domain")
