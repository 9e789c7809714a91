"""The database's tables. Personal data in clear: nowhere. Sealed: `identities` alone."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column


class Utc(TypeDecorator[datetime]):
    """Aware in, aware out, UTC in between. SQLite keeps no zone, so a naive time is refused."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return None if value is None else value.replace(tzinfo=UTC)


class Base(MappedAsDataclass, DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads a plain dict)
        datetime: Utc,
        date: Date,
        bytes: LargeBinary,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


class Delivery(Base, kw_only=True):
    """One file from a source, taken in or refused as a whole."""

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of its bytes
    source: Mapped[str] = mapped_column(String(64), default="")  # "": its name could not be read
    base_month: Mapped[date | None] = mapped_column(default=None)
    sent_on: Mapped[date | None] = mapped_column(default=None)
    received_on: Mapped[date]
    revision: Mapped[int] = mapped_column(default=0)
    file_name: Mapped[str]
    received: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    set_aside: Mapped[int] = mapped_column(default=0)
    leftover: Mapped[list[Any]] = mapped_column(default_factory=list)  # headers nobody registered
    warnings: Mapped[list[Any]] = mapped_column(default_factory=list)
    state: Mapped[str] = mapped_column(String(16))  # taken | refused
    reason: Mapped[str] = mapped_column(default="")
    superseded_by: Mapped[str | None] = mapped_column(ForeignKey("deliveries.id"), default=None)
    recorded_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("accepted + set_aside = received", name="counts_add_up"),
        CheckConstraint("state = 'refused' OR (state = 'taken' AND base_month IS NOT NULL)", name="state"),
        Index(None, "source", "base_month", "revision"),
    )


class RowSetAside(Base, kw_only=True):
    __tablename__ = "rows_set_aside"

    delivery: Mapped[str] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True)
    row_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    column_name: Mapped[str]
    rule: Mapped[str]


class Run(Base, kw_only=True):
    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # nightly | retrain | demo
    as_of: Mapped[date]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    attempts: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(16))  # running | done | refused | failed
    inputs: Mapped[str] = mapped_column(String(64))  # digests
    settings: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(64))
    model: Mapped[str | None] = mapped_column(String(64), default=None)
    lake_versions: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    counts: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    message: Mapped[str] = mapped_column(default="")

    __table_args__ = (Index(None, "kind", "as_of"),)


class Stage(Base, kw_only=True):
    __tablename__ = "stages"

    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    output: Mapped[str] = mapped_column(String(64), default="")  # digest
    seconds: Mapped[float]
    finished_at: Mapped[datetime]


class StoredModel(Base, kw_only=True):
    __tablename__ = "models"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    as_of: Mapped[date]
    state: Mapped[str] = mapped_column(String(16))  # champion | candidate | retired
    digest: Mapped[str] = mapped_column(String(64))
    metrics: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    path: Mapped[str] = mapped_column(String(255))  # inside the models folder
    created_at: Mapped[datetime]
    promoted_at: Mapped[datetime | None] = mapped_column(default=None)
    retired_at: Mapped[datetime | None] = mapped_column(default=None)

    __table_args__ = (
        Index(
            "uq_models_one_champion",
            "state",
            unique=True,
            sqlite_where=text("state = 'champion'"),
            postgresql_where=text("state = 'champion'"),
        ),
    )


class Alert(Base, kw_only=True):
    __tablename__ = "alerts"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    household_key: Mapped[int] = mapped_column(BigInteger)
    office: Mapped[str] = mapped_column(String(10))
    lane: Mapped[str] = mapped_column(String(16))
    band: Mapped[str | None] = mapped_column(String(16), default=None)  # null: urgent and not scored
    opened_on: Mapped[date]
    due_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(16))  # open | closed
    closed_on: Mapped[date | None] = mapped_column(default=None)
    closed_by: Mapped[str | None] = mapped_column(String(64), default=None)  # the run or the delivery
    outcome: Mapped[str | None] = mapped_column(String(32), default=None)  # the last one told, also of an open alert
    run: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    inclusion: Mapped[float | None] = mapped_column(
        default=None
    )  # chance of being queued on that day; 1 but for explore
    reasons: Mapped[list[Any]] = mapped_column(default_factory=list)  # codes, never sentences
    works_as: Mapped[str] = mapped_column(String(16), default="risk")  # the lane officers see
    true_band: Mapped[str | None] = mapped_column(String(16), default=None)  # `band` is the one that is shown
    criterion: Mapped[str | None] = mapped_column(String(100), default=None)  # the district's own rule that chose it
    moved_from: Mapped[str | None] = mapped_column(String(10), default=None)  # until the new office has answered
    moved_on: Mapped[date | None] = mapped_column(default=None)
    # What all answers together say by now; `answers` tells it for any day.
    attempts: Mapped[int] = mapped_column(default=0)
    next_on: Mapped[date | None] = mapped_column(default=None)
    answered_on: Mapped[date | None] = mapped_column(default=None)
    was_visited: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        Index(None, "office", "state"),
        Index(None, "run"),
        Index(
            "uq_alerts_household_open",
            "household_key",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )


class AlertEvent(Base, kw_only=True):
    """What happened to an alert, never changed: any day's queue can be told again from here."""

    __tablename__ = "alert_history"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, init=False)
    alert: Mapped[str] = mapped_column(ForeignKey("alerts.id"))
    event: Mapped[str] = mapped_column(String(16))  # opened | changed | answered | closed | reopened
    source: Mapped[str] = mapped_column(String(64))  # the run or the delivery that brought it
    known_on: Mapped[date]
    # How the alert stood from then on (opened, changed).
    office: Mapped[str | None] = mapped_column(String(10), default=None)
    lane: Mapped[str | None] = mapped_column(String(16), default=None)
    band: Mapped[str | None] = mapped_column(String(16), default=None)
    due_on: Mapped[date | None] = mapped_column(default=None)
    works_as: Mapped[str | None] = mapped_column(String(16), default=None)
    true_band: Mapped[str | None] = mapped_column(String(16), default=None)
    moved_from: Mapped[str | None] = mapped_column(String(10), default=None)
    moved_on: Mapped[date | None] = mapped_column(default=None)
    # What stood from then on (answered, closed, reopened).
    outcome: Mapped[str | None] = mapped_column(String(32), default=None)
    recorded_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("alert", "event", "source"),)


class Answer(Base, kw_only=True):
    """What an officer told of an alert, never changed. Told twice in the same words it stands here once."""

    __tablename__ = "answers"

    alert: Mapped[str] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    version: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of what was told
    delivery: Mapped[str] = mapped_column(ForeignKey("deliveries.id"))
    office: Mapped[str | None] = mapped_column(String(10), default=None)  # that answered
    received_on: Mapped[date]
    contacted_on: Mapped[date]
    channel: Mapped[str | None] = mapped_column(String(16), default=None)
    result: Mapped[str | None] = mapped_column(String(16), default=None)
    need_confirmed: Mapped[str | None] = mapped_column(String(16), default=None)
    outcome: Mapped[str | None] = mapped_column(String(32), default=None)  # null: a try was noted, nothing decided
    benefit: Mapped[str | None] = mapped_column(String(64), default=None)
    reasons: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)  # number of the reason -> right | wrong
    dismissal: Mapped[str | None] = mapped_column(String(32), default=None)
    next_on: Mapped[date | None] = mapped_column(default=None)
    recorded_at: Mapped[datetime]

    __table_args__ = (Index(None, "delivery"), Index(None, "received_on"))


class OfficeCapacity(Base, kw_only=True):
    """Open alerts an office says it can hold, as told in its workbook."""

    __tablename__ = "office_capacity"

    office: Mapped[str] = mapped_column(String(10), primary_key=True)
    delivery: Mapped[str] = mapped_column(ForeignKey("deliveries.id"), primary_key=True)
    capacity: Mapped[int]
    known_on: Mapped[date]
    recorded_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("capacity >= 0", name="capacity"),)


class Stop(Base, kw_only=True):
    """The household asked that its data be not processed (개인정보 보호법 제37조): in no queue, on no sheet."""

    __tablename__ = "stops"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, init=False)
    household_key: Mapped[int] = mapped_column(BigInteger)
    from_on: Mapped[date]
    until_on: Mapped[date | None] = mapped_column(default=None)  # the last day; null: until it is lifted
    reason: Mapped[str] = mapped_column(String(32))  # code
    source: Mapped[str] = mapped_column(String(64))  # the account that entered it
    recorded_at: Mapped[datetime]

    __table_args__ = (Index(None, "household_key"),)


class Identity(Base, kw_only=True):
    """The only place with names, addresses, phones and person numbers, each sealed for its own row and column."""

    __tablename__ = "identities"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)  # person | address | household
    token: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))  # the whole HMAC: tells two identifiers on one token apart
    key_id: Mapped[str] = mapped_column(String(16))
    sealed_identifier: Mapped[bytes]  # person number, address, household number
    sealed_contact: Mapped[bytes | None] = mapped_column(default=None)  # name and phone of a person
    told_on: Mapped[date]


class Access(Base, kw_only=True):
    """One record per disclosure: 안전성 확보조치 기준 art. 8. `seq` has no gap, `hash` covers all, and the last one."""

    __tablename__ = "access_log"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    account: Mapped[str]
    place: Mapped[str]
    task: Mapped[str]
    purpose: Mapped[str]
    reason: Mapped[str]
    office: Mapped[str | None] = mapped_column(String(10), default=None)
    subjects: Mapped[list[Any]]  # household keys
    rows: Mapped[int]
    run: Mapped[str | None] = mapped_column(String(64), default=None)
    model: Mapped[str | None] = mapped_column(String(64), default=None)
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class Custody(Base, kw_only=True):
    """What was done to rights, keys and the logs themselves, chained like `access_log`; kept at least 1,095 days."""

    __tablename__ = "custody_log"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    account: Mapped[str]
    place: Mapped[str]
    act: Mapped[str] = mapped_column(String(32))
    what: Mapped[str]  # the account, key or log it was done to
    detail: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)  # codes and counts
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class AccountRole(Base, kw_only=True):
    """Which account works as what, an officer for which office. On PostgreSQL the database holds them to it."""

    __tablename__ = "account_roles"

    account: Mapped[str] = mapped_column(String(63), primary_key=True)
    role: Mapped[str] = mapped_column(String(16), primary_key=True)
    office: Mapped[str] = mapped_column(String(10), primary_key=True, default="")  # "": no office's
    granted_by: Mapped[str]
    granted_at: Mapped[datetime]


class Pause(Base, kw_only=True):
    """Nights take in and publish nothing: who said so, why, and who ended it."""

    __tablename__ = "pauses"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, init=False)
    since: Mapped[datetime]
    until_on: Mapped[date | None] = mapped_column(default=None)  # the last day; null: until it is ended
    because: Mapped[str]
    by: Mapped[str]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_by: Mapped[str | None] = mapped_column(default=None)


class Destruction(Base, kw_only=True):
    """A proof of destruction: store.destruction. Each names the one before it."""

    __tablename__ = "destructions"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(64))  # SHA-256 of the proof
    data: Mapped[str] = mapped_column(String(32))  # class of data
    kept_from: Mapped[date]
    at: Mapped[datetime]
    proof: Mapped[dict[str, Any]]
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))


class Request(Base, kw_only=True):
    """What a person asked of the data held on them (개인정보 보호법 제35조-제37조). By key: no name, no text."""

    __tablename__ = "requests"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # copy | correct | stop
    household_key: Mapped[int] = mapped_column(BigInteger)
    received_on: Mapped[date]
    due_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(16))  # open | done | refused
    closed_on: Mapped[date | None] = mapped_column(default=None)
    reason: Mapped[str | None] = mapped_column(String(32), default=None)  # of a refusal: code
    account: Mapped[str]
    done: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)  # deliveries of a correction
    recorded_at: Mapped[datetime]

    __table_args__ = (Index(None, "state"),)
