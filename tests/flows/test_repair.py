"""What a killed run has left, and what the next start makes of it. `make crash-test` kills for real."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from flows.bounds import check_clock, check_drift
from flows.desk import Desk, now, open_desk
from flows.errors import OperatorError
from flows.inbox import take_in
from flows.knowledge import known_on
from flows.pauses import pause, paused_on, refuse_while_paused, resume
from flows.refusals import as_operator_error
from store import deliveries, ledger
from store.database import writing
from store.files import beside, hold, prepare_folder, show_folder
from tests.flows import letters
from tests.flows.letters import NHIS, nhis

NIGHT = date(2026, 11, 2)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return letters.write_work(tmp_path)


class KilledError(Exception):
    """Ends a run without a word, as SIGKILL would."""


def killed_after(config: Path, what: object) -> None:
    """A run that did `what` and was never heard of again."""
    with pytest.raises(KilledError), open_desk(config) as desk:
        take_in(desk, NIGHT)
        assert callable(what)
        what(desk)
        raise KilledError


def begin(desk: Desk) -> str:
    told = {"inputs": "i", "settings": "s", "code": "c", "model": "m"}
    return ledger.start(desk.engine, "nightly", NIGHT, now=now(), **told).id


def publish(desk: Desk, *, is_shown: bool = False, is_kept: bool = True, day: date = NIGHT) -> None:
    """A night up to its commit, as flows.publishing has it."""
    files = {"1111051500/queue.csv": b"first"}
    told = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest = json.dumps({"files": told}).encode()
    folder, run = desk.outbox / day.isoformat(), begin(desk)
    prepare_folder(folder, [*files.items(), ("manifest.json", manifest)])
    with writing(desk.engine) as session:
        digest = hashlib.sha256(manifest).hexdigest()
        ledger.prepared(session, run, digest, now=now(), lake_versions={}, counts={"households": 3})
    if is_shown:
        show_folder(folder)
    if not is_kept:
        (beside(folder) / "1111051500" / "queue.csv").write_bytes(b"other")


def shown(desk: Desk) -> dict[str, bytes]:
    return {str(f.relative_to(desk.outbox)): f.read_bytes() for f in desk.outbox.rglob("*") if f.is_file()}


def test_a_run_that_ends_well_leaves_nothing_to_look_for(config: Path) -> None:
    with open_desk(config) as desk:
        (desk.replies / ".x.reply.csv.part").write_bytes(b"half")
    with open_desk(config) as desk:
        assert desk.repaired == ()
        assert (desk.replies / ".x.reply.csv.part").exists(), "nobody looked"


@pytest.mark.parametrize("is_shown", [False, True])
def test_a_night_killed_after_its_commit_is_published_by_the_next_start(config: Path, is_shown: bool) -> None:
    killed_after(config, lambda desk: publish(desk, is_shown=is_shown))
    with open_desk(config) as desk:
        assert shown(desk).keys() == {f"{NIGHT}/1111051500/queue.csv", f"{NIGHT}/manifest.json"}
        done = ledger.find_done(desk.engine, "nightly", NIGHT)
        assert done is not None
        assert (done.counts, done.message) == ({"households": 3}, "")
        assert "shown now" in " ".join(desk.repaired)
    with open_desk(config) as desk:
        assert desk.repaired == (), "once"


def test_what_was_prepared_and_is_not_whole_is_never_shown(config: Path) -> None:
    killed_after(config, lambda desk: publish(desk, is_kept=False))
    with open_desk(config) as desk:
        assert shown(desk) == {}
        assert ledger.find_done(desk.engine, "nightly", NIGHT) is None
        assert "files are gone" in " ".join(desk.repaired)


def test_a_night_killed_before_its_commit_has_published_nothing(config: Path) -> None:
    def half(desk: Desk) -> None:
        begin(desk)
        prepare_folder(desk.outbox / NIGHT.isoformat(), [("a.csv", b"x")])

    killed_after(config, half)
    with open_desk(config) as desk:
        assert list(desk.outbox.iterdir()) == []
        assert [(run.state, run.message) for run in ledger.recent(desk.engine, 5)] == [("failed", "killed")]


def test_a_folder_whose_place_was_being_taken_stands_there_again(config: Path) -> None:
    def between(desk: Desk) -> None:
        folder = desk.outbox / NIGHT.isoformat()
        prepare_folder(folder, [("a.csv", b"yesterday's")])
        show_folder(folder)
        folder.rename(folder.with_name(f".{folder.name}.before"))

    killed_after(config, between)
    with open_desk(config) as desk:
        assert shown(desk) == {f"{NIGHT}/a.csv": b"yesterday's"}


def test_rows_in_the_lake_that_nobody_recorded_count_from_when_they_are_taken_in(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the commit of the lake and that of the database, and then the file was taken away."""
    file = config.parent / "work" / "inbox" / NHIS

    def deliver(desk: Desk) -> None:
        file.write_bytes(nhis())
        with monkeypatch.context() as patched:
            patched.setattr("flows.inbox._record", lambda *_: (_ for _ in ()).throw(KilledError))
            take_in(desk, NIGHT)

    killed_after(config, deliver)
    file.unlink()
    with open_desk(config) as desk:
        assert desk.lake.rows("observations") == 1
        assert known_on(desk, NIGHT).observations.height == 0
        assert "were not recorded" in " ".join(desk.repaired)
        file.write_bytes(nhis())
        assert [told.state for told in take_in(desk, NIGHT)] == ["taken"]
        assert known_on(desk, NIGHT).observations.height == desk.lake.rows("observations") == 1
        assert {one.state for one in deliveries.listed(desk.engine)} == {"taken"}


def test_files_that_were_never_finished_are_removed(config: Path) -> None:
    def left(desk: Desk) -> None:
        for name in ("replies/.x.csv.part", "archive/ab/.c.sealed.part", "models/.m.part/model.txt"):
            (desk.work / name).parent.mkdir(parents=True, exist_ok=True)
            (desk.work / name).write_bytes(b"half")
        (desk.work / "scratch" / "night" / "rows").mkdir(parents=True)

    killed_after(config, left)
    with open_desk(config) as desk:
        assert [str(f) for f in desk.work.rglob(".*") if f.suffix == ".part"] == []
        assert not (desk.work / "scratch" / "night").exists()
        assert "3 files" in " ".join(desk.repaired)


def test_a_holder_that_is_killed_is_noticed_by_the_next(tmp_path: Path) -> None:
    told = (
        "import os; from pathlib import Path; from store.files import hold\n"
        f"with hold(Path({str(tmp_path / 'lock')!r})): os.kill(os.getpid(), 9)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", told], env=env, check=False).returncode == -9
    with hold(tmp_path / "lock") as held:
        assert held.was_left
    with hold(tmp_path / "lock") as held:
        assert not held.was_left


def test_while_paused_nothing_is_published_and_both_are_recorded(config: Path) -> None:
    with open_desk(config) as desk:
        refuse_while_paused(desk, NIGHT)
        pause(desk, None, "전산 점검", "김담당")
        with pytest.raises(OperatorError) as refused:
            refuse_while_paused(desk, NIGHT)
        assert (refused.value.kind, "전산 점검" in refused.value.what) == ("paused", True)
        assert "resume" in refused.value.cure
        assert resume(desk, "이담당")
        assert paused_on(desk, NIGHT) is None
        assert not resume(desk, "이담당")
        for because, by in (("", "kim"), ("why", " "), ("x" * 300, "kim")):
            with pytest.raises(OperatorError):
                pause(desk, None, because, by)


@pytest.mark.parametrize("ended", ["done", "refused", "failed"])
def test_a_clock_that_was_set_back_stops_the_night(config: Path, ended: ledger.End) -> None:
    with open_desk(config) as desk:
        check_clock(desk)
        run = begin(desk)
        ledger.finish(desk.engine, run, ended, now=now() + timedelta(minutes=30))
        check_clock(desk)  # within the bound
        ledger.finish(desk.engine, run, ended, now=now() + timedelta(minutes=90))
        with pytest.raises(OperatorError) as refused:
            check_clock(desk)
        assert refused.value.kind == "clock"


def test_scores_that_moved_away_from_the_models_first_night_stop_the_night(config: Path) -> None:
    with open_desk(config) as desk:
        keys = pl.int_range(2000, eager=True).alias("household_key")
        margin = pl.Series("margin", [(n * 37 % 2000) / 500 - 3 for n in range(2000)])
        scores = pl.DataFrame([keys, margin]).with_columns(probability=pl.lit(0.1))
        first = NIGHT - timedelta(days=40)
        desk.lake.write_scores(first, lambda: [scores])
        check_drift(desk, NIGHT, "m", 2000)  # nothing to compare with yet
        run = ledger.start(desk.engine, "nightly", first, inputs="", settings="", code="", now=now(), model="m").id
        ledger.finish(desk.engine, run, "done", now=now())
        desk.lake.write_scores(NIGHT, lambda: [scores.with_columns(pl.col("margin") + 0.1)])
        check_drift(desk, NIGHT, "m", 2000)
        desk.lake.write_scores(NIGHT, lambda: [scores.with_columns(pl.col("margin") * 0.4)])
        check_drift(desk, NIGHT, "another model", 2000)
        with pytest.raises(OperatorError) as refused:
            check_drift(desk, NIGHT, "m", 2000)
        assert (refused.value.kind, str(first) in refused.value.what) == ("drift", True)


def test_a_worker_that_is_killed_is_told_as_such() -> None:
    from concurrent.futures.process import BrokenProcessPool

    told = as_operator_error(BrokenProcessPool("x"))
    assert told is not None
    assert told.kind == "engine"
