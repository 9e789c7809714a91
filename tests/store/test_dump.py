"""The database as one file and back, on both kinds: what was there is there, and nothing is written over."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from store import dump, ledger
from store.database import open_database, revision
from store.faults import StoreError

AT = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Of a database in use, and of one that is to be."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/one.db", f"sqlite:///{tmp_path}/other.db"
    make: Callable[[], str] = request.getfixturevalue("postgres")
    return make(), make()


def test_what_was_dumped_is_loaded_whole_and_only_where_nothing_is(urls: tuple[str, str], tmp_path: Path) -> None:
    engine = open_database(urls[0])
    run = ledger.start(engine, "nightly", date(2026, 11, 2), inputs="i", settings="s", code="c", now=AT)
    dumped = tmp_path / dump.name_of(engine)
    dump.dump(engine, dumped)
    ledger.finish(engine, run.id, "done", now=AT)  # after the moment that was dumped
    head = revision(engine)
    engine.dispose()
    assert dumped.stat().st_mode & 0o777 == 0o600
    again = tmp_path / "again" / dumped.name
    again.parent.mkdir()
    again.write_bytes(dumped.read_bytes())
    dump.load(urls[1], dumped)
    restored = open_database(urls[1])
    assert revision(restored) == head
    found = ledger.find(restored, run.id)
    assert found is not None
    assert (found.state, found.as_of) == ("running", date(2026, 11, 2))
    restored.dispose()
    with pytest.raises(StoreError, match=r"exists|already holds"):
        dump.load(urls[1], again)


@pytest.mark.postgres
def test_rules_of_accounts_that_another_server_does_not_have_are_left_out(
    postgres: Callable[[], str], tmp_path: Path
) -> None:
    engine, empty = open_database(postgres()), postgres()
    with psycopg.connect(engine.url.render_as_string().replace("+psycopg", ""), autocommit=True) as server:
        server.execute("CREATE ROLE nobody_else NOLOGIN")
        server.execute("ALTER TABLE alerts ENABLE ROW LEVEL SECURITY")
        server.execute("CREATE POLICY ours ON alerts FOR SELECT TO nobody_else USING (true)")
        server.execute("GRANT SELECT ON alerts TO nobody_else")
        dump.dump(engine, tmp_path / "blindspot.pgdump")
        server.execute("DROP OWNED BY nobody_else")
        server.execute("DROP ROLE nobody_else")
    engine.dispose()
    dump.load(empty, tmp_path / "blindspot.pgdump")
    restored = open_database(empty)
    assert ledger.recent(restored, 1) == []
    restored.dispose()


def test_a_dump_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blindspot.pgdump").touch()
    with pytest.raises(StoreError, match="the settings name a database of sqlite"):
        dump.load(f"sqlite:///{tmp_path}/one.db", tmp_path / "blindspot.pgdump")
    assert not (tmp_path / "one.db").exists()


def test_programs_that_fail_or_are_missing_are_told_without_a_row(
    urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if urls[0].startswith("sqlite"):
        pytest.skip("SQLite needs no program")
    (tmp_path / "blindspot.pgdump").write_bytes(b"no dump at all")
    with pytest.raises(StoreError, match="pg_restore ended with 1"):
        dump.load(urls[0], tmp_path / "blindspot.pgdump")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="pg_restore is not installed"):
        dump.load(urls[0], tmp_path / "blindspot.pgdump")
