"""Which of a household's signals speak of hardship now, and since when we knew."""

from collections.abc import Mapping

import polars as pl

from signals.signal import Signal

EVIDENCE = pl.Schema(
    {
        "household_key": pl.Int64(),
        "signal": pl.String(),
        "months": pl.Int64(),
        "amount_won": pl.Int64(),
        "observed_on": pl.Date(),
        "received_on": pl.Date(),
        "count": pl.Int64(),
    }
)


def is_warning(signal: Signal) -> bool:
    """A running benefit or a level that says little of hardship is no reason to call somebody."""
    if signal.relieves or signal.direction == -1:
        return False
    return signal.kind != "amount" or signal.direction == 1


def live_warnings(evidence: pl.DataFrame, signals: Mapping[str, Signal]) -> pl.DataFrame:
    """One row per household and live warning signal: evidence with domain, points, is_urgent, first_known_on."""
    warnings = [s for s in signals.values() if is_warning(s)]
    table = pl.DataFrame(
        {
            "signal": [s.name for s in warnings],
            "kind": [s.kind for s in warnings],
            "domain": [s.domain for s in warnings],
            "points": [s.points for s in warnings],
            "is_urgent": [s.urgent for s in warnings],
            "least_months": [max(s.min_months, 1) for s in warnings],
        },
        schema_overrides={"points": pl.Int64, "least_months": pl.Int64, "is_urgent": pl.Boolean},
    )
    unknown = evidence.filter(~pl.col("signal").is_in(list(signals)))["signal"].unique().sort().to_list()
    if unknown:
        raise ValueError(f"evidence holds signals the catalogue does not: {', '.join(unknown)}")
    owed_nothing = (pl.col("kind") == "arrears") & (pl.col("months") == 0)
    return (
        evidence.join(table, on="signal", how="inner")
        .filter(~owed_nothing.fill_null(False))
        .with_columns(first_known_on=_first_known_on())
    )


def _first_known_on() -> pl.Expr:
    """When we first knew of the spell: the newest telling, less the months it had already been told.

    An event is news on the day it reached us: the officer who called the day before could not know of it.
    """
    told_before = (pl.max_horizontal("months", "least_months") - pl.col("least_months")).fill_null(0)
    spell = pl.col("kind").is_in(["arrears", "status"])
    return (
        pl.when(spell)
        .then(pl.col("received_on").dt.offset_by(pl.format("-{}mo", told_before)))
        .otherwise(pl.col("received_on"))
    )
