"""What a person asks for reaches every later run, and no earlier one; what is held of them is told, all of it."""

import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from flows import rights
from flows.cli import app
from flows.desk import Desk, now, open_desk
from flows.door import Asker
from flows.errors import OperatorError
from flows.held import held, row_id
from flows.inbox import take_in
from flows.knowledge import known_on
from flows.matrix import households_on
from flows.retrain import build_matrix
from flows.rights import correct, enter, give_copy, refuse, stop
from flows.stops import household_key
from signals.tables import CONTACTS
from store import correction, ledger, subject_requests
from store.database import reading
from store.purposes import Purpose
from store.tables import Access
from tests.flows import letters
from tests.flows.letters import nhis_row

ROUND = date(2026, 9, 15)
NIGHT = date(2026, 11, 12)
NEXT = NIGHT + timedelta(days=1)
NUMBER = "H000-00000"
NHIS = "nhis_202606_20260820.csv"
ARREARS = letters.nhis(nhis_row(month="202606"), nhis_row("8505052345678", month="202606", won="500,000"))
ASKER = Asker("민원 담당", Purpose.CORRECTION, "본인 요구")


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three households; the first two with unpaid premiums, all three once selected and answered; one night done."""
    file = letters.write_work(tmp_path_factory.mktemp("country"))
    with open_desk(file) as desk:
        (desk.inbox / NHIS).write_bytes(ARREARS)
        take_in(desk, NIGHT)
        keys = desk.lake.known_on("addresses", NIGHT)["household_key"].sort()
        told = [
            {
                "household_key": key, "alert": f"C{n}", "office": letters.OFFICE, "lane": "incumbent",
                "selected_on": ROUND, "contacted_on": ROUND, "outcome": "basic_livelihood", "benefit": None,
                "received_on": ROUND, "delivery": "c",
            }
            for n, key in enumerate(keys)
        ]  # fmt: skip
        desk.lake.append("contacts", pl.DataFrame(told, schema=CONTACTS), "c")
        run = ledger.start(desk.engine, "nightly", NIGHT, inputs="", settings="", code="", now=now())
        ledger.finish(desk.engine, run.id, "done", now=now())
    return file.parent


@pytest.fixture
def config(country: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(country, tmp_path / "country")) / "config.yaml"


@pytest.fixture
def desk(config: Path) -> Iterator[Desk]:
    with open_desk(config) as opened:
        yield opened


def owed(frame: pl.DataFrame, key: int) -> float:
    return float(frame.filter(pl.col("household_key") == key)["health_arrears__owed_max_12m"][0])


def known(desk: Desk, day: date) -> list[int]:
    """Won owed by the people of the test, as a night of the day knows it."""
    return sorted(known_on(desk, day).observations["amount_won"].to_list())


def rows(desk: Desk, table: str = "observations") -> list[tuple[str, dict[str, object]]]:
    frame = held(desk, household_key(desk, NUMBER), NEXT).rows[table]  # type: ignore[index]
    return [(row_id(desk, table, row), row) for row in frame.iter_rows(named=True)]  # type: ignore[arg-type]


def test_a_correction_reaches_later_nights_and_trainings_and_no_earlier_night(desk: Desk) -> None:
    key = household_key(desk, NUMBER)
    before = build_matrix(desk, NEXT)
    assert owed(before, key) == 123_000
    night = known_on(desk, NIGHT)
    ((name, row),) = rows(desk)
    asked, words = correct(desk, NUMBER, name, {"amount_won": "9000", "months": "3"}, NIGHT, ASKER)
    assert (asked.kind, asked.state, asked.due_on) == ("correct", "open", NIGHT + timedelta(days=10))
    assert str(NEXT) in words, "what a night did not have is known from the day after it"
    assert (known(desk, NIGHT), known(desk, NEXT)) == ([123_000, 500_000], [9000, 500_000])
    then = known_on(desk, NIGHT).observations
    assert then.drop("delivery").equals(night.observations.drop("delivery")), "the night that was is told as it was"
    assert row["received_on"] in then["received_on"]
    # Corrected again: the newest stands, as if it had been told right from the first.
    ((again, _),) = rows(desk)
    correct(desk, NUMBER, again, {"amount_won": "7000"}, NEXT, ASKER)
    assert known(desk, NEXT) == [7000, 500_000]
    assert owed(households_on(desk, NEXT), key) == 7000
    assert owed(build_matrix(desk, NEXT), key) == 7000, "no training looks back at what is known to be wrong"
    assert {one.state for one in subject_requests.listed(desk.engine)} == {"done"}


def test_a_row_that_was_never_theirs_goes_and_no_other(desk: Desk) -> None:
    ((name, _),) = rows(desk)
    correct(desk, NUMBER, name, None, NIGHT, ASKER)
    assert (known(desk, NIGHT), known(desk, NEXT)) == ([123_000, 500_000], [500_000])
    assert owed(build_matrix(desk, NEXT), household_key(desk, NUMBER)) == 0, "covered, and no arrears"
    assert rows(desk) == []
    taken = desk.lake.rows("observations")
    (desk.inbox / NHIS).write_bytes(ARREARS)
    take_in(desk, NEXT)
    assert desk.lake.rows("observations") == taken, "the same file again brings nothing back"


@pytest.mark.parametrize("after", ["record", "update"])
def test_killed_at_any_moment_a_correction_is_finished_by_doing_it_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    ((name, _),) = rows(desk)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if after == "record":
            patch.setattr(correction, "DeltaTable", killed)
        else:
            patch.setattr(type(desk.lake), "append", killed)
        correct(desk, NUMBER, name, {"amount_won": "9000"}, NIGHT, ASKER)
    assert [one.state for one in subject_requests.listed(desk.engine)] == ["open"]
    correct(desk, NUMBER, name, {"amount_won": "9000"}, NEXT, ASKER)
    assert known(desk, NEXT) == [9000, 500_000]
    assert desk.lake.rows("observations") == 3
    assert [one.state for one in subject_requests.listed(desk.engine)] == ["done"]


def test_registers_and_contacts_are_corrected_the_same_way(desk: Desk) -> None:
    key = household_key(desk, NUMBER)
    ((name, _),) = rows(desk, "residents")
    correct(desk, NUMBER, name, {"birth_year": "1950"}, NIGHT, ASKER)
    assert 1950 in known_on(desk, NEXT).residents["birth_year"]
    assert 1950 not in known_on(desk, NIGHT).residents["birth_year"]
    ((name, _),) = rows(desk, "contacts")
    correct(desk, NUMBER, name, {"outcome": "no_need"}, NIGHT, ASKER)
    labels = build_matrix(desk, NEXT).filter(pl.col("household_key") == key)["label"]
    assert labels.to_list() == [0]
    ((name, _),) = rows(desk, "addresses")
    correct(desk, NUMBER, name, {"valid_to": "2026-01-01"}, NIGHT, ASKER)
    assert rows(desk, "addresses")[0][1]["valid_to"] == date(2026, 1, 1)


def test_what_cannot_be_corrected_changes_nothing(desk: Desk) -> None:
    ((name, _),) = rows(desk)
    versions = desk.lake.versions()
    for changes, words in (
        ({"key": "1"}, "cannot be corrected"),
        ({"delivery": "x"}, "cannot be corrected"),
        ({"amount_won": "많음"}, "cannot be read"),
        ({"amount_won": "123000"}, "says so already"),
    ):
        with pytest.raises(OperatorError, match=words):
            correct(desk, NUMBER, name, changes, NIGHT, ASKER)
    for number, row in ((NUMBER, "O-0000000000"), ("H000-00001", name)):
        with pytest.raises(OperatorError, match="no such row"):
            correct(desk, number, row, {"months": "1"}, NIGHT, ASKER)
    assert desk.lake.versions() == versions


def test_a_stop_leaves_queue_matrix_and_training(desk: Desk) -> None:
    key = household_key(desk, NUMBER)
    asked, is_new = stop(desk, NUMBER, "requested", None, NEXT, ASKER)
    assert is_new
    assert key in build_matrix(desk, NIGHT)["household_key"], "the day before it held"
    after = build_matrix(desk, NEXT)
    assert (after.height, key in after["household_key"]) == (2, False)
    assert subject_requests.listed(desk.engine)[0].state == "done"
    assert asked.kind == "stop"


def test_a_copy_tells_all_that_is_held_and_no_token(desk: Desk, tmp_path: Path) -> None:
    ((name, row),) = rows(desk)
    enter(desk, "copy", NUMBER, NIGHT - timedelta(days=3), ASKER)
    asked, page = give_copy(desk, NUMBER, None, NIGHT, ASKER, tmp_path)
    assert asked.received_on == NIGHT - timedelta(days=3), "the request that was waiting"
    text, twin = page.read_text(encoding="utf-8"), page.with_suffix(".json").read_text(encoding="utf-8")
    told = json.loads(twin)
    for words in ("가상인0", "01012340000", "123000", name, "건강보험", "기초생활보장 지원", "열흘"):
        assert words in text, words
    assert told["주소"].startswith("서울특별시 종로구 가상로 1")
    assert [len(told[part]) for part in ("거주 기록", "주소 기록", "위기정보", "발굴·상담 이력")] == [1, 1, 1, 1]
    assert "가상인1" not in text, "another household's"
    everything = text + twin
    for token in (row["key"], household_key(desk, NUMBER), row["delivery"], "9001011234567", "900101-1234567"):
        assert str(token) not in everything
    assert page.stat().st_mode & 0o077 == 0
    with reading(desk.engine) as session:
        tasks = [(one.task, one.purpose, one.subjects) for one in session.query(Access).order_by(Access.seq)]
    assert tasks[-1] == ("copy", "correction", [household_key(desk, NUMBER)])
    assert [one["업무"] for one in told["누가 보았는지"]] == ["request", "request", "copy"]
    assert [one.state for one in subject_requests.listed(desk.engine)] == ["done"]


def test_words_of_others_are_text_on_the_page(desk: Desk, tmp_path: Path) -> None:
    raw = letters.residents("2026-10-01").replace("가상인0".encode(), b"<script>x</script>")
    (desk.inbox / "residents_202610_20261113.csv").write_bytes(raw)
    take_in(desk, NEXT)
    _, page = give_copy(desk, NUMBER, 1, NEXT, ASKER, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_one_member_s_copy_leaves_the_others_out(desk: Desk, tmp_path: Path) -> None:
    second = letters.residents("2026-10-01").replace(b"H000-00001", b"H000-00000")
    (desk.inbox / "residents_202610_20261113.csv").write_bytes(second)
    take_in(desk, NEXT)
    found = held(desk, household_key(desk, NUMBER), NEXT)
    assert len(found.person_keys) == 2
    texts = []
    for member in (1, 2):
        (tmp_path / str(member)).mkdir()
        _, page = give_copy(desk, NUMBER, member, NEXT, ASKER, tmp_path / str(member))
        texts.append(page.read_text(encoding="utf-8"))
    assert sorted(name for text in texts for name in ("가상인0", "가상인1") if name in text) == ["가상인0", "가상인1"]
    assert ("500000" in texts[0]) != ("500000" in texts[1])
    with pytest.raises(OperatorError, match="2 members"):
        give_copy(desk, NUMBER, 3, NEXT, ASKER, tmp_path)


def test_refusals_have_reasons_that_the_law_knows(desk: Desk) -> None:
    asked = enter(desk, "copy", NUMBER, NIGHT, ASKER)
    assert enter(desk, "copy", NUMBER, NEXT, ASKER).id == asked.id, "asked twice, worked once"
    with pytest.raises(OperatorError, match="no reason"):
        refuse(desk, asked.id, "busy", NIGHT)
    assert refuse(desk, asked.id, "not_theirs", NIGHT).state == "refused"
    with pytest.raises(OperatorError, match="no open request"):
        refuse(desk, asked.id, "law", NIGHT)
    assert set(rights.MAY_CHANGE) == {"observations", "residents", "addresses", "contacts"}


def test_on_the_command_line_deadlines_are_told(config: Path, tmp_path: Path) -> None:
    def run(*words: str, day: date = NIGHT) -> str:
        told = CliRunner().invoke(app, [*words, "--as-of", str(day), "--config", str(config)])
        assert told.exit_code == 0, told.output
        return told.output

    who = ("--by", "민원 담당", "--reason", "본인 요구")
    assert "due 2026-11-22" in run("request", "enter", "copy", NUMBER, *who)
    assert "10 days left" in run("request", "list")
    status = CliRunner().invoke(app, ["status", "--config", str(config)]).output
    assert "Requests of persons 1 open, the next due 2026-11-22" in " ".join(status.split())
    assert "3 days late" in run("request", "list", day=NIGHT + timedelta(days=13))
    assert "done" in run("request", "copy", NUMBER, "--to", str(tmp_path), *who)
    with open_desk(config) as desk:
        ((name, _),) = rows(desk)
    assert "2026-11-13" in run("request", "correct", NUMBER, "--row", name, "--set", "months=4", *who)
    assert "Stopped" in run("request", "stop", NUMBER, "--by", "민원 담당")
    assert "No request" in run("request", "list")
    assert run("request", "list", "--all").count("done") == 3
    wrong = ["request", "correct", NUMBER, "--row", name, *who, "--config", str(config)]
    assert CliRunner().invoke(app, wrong).exit_code == 2
