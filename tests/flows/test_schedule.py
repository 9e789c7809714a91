"""When the night is due; that prefect.yaml is what Prefect reads; what is left of killed runs; what is begun again."""

import io
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from flows import journal
from flows.desk import Glance, glance
from flows.errors import EXIT_CODES, OperatorError
from flows.leftovers import OF_RUN, OWNER, SERVED, end_leftovers, end_runs, is_alive, runs_alive
from flows.schedule import FILE, SEOUL, check_done, last_due, last_to_be_done, nightly_time
from flows.serve_environment import own_temporary
from flows.serving import PAUSES, CatchingUp, Serving, close_pages
from store import ledger

AT = nightly_time()
DAY = date(2026, 11, 2)


def seoul(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SEOUL)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-02T01:29:59", "2026-11-01"),
        ("2026-11-02T01:30:00", "2026-11-02"),
        ("2026-11-02T23:59:59", "2026-11-02"),
        ("2026-11-03T00:00:00", "2026-11-02"),
    ],
)
def test_a_night_is_due_from_its_minute_on(now: str, due: str) -> None:
    assert last_due(seoul(now).astimezone(UTC), AT) == seoul(f"{due}T01:30:00")


@pytest.mark.parametrize(
    ("now", "done_by", "day"),
    [
        ("2026-11-02T06:59:59", "07:00", "2026-11-01"),
        ("2026-11-02T07:00:00", "07:00", "2026-11-02"),
        # A night that may last until the next day's midnight and beyond.
        ("2026-11-03T00:59:00", "01:00", "2026-11-01"),
        ("2026-11-03T01:00:00", "01:00", "2026-11-02"),
    ],
)
def test_a_night_has_to_be_done_by_the_hour_of_the_settings(now: str, done_by: str, day: str) -> None:
    assert last_to_be_done(seoul(now), AT, done_by) == date.fromisoformat(day)


@pytest.mark.parametrize("cron", ["30 1 * * 1", "*/5 * * * *", "30 1 1 * *", "61 1 * * *", "30 24 * * *"])
def test_a_schedule_that_is_not_once_a_day_is_refused(cron: str, tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(FILE.read_text(encoding="utf-8").replace("30 1 * * *", cron), encoding="utf-8")
    with pytest.raises(OperatorError, match="nightly schedule") as refused:
        nightly_time(file)
    assert refused.value.kind == "serve"


@pytest.mark.parametrize("broken", ["", "deployments: []", "deployments: [{name: nightly}]", "a: [", None])
def test_without_a_nightly_schedule_the_operator_is_told(broken: str | None, tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    if broken is not None:
        file.write_text(broken, encoding="utf-8")
    with pytest.raises(OperatorError):
        nightly_time(file)


def deployments() -> dict[str, Any]:
    from prefect.cli.deploy._config import _load_deploy_configs_and_actions
    from rich.console import Console

    told = io.StringIO()
    found, _ = _load_deploy_configs_and_actions(FILE, console=Console(file=told))
    assert told.getvalue() == "", "Prefect skips what it cannot read, and only prints so"
    return {one["name"]: one for one in found}


def test_prefect_itself_reads_every_deployment() -> None:
    """With Prefect's own loader: what it does not understand it leaves out silently, and no night would ever run."""
    from prefect.client.schemas.schedules import construct_schedule

    found = deployments()
    assert set(found) == {"nightly", "retrain", "retain"}
    for one in found.values():
        # Days and paths: Prefect stores parameters.
        assert set(one["parameters"]) == {"config", "work"}
        assert all(value.startswith("{{ $BLINDSPOT_") for value in one["parameters"].values())
        assert one["entrypoint"] == f"flows/scheduled.py:{one['name']}"
        (schedule,) = one["schedules"]
        # Without a slug, deploying again would wake a schedule that somebody had paused.
        assert schedule["slug"]
        assert schedule["timezone"] == "Asia/Seoul"
        construct_schedule(cron=schedule["cron"], timezone=schedule["timezone"])


def test_retraining_comes_once_a_round_and_nothing_begins_while_the_night_may_work() -> None:
    """With the library by which Prefect reads a cron line."""
    from prefect._vendor import croniter as vendored

    croniter: Any = vars(vendored)["croniter"]
    start = datetime(2027, 1, 1, tzinfo=SEOUL)

    def in_2027(day: datetime) -> bool:
        return day.year == 2027

    crons = {name: one["schedules"][0]["cron"] for name, one in deployments().items()}
    days = {name: list(takewhile(in_2027, croniter(cron, start, ret_type=datetime))) for name, cron in crons.items()}
    assert len(days["nightly"]) == 365
    assert [day.month for day in days["retrain"]] == [1, 3, 5, 7, 9, 11]
    assert [day.month for day in days["retain"]] == list(range(1, 13))
    assert all(day.hour - AT.hour >= 3 for name in ("retrain", "retain") for day in days[name])


# The check from outside Prefect


@pytest.fixture
def seen(tmp_path: Path) -> Glance:
    return glance(FILE.parent / "config.yaml", tmp_path / "work")


def begun(seen: Glance, day: date, state: ledger.End | None = None, message: str = "") -> str:
    at = datetime.combine(day, AT).astimezone(UTC)
    run = ledger.start(seen.engine, "nightly", day, inputs=f"{day}", settings="", code="", now=at).id
    if state is not None:
        ledger.finish(seen.engine, run, state, now=at + timedelta(minutes=9), message=message)
    return run


def test_the_morning_check_says_that_a_night_never_began(seen: Glance) -> None:
    begun(seen, DAY - timedelta(days=1), "done")
    morning = datetime.combine(DAY, datetime.min.time(), tzinfo=SEOUL) + timedelta(hours=7, minutes=5)
    with pytest.raises(OperatorError, match="never began") as refused:
        check_done(seen, morning)
    assert refused.value.exit_code == EXIT_CODES["overdue"] == 40
    begun(seen, DAY, "refused", "kepco is stale")
    with pytest.raises(OperatorError, match="kepco is stale"):
        check_done(seen, morning)
    begun(seen, DAY, "done")
    assert check_done(seen, morning) == DAY
    seen.engine.dispose()


def test_the_check_is_a_command_with_an_exit_code_and_needs_no_heavy_library(tmp_path: Path) -> None:
    program = f"""
import sys
sys.argv = ["blindspot", "status", "--check", "--work", {str(tmp_path / "work")!r}]
from flows.cli import main
try:
    main()
except SystemExit as end:
    heavy = {{"prefect", "polars", "pandas", "lightgbm"}} & set(sys.modules)
    assert not heavy, heavy
    raise
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=FILE.parent, check=False)
    assert told.returncode == 40, told.stderr
    assert "none was ever done" in told.stderr


# What serve begins again

BEFORE_THE_LEDGER = ("model",)  # refused before the run has a row


def test_a_missed_night_is_begun_again_a_few_times_and_then_left_to_a_person(seen: Glance) -> None:
    begun(seen, DAY - timedelta(days=1), "done")
    due = datetime.combine(DAY, AT)
    catching_up = CatchingUp()
    tried = []
    for minute in range(0, 24 * 60 - 1, 5):
        now = due + timedelta(minutes=minute)
        if catching_up.wants(seen, now):
            catching_up.tried(now)
            tried.append(minute)
    assert tried == [10, 20, 40, 80]
    assert len(tried) == len(PAUSES)
    assert catching_up.wants(seen, due + timedelta(days=1, minutes=10)) == due + timedelta(days=1)
    seen.engine.dispose()


@pytest.mark.parametrize(
    ("state", "refusal", "again"),
    [
        ("done", None, False),
        ("refused", "stale", False),
        ("refused", "database", True),
        ("refused", "model", False),
        ("failed", None, True),
        (None, None, True),
    ],
)
def test_what_is_refused_waits_for_a_person_what_was_killed_does_not(
    seen: Glance, state: ledger.End | None, refusal: str | None, again: bool
) -> None:
    begun(seen, DAY - timedelta(days=1), "done")
    if refusal not in BEFORE_THE_LEDGER:
        begun(seen, DAY, state)
    if refusal is not None:
        journal.note(seen.settings.work, datetime.now(UTC), "ended", as_of=DAY, state=state, refusal=refusal)
    later = datetime.combine(DAY, AT) + timedelta(minutes=30)
    assert (CatchingUp().wants(seen, later) is not None) is again
    seen.engine.dispose()


def test_before_the_first_night_there_is_nothing_to_catch_up_with(seen: Glance) -> None:
    assert CatchingUp().wants(seen, datetime.combine(DAY, AT) + timedelta(hours=3)) is None
    seen.engine.dispose()


# Leftovers

SLEEP = "import signal, sys, time; print('ready', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def started(program: str = SLEEP, **environment: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", program], env=os.environ | environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def stopped(process: "subprocess.Popen[str]") -> bool:
    try:
        return process.wait(5) != 0
    except subprocess.TimeoutExpired:
        return False


def name_of(pid: int) -> str:
    from flows.leftovers import _name

    return _name(pid)


@pytest.fixture
def dead() -> str:
    process = started()
    name = name_of(process.pid)
    process.kill()
    process.communicate()
    return name


def test_what_a_dead_run_left_is_ended_and_nothing_else(tmp_path: Path, dead: str) -> None:
    home, alive = str(tmp_path / "home"), name_of(os.getpid())
    assert is_alive(alive)
    assert not is_alive(dead)
    left = started(PREFECT_HOME=home, **{OWNER: dead})
    of_serve = started(PREFECT_HOME=home, **{OWNER: dead, SERVED: "1"})
    others = [
        started(PREFECT_HOME=home, **{OWNER: alive}),
        started(PREFECT_HOME=f"{home}-of-another", **{OWNER: dead}),
        started(PREFECT_HOME=home),
    ]
    try:
        assert end_leftovers(Path(home), also_served=False) == 1
        assert stopped(left)
        assert of_serve.poll() is None
        assert end_leftovers(Path(home), also_served=True) == 1
        assert stopped(of_serve)
        assert [process.poll() for process in others] == [None, None, None]
    finally:
        for process in (left, of_serve, *others):
            process.kill()
            process.communicate()


def test_a_number_given_again_is_another_process(tmp_path: Path) -> None:
    pid, _, start = name_of(os.getpid()).partition(".")
    assert not is_alive(f"{pid}.{int(start) + 1}")
    assert not is_alive("0.")
    assert not is_alive("")


def test_the_runs_of_a_dead_worker_are_ended_with_all_they_started(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    run = started(PREFECT_HOME=home, **{SERVED: "1", OF_RUN: "0"})
    worker = started(PREFECT_HOME=home, **{SERVED: "1"})
    try:
        assert end_runs(Path(home)) == 1
        assert stopped(run)
        assert worker.poll() is None
    finally:
        for process in (run, worker):
            process.kill()
            process.communicate()


def test_who_does_not_listen_is_killed(tmp_path: Path, dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.leftovers._GRACE_SECONDS", 0.3)
    left = started(STUBBORN + SLEEP, PREFECT_HOME=str(tmp_path), **{OWNER: dead})
    end_leftovers(tmp_path, also_served=False)
    assert left.wait(5) == -signal.SIGKILL
    left.communicate()


def test_copied_pages_are_closed_to_others(tmp_path: Path) -> None:
    deep = tmp_path / "pages" / "v2" / "assets"
    deep.mkdir(parents=True, mode=0o755)
    (deep / "page.js").write_text("1")
    close_pages(tmp_path)
    folders = (deep, deep.parent)
    assert [folder.stat().st_mode & 0o077 for folder in folders] == [0, 0]
    assert (deep / "page.js").read_text() == "1"


def test_the_services_log_tells_how_each_run_ended_once(seen: Glance) -> None:
    def ends(**fields: Any) -> None:
        journal.note(seen.settings.work, datetime.now(UTC), "ended", as_of=DAY, **fields)

    said: list[str] = []
    ends(kind="retrain", state="done")
    serving = Serving(Path("config.yaml"), seen.settings, said.append)
    serving.ended = journal.last(seen.settings.work, "ended")
    for fields in ({"kind": "nightly", "state": "refused", "refusal": "stale"}, {"kind": "nightly", "state": "done"}):
        ends(**fields)
        for _ in range(2):
            serving._say_ended()
    assert said == ["nightly of 2026-11-02: refused (stale)", "nightly of 2026-11-02: done"]
    seen.engine.dispose()


def test_a_run_that_ended_unheard_is_called_dead_at_the_second_look(
    seen: Glance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server was away when it ended: for Prefect it runs for ever, and the night is never begun again."""
    from flows import server_talk

    running, dead, said = {"ended", "alive"}, list[set[str]](), list[str]()
    monkeypatch.setattr(server_talk, "gone", lambda alive: running - set(alive))
    monkeypatch.setattr(server_talk, "crash", lambda runs: dead.append(set(runs)))
    monkeypatch.setattr("flows.serving.runs_alive", lambda _: {"alive"})
    serving = Serving(Path("config.yaml"), seen.settings, said.append)
    serving._bury_the_gone()
    assert dead == []
    running.add("ends just now")
    serving._bury_the_gone()
    running -= {"ended", "ends just now"}
    serving._bury_the_gone()
    assert dead == [{"ended"}]
    assert len(said) == 1


def test_runs_that_have_a_process_are_alive(tmp_path: Path) -> None:
    told = os.environ | {"PREFECT_HOME": str(tmp_path), OF_RUN: "5d0c"}
    with subprocess.Popen([sys.executable, "-c", "input()"], env=told, stdin=subprocess.PIPE) as process:
        assert runs_alive(tmp_path) == {"5d0c"}
        assert runs_alive(tmp_path / "another") == set()
        process.communicate(b"\n")
    assert runs_alive(tmp_path) == set()


def test_temporary_files_of_what_is_served_are_its_own_and_begin_empty(tmp_path: Path) -> None:
    """In /tmp, Prefect's `runner_storage` of the first account would keep out every other."""
    left = tmp_path / "tmp" / "runner_storage" / "of a killed worker"
    left.mkdir(parents=True, mode=0o755)
    folder = own_temporary(tmp_path)
    assert list(folder.iterdir()) == []
    assert folder.is_relative_to(tmp_path)
    assert folder.stat().st_mode & 0o077 == 0
