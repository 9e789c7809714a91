"""Keys, log and roles from the command line, on a small work folder."""

import csv
import io
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from flows import accesses, locksmith
from flows.cli_trust import KeyKind, RoleName, app
from flows.desk import glance, now, open_desk, today
from flows.errors import OperatorError
from flows.inbox import take_in
from flows.settings import load_settings
from flows.stops import household_key
from store import access_log, custody, identities
from store.access_log import Disclosure
from store.archive import Archive
from store.custody import Act
from store.keys import ENVIRONMENT, load_keys
from store.purposes import Purpose
from store.roles import Role
from tests.flows import letters

DAY = date(2026, 11, 2)
NUMBER = "H000-00001"
# TRUST test 9 with kill -9: `ROTATION_KILLS=20`.
KILLS = int(os.environ.get("ROTATION_KILLS", "0"))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust")
    with open_desk(letters.write_work(folder)) as desk:
        take_in(desk, DAY)
    return folder


@pytest.fixture
def config(once: Path, tmp_path: Path) -> Path:
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "config.yaml"


def run(config: Path, *words: str, code: int = 0) -> str:
    """What the command says; for a refusal, its words."""
    told = CliRunner().invoke(app, [*words, *([] if words[1:2] == ("show",) else ["--config", str(config)])])
    assert told.exit_code == (1 if code else 0), (told.output, told.exception)
    if code:
        refusal = told.exception
        assert getattr(refusal, "exit_code", code) == code, refusal
        return str(refusal)
    return told.output


def held(config: Path) -> dict[str, object]:
    """All that tells who is who, in clear, and by which key it is sealed."""
    with open_desk(config) as desk:
        file = desk.settings.database_url.removeprefix("sqlite:///")
        with sqlite3.connect(file) as database:
            rows = database.execute("SELECT kind, token, digest FROM identities ORDER BY 1, 2").fetchall()
        observed = desk.lake.known_on("observations", DAY)
        people = desk.lake.known_on("residents", DAY)
        homes = desk.lake.known_on("addresses", DAY)
        joined = people.join(homes, on="household_key").select("household_key", "person_key", "address_key")
        names = identities.look_up(desk.engine, desk.keys, joined)
        raw = {path.stem: desk.archive.open(path.stem) for path in sorted((desk.work / "archive").rglob("*.sealed"))}
        return {"rows": rows, "lake": [observed, people, homes], "joined": joined, "names": names, "raw": raw}


def same(before: dict[str, object], after: dict[str, object]) -> None:
    for name, told in before.items():
        other = after[name]
        if isinstance(told, pl.DataFrame):
            assert told.equals(other)  # type: ignore[arg-type]
        elif name == "lake":
            assert all(a.equals(b) for a, b in zip(told, other, strict=True))  # type: ignore[call-overload]
        else:
            assert told == other


def test_rotation_keeps_every_join_and_seals_everything_again(config: Path) -> None:
    before = held(config)
    assert isinstance(before["names"], pl.DataFrame)
    assert before["names"]["name"].null_count() < before["names"].height > 0
    assert "seal-002 is the key from now on" in run(config, "keys", "rotate")
    same(before, held(config))
    with open_desk(config) as desk:
        assert identities.sealed_by(desk.engine).keys() == {"seal-002"}
        assert locksmith.key_state(desk).archive.keys() == {"seal-002"}
        acts = [(one.act, one.what) for one in custody.listed(desk.engine)]
        (desk.settings.keys_folder / "seal-001.key").unlink()
    assert acts == [("keys_created", "all"), ("key_rotated", "seal"), ("resealed", "seal-002")]
    same(before, held(config))  # the old key is needed by nothing
    told = run(config, "keys", "status")
    assert "seal-002" in told
    assert "seal-001" not in told


def strike(where: str, after: int, blow: Callable[[], None]) -> None:
    """The so manieth row or piece is not sealed: the blow falls instead."""
    owner, name = {"rows": (identities, "_seal_row"), "files": (Archive, "_put")}[where]
    real, left = getattr(owner, name), [after]

    def counted(*args: Any, **kwargs: Any) -> Any:
        if not left[0]:
            blow()
        left[0] -= 1
        return real(*args, **kwargs)

    setattr(owner, name, counted)


def stopped() -> None:
    raise KeyboardInterrupt


def finished(config: Path, before: dict[str, object]) -> None:
    """What was killed half way is whole, and the next attempt does the rest of it."""
    with open_desk(config) as desk:
        state = locksmith.key_state(desk)
        assert state.pending > 0
        assert len({*state.identities, *state.archive}) == 2, "some under the old key, some under the new"
    assert "was not finished" in run(config, "keys", "status")
    same(before, held(config))
    assert "that was begun is finished" in run(config, "keys", "rotate")
    with open_desk(config) as desk:
        assert locksmith.key_state(desk).pending == 0
        assert desk.keys.seal_id == "seal-002"
    same(before, held(config))


@pytest.mark.parametrize(("where", "after"), [("rows", 4), ("files", 1)])
def test_a_rotation_stopped_half_way_is_finished_by_the_next(
    config: Path, where: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = held(config)
    monkeypatch.setattr(identities, "_CHUNK", 3)
    with monkeypatch.context() as patch, open_desk(config) as desk, pytest.raises(KeyboardInterrupt):
        patch.setattr(identities, "_seal_row", identities._seal_row)
        patch.setattr(Archive, "_put", Archive._put)
        strike(where, after, stopped)
        locksmith.rotate_key(desk, "seal")
    finished(config, before)


KILLED = """
import os, signal, sys
from pathlib import Path
from flows import locksmith
from flows.desk import open_desk
from store import identities
from tests.flows.test_trust import strike

identities._CHUNK = 3
strike(sys.argv[2], int(sys.argv[3]), lambda: os.kill(os.getpid(), signal.SIGKILL))
with open_desk(Path(sys.argv[1])) as desk:
    locksmith.rotate_key(desk, "seal")
"""


@pytest.mark.skipif(not KILLS, reason="starts a process for each: set ROTATION_KILLS to how many")
@pytest.mark.parametrize("number", range(KILLS))
def test_a_rotation_killed_half_way_is_finished_by_the_next(config: Path, number: int) -> None:
    """kill -9 at a row or a piece drawn at random."""
    before, draw = held(config), random.Random(number)
    with open_desk(config) as desk:
        state = locksmith.key_state(desk)
    where, most = draw.choice([("rows", sum(state.identities.values())), ("files", sum(state.archive.values()))])
    after = draw.randrange(3 if where == "rows" else 0, most)
    command = [sys.executable, "-c", KILLED, str(config), where, str(after)]
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == -signal.SIGKILL
    finished(config, before)


def test_keys_are_made_once_and_never_beside_older_data(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "already holds keys" in run(config, "keys", "init", code=21)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "elsewhere"))
    assert "data was taken in with others" in run(config, "keys", "init", code=21)
    fresh = letters.write_work(tmp_path / "fresh")
    assert "Keys made in" in run(fresh, "keys", "init").replace("\n", " ")
    assert len(load_keys(tmp_path / "elsewhere").seals) == 1
    assert not (tmp_path / "fresh" / "work" / "keys").exists()


def test_keys_that_are_missing_or_open_to_others_are_told(config: Path) -> None:
    folder = load_settings(config).keys_folder
    (folder / "token.key").chmod(0o644)
    assert "can be read by others" in run(config, "keys", "status")
    (folder / "token.key").chmod(0o400)
    (folder / "seal-001.key").rename(folder / "seal-002.key")
    told = run(config, "keys", "status")
    assert "seal-001 is missing" in told
    assert "not finished" in told


def test_the_logs_key_is_rotated_and_both_logs_stay_whole(config: Path) -> None:
    disclose(config, 1)
    assert "log-002 is the key from now on" in run(config, "keys", "rotate", "log")
    disclose(config, 1)
    assert "Both logs are whole" in run(config, "log", "verify")


def disclose(config: Path, count: int, **more: object) -> None:
    with open_desk(config) as desk:
        key = household_key(desk, NUMBER)
        told = {
            "account": "kim",
            "place": "h",
            "task": "matrix",
            "purpose": Purpose.MODEL,
            "reason": "=r",
            "office": "1111051500",
        }
        for _ in range(count):
            access_log.record_access(desk.engine, desk.keys, Disclosure(**told | {"subjects": [key]} | more), now())  # type: ignore[arg-type]


def test_an_edit_in_the_database_is_found_with_its_own_exit_code(config: Path) -> None:
    disclose(config, 3)
    assert "whole" in run(config, "log", "verify")
    file = load_settings(config).database_url.removeprefix("sqlite:///")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE access_log SET account = 'lee' WHERE seq = 2")
    assert "1 faults" in run(config, "log", "verify", code=60)
    assert "look into them first" in run(config, "log", "review", "--by", "park", code=60)


def test_a_review_is_marked_with_name_and_words_and_begins_anew(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disclose(config, 2)
    monkeypatch.setattr(accesses, "now", lambda: now() + timedelta(days=40))
    with open_desk(config) as desk:
        assert accesses.review_state(desk).overdue == 9
        assert "9 days overdue" in str(accesses.review_state(desk))
    told = run(config, "log", "review")
    assert "idle_review" in told
    assert "no word of them" in run(config, "log", "review", "--by", "park", code=60)
    assert "Reviewed by park up to record 2" in run(config, "log", "review", "--by", "park", "--note", "휴가로 늦음")
    with open_desk(config) as desk:
        last = custody.newest(desk.engine, Act.LOG_REVIEWED)
        assert last
        assert (last.detail["by"], last.detail["upto"], last.detail["idle_review"]) == ("park", 2, 1)
        assert accesses.review_state(glance(config)).overdue == 0
    monkeypatch.setattr(accesses, "now", now)
    disclose(config, 1, subjects=list(range(501)))
    told = run(config, "log", "review")
    assert "1 records since the last review (3 to 3)" in told
    assert "mass_export" in told


def test_an_office_gets_its_own_records_as_text(config: Path, tmp_path: Path) -> None:
    disclose(config, 2)
    disclose(config, 1, office="1111053000")
    out = tmp_path / "told.csv"
    assert "2 records" in run(config, "log", "office", "1111051500", "--out", str(out))
    rows = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == ["1", "2"]
    assert {row[6] for row in rows[1:]} == {"'=r"}
    assert out.stat().st_mode & 0o077 == 0
    assert "exists" in run(config, "log", "office", "1111051500", "--out", str(out), code=60)
    with open_desk(config) as desk:
        *_, last = access_log.listed(desk.engine)
    assert (last.task, last.office, last.rows) == ("log_office", "1111051500", 1)


def test_who_saw_a_household_is_told_and_that_somebody_asked(config: Path) -> None:
    disclose(config, 2)
    disclose(config, 1, subjects=[99])
    told = run(config, "log", "subject", "h 000 00001")
    assert "2 records name this household" in told
    assert "발굴 모형 개발·검증" in told
    assert "3 records name" in run(config, "log", "subject", NUMBER)
    assert "no register names" in run(config, "log", "subject", "H000-00009", code=27)


@pytest.mark.parametrize(("days", "gone"), [(729, 0), (730, 0), (731, 2)])
def test_records_go_after_730_days_and_not_before(config: Path, days: int, gone: int) -> None:
    disclose(config, 3)
    day = today() + timedelta(days=days)
    assert f"{gone} records of the access log" in run(config, "log", "trim", "--as-of", str(day))
    assert "whole" in run(config, "log", "verify")
    with open_desk(config) as desk:
        acts = [one.act for one in custody.listed(desk.engine)]
        assert acts == ["keys_created", *(["log_trimmed"] if gone else [])]


@pytest.mark.parametrize(
    ("key", "value"), [("keep_days", 729), ("custody_days", 1094), ("review_days", 32), ("day_ends", 7)]
)
def test_less_than_the_law_asks_is_refused(config: Path, key: str, value: int) -> None:
    lines = config.read_text(encoding="utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
    lines[at] = f"  {key}: {value}"
    config.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(OperatorError, match="log"):
        load_settings(config)


def test_a_night_whose_heads_are_gone_is_named(config: Path) -> None:
    with open_desk(config) as desk:
        from store import ledger

        told = ledger.start(desk.engine, "nightly", DAY, inputs="i", settings="s", code="c", now=now(), model="m")
        ledger.finish(desk.engine, told.id, "done", now=now())
    disclose(config, 1)
    assert "1 faults" in run(config, "log", "verify", code=60)
    with open_desk(config) as desk:
        assert accesses.verify(desk) == ["heads-20261102.json of the night of 2026-11-02 is missing"]
        access_log.anchor(desk.engine, desk.keys, desk.work / "anchors", DAY)
    assert "whole" in run(config, "log", "verify")


def test_roles_are_shown_anywhere_and_held_only_by_postgresql(config: Path) -> None:
    assert {role.value for role in RoleName} == set(Role)
    shown = run(config, "roles", "show")
    assert "ENABLE ROW LEVEL SECURITY" in shown
    assert "SQLite has no accounts" in run(config, "roles", "list")
    assert "SQLite has no accounts" in run(config, "roles", "apply", code=61)
    granted = ("roles", "grant", "kim", "officer", "--office", "9999999999", "--by", "p", "--because", "b")
    assert "no office 9999999999" in run(config, *granted, code=61)


def test_no_key_and_no_value_is_ever_shown(config: Path) -> None:
    keys = load_keys(load_settings(config).keys_folder)
    disclose(config, 1)
    said = "".join(run(config, *words) for words in (("keys", "status"), ("keys", "rotate"), ("log", "review")))
    for secret in (keys.token, keys.log, keys.sign, *keys.seals.values()):
        assert secret.hex() not in said
    assert "H000" not in said
    assert {kind.value for kind in KeyKind} == {"seal", "log"}
