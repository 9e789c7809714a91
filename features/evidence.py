"""What a reason may claim: figures of the very observations that are live, nothing derived or older."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from features.kinds import Measured
from features.pairs import Told
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


def evidence_of(signal: Signal, told: Told, measured: Measured) -> pl.DataFrame:
    """One row per household for which the signal is live: row instead of household_key."""
    if signal.kind == "amount":
        told = told.only(told.has_amount)
    newest = told.only(told.is_first()).only(measured.is_live)
    is_arrears = signal.kind == "arrears"
    amount = newest.owed_won if is_arrears else newest.amount_won
    # No amount told, or none of those overdue: nothing to claim.
    has_amount = amount > 0 if is_arrears else newest.has_amount
    spell = measured.spell[measured.is_live] if signal.kind == "status" else newest.months
    has_months = (spell > 0) & (signal.kind in ("arrears", "status"))
    return pl.DataFrame(
        {
            "row": newest.row,
            "signal": pl.Series([signal.name]).new_from_index(0, len(newest.row)),
            "months": pl.Series(spell.astype(np.int64)).set(pl.Series(~has_months), None).cast(pl.Int16),
            "amount_won": pl.Series(amount).set(pl.Series(~has_amount), None),
            "observed_on": pl.Series(newest.observed_on).cast(pl.Int32).cast(pl.Date),
            "received_on": pl.Series(newest.received_on).cast(pl.Int32).cast(pl.Date),
            "count": pl.Series(measured.count[measured.is_live]).cast(pl.Int32),
        }
    )


def join_evidence(found: Sequence[pl.DataFrame], keys: pl.Series) -> pl.DataFrame:
    """Sorted by household, then in the catalogue's order."""
    if not found:
        return pl.DataFrame(schema=EVIDENCE)
    frame = pl.concat(found).sort("row", maintain_order=True)
    return frame.with_columns(household_key=keys.gather(frame["row"])).select(EVIDENCE.names())


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
