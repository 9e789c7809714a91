"""What `blindspot doctor` finds: each planted fault by its own check, and nothing where all is well."""

import fcntl
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from flows import checks
from flows.checks import CHECKS
from flows.desk import glance, open_desk
from flows.doctor import Line, as_json, examine, is_ready
from flows.explain import explain_alert
from flows.pauses import pause
from store import access_log, alerts
from store.database import reading
from store.tables import Access
from tests.whole.conftest import NIGHT, ROOT, Worked

Plant = Callable[[Path, pytest.MonkeyPatch], object]


@pytest.fixture(autouse=True)
def the_day_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "today", lambda: NIGHT + timedelta(days=1))


@pytest.fixture
def work(worked: Worked, tmp_path: Path) -> Iterator[Path]:
    left_out = shutil.ignore_patterns("archive", "inbox", "scratch", "replies", "truth")
    yield Path(shutil.copytree(worked.work, tmp_path / "work", ignore=left_out))


def found(lines: list[Line], check: str) -> list[tuple[str, str]]:
    return [(line.state, line.what) for line in lines if line.check == check]


def test_all_is_well_after_a_night_and_looking_changes_nothing(
    worked: Worked, work: Path, bytes_of: Callable[[Path], dict[str, bytes]]
) -> None:
    before = bytes_of(work)
    lines = examine(worked.config, work)
    assert [line for line in lines if line.state == "fail"] == []
    assert {line.check for line in lines if line.state == "warn"} <= {"keys", "notifications", "backup", "last night"}
    assert {line.check for line in lines} == {"settings", *(check.name for check in CHECKS)}
    assert all(line.cure for line in lines if line.state != "ok")
    assert is_ready(lines)
    told = json.loads(as_json(lines))
    assert told["ready"] is True
    assert len(told["checks"]) == len(lines)
    after = {name: data for name, data in bytes_of(work).items() if not name.endswith(("-shm", "-wal"))}
    assert after == before


def test_before_the_first_command_nothing_is_called_lost(tmp_path: Path) -> None:
    """A service's own folders are made, and empty; so is a database that PostgreSQL's `createdb` made."""
    told = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")) | {"work": "work", "keys": "keys"}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(told))
    (tmp_path / "keys").mkdir(mode=0o700)
    work = tmp_path / "work"
    work.mkdir(mode=0o700)
    (work / "blindspot.db").touch(0o600)
    assert [(line.check, line.state) for line in examine(config, None)] == [("settings", "ok"), ("database", "warn")]
    glance(config).engine.dispose()
    assert found(examine(config, None), "keys") == [("ok", "none yet; the first run makes them")]


def sql(words: str) -> Plant:
    def plant(work: Path, _: pytest.MonkeyPatch) -> None:
        with sqlite3.connect(work / "blindspot.db") as database:
            database.execute(words)

    return plant


def first(work: Path, pattern: str) -> Path:
    return sorted(work.glob(pattern))[0]


def changed_model(work: Path, _: pytest.MonkeyPatch) -> None:
    model = first(work, "models/*/model.txt")
    model.write_bytes(model.read_bytes().replace(b"leaf_value=", b"leaf_value=9", 1))


def little_space(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))


def half_a_year_later(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "today", lambda: NIGHT + timedelta(days=183))


def another_package(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "version", lambda name: "3.6.24" if name == "prefect" else version(name))


FAULTS: list[tuple[str, str, str, Plant]] = [
    ("keys", "fail", "can be read by others", lambda work, _: first(work, "keys/seal-*.key").chmod(0o644)),
    ("keys", "fail", "token", lambda work, _: (work / "keys" / "token.key").unlink()),
    ("work folder", "fail", "can be read by others", lambda work, _: first(work, "outbox/*/*/*.csv").chmod(0o640)),
    ("database", "fail", "newer than our", sql("UPDATE alembic_version SET version_num = '9999'")),
    ("database", "warn", "schema is at 0001", sql("UPDATE alembic_version SET version_num = '0001'")),
    ("lake", "fail", "files of the newest version", lambda work, _: first(work, "lake/residents/*.parquet").unlink()),
    ("model", "fail", "not what was saved", changed_model),
    ("model", "fail", "no model is deployed", sql("UPDATE models SET state = 'retired'")),
    ("offices", "fail", "does not exist", lambda work, _: (work / "offices.csv").unlink()),
    ("sources", "fail", "the newest file came on", half_a_year_later),
    ("sources", "fail", "nothing was ever taken in", sql("DELETE FROM deliveries WHERE source = 'residents'")),
    ("disk", "fail", "1 MB free", little_space),
    ("packages", "fail", "3.6.24 is not safe", another_package),
    ("clock", "fail", "a run ended at", sql("UPDATE runs SET finished_at = '2999-01-01 00:00:00.000000'")),
    ("lock", "warn", "was killed", lambda work, _: (work / "lock").write_text("123\n")),
    ("last night", "warn", "killed before it", sql("UPDATE runs SET state = 'running' WHERE kind = 'nightly'")),
]  # fmt: skip


@pytest.mark.parametrize(("check", "state", "words", "plant"), FAULTS, ids=[f"{f[0]}: {f[2]}" for f in FAULTS])
def test_each_fault_is_found_by_its_own_check_with_a_cure(
    worked: Worked, work: Path, monkeypatch: pytest.MonkeyPatch, check: str, state: str, words: str, plant: Plant
) -> None:
    # Only the check that is asked: loading a model sixteen times is dear.
    monkeypatch.setattr("flows.doctor.CHECKS", [one for one in CHECKS if one.name == check])
    before = examine(worked.config, work)
    plant(work, monkeypatch)
    lines = examine(worked.config, work)
    assert not [line for line in before if words in line.what and line.state != "ok"]
    told = [line for line in lines if words in line.what]
    assert {(line.check, line.state) for line in told} == {(check, state)}
    assert all(line.cure for line in told)
    if check == "keys":
        assert ("backup" in told[0].cure) == (words == "token"), "a key that is there is not put back"
    assert is_ready(lines) == (state != "fail")


def test_who_is_at_work_is_told_and_a_pause_too(worked: Worked, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.doctor.CHECKS", [one for one in CHECKS if one.name in ("lock", "last night")])
    with open_desk(worked.config, work) as desk:
        lines = examine(worked.config, work)
        assert [state for state, what in found(lines, "lock") if "is at work" in what] == ["warn"]
        pause(desk, date(2999, 1, 1), "점검", "운영자")
    with (work / "lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it any more
    assert [state for state, what in found(examine(worked.config, work), "last night") if "점검" in what] == ["warn"]


def test_what_cannot_even_begin_is_told_too(worked: Worked, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    told = yaml.safe_load(worked.config.read_text(encoding="utf-8"))
    told["queue"]["capacity"] = 0
    config.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    (line,) = examine(config, tmp_path)
    assert (line.check, line.state) == ("settings", "fail")
    assert "queue.capacity" in line.what
    assert [line.state for line in examine(worked.config, tmp_path / "nowhere")] == ["ok", "warn"]
    assert not (tmp_path / "nowhere").exists(), "looking makes nothing"


def test_an_alert_is_explained_in_four_items_and_logged_before(worked: Worked, work: Path) -> None:
    with open_desk(worked.config, work) as desk:
        opened = alerts.open_alerts(desk.engine, NIGHT).filter(lane="risk")
        told = explain_alert(desk, opened["alert_id"][0], "정보주체의 설명 요구")
        with reading(desk.engine) as session:
            logged = session.query(Access).order_by(Access.seq.desc()).first()
        assert logged is not None
        assert (logged.task, logged.purpose) == ("explain", "explanation")
        assert logged.subjects == [opened["household_key"][0]]
        assert access_log.verify_chain(desk.engine, desk.keys, desk.work / "anchors") == []
    for words in (
        "1. 결정의 내용과 결과",
        "2. 사용된 주요 개인정보",
        "3. 그 정보가 미친 영향",
        "4. 이루어진 절차",
        "5. 요구하실",
    ):
        assert words in told.statement
    assert told.told["reason_1"] in told.statement
    assert desk.settings.accountability.contact in told.statement
    assert "None" not in told.statement
    assert "{" not in told.statement


def test_nothing_is_shown_of_a_household_if_its_log_cannot_be_written(
    worked: Worked, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_desk(worked.config, work) as desk:
        alert = alerts.open_alerts(desk.engine, NIGHT)["alert_id"][0]

        def full(*_: object) -> None:
            raise OSError

        monkeypatch.setattr("flows.explain.record_access", full)
        monkeypatch.setattr("flows.explain._newest", lambda *_: pytest.fail("read before it was logged"))
        with pytest.raises(OSError):
            explain_alert(desk, alert, "x")
