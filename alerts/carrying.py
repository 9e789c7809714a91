"""What a night does to the alerts that are still open. They keep their id, day and the chance they were drawn with.

Everything follows from how the alert stood last night, the newest answer and tonight's registers, so that a night made
again, or one more night on which nothing happened, gives the same.
"""

from datetime import date, timedelta

import polars as pl

from alerts.bands import Band
from alerts.lanes import UNREACHED, works_as_by_register, works_as_once_found
from alerts.settings import QueueSettings
from alerts.tables import OPEN_ALERTS
from signals.outcomes import LIVES_ELSEWHERE, OUTCOMES

LATEST_NEXT_DAYS = 60  # an officer may put the next try off by so much after the answer, and no further
_AGAIN = {code: list(outcome.again_after_days) for code, outcome in OUTCOMES.items() if outcome.again_after_days}
_STOOD = [name for name in OPEN_ALERTS if name not in ("household_key", "office", "band", "true_band")]


def carried_alerts(carried: pl.DataFrame, opened: pl.DataFrame, settings: QueueSettings, as_of: date) -> pl.DataFrame:
    """`carried`: households of open alerts with tonight's office, band, is_urgent, urgent_known_on and facts; `opened`:
    tables.OPEN_ALERTS -> `carried` with the columns of tables.ALERTS that tell of the alert itself."""
    stood = opened.select(
        "household_key",
        *_STOOD,
        office_then="office",
        told=pl.col("band").cast(Band),
        band_then=pl.col("true_band").cast(Band),
    )
    was_higher = pl.col("band").is_null() | (pl.col("band_then") > pl.col("band"))
    urgent_due = pl.lit(as_of) + timedelta(days=settings.days_until_due("urgent"))
    return (
        carried.drop("inclusion", "criterion")
        .join(stood, on="household_key", how="left", validate="1:1")
        .with_columns(
            is_moving=pl.col("office") != pl.col("office_then"),
            # What was found at the old address, or agreed there, binds nobody at the new one.
            holds=(pl.col("moved_on").is_null() | (pl.col("answered_on") > pl.col("moved_on"))).fill_null(False)
            & pl.col("answered_on").is_not_null(),
        )
        .with_columns(works_as=_works_as(settings), due_on=_due_on(urgent_due))
        .with_columns(*_moved(as_of), lane=_lane(), is_new=pl.lit(False))
        .with_columns(true_band=pl.when(was_higher).then("band_then").otherwise("band"), band="told")
    )


def _works_as(settings: QueueSettings) -> pl.Expr:
    """Urgent stays urgent; an answer that found nobody sends the officer looking; a new address begins anew."""
    outcome, holds = pl.col("outcome"), pl.col("holds") & ~pl.col("is_moving")
    in_vain = pl.col("was_visited").fill_null(True) | (pl.col("attempts") >= settings.trace_from)
    is_lost = outcome.is_in(LIVES_ELSEWHERE) | ((outcome == UNREACHED) & in_vain)
    is_found = ~outcome.is_in([*LIVES_ELSEWHERE, UNREACHED])
    return (
        pl.when((pl.col("works_as") == "urgent") | pl.col("is_urgent"))
        .then(pl.lit("urgent"))
        .when((holds & is_lost).fill_null(False))
        .then(pl.lit("trace"))
        .when("is_moving")
        .then(works_as_by_register())
        .when((holds & is_found).fill_null(False) & (pl.col("works_as") == "trace"))
        .then(works_as_once_found())
        .otherwise("works_as")
    )


def _due_on(urgent_due: pl.Expr) -> pl.Expr:
    """An answer sets the next day; urgent news since then shortens it; a new office is given time to begin."""
    stood, answered_on = pl.col("due_on"), pl.col("answered_on")
    has_news = pl.col("is_urgent") & (answered_on.is_null() | (pl.col("urgent_known_on") > answered_on))
    # The day that stood before the answer was kept by it: urgent news does not make it late again.
    with_news = (
        pl.when((stood < answered_on).fill_null(False)).then(urgent_due).otherwise(pl.min_horizontal(stood, urgent_due))
    )
    due = pl.when(has_news.fill_null(False)).then(with_news).otherwise(_by_answer())
    return pl.when("is_moving").then(pl.max_horizontal(due, urgent_due)).otherwise(due)


def _by_answer() -> pl.Expr:
    """The officer's own day within reason, else the outcome's schedule, else as it stood."""
    answered_on = pl.col("answered_on")
    written = pl.col("next_on").clip(answered_on, answered_on + timedelta(days=LATEST_NEXT_DAYS))
    days = pl.col("outcome").replace_strict(_AGAIN, default=None, return_dtype=pl.List(pl.Int64))
    nth = pl.min_horizontal(pl.col("attempts").clip(lower_bound=1), days.list.len().cast(pl.Int64)) - 1
    scheduled = answered_on + pl.duration(days=days.list.get(nth, null_on_oob=True))
    return pl.when("holds").then(pl.coalesce(written, scheduled, "due_on")).otherwise("due_on")


def _moved(as_of: date) -> tuple[pl.Expr, pl.Expr]:
    """Told until an answer is dated after the night of the transfer: one of that very day may be the old office's."""
    is_told = pl.col("moved_on").is_not_null() & ~pl.col("holds")
    return (
        pl.when("is_moving").then("office_then").when(is_told).then("moved_from").alias("moved_from"),
        pl.when("is_moving").then(pl.lit(as_of)).when(is_told).then("moved_on").alias("moved_on"),
    )


def _lane() -> pl.Expr:
    was_drawn = (pl.col("lane") == "explore") & (pl.col("works_as") != "urgent")
    return pl.when(was_drawn).then(pl.lit("explore")).otherwise("works_as")
