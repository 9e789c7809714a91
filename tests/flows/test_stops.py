"""A household that asked not to be processed: by its number, which is never told back."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.desk import Desk, open_desk
from flows.errors import OperatorError
from flows.inbox import take_in
from flows.run import Run
from flows.stops import REASONS, lift_stop, stop_household, stopped_on, stops_on
from store import access_log
from store.access_log import verify_chain
from store.database import reading
from store.tables import Access
from tests.flows import letters

DAY = date(2026, 11, 2)
NUMBER = "H000-00001"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = letters.write_work(tmp_path)
    with open_desk(file) as desk:
        take_in(desk, DAY)
    return file


@pytest.fixture
def desk(config: Path) -> Iterator[Desk]:
    with open_desk(config) as opened:
        yield opened


def test_the_number_may_be_written_as_people_write_it(desk: Desk) -> None:
    assert stop_household(desk, " h00000001 ", "requested", DAY, None)
    assert not stop_household(desk, NUMBER, "requested", DAY, None), "stopped already"
    assert stopped_on(desk, DAY).len() == 1
    assert stopped_on(desk, DAY - timedelta(days=1)).is_empty()
    assert lift_stop(desk, NUMBER, DAY + timedelta(days=1))
    assert stopped_on(desk, DAY + timedelta(days=1)).is_empty()
    assert stopped_on(desk, DAY).len() == 1, "what was stopped then stays so"


def test_every_stop_is_in_the_access_log_and_no_number_is_anywhere(desk: Desk) -> None:
    stop_household(desk, NUMBER, "protected", DAY, DAY)
    lift_stop(desk, NUMBER, DAY)
    with reading(desk.engine) as session:
        told = [(row.task, row.reason, row.rows) for row in session.query(Access).order_by(Access.seq)]
    assert told == [("stop", "stop protected", 1), ("stop", "lift", 1)]
    assert verify_chain(desk.engine, desk.keys, desk.work / "anchors") == []
    assert access_log.anchor(desk.engine, desk.keys, desk.work / "anchors", DAY)
    kept = b"".join(file.read_bytes() for file in desk.work.rglob("*") if file.is_file())
    assert b"H00000001" not in kept
    assert b"H000-00001" not in kept


@pytest.mark.parametrize("number", ["H000-00009", "홍길동", "", "9999999999"])
def test_a_number_no_register_names_is_refused_without_repeating_it(desk: Desk, number: str) -> None:
    with pytest.raises(OperatorError) as refused:
        stop_household(desk, number, "requested", DAY, None)
    assert (refused.value.kind, number and number in str(refused.value)) == ("stop", number and False)
    assert not stops_on(desk, DAY)


def test_a_reason_or_a_last_day_that_cannot_be_is_refused(desk: Desk) -> None:
    with pytest.raises(OperatorError, match="no reason"):
        stop_household(desk, NUMBER, "because", DAY, None)
    with pytest.raises(OperatorError, match="lies before"):
        stop_household(desk, NUMBER, "requested", DAY, DAY - timedelta(days=1))


def test_a_night_with_another_stop_is_another_run(desk: Desk) -> None:
    """Killed after it recorded its alerts, and begun again after a stop was entered: not "the same inputs" any more."""
    first, second = Run(desk, "nightly", DAY), Run(desk, "nightly", DAY)
    first.open("m")
    stop_household(desk, NUMBER, "requested", DAY, None)
    second.open("m")
    assert first.id != second.id


def test_on_the_command_line(config: Path) -> None:
    def run(*words: str) -> str:
        told = CliRunner().invoke(app, ["stop", *words, "--as-of", str(DAY), "--config", str(config)])
        assert told.exit_code == 0, told.output
        return told.output

    assert "Stopped from 2026-11-02 until 2026-12-01" in run(NUMBER, "--reason", "requested", "--until", "2026-12-01")
    assert "already" in run(NUMBER, "--reason", "requested", "--until", "2026-12-01")
    listed = run("--list")
    assert "1 households are stopped" in listed
    assert "H000" not in listed
    assert all(code in listed for code in REASONS)
    assert "Lifted" in run(NUMBER, "--lift")
    assert "not stopped" in run(NUMBER, "--lift")
    assert CliRunner().invoke(app, ["stop", "--config", str(config)]).exit_code == 2
