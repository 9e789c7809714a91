"""Both logs: a thousand edits, trimming, a key rotated, a server that goes away."""

import hmac
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, delete, insert, make_url, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from store import access_log, chain, custody
from store.access_log import Disclosure, anchor, record_access, record_all, trim, verify_chain
from store.custody import Act, Deed
from store.database import open_database, reading, writing
from store.faults import as_store_error
from store.keys import Keys, create_keys, load_keys, rotate
from store.purposes import PURPOSES_KO, Purpose, told_ko
from store.tables import Access, Custody
from tests.store.conftest import Stoppable

NOW = datetime(2026, 9, 1, 1, 30, 0, 123456, tzinfo=UTC)
DAY = date(2026, 8, 31)
# TRUST test 7 asks for 1,000: `LOG_EDITS=1000 pytest tests/store/test_chain.py`.
EDITS = int(os.environ.get("LOG_EDITS", "60"))
# TRUST test 5, with a server of its own: `LOG_STOPS=3`.
STOPS = int(os.environ.get("LOG_STOPS", "0"))
TOLD = Disclosure(
    account="night", place="host", task="sheet", purpose=Purpose.DISCOVERY, reason="nightly", subjects=[7, 8],
    office="1111053000", run="r", model="m",
)  # fmt: skip
DEED = Deed(account="admin", place="host", act=Act.ROLE_GRANTED, what="kim", detail={"role": "auditor", "rows": 3})
Rows = list[dict[str, Any]]
TABLES: tuple[type[Access] | type[Custody], ...] = (Access, Access, Custody)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    yield engine
    engine.dispose()


def fill(engine: Engine, keys: Keys, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        at = NOW + timedelta(days=number)
        record_access(engine, keys, replace(TOLD, subjects=[number, -number]), at)
        custody.note(engine, keys, replace(DEED, what=f"account {number}"), at)


def rows_of(session: Session, table: type[Access] | type[Custody]) -> Rows:
    return [dict(row) for row in session.execute(select(table.__table__).order_by(table.seq)).mappings()]


def with_changed(rows: Rows, column: str, draw: random.Random) -> Rows:
    at = draw.randrange(len(rows))
    return [row | {column: changed(row[column], draw)} if n == at else row for n, row in enumerate(rows)]


def edited(rows: Rows, draw: random.Random) -> Rows:
    """One edit as somebody with the database and without the key could make it."""
    rows = [dict(row) for row in rows]
    at = draw.randrange(len(rows))
    match draw.choice(["change", "change", "change", "remove", "cut", "swap", "renumber", "repeat", "insert", "head"]):
        case "change":
            column = draw.choice([name for name in rows[at] if name != "seq"])
            rows[at][column] = changed(rows[at][column], draw)
        case "remove":
            del rows[at]
        case "cut":
            del rows[at:]
        case "swap":
            other = draw.choice([n for n in range(len(rows)) if n != at])
            rows[at]["seq"], rows[other]["seq"] = rows[other]["seq"], rows[at]["seq"]
        case "renumber":
            del rows[at]
            rows = [row | {"seq": number} for number, row in enumerate(rows, 1)]
        case "repeat":
            rows.append(rows[at] | {"seq": len(rows) + 1})
        case "insert":
            fresh = {**rows[at], "hash": draw.randbytes(32)}
            rows = [*rows[:at], fresh, *rows[at:]]
            rows = [row | {"seq": number} for number, row in enumerate(rows, 1)]
        case "head":
            del rows[: at + 1]
    return rows


def changed(value: Any, draw: random.Random) -> Any:
    match value:
        case None:
            return "x"
        case bytes():
            at = draw.randrange(len(value))
            return value[:at] + bytes([value[at] ^ 1 << draw.randrange(8)]) + value[at + 1 :]
        case datetime():
            return value + timedelta(microseconds=draw.choice([-1, 1, 3_600_000_000]))
        case str():
            return draw.choice([value + " ", value[:-1], value.swapcase() + "x", ""])
        case int():
            return value + draw.choice([-1, 1, 1000])
        case list():
            return draw.choice([value[:-1], [*value, 99], [v + 1 for v in value], [[], 0]])
        case dict():
            return draw.choice([{}, value | {"rows": 4}, {**value, "more": 1}])
    raise AssertionError(type(value))


def test_every_edit_is_found_and_no_honest_log_is_blamed(sqlite: Engine, keys: Keys, tmp_path: Path) -> None:
    draw = random.Random(20261122)
    fill(sqlite, keys, 6)
    assert anchor(sqlite, keys, tmp_path, DAY)
    missed = []
    # First every column of both logs, then whatever else could be done.
    columns = [
        (table, column.name) for table in TABLES[1:] for column in table.__table__.columns if column.name != "seq"
    ]
    assert len(columns) < EDITS
    for number in range(EDITS):
        table, column = columns[number] if number < len(columns) else (draw.choice(TABLES), "")
        with reading(sqlite) as session:
            before = rows_of(session, table)
        after = with_changed(before, column, draw) if column else edited(before, draw)
        if after == before:
            continue
        _replace(sqlite, table, after)
        if not verify_chain(sqlite, keys, tmp_path):
            missed.append((number, table.__name__, before, after))
        _replace(sqlite, table, before)
        assert verify_chain(sqlite, keys, tmp_path) == []
    assert missed == []


def _replace(engine: Engine, table: type[Access] | type[Custody], rows: Rows) -> None:
    with writing(engine) as session:
        session.execute(delete(table))
        if rows:
            session.execute(insert(table), rows)


def test_trimming_keeps_what_is_young_and_the_rest_verifies(engine: Engine, keys: Keys, tmp_path: Path) -> None:
    fill(engine, keys, 6)
    assert anchor(engine, keys, tmp_path, DAY)
    border = NOW + timedelta(days=3)
    assert trim(engine, keys, tmp_path, NOW, NOW) == 0, "nothing is older than the first"
    assert trim(engine, keys, tmp_path, border, NOW) == 3
    with reading(engine) as session:
        assert [row.seq for row in session.scalars(select(Access).order_by(Access.seq))] == [4, 5, 6]
    assert verify_chain(engine, keys, tmp_path) == []
    assert trim(engine, keys, tmp_path, border, NOW) == 0
    assert trim(engine, keys, tmp_path, NOW + timedelta(days=99), NOW) == 2, "the newest stays, so that numbers go on"
    assert custody.trim(engine, keys, tmp_path, border, NOW) == 3
    assert record_access(engine, keys, TOLD, NOW) == 7
    assert verify_chain(engine, keys, tmp_path) == []


def test_what_was_removed_beyond_the_checkpoint_is_found(sqlite: Engine, keys: Keys, tmp_path: Path) -> None:
    fill(sqlite, keys, 6)
    trim(sqlite, keys, tmp_path, NOW + timedelta(days=3), NOW)
    with writing(sqlite) as session:
        session.execute(delete(Access).where(Access.seq == 4))
    assert verify_chain(sqlite, keys, tmp_path) == ["access records 4 to 4 are missing"]
    with writing(sqlite) as session:
        session.execute(delete(Access))
    assert verify_chain(sqlite, keys, tmp_path) == ["access records after 3 are missing"]


def test_what_lies_around_a_checkpoint_is_told_exactly(sqlite: Engine, keys: Keys, tmp_path: Path) -> None:
    def keep(*seqs: int) -> list[str]:
        with writing(sqlite) as session:
            session.execute(delete(Access).where(Access.seq.not_in(seqs)))
        return verify_chain(sqlite, keys, tmp_path)

    assert trim(sqlite, keys, tmp_path, NOW, NOW) == 0, "nothing is there yet"
    fill(sqlite, keys, 6)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(chain, "delete", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        trim(sqlite, keys, tmp_path, NOW + timedelta(days=3), NOW)
    assert keep(3, 4, 5, 6) == ["access records 1 to 2 are missing"], "some of what the checkpoint covers"
    assert keep(4, 5, 6) == []
    with writing(sqlite) as session:
        row = rows_of(session, Access)[0]
        session.execute(insert(Access), [row | {"seq": 0}])
    assert len(verify_chain(sqlite, keys, tmp_path)) > 0, "before the first"
    (tmp_path / "trimmed-access-3.json").unlink()
    _replace(sqlite, Access, [])
    fill(sqlite, keys, 2)
    assert trim(sqlite, keys, tmp_path, NOW + timedelta(days=1), NOW) == 1
    assert keep() == ["access records after 1 are missing"]


def test_what_was_logged_long_ago_verifies(sqlite: Engine, keys: Keys, tmp_path: Path) -> None:
    # Written down, with no help of the code under test: a log must verify after every upgrade.
    record_access(sqlite, keys, TOLD, NOW)
    custody.note(sqlite, keys, replace(DEED, detail={"b": "가", "a": 1}), NOW)
    with reading(sqlite) as session:
        access, deed = session.get_one(Access, 1), session.get_one(Custody, 1)
    for record, told in (
        (access, [TOLD.account, TOLD.place, TOLD.task, TOLD.purpose, TOLD.reason, TOLD.office, sorted(TOLD.subjects),
                  len(TOLD.subjects), TOLD.run, TOLD.model]),
        (deed, [DEED.account, DEED.place, DEED.act, DEED.what, {"a": 1, "b": "가"}]),
    ):  # fmt: skip
        covered = [1, "2026-09-01T01:30:00.123456+00:00", *told, "00" * 32]
        text = json.dumps(covered, ensure_ascii=False, separators=(",", ":")).encode()
        assert record.hash == hmac.digest(keys.log, text, "sha256")


def test_a_checkpoint_nobody_signed_covers_nothing(sqlite: Engine, keys: Keys, tmp_path: Path) -> None:
    fill(sqlite, keys, 6)
    trim(sqlite, keys, tmp_path, NOW + timedelta(days=2), NOW)
    path = tmp_path / "trimmed-access-2.json"
    with reading(sqlite) as session:
        third = session.get_one(Access, 3)
    with writing(sqlite) as session:
        session.execute(delete(Access).where(Access.seq == 3))
    forged = path.read_text(encoding="utf-8").replace('"seq":2', '"seq":3')
    path.write_text(forged.replace(path.name, third.hash.hex()), encoding="utf-8")
    assert verify_chain(sqlite, keys, tmp_path) == [
        "trimmed-access-2.json was changed", "access records 1 to 3 are missing"
    ]  # fmt: skip


def test_killed_between_checkpoint_and_deletion(sqlite: Engine, keys: Keys, tmp_path: Path) -> None:
    fill(sqlite, keys, 6)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(chain, "delete", killed)
        trim(sqlite, keys, tmp_path, NOW + timedelta(days=3), NOW)
    assert (tmp_path / "trimmed-access-3.json").exists()
    assert verify_chain(sqlite, keys, tmp_path) == []
    assert trim(sqlite, keys, tmp_path, NOW + timedelta(days=3), NOW) == 3
    assert verify_chain(sqlite, keys, tmp_path) == []


def test_the_logs_key_is_rotated_and_an_old_one_writes_no_more(sqlite: Engine, tmp_path: Path) -> None:
    old = create_keys(tmp_path / "keys")
    fill(sqlite, old, 3)
    anchor(sqlite, old, tmp_path, DAY)
    assert rotate(tmp_path / "keys", "log") == "log-002"
    new = load_keys(tmp_path / "keys")
    assert (new.old_logs, new.token, new.seals) == ((old.log,), old.token, old.seals)
    fill(sqlite, new, 2, first=3)
    assert verify_chain(sqlite, new, tmp_path) == []
    fill(sqlite, old, 1, first=5)
    assert verify_chain(sqlite, new, tmp_path) == ["access record 6 was changed", "custody record 6 was changed"]


def test_a_key_that_leaked_rewrites_no_past(sqlite: Engine, tmp_path: Path) -> None:
    old = create_keys(tmp_path / "keys")
    fill(sqlite, old, 3)
    rotate(tmp_path / "keys", "log")
    new = load_keys(tmp_path / "keys")
    fill(sqlite, new, 1, first=3)
    with writing(sqlite) as session:
        kept = rows_of(session, Access)[3]
        session.execute(delete(Access))
    for number in range(3):
        record_access(sqlite, old, replace(TOLD, reason="rewritten"), NOW + timedelta(days=number))
    with writing(sqlite) as session:
        session.execute(insert(Access), [kept])
    assert verify_chain(sqlite, new, tmp_path) == ["access record 4 does not follow the one before it"]


def test_who_saw_a_household_is_found_by_key(engine: Engine, keys: Keys) -> None:
    for subjects in ([5, 55], [-5], [555], [2**62, 5]):
        record_access(engine, keys, replace(TOLD, subjects=subjects), NOW)
    assert [record.seq for record in access_log.about(engine, [5])] == [1, 4]
    assert [record.seq for record in access_log.about(engine, [5, -5])] == [1, 2, 4]
    assert [record.seq for record in access_log.listed(engine, after=2)] == [3, 4]
    assert [record.seq for record in access_log.listed(engine, office="1111053000", since=NOW)] == [1, 2, 3, 4]
    assert not list(access_log.listed(engine, office="0000000000"))


def test_no_other_purpose_can_be_recorded(sqlite: Engine, keys: Keys) -> None:
    assert set(PURPOSES_KO) == set(Purpose)
    assert not any(word in code for code in Purpose for word in ("fraud", "recover_", "reduce", "deny"))
    for wrong in ("fraud", "", "DISCOVERY", "사회보장급여법 제12조"):
        with pytest.raises(ValueError, match="not a valid Purpose"):
            record_access(sqlite, keys, replace(TOLD, purpose=wrong), NOW)  # type: ignore[arg-type]
        assert told_ko(wrong) == wrong
    assert told_ko("stop") == PURPOSES_KO[Purpose.STOP]


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_commit_that_could_not_be_told_is_not_made_twice(
    sqlite: Engine, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """The server goes away before the commit, or after it and before it could say so."""
    monkeypatch.setattr(sqlite.dialect, "name", "postgresql")
    monkeypatch.setattr(chain, "_WAITS", (0,))
    failed: list[int] = []

    class Broken:
        def __init__(self, engine: Engine) -> None:
            self.inner = writing(engine)

        def __enter__(self) -> Session:
            return self.inner.__enter__()

        def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
            if not failed:
                failed.append(1)
                gone = OperationalError("COMMIT", {}, Exception("gone"))
                if lost == "before":
                    try:
                        self.inner.__exit__(type(gone), gone, None)
                    except OperationalError:
                        raise gone from None
                self.inner.__exit__(kind, error, trace)
                raise gone
            self.inner.__exit__(kind, error, trace)

    monkeypatch.setattr(chain, "writing", Broken)
    assert record_all(sqlite, keys, [TOLD, TOLD], NOW) == 2
    assert [record.seq for record in access_log.listed(sqlite)] == [1, 2]
    assert verify_chain(sqlite, keys, tmp_path) == []


def test_a_server_that_stays_away_is_told(sqlite: Engine, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def gone(_: Engine) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(chain, "writing", gone)
    monkeypatch.setattr("store.chain.time.sleep", waited.append)
    with pytest.raises(OperationalError):
        record_access(sqlite, keys, TOLD, NOW)
    assert waited == [], "SQLite has waited by itself"
    monkeypatch.setattr(sqlite.dialect, "name", "postgresql")
    with pytest.raises(OperationalError) as caught:
        record_access(sqlite, keys, TOLD, NOW)
    assert sum(waited) == 120.5
    told = as_store_error(caught.value)
    assert told is not None
    assert told.kind == "database"


@pytest.mark.postgres
@pytest.mark.skipif(not STOPS, reason="stops a server of its own: set LOG_STOPS to how many times")
def test_the_server_is_stopped_and_started_while_many_write(
    stoppable: Callable[[], AbstractContextManager[Stoppable]], keys: Keys, tmp_path: Path
) -> None:
    """TRUST test 5, the log's part: no gap, nothing twice, nothing lost."""
    with stoppable() as server:
        engine = open_database(server.url)
        _write_through(engine, keys, tmp_path, lambda: server.restart(STOPS))
        engine.dispose()


@pytest.mark.postgres
def test_connections_are_cut_while_many_write(one_postgres: str, keys: Keys, tmp_path: Path) -> None:
    """As above in short: the server ends every connection and takes no new one for a moment."""
    url = make_url(one_postgres)
    admin = one_postgres.replace("+psycopg", "").replace(f"/{url.database}", "/postgres")
    with psycopg.connect(one_postgres.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    engine = open_database(one_postgres)

    def cut() -> None:
        with psycopg.connect(admin, autocommit=True) as connection:
            for _ in range(3):
                connection.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false".encode())
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                                   [url.database])  # fmt: skip
                time.sleep(0.1)
                connection.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true".encode())
                time.sleep(0.2)

    _write_through(engine, keys, tmp_path, cut)
    engine.dispose()


def _write_through(engine: Engine, keys: Keys, folder: Path, outage: Callable[[], object]) -> None:
    """Three writers number their records and go on until the outage is over, and each ten records more."""
    is_over, faults = threading.Event(), list[BaseException]()
    written: dict[str, int] = {}

    def write(name: str) -> None:
        left = 10
        try:
            while left:
                record_access(engine, keys, replace(TOLD, account=name, reason=str(written.get(name, 0))), NOW)
                written[name] = written.get(name, 0) + 1
                left -= is_over.is_set()
        except BaseException as error:
            faults.append(error)

    writers = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(3)]
    for writer in writers:
        writer.start()
    outage()
    is_over.set()
    for writer in writers:
        writer.join()
    assert faults == []
    told: dict[str, list[int]] = {}
    for record in access_log.listed(engine):
        told.setdefault(record.account, []).append(int(record.reason))
    assert told == {name: list(range(count)) for name, count in written.items()}
    assert verify_chain(engine, keys, folder) == []
