import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from store import chain
from store.access_log import (
    Disclosure,
    anchor,
    first_at,
    listed,
    record_access,
    record_all,
    verify_chain,
)
from store.database import open_database, reading, writing
from store.faults import StoreError
from store.keys import Keys
from store.purposes import Purpose
from store.tables import Access

NOW = datetime(2026, 9, 1, 1, 30, 0, 123456, tzinfo=UTC)
DAY = date(2026, 8, 31)
TOLD = Disclosure(
    account="night", place="host", task="sheet", purpose=Purpose.DISCOVERY, reason="nightly",
    subjects=[2**62, -5], office="1111053000", run="r", model="m",
)  # fmt: skip


@pytest.fixture
def log(engine: Engine, keys: Keys) -> Engine:
    for number in range(6):
        record_access(engine, keys, replace(TOLD, subjects=[number]), NOW + timedelta(hours=number))
    return engine


def test_a_record_is_committed_when_it_returns(engine: Engine, keys: Keys, tmp_path: Path) -> None:
    assert record_access(engine, keys, TOLD, NOW) == 1
    assert record_all(engine, keys, [TOLD, TOLD], NOW) == 3
    assert record_all(engine, keys, [], NOW) == 3
    with reading(engine) as session:
        first = session.get_one(Access, 1)
    assert (first.subjects, first.rows, first.at, first.office) == ([-5, 2**62], 2, NOW, "1111053000")
    assert verify_chain(engine, keys, tmp_path) == []


def test_the_untouched_log_is_in_order(log: Engine, keys: Keys, tmp_path: Path) -> None:
    assert anchor(log, keys, tmp_path, DAY)
    record_access(log, keys, TOLD, NOW)
    assert anchor(log, keys, tmp_path, DAY + timedelta(days=1))
    assert verify_chain(log, keys, tmp_path) == []


def test_an_empty_log_has_no_head(engine: Engine, keys: Keys, tmp_path: Path) -> None:
    assert anchor(engine, keys, tmp_path, DAY) is None
    assert verify_chain(engine, keys, tmp_path) == []


CHANGES: dict[str, object] = {
    "at": NOW + timedelta(microseconds=1), "account": "x", "place": "x", "task": "x", "purpose": "x", "reason": "x",
    "office": None, "subjects": [99], "rows": 99, "run": "x", "model": None, "previous": bytes(32), "hash": bytes(32),
}  # fmt: skip


def test_every_column_is_tried() -> None:
    assert set(CHANGES) | {"seq"} == {column.name for column in Access.__table__.columns}


@pytest.mark.parametrize("column", CHANGES)
@pytest.mark.parametrize("seq", [1, 3, 6])
def test_an_edit_is_found(tmp_path: Path, keys: Keys, column: str, seq: int) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    for number in range(6):
        record_access(engine, keys, replace(TOLD, subjects=[number]), NOW)
    with writing(engine) as session:
        session.execute(update(Access).where(Access.seq == seq).values({column: CHANGES[column]}))
    changed = seq > 1 or column != "previous"  # the first record follows nothing: zeros
    assert bool(verify_chain(engine, keys, tmp_path)) == changed
    engine.dispose()


def _remove(engine: Engine, *seqs: int) -> None:
    with writing(engine) as session:
        session.execute(delete(Access).where(Access.seq.in_(seqs)))


def _swap(engine: Engine) -> None:
    with writing(engine) as session:
        for old, new in ((2, 99), (3, 2), (99, 3)):
            session.execute(update(Access).where(Access.seq == old).values(seq=new))


def _close_the_gap(engine: Engine) -> None:
    _remove(engine, 3)
    with writing(engine) as session:
        for seq in (4, 5, 6):
            session.execute(update(Access).where(Access.seq == seq).values(seq=seq - 1))


def _repeat(engine: Engine) -> None:
    with writing(engine) as session:
        row = session.execute(select(Access.__table__).where(Access.seq == 6)).mappings().one()
        session.execute(insert(Access).values({**row, "seq": 7}))


FORGERIES: dict[str, tuple[Callable[[Engine], None], str]] = {
    "first removed": (lambda e: _remove(e, 1), "access records 1 to 1 are missing"),
    "middle removed": (lambda e: _remove(e, 3, 4), "records 3 to 4 are missing"),
    "end cut off": (lambda e: _remove(e, 5, 6), "access record 6, anchored in heads-20260831.json, is missing"),
    "all removed": (lambda e: _remove(e, *range(1, 7)), "is missing"),
    "reordered": (_swap, "record 2 was changed"),
    "renumbered": (_close_the_gap, "record 3 does not follow"),
    "repeated": (_repeat, "record 7 does not follow"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_found(log: Engine, keys: Keys, tmp_path: Path, forgery: str) -> None:
    anchor(log, keys, tmp_path, DAY)
    forge, told = FORGERIES[forgery]
    forge(log)
    assert any(told in finding for finding in verify_chain(log, keys, tmp_path))


def test_a_log_written_again_with_another_key_is_found(log: Engine, keys: Keys, tmp_path: Path) -> None:
    anchor(log, keys, tmp_path, DAY)
    _remove(log, *range(1, 7))
    other = replace(keys, log=bytes(32))
    for number in range(6):
        record_access(log, other, replace(TOLD, subjects=[number]), NOW)
    assert verify_chain(log, other, tmp_path) == ["heads-20260831.json was changed"]
    assert len(verify_chain(log, keys, tmp_path)) == 7  # six records and the anchor


def test_a_record_of_another_past_does_not_fit(log: Engine, keys: Keys, tmp_path: Path) -> None:
    # Two true pasts, as after a restored backup: record 5 of the one cannot be made to follow record 4 of the other.
    with reading(log) as session:
        other = dict(session.execute(select(Access.__table__).where(Access.seq == 5)).mappings().one())
    _remove(log, 4, 5, 6)
    record_access(log, keys, replace(TOLD, reason="other past"), NOW)
    with writing(log) as session:
        session.execute(insert(Access).values({**other, "previous": session.get_one(Access, 4).hash}))
    assert verify_chain(log, keys, tmp_path) == ["access record 5 was changed"]


def test_the_anchor_is_a_small_file(log: Engine, keys: Keys, tmp_path: Path) -> None:
    path = anchor(log, keys, tmp_path, DAY)
    assert path
    told = json.loads(path.read_bytes())
    assert (told["day"], told["access"][0], len(told["access"][1]), told["custody"][0]) == ("2026-08-31", 6, 64, 0)


@pytest.mark.parametrize("part", ["day", "access", "custody", "mac"])
def test_an_anchor_that_was_changed_is_found(log: Engine, keys: Keys, tmp_path: Path, part: str) -> None:
    path = anchor(log, keys, tmp_path, DAY)
    assert path
    told = json.loads(path.read_bytes())
    changed = {"day": "2026-09-01", "access": [5, told["access"][1]], "custody": [0, "00"], "mac": "00"}
    path.write_text(json.dumps(told | {part: changed[part]}), encoding="utf-8")
    assert verify_chain(log, keys, tmp_path) == ["heads-20260831.json was changed"]
    for spoiled in ("", "[]", "{}", '{"mac": 1}'):
        path.write_text(spoiled, encoding="utf-8")
        assert verify_chain(log, keys, tmp_path) == ["heads-20260831.json was changed"]


def test_writers_at_the_same_time_share_one_chain(engine: Engine, keys: Keys, tmp_path: Path) -> None:
    def write() -> None:
        for _ in range(5):
            record_access(engine, keys, TOLD, NOW)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert verify_chain(engine, keys, tmp_path) == []
    with reading(engine) as session:
        assert len(session.scalars(select(Access.seq)).all()) == 20


def test_the_log_is_read_by_place_office_and_day(log: Engine, keys: Keys) -> None:
    record_access(log, keys, replace(TOLD, office="2611051000"), NOW + timedelta(days=1))

    def seqs(**asked: Any) -> list[int]:
        return [record.seq for record in listed(log, **asked)]

    assert seqs() == [1, 2, 3, 4, 5, 6, 7]
    assert seqs(after=5) == [6, 7]
    assert seqs(office="1111053000") == [1, 2, 3, 4, 5, 6]
    assert seqs(since=NOW + timedelta(hours=4)) == [5, 6, 7]
    assert seqs(office="2611051000", since=NOW + timedelta(days=1, seconds=1)) == []
    assert first_at(log) == NOW


def test_a_log_that_stays_busy_is_told(engine: Engine, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def taken(*_: object) -> None:
        tried.append(1)
        raise IntegrityError("INSERT", {}, Exception("taken"))

    monkeypatch.setattr(chain, "put", taken)
    with pytest.raises(StoreError, match="too busy") as caught:
        record_access(engine, keys, TOLD, NOW)
    assert (caught.value.kind, len(tried)) == ("database", 20)
