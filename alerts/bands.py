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


def told_band(band_: pl.Expr, told_over: pl.Expr, settings: QueueSettings) -> pl.Expr:
    """The band an officer is told, or null: not told.

    Those drawn for explore lie below everybody chosen by risk, so a true band would give them away. Only a band above
    that of `told_over` is told (alerts.draw says how it is set); below it the word is left out for both alike. To tell
    everybody the band of the cut would hide the draw as well, but would be untrue. `told_over` null: nothing to hide.
    """
    return pl.when(told_over.is_null() | (band_ > band(told_over, settings))).then(band_)
