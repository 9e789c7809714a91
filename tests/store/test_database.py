import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Engine, inspect, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from store.alerts import open_alerts
from store.database import HEAD, MIGRATIONS, migrate, open_database, reading, revision, writing
from store.faults import StoreError
from store.tables import (
    Access,
    AccountRole,
    Alert,
    AlertEvent,
    Answer,
    Base,
    Custody,
    Delivery,
    Destruction,
    Identity,
    OfficeCapacity,
    Pause,
    Request,
    RowSetAside,
    Run,
    Stage,
    Stop,
    StoredModel,
)

NOW = datetime(2026, 9, 1, 1, 30, tzinfo=UTC)
DAY = date(2026, 8, 31)


def one_row_of_every_table() -> list[Base]:
    return [
        Delivery(
            id="d", source="kepco", base_month=DAY, received_on=DAY, file_name="a.csv", received=2, accepted=1,
            set_aside=1, leftover=["성별"], state="taken", recorded_at=NOW,
        ),
        RowSetAside(delivery="d", row_no=2, column_name="연체월수", rule="months_known"),
        Run(id="r", kind="nightly", as_of=DAY, started_at=NOW, state="running", inputs="i", settings="s", code="c"),
        Stage(run="r", name="take_in", state="done", seconds=1.5, finished_at=NOW),
        StoredModel(id="m", as_of=DAY, state="champion", digest="x", metrics={"auc": 0.7}, path="m", created_at=NOW),
        Alert(id="a", household_key=-(2**63), office="1111053000", lane="risk", opened_on=DAY, due_on=DAY,
              state="open", run="r", reasons=["power_cut"]),
        AlertEvent(alert="a", event="opened", source="r", known_on=DAY, recorded_at=NOW),
        Answer(alert="a", version="v", delivery="d", received_on=DAY, contacted_on=DAY, outcome="unreached",
               reasons={"1": "right"}, recorded_at=NOW),
        OfficeCapacity(office="1111053000", delivery="d", capacity=9, known_on=DAY, recorded_at=NOW),
        Stop(household_key=-(2**63), from_on=DAY, reason="requested", source="u", recorded_at=NOW),
        Pause(since=NOW, until_on=DAY, because="r", by="u"),
        Identity(kind="person", token=2**63 - 1, digest=bytes(32), key_id="seal-001", sealed_identifier=b"x",
                 told_on=DAY),
        Access(seq=1, at=NOW, account="u", place="h", task="sheet", purpose="p", reason="r", subjects=[2**62], rows=1,
               previous=bytes(32), hash=bytes(32)),
        Custody(seq=1, at=NOW, account="u", place="h", act="key_rotated", what="seal-002", detail={"rows": 1},
                previous=bytes(32), hash=bytes(32)),
        AccountRole(account="u", role="officer", office="1111053000", granted_by="u", granted_at=NOW),
        Destruction(seq=1, id="p", data="outbox", kept_from=DAY, at=NOW, proof={"rows": 1}, signature=bytes(64)),
        Request(id="R1", kind="copy", household_key=-(2**63), received_on=DAY, due_on=DAY, state="open", account="u",
                recorded_at=NOW),
    ]  # fmt: skip


def fill(engine: Engine) -> None:
    with writing(engine) as session:
        for row in one_row_of_every_table():
            session.add(row)
            session.flush()


def test_every_table_holds_a_row_and_gives_it_back(engine: Engine) -> None:
    fill(engine)
    with reading(engine) as session:
        filled = {table.name for table in Base.metadata.sorted_tables if session.execute(select(table)).first()}
        assert filled == set(Base.metadata.tables)
        alert = session.get_one(Alert, "a")
        assert (alert.household_key, alert.reasons) == (-(2**63), ["power_cut"])
        assert session.get_one(Run, "r").started_at == NOW


def test_the_migrated_schema_is_the_declared_one(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    checks = {  # Alembic does not compare these
        str(check.name)
        for table in Base.metadata.tables.values()
        for check in table.constraints
        if isinstance(check, CheckConstraint)
    }
    found = {check["name"] for table in Base.metadata.tables for check in inspect(engine).get_check_constraints(table)}
    assert found == checks


def test_head_is_the_newest_script() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


def test_every_migration_goes_up_down_and_up_again_with_data(url: str) -> None:
    engine = open_database(url)
    fill(engine)
    for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions():  # newest first
        migrate(engine, str(script.down_revision or "base"), down=True)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    migrate(engine)
    assert revision(engine) == HEAD
    fill(engine)
    engine.dispose()


def test_down_one_and_up_again_loses_only_what_the_older_version_has_no_place_for(url: str) -> None:
    engine = open_database(url)
    fill(engine)
    before = _rows(engine)
    for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions():
        if script.down_revision is None:
            continue  # below it there is no table
        migrate(engine, str(script.down_revision), down=True)
        kept = set(inspect(engine).get_table_names())
        migrate(engine)
        after = _rows(engine)
        assert {name: rows for name, rows in after.items() if name in kept} == {
            name: rows for name, rows in before.items() if name in kept
        }, script.revision
        assert all(not after[name] for name in before if name not in kept)
    engine.dispose()


def _rows(engine: Engine) -> dict[str, list[str]]:
    """Of every table, what its first migration already knew of a row: later columns are filled as that one says."""
    later = {"works_as", "true_band", "attempts", "answered_on", "next_on", "was_visited", "criterion"}
    with reading(engine) as session:
        return {
            table.name: sorted(
                repr([(c.name, row[c.name]) for c in table.columns if c.name not in later])
                for row in session.execute(select(table)).mappings()
            )
            for table in Base.metadata.sorted_tables
        }


def test_what_was_answered_before_answers_were_kept_is_carried_over(url: str) -> None:
    engine = open_database(url)
    migrate(engine, "0001", down=True)
    with engine.begin() as connection:
        for told in FIRST:
            connection.execute(text(told))
    migrate(engine)
    with reading(engine) as session:
        open_one, closed = session.get_one(Alert, "a"), session.get_one(Alert, "b")
        answers = session.scalars(select(Answer).order_by(Answer.alert, Answer.received_on)).all()
    assert [(a.alert, a.outcome, a.contacted_on) for a in answers] == [
        ("a", "unreached", DAY), ("a", "unreached", DAY + timedelta(days=3)), ("b", "no_need", DAY),
    ]  # fmt: skip
    assert (open_one.works_as, open_one.true_band, open_one.attempts) == ("risk", "high", 2)
    assert (open_one.answered_on, closed.works_as) == (DAY + timedelta(days=3), "urgent")
    assert open_alerts(engine, DAY + timedelta(days=3))["alert_id"].to_list() == ["a"]
    assert open_alerts(engine, DAY - timedelta(days=1))["alert_id"].to_list() == ["a", "b"]
    migrate(engine, "0001", down=True)
    migrate(engine)
    assert open_alerts(engine, DAY + timedelta(days=3))["attempts"].to_list() == [2]
    engine.dispose()


_OPENED = (
    "INSERT INTO alerts (id, household_key, office, lane, band, opened_on, due_on, state, closed_on, run, reasons)"
)
_EVENT = "INSERT INTO alert_history (alert, event, source, known_on, office, lane, band, due_on, outcome, recorded_at)"
_AT = "'2026-09-01 00:00:00'"
FIRST = [
    "INSERT INTO runs VALUES ('r', 'nightly', '2026-08-28', '2026-08-28 00:00:00', NULL, 1, 'done', '', '', '', NULL,"
    " '{}', '{}', '')",
    *(
        "INSERT INTO deliveries (id, source, base_month, received_on, revision, file_name, received, accepted,"
        " set_aside, leftover, warnings, state, reason, recorded_at)"
        f" VALUES ('{d}', 'contacts', '2026-08-01', '2026-08-31', 0, 'f', 0, 0, 0, '[]', '[]', 'taken', '', {_AT})"
        for d in ("d", "e")
    ),
    f"{_OPENED} VALUES ('a', 1, '1111053000', 'explore', 'high', '2026-08-28', '2026-09-20', 'open', NULL, 'r', '[]')",
    f"{_OPENED} VALUES ('b', 2, '1111053000', 'urgent', NULL, '2026-08-28', '2026-09-20', 'closed', '2026-08-31', 'r',"
    " '[]')",
    f"{_EVENT} VALUES ('a', 'opened', 'r', '2026-08-28', '1111053000', 'explore', 'high', '2026-09-20', NULL, {_AT})",
    f"{_EVENT} VALUES ('b', 'opened', 'r', '2026-08-28', '1111053000', 'urgent', NULL, '2026-09-20', NULL, {_AT})",
    f"{_EVENT} VALUES ('a', 'answered', 'd', '2026-08-31', NULL, NULL, NULL, NULL, 'unreached', {_AT})",
    f"{_EVENT} VALUES ('a', 'answered', 'e', '2026-09-03', NULL, NULL, NULL, NULL, 'unreached', {_AT})",
    f"{_EVENT} VALUES ('b', 'closed', 'd', '2026-08-31', NULL, NULL, NULL, NULL, 'no_need', {_AT})",
]


def test_a_migration_that_fails_leaves_nothing_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_database(url)
    migrate(engine, "base", down=True)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE access_log (x INTEGER)"))  # the last table of the first migration
    with pytest.raises(StoreError, match="access_log") as caught:
        migrate(engine)
    assert caught.value.kind == "migration"
    assert set(inspect(engine).get_table_names()) <= {"access_log", "alembic_version"}
    engine.dispose()


def test_opening_at_head_imports_no_alembic_and_the_ledger_no_frames(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    open_database(url).dispose()
    told = (
        "import sys, time; start = time.perf_counter()\n"
        "from store import ledger; from store.database import open_database\n"
        f"opened = time.perf_counter(); engine = open_database({url!r}); ledger.last_done_night(engine)\n"
        "heavy = {'alembic', 'polars', 'deltalake', 'prefect', 'pandas', 'numpy', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert time.perf_counter() - opened < 0.5  # 0.02 on an idle machine\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", told], check=True, env=env)


def test_two_processes_may_open_an_empty_database_at_once(url: str) -> None:
    told = f"from store.database import open_database; open_database({url!r}).dispose()"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    both = [subprocess.Popen([sys.executable, "-c", told], env=env, stderr=subprocess.PIPE) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors


def test_a_newer_schema_is_refused(url: str) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="not ours") as caught:
        open_database(url)
    assert "newer" in caught.value.cure


def test_an_unreachable_database_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        open_database(f"postgresql+psycopg://u:s3cret@/x?host={tmp_path}")
    assert caught.value.kind == "database"
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_files_are_ours_only(tmp_path: Path) -> None:
    path = tmp_path / "work" / "a.db"
    engine = open_database(f"sqlite:///{path}")
    fill(engine)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    engine.dispose()


def test_errors_carry_no_values(engine: Engine) -> None:
    fill(engine)
    again = Identity(
        kind="person", token=2**63 - 1, digest=b"secret", key_id="k", sealed_identifier=b"secret", told_on=DAY
    )
    with pytest.raises(IntegrityError) as caught, writing(engine) as session:
        session.add(again)
    assert "secret" not in str(caught.value)


def test_a_time_without_zone_is_refused_and_any_zone_becomes_utc(engine: Engine) -> None:
    seoul = timezone(timedelta(hours=9))

    def run(name: str, at: datetime) -> Run:
        return Run(id=name, kind="demo", as_of=DAY, started_at=at, state="done", inputs="", settings="", code="")

    with writing(engine) as session:
        session.add(run("a", datetime(2026, 9, 1, 8, 0, tzinfo=seoul)))
    with reading(engine) as session:
        found = session.get_one(Run, "a").started_at
    assert (found, found.tzinfo) == (datetime(2026, 8, 31, 23, 0, tzinfo=UTC), UTC)
    with pytest.raises(StatementError, match="without a zone"), writing(engine) as session:
        session.add(run("b", datetime(2026, 9, 1, 8, 0)))  # noqa: DTZ001 (what is refused)


def test_guards_of_the_schema(engine: Engine) -> None:
    fill(engine)
    broken: list[Base] = [
        Delivery(id="e", received_on=DAY, file_name="e", received=3, accepted=1, set_aside=1, state="refused",
                 recorded_at=NOW),
        Delivery(id="e", received_on=DAY, file_name="e", state="taken", recorded_at=NOW),
        StoredModel(id="n", as_of=DAY, state="champion", digest="y", path="n", created_at=NOW),
        Alert(id="b", household_key=-(2**63), office="1", lane="risk", opened_on=DAY, due_on=DAY, state="open",
              run="r"),
        Alert(id="b", household_key=1, office="1", lane="risk", opened_on=DAY, due_on=DAY, state="open", run="?"),
    ]  # fmt: skip
    for row in broken:
        with pytest.raises(IntegrityError), writing(engine) as session:
            session.add(row)


def test_sqlite_waits_keeps_and_checks(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as connection:
        told = [connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys", "synchronous")]
    assert told == ["wal", 1, 2]
    engine.dispose()
