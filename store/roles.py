"""Who may see what in PostgreSQL: five roles, and rows by office. SQLite has no accounts, only a file's mode.

An officer's account sees its own offices' rows, and of them not what would tell the draw by chance from the risk. The
nightly account adds to the logs and can neither change nor remove a record. Whoever owns the tables, and any superuser,
stands above all of this: no run should use such an account.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Engine, delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from store import chain
from store.custody import CUSTODY, Deed, record_of
from store.database import reading, writing
from store.faults import StoreError
from store.keys import Keys
from store.tables import AccountRole

PREFIX: Final = "blindspot_"


class Role(StrEnum):
    NIGHTLY = "nightly"  # the account that runs use
    OPERATOR = "operator"  # looks after runs: no household
    OFFICER = "officer"  # of one office or several
    AUDITOR = "auditor"  # reads the logs
    SCIENTIST = "scientist"  # models and runs; features come from `blindspot matrix`, logged


LOGS: Final = ("access_log", "custody_log")
_WORK: Final = ("runs", "stages", "models", "deliveries")
# Read by these roles and nobody else. What is not named here only the nightly account sees.
_READS: Final[Mapping[Role, Sequence[str]]] = {
    Role.OPERATOR: (*_WORK, "rows_set_aside", "office_capacity", "account_roles"),
    Role.AUDITOR: (*LOGS, *_WORK, "account_roles", "destructions"),
    Role.SCIENTIST: _WORK,
}
# Not: household_key, nor lane, true_band and inclusion, by which the households drawn at random would be known.
_OFFICER_READS: Final[Mapping[str, str]] = {
    "alerts": "id, office, works_as, band, opened_on, due_on, state, closed_on, outcome, reasons, criterion,"
    " moved_from, moved_on, attempts, next_on, answered_on, was_visited",
    "alert_history": "id, alert, event, known_on, office, works_as, band, due_on, outcome, moved_from, moved_on,"
    " recorded_at",
    "answers": "alert, version, office, received_on, contacted_on, channel, result, need_confirmed, outcome, benefit,"
    " reasons, dismissal, next_on, recorded_at",
    "office_capacity": "office, capacity, known_on, recorded_at",
    "account_roles": "account, role, office",
}
_MINE: Final = "office IN (SELECT r.office FROM account_roles r WHERE r.account = current_user AND r.role = 'officer')"
# Of an alert, only what is the officer's own: the alert's own policy holds within.
_OF_MINE: Final = "EXISTS (SELECT FROM alerts a WHERE a.id = alert)"
OFFICER_ROWS: Final[Mapping[str, str]] = {
    "alerts": _MINE,
    "alert_history": _OF_MINE,
    "answers": _OF_MINE,
    "office_capacity": _MINE,
    "account_roles": "account = current_user",
}
_ACCOUNT: Final = re.compile(r"[^\x00\"]{1,63}")


def statements() -> list[str]:
    """Everything the database needs, to be run by the tables' owner; run again it changes nothing."""
    names = ", ".join(PREFIX + role for role in Role)
    made = [_role(PREFIX + role) for role in Role]
    taken = [
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {names}",
        f"GRANT USAGE ON SCHEMA public TO {names}",
    ]
    return [*made, *taken, *_nightly(), *_readers(), *_policies()]


def apply(engine: Engine) -> None:
    _need_postgresql(engine)
    try:
        with writing(engine) as session:
            for statement in statements():
                session.execute(text(statement))
    except DBAPIError as error:
        raise _refused(error) from None


def grant(
    engine: Engine, keys: Keys, account: str, role: Role, offices: Sequence[str], deed: Deed, now: datetime
) -> None:
    """Noted, granted and listed in one commit. The account must be there: passwords are the database's own business."""
    _need_postgresql(engine)
    if (role is Role.OFFICER) != bool(offices):
        raise StoreError(
            "roles", f"{role} and {len(offices)} offices", "name the offices of an officer, and of nobody else"
        )
    try:
        with writing(engine) as session:
            _refuse_above_the_rules(session, account)
            chain.put(session, keys, CUSTODY, [record_of(deed, now)])
            for office in offices or [""]:
                session.merge(
                    AccountRole(
                        account=account, role=role.value, office=office, granted_by=deed.account, granted_at=now
                    )
                )
            session.execute(text(f"GRANT {PREFIX}{role} TO {_quoted(account)}"))
    except DBAPIError as error:
        raise _refused(error) from None


def revoke(
    engine: Engine, keys: Keys, account: str, role: Role, offices: Sequence[str], deed: Deed, now: datetime
) -> None:
    """offices: of these only; none: the role as a whole."""
    _need_postgresql(engine)
    mine = (AccountRole.account == account) & (AccountRole.role == role.value)
    try:
        with writing(engine) as session:
            held = set(session.scalars(select(AccountRole.office).where(mine)))
            if not held or not held.issuperset(offices):
                raise StoreError("roles", f"{account} is no {role} there", "see `blindspot roles list`")
            chain.put(session, keys, CUSTODY, [record_of(deed, now)])
            session.execute(delete(AccountRole).where(mine, AccountRole.office.in_(offices or held)))
            if not held - set(offices or held):
                session.execute(text(f"REVOKE {PREFIX}{role} FROM {_quoted(account)}"))
    except DBAPIError as error:
        raise _refused(error) from None


def listed(engine: Engine) -> Sequence[AccountRole]:
    with reading(engine) as session:
        order = select(AccountRole).order_by(AccountRole.account, AccountRole.role, AccountRole.office)
        return session.scalars(order).all()


def offices_of(engine: Engine) -> dict[str, set[str]]:
    """Of every officer's account, the offices it works for."""
    told: dict[str, set[str]] = defaultdict(set)
    for one in listed(engine):
        if one.role == Role.OFFICER:
            told[one.account].add(one.office)
    return dict(told)


def _nightly() -> list[str]:
    name, logs = PREFIX + Role.NIGHTLY, ", ".join(LOGS)
    return [
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {name}",
        f"REVOKE UPDATE, DELETE ON {logs} FROM {name}",
        f"REVOKE INSERT, UPDATE, DELETE ON account_roles, alembic_version FROM {name}",
    ]


def _readers() -> list[str]:
    told = [f"GRANT SELECT ON {', '.join(tables)} TO {PREFIX}{role}" for role, tables in _READS.items()]
    return [
        *told,
        *(f"GRANT SELECT ({columns}) ON {table} TO {PREFIX}officer" for table, columns in _OFFICER_READS.items()),
    ]


def _policies() -> list[str]:
    told = []
    for table in (*OFFICER_ROWS, *LOGS):
        told.append(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        told.append(
            _policy(table, "reads", "SELECT", ", ".join(PREFIX + role for role in Role if role != Role.OFFICER))
        )
    for table, rows in OFFICER_ROWS.items():
        told.append(_policy(table, "works", "ALL", PREFIX + Role.NIGHTLY))
        told.append(_policy(table, "own_office", "ALL", PREFIX + Role.OFFICER, rows))
    return [*told, *(_policy(table, "adds", "INSERT", PREFIX + Role.NIGHTLY) for table in LOGS)]


def _policy(table: str, name: str, command: str, roles: str, rows: str = "true") -> str:
    holds = {"SELECT": f"USING ({rows})", "INSERT": f"WITH CHECK ({rows})"}
    how = holds.get(command, f"USING ({rows}) WITH CHECK ({rows})")
    made = f"CREATE POLICY {name} ON {table} FOR {command} TO {roles} {how}"
    return f"DROP POLICY IF EXISTS {name} ON {table}; {made}"


def _role(name: str) -> str:
    made = f"IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name} NOLOGIN; END IF"
    return f"DO $$ BEGIN {made}; END $$"


def _quoted(account: str) -> str:
    if not _ACCOUNT.fullmatch(account):
        raise StoreError("roles", "that is no name of an account", "name an account of the database")
    return f'"{account}"'


def _refuse_above_the_rules(session: Session, account: str) -> None:
    found = session.execute(
        text("SELECT rolsuper OR rolbypassrls, pg_has_role(rolname, c.relowner, 'USAGE') FROM pg_roles, pg_class c"
             " WHERE rolname = :account AND c.relname = 'access_log'"), {"account": account},
    ).first()  # fmt: skip
    if found is None:
        cure = "let the database's administrator create it first (CREATE ROLE ... LOGIN)"
        raise StoreError("roles", f"the database has no account {account}", cure)
    if any(found):
        raise StoreError(
            "roles", f"{account} stands above every rule", "use an account that neither owns tables nor is a superuser"
        )


def _need_postgresql(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        what = "SQLite has no accounts and no roles: whoever may read the file sees everything"
        raise StoreError("roles", what, "use PostgreSQL (`database` in config.yaml) where several people have access")


def _refused(error: DBAPIError) -> StoreError:
    return StoreError(
        "roles", f"the database refused ({type(error.orig).__name__})", "run it as the account that owns the tables"
    )
