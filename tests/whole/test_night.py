"""The whole way, from agency files to sheets, in one made-up country."""

import csv
import errno
import io
import json
import multiprocessing
import operator
import sqlite3
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from alerts.considered import COUNTED, HIDDEN, IN_QUEUE, NOT_QUEUED
from features import build, prepare
from flows import inbox
from flows import nightly as night_module
from flows.desk import Desk, open_desk
from flows.errors import OperatorError
from flows.knowledge import known_on
from flows.made_up import write_files
from flows.nightly import work_night
from flows.pauses import pause, resume
from flows.refusals import as_operator_error
from flows.run import Run, running
from flows.scoring import load_model
from flows.settings import load_settings
from flows.workers import Workers
from models.score import score
from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from signals.registers import REGISTERS
from store import access_log, alerts, deliveries, files, ledger, pauses
from store.database import open_database
from store.files import make_folder
from store.lake import TABLES, Lake
from store.tokens import tokens
from synthetic import CountrySettings, make_country
from synthetic.writing import as_text, encode
from tests.flows import letters
from tests.whole.conftest import HOUSEHOLDS, NIGHT, Worked

Bytes = Callable[[Path], dict[str, bytes]]
STAGES = (
    "take_in", "check_sources", "arrange", "score_households", "check_cohort", "fill_office_queues", "gather_queues",
    "publish",
)  # fmt: skip


def run_night(config: Path, work: Path, as_of: date = NIGHT) -> None:
    with open_desk(config, work) as desk, running(desk, "nightly", as_of) as run:
        work_night(desk, run)


def sheets(outbox: Path) -> dict[str, list[dict[str, str]]]:
    files = sorted(outbox.glob("*/queue_*.csv"))
    return {f.parent.name: list(csv.DictReader(io.StringIO(f.read_bytes().decode("utf-8-sig")))) for f in files}


def test_every_office_gets_a_sheet_within_its_capacity(worked: Worked) -> None:
    told = sheets(worked.night.outbox)
    assert set(told) == {office.office for office in worked.night.offices}
    for office in worked.night.offices:
        rows = told[office.office]
        urgent = sum(row["구분"] == "긴급" for row in rows)
        assert len(rows) == office.open <= max(office.capacity, urgent)
        assert {row["행정동코드"] for row in rows} <= {office.office}
    assert sum(len(rows) for rows in told.values()) > 20


def test_every_alert_tells_who_why_what_to_check_and_what_may_help(worked: Worked) -> None:
    for rows in sheets(worked.night.outbox).values():
        for row in rows:
            for column in ("알림번호", "구분", "처리기한", "세대주", "발굴 이유 1", "확인할 점 1", "살펴볼 급여 1"):
                assert row[column], f"{column} is empty"
            assert "{" not in " ".join(row.values())
            assert not row["처리결과"], "answers are the officer's"


def test_a_household_stands_in_one_queue_once(worked: Worked) -> None:
    alerts = [row["알림번호"] for rows in sheets(worked.night.outbox).values() for row in rows]
    assert len(alerts) == len(set(alerts))


def test_everybody_considered_is_counted_with_the_reason(worked: Worked) -> None:
    assert sum(worked.night.decisions.values()) >= worked.night.households
    rows = [
        {name: None if value == HIDDEN else int(value) for name, value in row.items() if name in (NOT_QUEUED, *COUNTED)}
        for file in worked.night.outbox.glob("*/considered.csv")
        for row in csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8-sig")))
    ]
    assert not [count for row in rows for count in row.values() if count is not None and 1 <= count <= 10]
    for row in rows:
        counts = [count for count in row.values() if count is not None]
        assert len(counts) < len(row) or sum(counts) == 2 * counts[0]
    in_queue = sum(worked.night.decisions.get(code, 0) for code in IN_QUEUE)
    told = sum(row[NOT_QUEUED] or 0 for row in rows)
    assert 0.95 < told / (sum(worked.night.decisions.values()) - in_queue) <= 1


def test_accepted_and_set_aside_make_up_what_was_received(worked: Worked) -> None:
    with open_desk(worked.config, worked.work) as desk:
        listed = deliveries.listed(desk.engine)
        assert all(d.accepted + d.set_aside == d.received for d in listed)
        assert sum(d.set_aside for d in listed) > 0
        assert {d.state for d in listed} == {"taken", "refused"}
        replied = {d.file_name for d in listed if d.set_aside or d.leftover or d.state == "refused"}
        assert {f.name.removesuffix(".reply.csv") for f in desk.replies.iterdir()} == replied
        assert all(deliveries.rows_set_aside(desk.engine, d.id) for d in listed if d.set_aside)


def test_the_manifest_names_every_file_and_its_digest(worked: Worked) -> None:
    told = json.loads((worked.night.outbox / "manifest.json").read_bytes())
    files = {str(f.relative_to(worked.night.outbox)) for f in worked.night.outbox.rglob("*") if f.is_file()}
    assert set(told["files"]) | {"manifest.json"} == files
    assert told["model"] == worked.night.model


def test_the_same_night_again_gives_the_same_bytes(worked: Worked, tmp_path: Path, bytes_of: Bytes) -> None:
    work = worked.again(tmp_path)
    run_night(worked.config, work)
    assert bytes_of(work / "outbox") == bytes_of(worked.work / "outbox")


def test_sheets_are_the_same_bytes_whoever_writes_them(
    worked: Worked, tmp_path: Path, bytes_of: Bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.sheets.OFFICES_WORTH_PROCESSES", 1)
    wrote = list[str]()
    monkeypatch.setattr("flows.sheets.write_workbook", lambda *_: wrote.append("here"))
    monkeypatch.setattr("flows.nightly.open_workers", lambda *_: nullcontext(Workers(map)))
    config, work = tmp_path / "config.yaml", worked.again(tmp_path)
    config.write_text(worked.config.read_text(encoding="utf-8").replace("workers: 1", "workers: 2"), encoding="utf-8")
    run_night(config, work)
    assert bytes_of(work / "outbox") == bytes_of(worked.work / "outbox")
    assert wrote == [], "by processes of their own"


def test_on_a_full_disk_nobody_goes_on_writing_sheets(
    worked: Worked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("flows.sheets.OFFICES_WORTH_PROCESSES", 1)
    monkeypatch.setattr("flows.nightly.open_workers", lambda *_: nullcontext(Workers(map)))
    config, work = tmp_path / "config.yaml", worked.again(tmp_path)
    config.write_text(worked.config.read_text(encoding="utf-8").replace("workers: 1", "workers: 2"), encoding="utf-8")
    monkeypatch.setattr("store.files._write", full)
    with pytest.raises(OSError, match="no space") as caught:
        run_night(config, work)
    assert caught.tb is not None, "the traceback holds what was amid its work"
    assert multiprocessing.active_children() == []
    assert not [f for f in (work / "outbox").iterdir() if not f.name.startswith(".")]


@pytest.mark.parametrize("stage", STAGES)
def test_a_night_killed_after_any_stage_yields_the_same_queue_when_run_again(
    worked: Worked, tmp_path: Path, bytes_of: Bytes, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    work = worked.again(tmp_path)
    with monkeypatch.context() as patched:
        real = getattr(night_module, stage)

        def killed(*args: object) -> None:
            real(*args)
            raise KeyboardInterrupt

        killed.__name__ = stage
        patched.setattr(night_module, stage, killed)
        with pytest.raises(KeyboardInterrupt):
            run_night(worked.config, work)
    run_night(worked.config, work)
    assert bytes_of(work / "outbox") == bytes_of(worked.work / "outbox")
    with sqlite3.connect(work / "blindspot.db") as database:
        once = "SELECT count(*), count(DISTINCT household_key) FROM alerts"
        total, households = database.execute(once).fetchone()
    assert total == households == sum(o.open for o in worked.night.offices)


@pytest.mark.parametrize("written", [0, 1, 4])
def test_a_night_killed_while_writing_shows_nothing_half(
    worked: Worked, tmp_path: Path, bytes_of: Bytes, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    work = worked.again(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("store.files._write", after(written, files._write))
        with pytest.raises(KeyboardInterrupt):
            run_night(worked.config, work)
    assert not [f for f in (work / "outbox").iterdir() if not f.name.startswith(".")]
    run_night(worked.config, work)
    assert bytes_of(work / "outbox") == bytes_of(worked.work / "outbox")


def test_a_night_killed_before_its_rename_is_shown_by_the_next_start_alone(
    worked: Worked, tmp_path: Path, bytes_of: Bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = worked.again(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("flows.publishing.show_folder", after(0, print))
        with pytest.raises(KeyboardInterrupt):
            run_night(worked.config, work)
    with open_desk(worked.config, work) as desk:
        done = ledger.find_done(desk.engine, "nightly", NIGHT)
        assert done is not None
        assert done.counts["households"] == worked.night.households
        assert access_log.verify_chain(desk.engine, desk.keys, desk.work / "anchors") == []
    ours, wanted = bytes_of(work / "outbox"), bytes_of(worked.work / "outbox")
    assert ours == wanted


def test_a_paused_night_takes_in_and_publishes_nothing(worked: Worked, tmp_path: Path) -> None:
    work = worked.again(tmp_path)
    with open_desk(worked.config, work) as desk:
        before = len(deliveries.listed(desk.engine))
        (desk.inbox / "nhis_202609_20261101.csv").write_bytes(letters.nhis())
        pause(desk, None, "전산 점검", "김담당")
    with pytest.raises(OperatorError) as refused:
        run_night(worked.config, work)
    assert (refused.value.kind, refused.value.exit_code) == ("paused", 52)
    with open_desk(worked.config, work) as desk:
        assert len(deliveries.listed(desk.engine)) > before
        assert list(desk.outbox.iterdir()) == []
        assert resume(desk, "김담당")
        assert ledger.recent(desk.engine, 1)[0].state == "refused"


def test_a_night_is_paused_by_somebody_who_sees_its_sheets_being_written(
    worked: Worked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is free for others as long as they are."""
    work = worked.again(tmp_path)

    def seen(*told: object) -> dict[str, str]:
        engine = open_database(f"sqlite:///{work / 'blindspot.db'}")
        pauses.pause(engine, None, "명단 이상", "김담당", datetime.now(UTC))
        engine.dispose()
        return files.prepare_folder(*told)  # type: ignore[arg-type]

    monkeypatch.setattr("flows.publishing.prepare_folder", seen)
    with pytest.raises(OperatorError, match="명단 이상"):
        run_night(worked.config, work)
    assert not [f for f in (work / "outbox").iterdir() if not f.name.startswith(".")]
    with open_desk(worked.config, work) as desk:
        assert alerts.open_alerts(desk.engine, NIGHT).is_empty()


@pytest.mark.parametrize("point", ["deliveries.record", "desk.lake", "writing_whole", "identities.register_people"])
def test_intake_killed_anywhere_loses_and_doubles_nothing(
    worked: Worked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """The whole inbox again in an empty work folder, killed at one commit point, then taken in to the end."""
    settings = load_settings(worked.config, tmp_path / "work")
    country = make_country(CountrySettings(households=400, seed=3, months=8, rounds=2))
    write_files(country, make_folder(settings.work / "inbox"))
    with monkeypatch.context() as patched:
        if point == "desk.lake":
            patched.setattr(Lake, "append_many", after(2, Lake.append_many))
        else:
            patched.setattr(f"flows.inbox.{point}", after(3, operator.attrgetter(point)(inbox)))
        with pytest.raises(KeyboardInterrupt), open_desk(worked.config, settings.work) as desk:
            inbox.take_in(desk, NIGHT)
    with open_desk(worked.config, settings.work) as desk:
        inbox.take_in(desk, NIGHT)
        taken = [d for d in deliveries.listed(desk.engine) if d.state == "taken"]
        rows = {t: desk.lake.known_on(t, date.max).height for t in TABLES}
        by_table = {t: sum(d.accepted for d in taken if table_of(d.source) == t) for t in TABLES}
        assert rows == by_table
        assert {d.source for d in taken} >= {"residents", "addresses", "contacts", "nhis", "kepco"}
        left = {f.name for f in desk.inbox.iterdir()}
        assert left == {t.file for t in inbox.take_in(desk, NIGHT) if t.state in ("waiting", "future")}


def after(calls: int, real: Callable[..., object]) -> Callable[..., object]:
    """`real`, killed before its call number `calls`."""
    made = 0

    def counted(*args: object, **kwargs: object) -> object:
        nonlocal made
        if made == calls:
            raise KeyboardInterrupt
        made += 1
        return real(*args, **kwargs)

    return counted


def table_of(source: str) -> str:
    return source if source in REGISTERS else "observations"


def test_night_and_backtest_give_the_same_scores_for_the_same_day(worked: Worked) -> None:
    """A later day knows more; asked for an earlier day, the same code gives what that day's night would have."""
    with open_desk(worked.config, worked.work) as desk:
        stored = desk.lake.read_scores(NIGHT)
        again = score(load_model(desk).load(), build(prepare(known_on(desk, NIGHT), SIGNALS)).features)
        assert stored.select("household_key", "margin", "probability").equals(again)
        earlier = known_on(desk, NIGHT - timedelta(days=90))
        assert earlier.observations["received_on"].max() <= NIGHT - timedelta(days=90)  # type: ignore[operator]


def test_the_next_night_carries_open_alerts_and_fills_only_free_places(worked: Worked, tmp_path: Path) -> None:
    work = worked.again(tmp_path)
    run_night(worked.config, work)
    run_night(worked.config, work, NIGHT + timedelta(days=1))
    first, second = (sheets(work / "outbox" / str(NIGHT + timedelta(days=d))) for d in (0, 1))
    for office in worked.night.offices:
        before = {row["알림번호"] for row in first[office.office]}
        after = {row["알림번호"] for row in second[office.office]}
        assert before <= after
        assert len(after) <= max(office.capacity, len(before))


def test_an_officers_answer_closes_an_alert_frees_its_place_and_lets_the_household_rest(
    worked: Worked, tmp_path: Path
) -> None:
    work = worked.again(tmp_path)
    run_night(worked.config, work)
    with open_desk(worked.config, work) as desk:
        opened = alerts.open_alerts(desk.engine, NIGHT)
        at_risk = opened.filter(lane="risk")
        spoken, missed = at_risk.row(0, named=True), at_risk.row(1, named=True)
        write_answers(desk, {spoken["alert_id"]: "no_need", missed["alert_id"]: "unreached"}, opened)
    run_night(worked.config, work, NIGHT + timedelta(days=3))
    with open_desk(worked.config, work) as desk:
        still = alerts.open_alerts(desk.engine, NIGHT + timedelta(days=3))
    assert spoken["household_key"] not in still["household_key"].to_list(), "it rests for two rounds"
    before, after = ids_of_office(opened, spoken["office"]), ids_of_office(still, spoken["office"])
    assert before - after == {spoken["alert_id"]}, "nothing else ends, least of all whom nobody reached"
    assert after - before, "its place went to another household, in whichever lane"
    assert missed["alert_id"] in still["alert_id"].to_list(), "not reached is never an end"


def write_answers(desk: Desk, outcomes: dict[str, str], opened: pl.DataFrame) -> None:
    """As the contacts register brings them, with the household numbers its sender knows."""
    numbers = make_country(CountrySettings(households=HOUSEHOLDS, seed=1)).numbers
    keyed = pl.DataFrame({"household_no": numbers, "household_key": tokens(numbers, "household", desk.keys)})
    rows = opened.filter(pl.col("alert_id").is_in(list(outcomes))).join(keyed, on="household_key")
    answered = NIGHT + timedelta(days=1)
    told = rows.select(
        "household_no", "office", "lane", case_no="alert_id", selected_on=pl.lit(NIGHT), contacted_on=pl.lit(answered),
        outcome=pl.col("alert_id").replace_strict({a: OUTCOMES[o].label_ko for a, o in outcomes.items()}),
        benefit=pl.lit(""), recorded_on=pl.lit(answered),
    )  # fmt: skip
    layout = REGISTERS["contacts"].layout
    sent = NIGHT + timedelta(days=2)
    (desk.inbox / f"contacts_202611_{sent:%Y%m%d}.csv").write_bytes(encode(as_text(told, layout), layout))


def ids_of_office(opened: pl.DataFrame, office: str) -> set[str]:
    return set(opened.filter(office=office)["alert_id"])


def test_a_refused_night_keeps_yesterdays_queues(
    worked: Worked, tmp_path: Path, bytes_of: Bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = worked.again(tmp_path)
    run_night(worked.config, work)
    before = bytes_of(work / "outbox")

    def same(model: object, features: pl.DataFrame) -> pl.DataFrame:
        keys = features.select("household_key").sort("household_key")
        return keys.with_columns(margin=pl.lit(0.0), probability=pl.lit(0.5))

    monkeypatch.setattr("flows.scoring.score", same)
    with pytest.raises(Exception, match="same score") as refused:
        run_night(worked.config, work, NIGHT + timedelta(days=1))
    told = as_operator_error(refused.value)
    assert told is not None
    assert told.kind == "scores"
    assert bytes_of(work / "outbox") == before


def test_a_changed_model_file_is_refused_before_it_is_loaded(worked: Worked, tmp_path: Path) -> None:
    work = worked.again(tmp_path)
    model = next((work / "models").glob("*/model.txt"))
    model.write_bytes(model.read_bytes().replace(b"leaf_value=", b"leaf_value=9", 1))
    with pytest.raises(Exception, match="not what was saved") as refused:
        run_night(worked.config, work)
    told = as_operator_error(refused.value)
    assert told is not None
    assert told.kind == "model"
    assert not list((work / "outbox").iterdir())


def test_a_stale_required_source_stops_the_night_and_says_whom_to_call(worked: Worked, tmp_path: Path) -> None:
    work = worked.again(tmp_path)
    with pytest.raises(OperatorError) as refused:
        run_night(worked.config, work, NIGHT + timedelta(days=365))
    assert refused.value.kind == "stale"
    assert "담당" in refused.value.cure


def test_a_cohort_that_jumps_stops_the_night(worked: Worked, tmp_path: Path) -> None:
    work = worked.again(tmp_path)
    run_night(worked.config, work)
    with open_desk(worked.config, work) as desk:
        done = ledger.last_done_night(desk.engine)
        assert done is not None
        halved = {**done.counts, "households": done.counts["households"] // 2}
        ledger.finish(desk.engine, done.id, "done", now=datetime(2026, 11, 2, tzinfo=UTC), counts=halved)
    with pytest.raises(OperatorError) as refused:
        run_night(worked.config, work, NIGHT + timedelta(days=1))
    assert refused.value.kind == "cohort"
    assert [f.name for f in (work / "outbox").iterdir()] == [NIGHT.isoformat()]


def test_the_access_log_has_recorded_each_sheet_before_it_left(worked: Worked) -> None:
    with open_desk(worked.config, worked.work) as desk:
        assert access_log.verify_chain(desk.engine, desk.keys, desk.work / "anchors") == []
    with sqlite3.connect(worked.work / "blindspot.db") as database:
        rows = database.execute("SELECT office, subjects, run FROM access_log").fetchall()
    told = {office: len(json.loads(subjects)) for office, subjects, run in rows if run == worked.night.run}
    assert told == {office.office: office.open for office in worked.night.offices if office.open}


def test_the_ledger_tells_of_the_night(worked: Worked) -> None:
    with open_desk(worked.config, worked.work) as desk:
        done = ledger.find_done(desk.engine, "nightly", NIGHT)
        assert done is not None
        assert done.counts["households"] == worked.night.households
        assert set(done.lake_versions) == {"observations", "residents", "addresses", "contacts"}
        assert {stage.name for stage in ledger.stages(desk.engine, done.id)} >= {"publish", "score households"}


def test_a_run_that_breaks_is_recorded_without_the_text_of_the_fault(
    worked: Worked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = worked.again(tmp_path)

    def broken(*args: object) -> None:
        raise ZeroDivisionError("홍길동 900101-1234567")

    broken.__name__ = "publish"
    monkeypatch.setattr(night_module, "publish", broken)
    with pytest.raises(ZeroDivisionError):
        run_night(worked.config, work)
    with open_desk(worked.config, work) as desk:
        run = ledger.recent(desk.engine, 1)[0]
        assert (run.state, run.message) == ("failed", "ZeroDivisionError")
        assert not list(desk.outbox.iterdir())


def test_running_is_recorded_only_with_inputs(worked: Worked, tmp_path: Path) -> None:
    work = worked.again(tmp_path)
    with open_desk(worked.config, work) as desk:
        run = Run(desk, "nightly", NIGHT)
        run.open("m")
        other = Run(desk, "nightly", NIGHT)
        other.open("another model")
        assert run.id != other.id
