from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from store import deliveries, ledger
from store.database import open_database, writing
from store.tables import Delivery

NOW = datetime(2026, 9, 1, 1, 30, tzinfo=UTC)
DAY = date(2026, 8, 31)
MONTH = date(2026, 7, 31)


def taken(name: str, revision: int = 0, received_on: date = DAY, source: str = "kepco") -> Delivery:
    return Delivery(
        id=name, source=source, base_month=MONTH, sent_on=received_on, received_on=received_on, revision=revision,
        file_name=f"{name}.csv", received=3, accepted=2, set_aside=1, warnings=["평소보다 적음"], state="taken",
        recorded_at=NOW,
    )  # fmt: skip


def refused(name: str) -> Delivery:
    return Delivery(id=name, received_on=DAY, file_name="x", state="refused", reason="missing_column", recorded_at=NOW)


def test_a_delivery_is_recorded_once_with_its_rows_set_aside(engine: Engine) -> None:
    assert deliveries.record(engine, taken("a"), [(7, "청구금액", "amount_is_a_number")])
    assert not deliveries.record(engine, taken("a"), [(8, "x", "y")])
    found = deliveries.find(engine, "a")
    assert found
    assert (found.source, found.received, found.warnings) == ("kepco", 3, ["평소보다 적음"])
    assert deliveries.rows_set_aside(engine, "a") == [(7, "청구금액", "amount_is_a_number")]
    assert deliveries.find(engine, "b") is None
    assert deliveries.taken_ids(engine) == {"a"}


def test_a_refused_file_may_be_taken_later(engine: Engine) -> None:
    assert deliveries.record(engine, refused("a"), [(1, "x", "y")])
    assert deliveries.taken_ids(engine) == frozenset()
    assert deliveries.record(engine, taken("a"))
    assert deliveries.taken_ids(engine) == {"a"}
    assert deliveries.rows_set_aside(engine, "a") == []
    assert [one.state for one in deliveries.listed(engine, DAY)] == ["taken"]


def test_a_correction_hides_from_the_day_it_was_received(engine: Engine) -> None:
    deliveries.record(engine, taken("a", 0, DAY))
    deliveries.record(engine, taken("b", 1, DAY + timedelta(days=5)))
    deliveries.record(engine, taken("other", 9, DAY, source="nhis"))
    assert deliveries.superseded_on(engine, DAY + timedelta(days=4)) == ()
    assert deliveries.superseded_on(engine, DAY + timedelta(days=5)) == ("a",)


def test_the_place_of_a_revision_is_known(engine: Engine) -> None:
    deliveries.record(engine, taken("a", 2))
    deliveries.record(engine, refused("b"))
    found = deliveries.find_revision(engine, "kepco", MONTH, 2)
    assert found
    assert found.id == "a"
    assert deliveries.find_revision(engine, "kepco", MONTH, 1) is None


def test_the_latest_of_each_source_as_known_then(engine: Engine) -> None:
    deliveries.record(engine, taken("a", received_on=DAY))
    deliveries.record(engine, taken("b", received_on=DAY + timedelta(days=3)))
    deliveries.record(engine, refused("c"))
    assert deliveries.latest(engine, DAY) == {"kepco": (MONTH, DAY)}
    assert deliveries.latest(engine, DAY - timedelta(days=1)) == {}


revisions = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return open_database(f"sqlite:///{tmp_path_factory.mktemp('scratch') / 'a.db'}")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(revisions, st.randoms())
def test_whatever_the_order_of_recording_a_day_hides_what_was_corrected_by_then(
    scratch: Engine, told: list[tuple[int, int]], random: object
) -> None:
    with writing(scratch) as session:
        session.execute(delete(Delivery))
    files = {f"f{n}": (revision, DAY + timedelta(days=day)) for n, (revision, day) in enumerate(told)}
    names = list(files)
    random.shuffle(names)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    for name in names:
        deliveries.record(scratch, taken(name, *files[name]))
    for day in (DAY + timedelta(days=n) for n in range(8)):
        hidden = {
            name
            for name, (revision, _) in files.items()
            if any(higher > revision and received <= day for higher, received in files.values())
        }
        assert set(deliveries.superseded_on(scratch, day)) == hidden


def begin(engine: Engine, inputs: str = "i", as_of: date = DAY, kind: ledger.Kind = "nightly") -> str:
    return ledger.start(engine, kind, as_of, inputs=inputs, settings="s", code="c", now=NOW, model="m").id


def test_the_same_night_is_the_same_run(engine: Engine) -> None:
    first = begin(engine)
    assert begin(engine) == first
    assert begin(engine, inputs="j") != first
    found = ledger.find(engine, first)
    assert found
    assert (found.attempts, found.state, found.model) == (2, "running", "m")


def test_only_what_is_done_counts_as_done(engine: Engine) -> None:
    run = begin(engine)
    assert ledger.find_done(engine, "nightly", DAY) is None
    ledger.finish(engine, run, "refused", now=NOW, message="stale")
    assert ledger.find_done(engine, "nightly", DAY) is None
    assert begin(engine) == run
    ledger.finish(engine, run, "done", now=NOW, counts={"alerts": 3}, lake_versions={"observations": 7})
    done = ledger.find_done(engine, "nightly", DAY)
    assert done
    assert (done.id, done.counts, done.lake_versions, done.message, done.model) == (
        run, {"alerts": 3}, {"observations": 7}, "", "m",
    )  # fmt: skip
    again = ledger.start(engine, "nightly", DAY, inputs="i", settings="s", code="c", now=NOW)
    assert (again.state, again.attempts) == ("done", 2)
    assert ledger.find_done(engine, "retrain", DAY) is None
    assert ledger.find_done(engine, "nightly", DAY + timedelta(days=1)) is None


def test_the_last_night_is_that_of_the_latest_day(engine: Engine) -> None:
    assert ledger.last_done_night(engine) is None
    for days in (1, 0):
        ledger.finish(engine, begin(engine, as_of=DAY + timedelta(days=days)), "done", now=NOW)
    ledger.finish(engine, begin(engine, as_of=DAY + timedelta(days=9), kind="retrain"), "done", now=NOW)
    last = ledger.last_done_night(engine)
    assert last
    assert last.as_of == DAY + timedelta(days=1)
    assert len(ledger.recent(engine, 2)) == 2
    assert {run.kind for run in ledger.recent(engine, 9, "retrain")} == {"retrain"}


def test_a_stage_is_recorded_again_by_a_second_attempt(engine: Engine) -> None:
    run = begin(engine)
    ledger.stage(engine, run, "score", seconds=1.0, now=NOW, output="x")
    ledger.stage(engine, run, "score", seconds=2.0, now=NOW, output="y")
    ledger.stage(engine, run, "sheets", seconds=0.5, now=NOW + timedelta(seconds=1))
    assert [(s.name, s.seconds, s.output) for s in ledger.stages(engine, run)] == [
        ("score", 2.0, "y"), ("sheets", 0.5, ""),
    ]  # fmt: skip
