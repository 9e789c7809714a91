"""Nothing early, nothing late: of every class one thing is of the last day that goes, one of the first that stays."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from flows import retention
from flows.desk import Desk, now, open_desk, today
from flows.errors import OperatorError
from flows.inbox import take_in
from flows.keeping import KEPT, kept_from
from flows.retention import retain, verify
from signals.tables import ADDRESSES, CONTACTS, OBSERVATIONS, RESIDENTS
from store import correction, deliveries, destruction, identities, keys
from store.archive import digest_of
from store.database import writing
from store.lake import Lake, Table
from store.tables import Alert, Answer, Delivery, Destruction, Run
from tests.flows import letters

# Versions of the lake carry the day they were written: all is measured from the first day on which today's are too old.
AS_OF = today() + timedelta(days=36)
DAY = timedelta(days=1)
BY_NAME = ("outbox", "replies", "explained", "nights", "logs")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return letters.write_work(tmp_path_factory.mktemp("country"))


@pytest.fixture
def desk(config: Path) -> Iterator[Desk]:
    with open_desk(config) as opened:
        yield opened


def lines(table: dict[str, object], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame([{name: table.get(name) for name in schema}], schema=schema)


def tell(lake: Lake, table: Table, schema: pl.Schema, **told: object) -> None:
    delivery = digest_of(f"{table} {told}".encode())
    lake.append(table, lines({"received_on": date(2020, 1, 1), "delivery": delivery, **told}, schema), delivery)


def spell(desk: Desk, day: date) -> None:
    told = {"household_key": 1, "valid_from": day - 9 * DAY, "valid_to": day}
    tell(desk.lake, "residents", RESIDENTS, person_key=1, **told)
    tell(desk.lake, "addresses", ADDRESSES, **told)


def dated(path: Path, day: date) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(str(day).encode())
    noon = datetime(day.year, day.month, day.day, 3, tzinfo=UTC).timestamp()
    os.utime(path, (noon, noon))


def sealed(desk: Desk, day: date, source: str) -> None:
    digest = desk.archive.keep(f"{source} {day}".encode())
    told = Delivery(
        id=digest, source=source, base_month=day.replace(day=1), sent_on=day, received_on=day, file_name="f",
        state="taken", recorded_at=now(),
    )  # fmt: skip
    deliveries.record(desk.engine, told)


def case(desk: Desk, day: date) -> None:
    """Closed on the day, by an answer of the day before."""
    delivery = Delivery(
        id=f"of {day}", source="sheets", base_month=day, received_on=day, file_name="f", state="taken",
        recorded_at=now(),
    )  # fmt: skip
    run = Run(id="r", kind="nightly", as_of=day, started_at=now(), state="done", inputs="", settings="", code="")
    alert = Alert(
        id=f"A{day}", household_key=day.toordinal(), office="1", lane="risk", opened_on=day, due_on=day,
        state="closed", closed_on=day, run="r",
    )  # fmt: skip
    answer = Answer(
        alert=alert.id, version="v", delivery=delivery.id, received_on=day - DAY, contacted_on=day, recorded_at=now()
    )
    with writing(desk.engine) as session:
        session.merge(run)
        for row in (delivery, alert, answer):
            session.add(row)
            session.flush()


def person(desk: Desk, day: date) -> None:
    frame = pl.DataFrame({"person_no": [f"{day:%y%m%d}1234567"], "name": ["아무개"], "phone": ["01000000000"]})
    identities.register_people(desk.engine, desk.keys, frame, day)


def seal_key(desk: Desk, day: date) -> None:
    folder = desk.settings.keys_folder
    newest = max(folder.glob("seal-*.key"))
    keys.rotate_seal(folder)
    noon = datetime(day.year, day.month, day.day, 3, tzinfo=UTC).timestamp()
    os.utime(newest, (noon, noon))


def corrected(desk: Desk, day: date) -> None:
    """Corrected on the day: the wrong row's own delivery is superseded by the correction."""
    tell(desk.lake, "observations", OBSERVATIONS, key=-day.toordinal(), observed_on=today())
    (row,) = (one for one in desk.lake.known_on("observations", today()).to_dicts() if one["key"] == -day.toordinal())
    correction.correct(desk.engine, desk.lake, "observations", row, None, request=f"R{day}", received_on=day, now=now())


PUT: dict[str, Callable[[Desk, date], object]] = {
    "observations": lambda d, day: tell(d.lake, "observations", OBSERVATIONS, key=day.toordinal(), observed_on=day),
    "registers": spell,
    "contacts": lambda d, day: tell(d.lake, "contacts", CONTACTS, household_key=day.toordinal(), selected_on=day),
    "corrected": corrected,
    "cases": case,
    "identities": person,
    "deliveries": lambda d, day: sealed(d, day, "nhis"),
    "returned": lambda d, day: sealed(d, day, "sheets"),
    "outbox": lambda d, day: dated(d.outbox / str(day) / "1111051500" / "queue.csv", day),
    "replies": lambda d, day: dated(d.replies / f"{day}.csv", day),
    "explained": lambda d, day: dated(d.work / "explained" / f"{day}.parquet", day),
    "nights": lambda d, day: dated(d.work / "nights" / f"{day}.json", day),
    "scratch": lambda d, day: dated(Path(d.scratch) / str(day) / "deep" / "part", day),
    "logs": lambda d, day: dated(d.work / "logs" / f"{day}.jsonl", day),
    "keys": seal_key,
}


def rows_of(desk: Desk) -> dict[str, int]:
    return {table: desk.lake.rows(table) for table in ("observations", "residents", "addresses", "contacts")}


def test_of_every_class_what_is_too_old_goes_with_a_proof_and_nothing_else(desk: Desk) -> None:
    take_in(desk, today())
    assert set(PUT) == {one.data for one in KEPT} - {"versions"}
    folder = desk.settings.keys_folder
    for one in KEPT:
        if one.data in PUT:
            first = kept_from(desk, one, AS_OF)
            PUT[one.data](desk, first)
            PUT[one.data](desk, first - DAY)
    # The first rotation's key is of the day that stays, and seals what was taken in; nobody needs the second.
    desk = type(desk)(desk.settings, desk.engine, keys.load_keys(folder), desk.lake, desk.archive)
    before, early = rows_of(desk), retain(desk, AS_OF - DAY)
    assert {one.kept.data: one.gone for one in early if one.gone and one.kept.data != "observations"} == {}
    assert before["residents"] - rows_of(desk)["residents"] == 0

    told = {one.kept.data: one for one in retain(desk, AS_OF)}
    for data, went in told.items():
        assert went.gone or data == "observations", data
        assert bool(went.proof) == bool(went.gone), data
    after = rows_of(desk)
    assert {name: before[name] - after[name] for name in before if name != "observations"} == {
        "residents": 1, "addresses": 1, "contacts": 1,
    }  # fmt: skip
    assert [gone.rows for gone in told["identities"].gone] == [1]
    assert [gone.name for gone in told["cases"].gone] == ["database/answers", "database/alerts"]
    left = {f.name for place in BY_NAME for f in (desk.work / place).iterdir()}
    for data in (*BY_NAME, "scratch", "deliveries", "returned"):
        first = kept_from(desk, next(k for k in KEPT if k.data == data), AS_OF)
        (gone,) = told[data].gone
        assert (gone.rows, len(gone.digest)) == (0, 64)
        assert not (desk.work / gone.name).exists()
        if data in BY_NAME:
            assert any(name.startswith(str(first)) for name in left), data
            assert not any(name.startswith(str(first - DAY)) for name in left), data
    assert [(gone.name, gone.rows) for gone in told["corrected"].gone] == [("lake/observations/corrected", 1)]
    assert told["versions"].gone
    assert [gone.name for gone in told["keys"].gone] == ["keys/seal-002.key"]
    assert identities.is_registered(desk.engine, desk.keys, "H00000001"), "what the registers name stays"
    assert verify(desk) == []
    again = retain(desk, AS_OF)
    assert {one.kept.data: one.gone for one in again if one.gone} == {}


def test_observations_go_by_whole_months(tmp_path: Path) -> None:
    with open_desk(letters.write_work(tmp_path)) as desk:
        for day in (date(2021, 10, 31), date(2021, 11, 1)):
            PUT["observations"](desk, day)
        assert not retain(desk, date(2026, 10, 31))[0].gone
        (gone,) = retain(desk, date(2026, 11, 1))[0].gone
        assert (gone.name, gone.rows) == ("lake/observations/2021-10", 1)
        (proof,) = destruction.proofs(desk.engine)
        assert (proof.proof["kept_from"], proof.proof["readable_until"]) == ("2021-11-01", "2026-12-06")
        version = desk.lake.versions()["observations"]
        assert desk.lake.known_on("observations", AS_OF, version=version - 1).height == 2, "as the proof says"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(letters.write_work(tmp_path)) as opened:
        for day in (1, 2):
            PUT["outbox"](opened, date(2026, 1, day))
        yield opened


def outbox_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "KEPT", tuple(one for one in KEPT if one.data == "outbox"))


def test_a_dry_run_destroys_nothing(small: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox_alone(monkeypatch)
    (told,) = retain(small, date(2026, 6, 1), dry_run=True)
    assert told.counts[0] == 2
    assert len(list(small.outbox.rglob("queue.csv"))) == 2
    assert destruction.proofs(small.engine) == []


def test_killed_between_destroying_and_proving_the_next_run_proves_it(
    small: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox_alone(monkeypatch)

    def killed(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(destruction, "prove", killed)
        retain(small, date(2026, 4, 2))
    (told,) = retain(small, date(2026, 4, 3))
    assert sorted(gone.name for gone in told.gone) == [
        f"outbox/2026-01-0{day}/1111051500/queue.csv" for day in (1, 2)
    ]  # fmt: skip
    assert verify(small) == []


def test_what_cannot_be_destroyed_has_no_proof(small: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox_alone(monkeypatch)
    monkeypatch.setattr("flows.keeping.shutil.rmtree", lambda path: None)
    with pytest.raises(OperatorError, match="still there"):
        retain(small, date(2026, 6, 1))
    assert destruction.proofs(small.engine) == []


def test_a_proof_that_was_touched_is_found(small: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox_alone(monkeypatch)
    retain(small, date(2026, 4, 2))
    retain(small, date(2026, 4, 3))
    assert verify(small) == []
    files = sorted((small.work / "proofs").glob("*.json"))
    kept = [file.read_bytes() for file in files]

    def changed(told: dict[str, object]) -> dict[str, object]:
        return {**told, "rows": 7}

    with writing(small.engine) as session:
        one = session.get_one(Destruction, 1)
        honest, one.proof = one.proof, changed(one.proof)
    assert {"proof 1 was changed", "the file of proof 1 is not what was recorded"} <= set(verify(small))
    with writing(small.engine) as session:
        session.get_one(Destruction, 1).proof = honest
    assert verify(small) == []
    files[0].write_bytes(json.dumps(changed(json.loads(kept[0]))).encode())
    assert verify(small) == ["the file of proof 1 is not what was recorded"]
    files[0].unlink()
    assert verify(small) == ["the file of proof 1 is missing"]
    files[0].write_bytes(kept[0])
    with writing(small.engine) as session:
        session.delete(session.get_one(Destruction, 2))
    assert verify(small) == [f"{files[1].name} stands in no record"]
    with writing(small.engine) as session:
        session.delete(session.get_one(Destruction, 1))
    assert len(verify(small)) == 2


def test_what_a_proof_tells_as_gone_and_is_there_is_found(small: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox_alone(monkeypatch)
    retain(small, date(2026, 4, 2))
    PUT["outbox"](small, date(2026, 1, 1))
    assert verify(small) == ["proof 1: outbox/2026-01-01/1111051500/queue.csv is there"]


def test_a_living_spell_stays_however_old(tmp_path: Path) -> None:
    with open_desk(letters.write_work(tmp_path)) as desk:
        old = date(2000, 1, 1)
        tell(desk.lake, "residents", RESIDENTS, person_key=1, household_key=1, valid_from=old)
        tell(desk.lake, "residents", RESIDENTS, person_key=2, household_key=1, valid_from=old, valid_to=old + DAY)
        # Told as ended, and later as living on: the last telling counts.
        later = {"received_on": date(2020, 2, 1)}
        tell(desk.lake, "residents", RESIDENTS, person_key=2, household_key=1, valid_from=old, **later)
        PUT["registers"](desk, old)
        (registers,) = (one for one in retain(desk, AS_OF) if one.kept.data == "registers")
        assert [(gone.name, gone.rows) for gone in registers.gone] == [("lake/residents", 1), ("lake/addresses", 1)]
        assert sorted(desk.lake.known_on("residents", AS_OF)["person_key"]) == [1, 2, 2]
