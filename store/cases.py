"""What came of alerts, for the managers' page: no household, no alert id."""

from datetime import date

import polars as pl
from sqlalchemy import Engine, or_, select
from sqlalchemy.orm import Session

from alerts.life import stand
from store.alerts import last_stand
from store.answers import known_on
from store.database import reading
from store.tables import Alert, AlertEvent, Answer

CASES = pl.Schema(
    {
        "office": pl.String,  # where the alert stood on the day asked for
        "due_on": pl.Date,  # of the first contact, as it was set when the alert was opened
        "first_contacted_on": pl.Date,
        "outcome": pl.String,  # of the answer that stands
        "answered_on": pl.Date,  # its contact date
    }
)


def cases(engine: Engine, since: date, as_of: date, tonight: pl.DataFrame | None = None) -> pl.DataFrame:
    """CASES of the alerts due or answered between the two days, as known on `as_of`. `tonight`: alerts.tables.ALERTS of
    a queue that is not recorded yet, or is: told the same either way."""
    with reading(engine) as session:
        stood = _stood(session, since, as_of)
        if tonight is not None:
            stood = _as_tonight(stood, tonight, since)
        told = known_on(session, as_of, stood["alert_id"].to_list())
    first = told.group_by("alert_id").agg(first_contacted_on=pl.col("contacted_on").min())
    standing = stand(told).select("alert_id", "outcome", "answered_on")
    joined = stood.join(first, on="alert_id", how="left").join(standing, on="alert_id", how="left")
    return joined.sort("alert_id").select(CASES.names())


def _stood(session: Session, since: date, as_of: date) -> pl.DataFrame:
    opened, last = AlertEvent, last_stand(as_of, besides="")
    answered = select(Answer.alert).where(Answer.received_on <= as_of, Answer.contacted_on >= since)
    query = (
        select(Alert.id, opened.due_on)
        .join(opened, opened.alert == Alert.id)
        .where(opened.event == "opened", opened.known_on <= as_of)
        .where(or_(opened.due_on >= since, Alert.id.in_(answered)))
        .order_by(Alert.id)
    )
    due = pl.DataFrame(session.execute(query).tuples().all(), {"alert_id": pl.String, "due_on": pl.Date}, orient="row")
    where = select(AlertEvent.alert, AlertEvent.office).join(last, AlertEvent.id == last.c.id)
    offices = pl.DataFrame(
        session.execute(where).tuples().all(), {"alert_id": pl.String, "office": pl.String}, orient="row"
    )
    return due.join(offices, on="alert_id")


def _as_tonight(stood: pl.DataFrame, tonight: pl.DataFrame, since: date) -> pl.DataFrame:
    """Those that move stand in their new office; those that are new stand in theirs."""
    moved = stood.update(tonight.select("alert_id", "office"), on="alert_id")
    new = tonight.filter("is_new", pl.col("due_on") >= since).join(stood, on="alert_id", how="anti")
    return pl.concat([moved, new.select(stood.columns)])
