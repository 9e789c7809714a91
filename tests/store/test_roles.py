"""Foreign office: no row, whatever is tried. On a real PostgreSQL; SQLite says that it cannot."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine

from store import access_log, roles
from store.access_log import Disclosure
from store.custody import Act, Deed, listed
from store.database import open_database, writing
from store.faults import StoreError
from store.keys import Keys
from store.purposes import Purpose
from store.role_checks import check
from store.roles import Role
from store.tables import Alert, AlertEvent, Answer, Base, Delivery, OfficeCapacity, Run

NOW = datetime(2026, 9, 1, 1, 30, tzinfo=UTC)
DAY = date(2026, 8, 31)
# `ROLE_OFFICES=40` tries all pairs of forty offices.
OFFICES = [f"11110{n:05d}" for n in range(int(os.environ.get("ROLE_OFFICES", "4")))]
TABLES = ("alerts", "alert_history", "answers", "office_capacity")
DEED = Deed(account="admin", place="host", act=Act.ROLE_GRANTED, what="x")
ACCOUNTS = [*(f"officer {office}" for office in OFFICES), "night", "auditor", "scientist", "operator", "of two"]


@pytest.fixture(scope="module")
def guarded(postgres: Callable[[], str], keys: Keys) -> Iterator[Engine]:
    engine = open_database(postgres())
    _fill(engine)
    with psycopg.connect(_address(engine), autocommit=True) as admin:
        for account in ACCOUNTS:
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {0}").format(sql.Identifier(account)))
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(account)))
        admin.execute("CREATE TABLE IF NOT EXISTS seen (office text)")
    roles.apply(engine)
    roles.apply(engine)
    for office in OFFICES:
        roles.grant(engine, keys, f"officer {office}", Role.OFFICER, [office], DEED, NOW)
    roles.grant(engine, keys, "of two", Role.OFFICER, OFFICES[:2], DEED, NOW)
    for account, role in (
        ("night", Role.NIGHTLY), ("auditor", Role.AUDITOR), ("scientist", Role.SCIENTIST), ("operator", Role.OPERATOR)
    ):  # fmt: skip
        roles.grant(engine, keys, account, role, [], DEED, NOW)
    yield engine
    with psycopg.connect(_address(engine), autocommit=True) as admin:
        for account in ACCOUNTS:
            admin.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(account)))
    engine.dispose()


def _address(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False).replace("+psycopg", "")


def _fill(engine: Engine) -> None:
    rows: list[Base] = [
        Run(id="r", kind="nightly", as_of=DAY, started_at=NOW, state="done", inputs="i", settings="s", code="c"),
        Delivery(id="d", base_month=DAY, received_on=DAY, file_name="a", state="taken", recorded_at=NOW),
    ]
    for number, office in enumerate(OFFICES):
        rows += [
            Alert(id=f"a{number}", household_key=number, office=office, lane="explore", opened_on=DAY, due_on=DAY,
                  state="open", run="r"),
            AlertEvent(alert=f"a{number}", event="opened", source="r", known_on=DAY, recorded_at=NOW),
            # Another office's word on it, as after a move: it goes with the alert.
            Answer(alert=f"a{number}", version="v", delivery="d", office=OFFICES[number - 1], received_on=DAY,
                   contacted_on=DAY, recorded_at=NOW),
            OfficeCapacity(office=office, delivery="d", capacity=9, known_on=DAY, recorded_at=NOW),
        ]  # fmt: skip
    with writing(engine) as session:
        for row in rows:
            session.add(row)
            session.flush()


def as_account(engine: Engine, account: str) -> psycopg.Connection[Any]:
    return psycopg.connect(host=str(engine.url.query["host"]), user=account, dbname=engine.url.database)


def as_night(engine: Engine) -> Engine:
    return open_database(f"postgresql+psycopg://night@/{engine.url.database}?host={engine.url.query['host']}")


def count(connection: psycopg.Connection[Any], query: str, *values: object) -> int:
    """Rows a query gives or touches; nothing of it stays."""
    with connection.transaction(force_rollback=True):
        return connection.execute(query.encode(), values or None).rowcount


# `{}`: an office. Each way must find the officer's own row and none of another's.
READS = (
    "SELECT id FROM alerts WHERE office = '{}'",
    "SELECT h.alert FROM alert_history h JOIN alerts a ON a.id = h.alert WHERE a.office = '{}'",
    "SELECT n.alert FROM answers n LEFT JOIN alerts a ON a.id = n.alert WHERE a.office = '{}'",
    "SELECT capacity FROM office_capacity WHERE office = '{}'",
    "SELECT id FROM queue_view WHERE office = '{}'",
    "WITH q AS (SELECT * FROM queue_view) SELECT q.id FROM q JOIN office_capacity c USING (office) WHERE office = '{}'",
    "SELECT id FROM (SELECT id, office FROM alerts UNION ALL SELECT id, office FROM queue_view LIMIT 1) x"
    " WHERE office = '{}'",
)
WRITES = (
    "UPDATE alerts SET state = 'closed' WHERE office = '{}'",
    "DELETE FROM answers n USING alerts a WHERE a.id = n.alert AND a.office = '{}'",
    "DELETE FROM alert_history WHERE alert = (SELECT 'a' || n FROM pairs WHERE office = '{}')",
    "UPDATE office_capacity SET capacity = 0 WHERE office = '{}'",
)


@pytest.fixture
def opened_wide(guarded: Engine) -> Iterator[Engine]:
    """Somebody has granted officers more than we do: the rows must hold all the same."""
    names = sql.SQL(", ").join(map(sql.Identifier, TABLES))
    with psycopg.connect(_address(guarded), autocommit=True) as admin:
        admin.execute("CREATE VIEW queue_view WITH (security_invoker = true) AS SELECT id, office FROM alerts")
        admin.execute("CREATE TABLE pairs (n int, office text)")
        for number, office in enumerate(OFFICES):
            admin.execute("INSERT INTO pairs VALUES (%s, %s)", [number, office])
        admin.execute("GRANT SELECT ON queue_view, pairs TO blindspot_officer")
        admin.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO blindspot_officer").format(names))
    yield guarded
    with psycopg.connect(_address(guarded), autocommit=True) as admin:
        admin.execute("DROP VIEW queue_view; DROP TABLE pairs")
    roles.apply(guarded)


@pytest.mark.postgres
def test_no_pair_of_offices_shows_or_changes_a_row(opened_wide: Engine) -> None:
    tried = 0
    for mine in OFFICES:
        with as_account(opened_wide, f"officer {mine}") as connection:
            for way in (*READS, *WRITES):
                assert count(connection, way.format(mine)) == 1, way
            for other in set(OFFICES) - {mine}:
                for way in (*READS, *WRITES):
                    assert count(connection, way.format(other)) == 0, (mine, other, way)
                    tried += 1
            for table in TABLES:
                assert count(connection, f"SELECT * FROM {table}") == 1
    assert tried == len(list(permutations(OFFICES, 2))) * len((*READS, *WRITES))


INTO_ANOTHER = (
    "UPDATE alerts SET office = '{}'",
    "UPDATE office_capacity SET office = '{}'",
    "INSERT INTO office_capacity VALUES ('{}', 'e', 9, '2026-08-31', '2026-08-31')",
    "INSERT INTO alert_history (alert, event, source, known_on, recorded_at)"
    " VALUES ((SELECT 'a' || n FROM pairs WHERE office = '{}'), 'opened', 'x', '2026-08-31', '2026-08-31')",
)


@pytest.mark.postgres
def test_no_row_is_pushed_into_another_office(opened_wide: Engine) -> None:
    with as_account(opened_wide, f"officer {OFFICES[0]}") as connection:
        for attack in INTO_ANOTHER:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                count(connection, attack.format(OFFICES[1]))


@pytest.mark.postgres
@pytest.mark.parametrize(
    "attack",
    [
        f"SET ROLE \"officer {OFFICES[1]}\"",
        "SET row_security = off; SELECT id FROM alerts",
        f"INSERT INTO account_roles VALUES (current_user, 'officer', '{OFFICES[1]}', 'x', now())",
        "UPDATE account_roles SET office = 'x'",
        "ALTER TABLE alerts DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own_office ON alerts",
        "SELECT * FROM identities",
        "SELECT * FROM access_log",
        "SELECT * FROM stops",
        "SELECT household_key FROM alerts",
        "SELECT lane FROM alerts",
        "SELECT inclusion FROM alerts",
        "SELECT true_band FROM alert_history",
        "SELECT * FROM alerts",
        "UPDATE alerts SET state = 'closed'",
        "DELETE FROM answers",
        "COPY alerts TO STDOUT",
    ],
)  # fmt: skip
def test_an_officer_can_do_no_more_than_read(guarded: Engine, attack: str) -> None:
    refused = pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable))
    with as_account(guarded, f"officer {OFFICES[0]}") as connection, refused:
        count(connection, attack)


@pytest.mark.postgres
def test_an_officer_of_two_offices_sees_both_and_one_of_none_sees_nothing(guarded: Engine, keys: Keys) -> None:
    with as_account(guarded, "of two") as connection:
        assert count(connection, "SELECT id FROM alerts") == 2
        assert count(connection, "SELECT office FROM account_roles") == 2
    roles.revoke(guarded, keys, "of two", Role.OFFICER, OFFICES[:1], DEED, NOW)
    with as_account(guarded, "of two") as connection:
        assert count(connection, "SELECT id FROM alerts") == 1
    roles.revoke(guarded, keys, "of two", Role.OFFICER, [], DEED, NOW)
    with as_account(guarded, "of two") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        count(connection, "SELECT id FROM alerts")
    with pytest.raises(StoreError, match="is no officer there"):
        roles.revoke(guarded, keys, "of two", Role.OFFICER, [], DEED, NOW)
    roles.grant(guarded, keys, "of two", Role.OFFICER, OFFICES[:2], DEED, NOW)


@pytest.mark.postgres
def test_the_nightly_account_only_adds_to_the_logs(guarded: Engine, keys: Keys, tmp_path: Path) -> None:
    night = as_night(guarded)
    told = Disclosure(account="night", place="h", task="sheet", purpose=Purpose.DISCOVERY, reason="r", subjects=[1])
    assert access_log.record_all(night, keys, [told, told], NOW) == 2
    night.dispose()
    with as_account(guarded, "night") as connection:
        for attack in ("UPDATE {} SET seq = 9", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"):
            for log in roles.LOGS:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    count(connection, attack.format(log))
        assert count(connection, "SELECT seq FROM access_log") == 2
        assert count(connection, "UPDATE alerts SET state = 'closed'") == len(OFFICES)
        assert count(connection, "SELECT token FROM identities") == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            count(connection, "INSERT INTO account_roles VALUES ('night', 'auditor', '', 'x', now())")
        # Granted by mistake, it still changes nothing: no policy lets it.
        with psycopg.connect(_address(guarded), autocommit=True) as admin:
            admin.execute("GRANT UPDATE, DELETE ON access_log TO night")
        assert count(connection, "DELETE FROM access_log") == 0
        assert count(connection, "UPDATE access_log SET reason = 'x'") == 0
        with psycopg.connect(_address(guarded), autocommit=True) as admin:
            admin.execute("REVOKE UPDATE, DELETE ON access_log FROM night")
    with pytest.raises(StoreError, match="may not delete"):
        night = as_night(guarded)
        access_log.trim(night, keys, tmp_path, datetime(2027, 1, 1, tzinfo=UTC), NOW)
    night.dispose()


MAY: dict[str, set[str]] = {
    "auditor": {"access_log", "custody_log", "runs", "stages", "models", "deliveries", "account_roles", "destructions"},
    "scientist": {"runs", "stages", "models", "deliveries"},
    "operator": {"runs", "stages", "models", "deliveries", "rows_set_aside", "office_capacity", "account_roles"},
}


@pytest.mark.postgres
@pytest.mark.parametrize("account", MAY)
def test_a_role_reads_what_it_must_and_writes_nothing(guarded: Engine, account: str) -> None:
    with as_account(guarded, account) as connection:
        for table in Base.metadata.tables:
            if table in MAY[account]:
                assert count(connection, f"SELECT * FROM {table}") >= 0
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    count(connection, f"SELECT * FROM {table}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                count(connection, f"DELETE FROM {table}")
        if "account_roles" in MAY[account]:
            assert count(connection, "SELECT * FROM account_roles") == len(ACCOUNTS) + 1


@pytest.mark.postgres
def test_what_undermines_the_rules_is_told(guarded: Engine, keys: Keys) -> None:
    def faults() -> list[str]:
        night = as_night(guarded)
        told = check(night)
        night.dispose()
        return told

    assert faults() == []
    assert check(guarded) == [f"this very account can change {log}: let runs use one that is only blindspot_nightly"
                              for log in roles.LOGS]  # fmt: skip
    planted = {
        ("ALTER TABLE answers DISABLE ROW LEVEL SECURITY", "ALTER TABLE answers ENABLE ROW LEVEL SECURITY"): "answers",
        ("GRANT SELECT ON alerts TO PUBLIC", "REVOKE SELECT ON alerts FROM PUBLIC"): "alerts is open",
        (
            'GRANT blindspot_auditor TO "of two"',
            'REVOKE blindspot_auditor FROM "of two"',
        ): "of two is blindspot_auditor",
        ("ALTER ROLE auditor BYPASSRLS", "ALTER ROLE auditor NOBYPASSRLS"): "auditor stands above",
        ("GRANT UPDATE ON custody_log TO night", "REVOKE UPDATE ON custody_log FROM night"): "can change custody_log",
        (
            "CREATE VIEW past AS SELECT office FROM alerts; GRANT SELECT ON past TO blindspot_officer",
            "DROP VIEW past",
        ): "view past, which blindspot_officer may read",
    }
    with psycopg.connect(_address(guarded), autocommit=True) as admin:
        for (plant, undo), told in planted.items():
            admin.execute(plant.encode())
            found = faults()
            admin.execute(undo.encode())
            assert any(told in fault for fault in found), (plant, found)
    assert faults() == []


@pytest.mark.postgres
def test_grants_are_refused_where_they_would_hold_nobody(guarded: Engine, keys: Keys) -> None:
    for account, role, offices, told in (
        ("blindspot", Role.AUDITOR, [], "above every rule"),
        ("nobody", Role.AUDITOR, [], "no account"),
        ('x"; DROP TABLE alerts; --', Role.AUDITOR, [], "no account"),
        ("auditor", Role.OFFICER, [], "0 offices"),
        ("auditor", Role.AUDITOR, OFFICES[:1], "1 offices"),
    ):
        before = len(listed(guarded))
        with pytest.raises(StoreError, match=told):
            roles.grant(guarded, keys, account, role, offices, DEED, NOW)
        assert len(listed(guarded)) == before
    with as_account(guarded, "night"):
        night = as_night(guarded)
        with pytest.raises(StoreError, match="the database refused"):
            roles.apply(night)
        night.dispose()


def test_sqlite_says_that_it_cannot(tmp_path: Path, keys: Keys) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    assert "no accounts" in check(engine)[0]
    with pytest.raises(StoreError, match="SQLite has no accounts"):
        roles.apply(engine)
    with pytest.raises(StoreError, match="SQLite has no accounts"):
        roles.grant(engine, keys, "x", Role.AUDITOR, [], DEED, NOW)
    engine.dispose()
