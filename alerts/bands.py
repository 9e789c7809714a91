"""What officers see of the risk: three words, never a number with three digits."""

from collections.abc import Mapping

import polars as pl

from alerts.settings import QueueSettings

# Lowest first. The lowest is called 보통: nobody is sent out who is "low", and a low score is no evidence against need.
BANDS: Mapping[str, str] = {"moderate": "보통", "high": "높음", "very_high": "매우 높음"}
Band = pl.Enum(list(BANDS))  # ordered as above


def band(probability: pl.Expr, settings: QueueSettings) -> pl.Expr:
    """Calibrated probability of finding need -> Band; null stays null."""
    return (
        pl.when(probability >= settings.very_high)
        .then(pl.lit("very_high"))
        .when(probability >= settings.high)
        .then(pl.lit("high"))
        .when(probability.is_not_null())
        .then(pl.lit("moderate"))
        .cast(Band)
    )
