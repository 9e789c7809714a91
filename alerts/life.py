"""The life of an alert: only an officer's answer moves it, and only one that ends it closes it.

A state follows from the answers alone, never from the order in which files happened to arrive.
"""

from collections.abc import Mapping
from typing import Final, Literal

import polars as pl

from alerts.answers import ANSWERS
from alerts.tables import take
from signals.outcomes import OUTCOMES, Effect

State = Literal["waiting", "retrying", "tracing", "moving", "closed"]

# From each state, by the effect of the answer that now stands. Idle nights, scores, transfers and the registers move
# nothing: there is no other way from one state to another.
TRANSITIONS: Final[Mapping[State, Mapping[Effect, State]]] = {
    # nobody has answered yet
    "waiting": {
        "retries": "retrying", "traces": "tracing", "transfers": "moving", "closes": "closed", "removes": "closed",
    },
    # not reached, or in hospital: tried again on the outcome's schedule, for as long as it takes
    "retrying": {
        "retries": "retrying", "traces": "tracing", "transfers": "moving", "closes": "closed", "removes": "closed",
    },
    # does not live where it is registered: found first
    "tracing": {
        "retries": "retrying", "traces": "tracing", "transfers": "moving", "closes": "closed", "removes": "closed",
    },
    # moved: stays with its office until the registers tell where, then goes on at the new one
    "moving": {
        "retries": "retrying", "traces": "tracing", "transfers": "moving", "closes": "closed", "removes": "closed",
    },
    # over; a newer answer is a correction and takes it up again, unless the household has another open alert by then
    "closed": {
        "retries": "retrying", "traces": "tracing", "transfers": "moving", "closes": "closed", "removes": "closed",
    },
}  # fmt: skip

TOLD: Final = pl.Schema({**ANSWERS, "received_on": pl.Date(), "version": pl.String()})
STANDS: Final = pl.Schema(
    {
        "alert_id": pl.String(),
        "state": pl.String(),
        "outcome": pl.String(),  # of the answer that stands; null: tries were noted, nothing decided
        "attempts": pl.Int64(),  # days of which the answer says that nobody was spoken to
        "next_on": pl.Date(),  # as the newest answer has it, also one without an outcome
        "answered_on": pl.Date(),  # contact date of the newest answer
        "was_visited": pl.Boolean(),  # the answer that stands came of a visit, or nobody said how
        "closed_on": pl.Date(),  # the day from which we knew, without a break; null: open
    }
)
_NEWEST: Final = ("contacted_on", "received_on", "version")  # the last of them wins
_EFFECT: Final = {code: outcome.effect for code, outcome in OUTCOMES.items()}
_NOBODY: Final = [code for code, outcome in OUTCOMES.items() if not outcome.ends]
_ENDS: Final = [code for code, outcome in OUTCOMES.items() if outcome.ends]


def state_of(outcome: str | None) -> State:
    """Where an alert is whose standing answer has this outcome; None: there is none."""
    return "waiting" if outcome is None else TRANSITIONS["waiting"][OUTCOMES[outcome].effect]


def move(state: State, outcome: str, *, has_other_open: bool = False) -> State:
    """Where an alert goes from `state` when an answer with `outcome` becomes the one that stands.

    `has_other_open`: its household was given another alert since. A household is never in the queue twice.
    """
    then = TRANSITIONS[state][OUTCOMES[outcome].effect]
    return state if state == "closed" and has_other_open else then


def current(answers: pl.DataFrame) -> pl.DataFrame:
    """TOLD rows of many alerts -> the answer that stands for each, sorted by alert; none for those never decided on.

    The newest contact date wins, then the day received, then the version: an older copy that arrives late changes
    nothing.
    """
    told = take(answers, TOLD, "answers").drop_nulls("outcome").sort("alert_id", *_NEWEST)
    return told.unique("alert_id", keep="last", maintain_order=True)


def stand(answers: pl.DataFrame) -> pl.DataFrame:
    """TOLD rows of many alerts -> STANDS, one row per alert, sorted. What is not known yet must be left out before."""
    told = take(answers, TOLD, "answers").sort("alert_id", *_NEWEST)
    newest = told.unique("alert_id", keep="last", maintain_order=True).select(
        "alert_id", "next_on", answered_on="contacted_on"
    )
    effect = pl.col("outcome").replace_strict(_EFFECT, return_dtype=pl.String)
    states = effect.replace_strict(TRANSITIONS["waiting"], return_dtype=pl.String)
    standing = current(told).select(
        "alert_id", "outcome", state=states, was_visited=pl.col("channel").fill_null("visit") == "visit"
    )
    return (
        newest.join(standing, on="alert_id", how="left")
        .join(_attempts(told), on="alert_id", how="left")
        .join(_closed_on(told), on="alert_id", how="left")
        .with_columns(
            pl.col("state").fill_null("waiting"),
            pl.col("attempts").fill_null(0),
            pl.col("was_visited").fill_null(False),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in STANDS.items())
        .sort("alert_id")
    )


def _attempts(told: pl.DataFrame) -> pl.DataFrame:
    """A day counts once, by its newest answer: a correction of the same day's try is not another try."""
    days = told.drop_nulls("outcome").unique(["alert_id", "contacted_on"], keep="last", maintain_order=True)
    nobody = pl.col("outcome").is_in(_NOBODY).sum().cast(pl.Int64)
    return days.group_by("alert_id").agg(attempts=nobody)


def _closed_on(told: pl.DataFrame) -> pl.DataFrame:
    """alert_id, closed_on of the closed: the first day of the last stretch on which the standing answer ended it.

    Told as of any day, so that a night made again sees the alerts that were open then.
    """
    ranked = told.drop_nulls("outcome").with_columns(order=pl.int_range(pl.len()), ends=pl.col("outcome").is_in(_ENDS))
    by_day = ranked.group_by("alert_id", "received_on").agg(pl.col("order").max()).sort("alert_id", "received_on")
    stood = by_day.with_columns(pl.col("order").cum_max().over("alert_id")).join(
        ranked.select("order", "ends"), on="order", how="left", maintain_order="left"
    )
    broken = pl.col("received_on").filter(~pl.col("ends")).max()
    since = pl.col("received_on").filter(broken.is_null() | (pl.col("received_on") > broken)).min()
    return stood.group_by("alert_id").agg(closed_on=since).drop_nulls()
