"""Answers kept as they were told, what officers see of an alert, capacity told in workbooks, stops.

Revision: 0002. Frozen: what a database in use was made with. Change it with a new revision.
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STANDS = ("works_as", "true_band", "moved_from", "moved_on")
_OF_ALERTS = (*_STANDS, "criterion", "attempts", "next_on", "answered_on", "was_visited")
# What an answer meant when this was written: frozen with it.
_NOBODY_MET = ("unreached", "not_living_there", "moved", "in_hospital")


def upgrade() -> None:
    # Not in batch: SQLite would copy `alerts`, and its history points there.
    for column in (
        sa.Column("works_as", sa.String(length=16), nullable=False, server_default="risk"),
        sa.Column("true_band", sa.String(length=16), nullable=True),
        sa.Column("moved_from", sa.String(length=10), nullable=True),
        sa.Column("moved_on", sa.Date(), nullable=True),
        sa.Column("criterion", sa.String(length=100), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("was_visited", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("alerts", column)
    for column in (
        sa.Column("works_as", sa.String(length=16), nullable=True),
        sa.Column("true_band", sa.String(length=16), nullable=True),
        sa.Column("moved_from", sa.String(length=10), nullable=True),
        sa.Column("moved_on", sa.Date(), nullable=True),
    ):
        op.add_column("alert_history", column)
    for table in ("alerts", "alert_history"):
        _work_as_chosen(sa.table(table, *(sa.column(name) for name in ("lane", "works_as", "band", "true_band"))))
    _answers()
    _office_capacity()
    _stops()
    _fill_answers()


def downgrade() -> None:
    """Alerts keep their state, outcome and history; what else an answer told is lost."""
    for table in ("stops", "office_capacity", "answers"):
        op.drop_table(table)
    for name in _STANDS:
        op.drop_column("alert_history", name)
    for name in _OF_ALERTS:
        op.drop_column("alerts", name)


def _work_as_chosen(table: sa.TableClause) -> None:
    lane = table.c.lane
    shown = sa.case((lane == "explore", "risk"), else_=lane)
    op.execute(sa.update(table).where(lane.is_not(None)).values(works_as=shown, true_band=table.c.band))


def _answers() -> None:
    op.create_table(
        "answers",
        sa.Column("alert", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("delivery", sa.String(length=64), nullable=False),
        sa.Column("office", sa.String(length=10), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("contacted_on", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=True),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("need_confirmed", sa.String(length=16), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("benefit", sa.String(length=64), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("dismissal", sa.String(length=32), nullable=True),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_answers_alert")),
        sa.ForeignKeyConstraint(["delivery"], ["deliveries.id"], name=op.f("fk_answers_delivery")),
        sa.PrimaryKeyConstraint("alert", "version", name=op.f("pk_answers")),
    )
    op.create_index(op.f("ix_answers_delivery"), "answers", ["delivery"], unique=False)
    op.create_index(op.f("ix_answers_received_on"), "answers", ["received_on"], unique=False)


def _office_capacity() -> None:
    op.create_table(
        "office_capacity",
        sa.Column("office", sa.String(length=10), nullable=False),
        sa.Column("delivery", sa.String(length=64), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("known_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("capacity >= 0", name=op.f("ck_office_capacity_capacity")),
        sa.ForeignKeyConstraint(["delivery"], ["deliveries.id"], name=op.f("fk_office_capacity_delivery")),
        sa.PrimaryKeyConstraint("office", "delivery", name=op.f("pk_office_capacity")),
    )


def _stops() -> None:
    op.create_table(
        "stops",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("household_key", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
    )
    op.create_index(op.f("ix_stops_household_key"), "stops", ["household_key"], unique=False)


def _fill_answers() -> None:
    """Until now an event alone told an answer, without the day of the contact: the day we knew of it stands in."""
    told = sa.text(
        "SELECT e.id, e.alert, e.source, e.known_on, e.outcome, e.recorded_at FROM alert_history e"
        " JOIN deliveries d ON d.id = e.source WHERE e.outcome IS NOT NULL ORDER BY e.id"
    ).columns(known_on=sa.Date(), recorded_at=sa.DateTime())
    answers = sa.table(
        "answers",
        *(sa.column(name) for name in ("alert", "version", "delivery", "outcome")),
        sa.column("received_on", sa.Date()),
        sa.column("contacted_on", sa.Date()),
        sa.column("reasons", sa.JSON()),
        sa.column("recorded_at", sa.DateTime()),
    )
    rows = [
        {
            "alert": row.alert, "version": hashlib.sha256(f"0001|{row.id}".encode()).hexdigest(),
            "delivery": row.source, "outcome": row.outcome, "received_on": row.known_on, "contacted_on": row.known_on,
            "reasons": {}, "recorded_at": row.recorded_at,
        }
        for row in op.get_bind().execute(told)
    ]  # fmt: skip
    if rows:
        op.bulk_insert(answers, rows)
    _stand(rows)


def _stand(rows: list[dict[str, object]]) -> None:
    by_alert: dict[object, list[dict[str, object]]] = {}
    for row in rows:
        by_alert.setdefault(row["alert"], []).append(row)
    alerts = sa.table("alerts", *(sa.column(name) for name in ("id", "attempts")), sa.column("answered_on", sa.Date()))
    for alert, told in by_alert.items():
        attempts = sum(row["outcome"] in _NOBODY_MET for row in told)
        last = told[-1]["contacted_on"]
        op.execute(sa.update(alerts).where(alerts.c.id == alert).values(attempts=attempts, answered_on=last))
