"""What leaves the database leaves its files; proofs, requests and disclosures on each database we speak."""

import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from store import access_log, destruction, disclosed, identities, retirement, subject_requests
from store.access_log import Disclosure
from store.database import reading, writing
from store.destruction import Gone, Rule
from store.faults import StoreError
from store.keys import Keys
from store.purposes import Purpose
from store.tables import Alert, AlertEvent, Answer, Delivery, Destruction, Identity, Run
from store.tokens import tokens

NOW = datetime(2026, 9, 1, 1, 30, tzinfo=UTC)
DAY = date(2026, 8, 31)
RULE = Rule("outbox", "outbox_days: 90", "제21조", DAY)


def numbers(size: int) -> pl.DataFrame:
    told = [f"900101{1_000_000 + n}" for n in range(size)]
    return pl.DataFrame({"person_no": told, "name": ["아무개"] * size, "phone": ["01000000000"] * size})


def test_identities_nobody_names_leave_and_nothing_of_them_stays_in_the_files(
    engine: Engine, keys: Keys, tmp_path: Path
) -> None:
    people = numbers(200)
    identities.register_people(engine, keys, people, DAY)
    with reading(engine) as session:
        sealed = [one.sealed_contact for one in session.scalars(select(Identity).order_by(Identity.token))]
    everybody = tokens(people["person_no"], "person", keys)
    named = {"person": everybody.head(1)}
    assert retirement.unnamed(engine, named, DAY).is_empty(), "told on the day itself"
    found = retirement.unnamed(engine, named, DAY + timedelta(days=1))
    assert found["token"].to_list() == everybody.tail(-1).sort().to_list()
    (gone,) = retirement.identities_gone(keys, found)
    assert (gone.name, gone.rows) == ("database/identities/person", 199)
    retirement.drop_identities(engine, found)
    with reading(engine) as session:
        (left,) = session.scalars(select(Identity))
    assert left.token == everybody[0]
    if engine.dialect.name == "sqlite":
        files = b"".join(file.read_bytes() for file in (tmp_path / "database").iterdir())
        assert [one for one in sealed if one and one in files] == [left.sealed_contact]


def test_a_closed_alert_leaves_with_all_that_was_said_of_it(engine: Engine, keys: Keys, tmp_path: Path) -> None:
    with writing(engine) as session:
        session.add(
            Run(id="r", kind="nightly", as_of=DAY, started_at=NOW, state="done", inputs="", settings="", code="")
        )
        session.add(Delivery(id="d", source="sheets", base_month=DAY, received_on=DAY, file_name="f", state="taken",
                             recorded_at=NOW))  # fmt: skip
        session.flush()
        long_ago = DAY - timedelta(days=9)
        for name, state, closed_on in (("old", "closed", long_ago), ("told since", "closed", DAY),
                                       ("never told", "closed", long_ago), ("open", "open", None)):  # fmt: skip
            session.add(Alert(id=name, household_key=len(name), office="1", lane="risk", opened_on=DAY, due_on=DAY,
                              state=state, closed_on=closed_on, run="r"))  # fmt: skip
            session.flush()
            session.add(AlertEvent(alert=name, event="opened", source="r", known_on=DAY, recorded_at=NOW))
        told_on = {"old": long_ago, "told since": DAY + timedelta(days=1)}
        for name, day in told_on.items():
            session.add(
                Answer(
                    alert=name,
                    version=f"as of {name}",
                    delivery="d",
                    received_on=day,
                    contacted_on=day,
                    recorded_at=NOW,
                )
            )
    ids = retirement.closed_before(engine, DAY + timedelta(days=1))
    assert ids == ["never told", "old"], "an answer told since keeps its alert"
    assert retirement.closed_before(engine, long_ago) == [], "closed on the day itself"
    assert [one.name for one in retirement.cases_gone(engine, keys, ids[:1])] == [
        "database/alert_history", "database/alerts",
    ]  # fmt: skip
    gone = retirement.cases_gone(engine, keys, ids)
    assert [(one.name, one.rows) for one in gone] == [
        ("database/alert_history", 2), ("database/answers", 1), ("database/alerts", 2),
    ]  # fmt: skip
    retirement.drop_cases(engine, ids)
    with reading(engine) as session:
        assert sorted(session.scalars(select(Alert.id))) == ["open", "told since"]
        assert list(session.scalars(select(Answer.alert))) == ["told since"]
    if engine.dialect.name == "sqlite":
        files = b"".join(file.read_bytes() for file in (tmp_path / "database").iterdir())
        assert (b"as of old" in files, b"as of told since" in files) == (False, True)


def test_proofs_name_the_one_before_also_when_two_are_written_at_once(
    engine: Engine, keys: Keys, tmp_path: Path
) -> None:
    def write(name: str) -> None:
        destruction.prove(engine, keys, tmp_path / "proofs", RULE, [Gone(name, bytes=3, digest="0" * 64)], "u", NOW)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, "abc"))
    kept = destruction.proofs(engine)
    assert [one.seq for one in kept] == [1, 2, 3]
    assert [one.proof["previous"] for one in kept] == ["", *(one.id for one in kept[:-1])]
    assert destruction.verify(engine, keys, tmp_path / "proofs") == []
    # Killed between the file and the commit: the next proof records what the file tells, and goes on from it.
    with writing(engine) as session:
        session.delete(session.get_one(Destruction, 3))
    assert len(destruction.verify(engine, keys, tmp_path / "proofs")) == 1
    write("d")
    assert [one.id for one in destruction.proofs(engine)][:3] == [one.id for one in kept]
    assert destruction.verify(engine, keys, tmp_path / "proofs") == []
    assert len(kept := destruction.proofs(engine)) == 4
    other = Keys(keys.token, keys.log, bytes(32), keys.seals)
    assert len(destruction.verify(engine, other, tmp_path / "proofs")) == len(kept), "signed with another key"


def test_a_proof_says_what_went_and_stands_as_it_was_written_down(engine: Engine, keys: Keys, tmp_path: Path) -> None:
    gone = [Gone("b", rows=2, bytes=5, digest="d1"), Gone("a", bytes=3, digest="d2"), Gone("c", rows=4)]
    name = destruction.prove(engine, keys, tmp_path, RULE, gone, "u", NOW.replace(microsecond=7))
    told = {
        "seq": 1, "previous": "", "data": "outbox", "period": "outbox_days: 90", "basis": "제21조",
        "kept_from": "2026-08-31", "readable_until": "None", "account": "u", "at": "2026-09-01T01:30:00+00:00",
        "files": 1, "rows": 6, "bytes": 8,
        "gone": [{"name": "a", "rows": 0, "bytes": 3, "digest": "d2"},
                 {"name": "b", "rows": 2, "bytes": 5, "digest": "d1"},
                 {"name": "c", "rows": 4, "bytes": 0, "digest": ""}],
    }  # fmt: skip
    (file,) = tmp_path.glob("*.json")
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert (name, file.name) == (hashlib.sha256(text).hexdigest(), f"000001-outbox-{name[:12]}.json")
    written = json.loads(file.read_bytes())
    assert written["proof"] == told
    # As anybody could who has the public key: nothing of our own.
    public = Ed25519PrivateKey.from_private_bytes(keys.sign).public_key()
    public.verify(bytes.fromhex(written["signature"]), b"blindspot destruction 1\0" + text)
    (kept,) = destruction.proofs(engine)
    assert (kept.data, kept.kept_from, kept.at, kept.proof) == ("outbox", DAY, NOW, told)
    honest = file.read_bytes()
    assert honest.endswith(b"}\n")
    file.write_bytes(honest + b" ")
    assert destruction.verify(engine, keys, tmp_path) == ["the file of proof 1 is not what was recorded"]
    file.write_bytes(honest)
    # Killed before its commit, the very first is recorded by the next, too.
    with writing(engine) as session:
        session.delete(session.get_one(Destruction, 1))
    destruction.prove(engine, keys, tmp_path, RULE, gone, "v", NOW)
    assert [one.proof["account"] for one in destruction.proofs(engine)] == ["u", "v"]
    assert destruction.verify(engine, keys, tmp_path) == []


def test_rows_are_told_by_a_keyed_digest_in_any_order(keys: Keys) -> None:
    told = hmac.digest(keys.log, b"destroyed rows\0" + b"(1, 'a')\n(2, 'b')", hashlib.sha256).hex()
    assert destruction.row_digest(keys, [(2, "b"), (1, "a")]) == told


def test_a_file_nobody_signed_or_of_another_place_is_not_taken_for_a_proof(
    engine: Engine, keys: Keys, tmp_path: Path
) -> None:
    def write(account: str) -> None:
        destruction.prove(engine, keys, tmp_path, RULE, [Gone("a")], account, NOW)

    def forget() -> None:
        with writing(engine) as session:
            session.delete(session.get_one(Destruction, 2))

    write("u")
    write("v")
    _, second = sorted(tmp_path.glob("*.json"))
    told = json.loads(second.read_bytes())
    forget()
    ours = Ed25519PrivateKey.from_private_bytes(keys.sign)
    for key, value, signer in (
        ("seq", 3, ours), ("previous", "x", ours),
        ("account", "w", Ed25519PrivateKey.generate()), ("account", "w", None),
    ):  # fmt: skip
        proof = told["proof"] | {key: value}
        text = json.dumps(proof, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        signature = signer.sign(b"blindspot destruction 1\0" + text).hex() if signer else told["signature"]
        second.write_bytes(json.dumps({"proof": proof, "signature": signature}).encode())
        write("u")
        assert len(destruction.proofs(engine)) == 2, f"{key}: it is passed over, and stands in no record"
        assert destruction.verify(engine, keys, tmp_path) == [f"{second.name} stands in no record"]
        forget()
        (other,) = set(tmp_path.glob("000002-*.json")) - {second}
        other.unlink()
    assert destruction.verify(engine, keys, tmp_path / "nowhere") == ["the file of proof 1 is missing"]


def test_proofs_that_find_no_place_are_told(engine: Engine, keys: Keys, tmp_path: Path) -> None:
    tried: list[int] = []

    def taken(*_: object) -> None:
        tried.append(1)
        raise IntegrityError("INSERT", {}, Exception("taken"))

    with pytest.MonkeyPatch.context() as patch, pytest.raises(StoreError, match="too many processes") as caught:
        patch.setattr(destruction, "_adopted", taken)
        destruction.prove(engine, keys, tmp_path, RULE, [], "u", NOW)
    assert (caught.value.kind, len(tried)) == ("database", 20)


def test_more_than_one_statement_holds_leaves_in_several(
    engine: Engine, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retirement, "_CHUNK", 2)
    people, homes = numbers(5), pl.Series([f"가로 {n}" for n in range(3)])
    identities.register_people(engine, keys, people, DAY)
    identities.register_addresses(engine, keys, homes, DAY)
    assert retirement.seals_in_use(engine) == {"seal-001"}
    named = {
        "person": tokens(people["person_no"].tail(1), "person", keys),
        "address": tokens(homes[:0], "address", keys),
    }
    found = retirement.unnamed(engine, named, DAY + timedelta(days=1))
    persons = tokens(people["person_no"].head(4), "person", keys).sort().to_list()
    places = tokens(homes, "address", keys).sort().to_list()
    assert found.rows() == [*(("address", one) for one in places), *(("person", one) for one in persons)]
    assert retirement.identities_gone(keys, found) == [
        Gone("database/identities/address", rows=3, digest=destruction.row_digest(keys, places)),
        Gone("database/identities/person", rows=4, digest=destruction.row_digest(keys, persons)),
    ]
    retirement.drop_identities(engine, found.sample(fraction=1, shuffle=True, seed=1))
    with reading(engine) as session:
        (left,) = session.scalars(select(Identity))
    assert (left.kind, left.token) == ("person", named["person"][0])
    retirement.drop_identities(engine, found.with_columns(token=pl.lit(left.token)).filter(kind="address"))
    assert retirement.seals_in_use(engine), "of one kind alone"


def test_requests_and_disclosures_come_back_as_they_were_entered(engine: Engine, keys: Keys) -> None:
    asked = subject_requests.enter(engine, "copy", -(2**63), DAY, "u", NOW)
    assert subject_requests.enter(engine, "copy", -(2**63), DAY, "u", NOW) == asked
    subject_requests.note(engine, asked.id, {"table": "observations"})
    (found,) = subject_requests.listed(engine, only_open=True)
    assert (found.done, found.due_on) == ({"table": "observations"}, DAY + timedelta(days=10))
    assert subject_requests.close(engine, asked.id, "done", DAY)
    assert subject_requests.close(engine, asked.id, "done", DAY) is None
    assert subject_requests.listed(engine, only_open=True) == []
    for hour, account in enumerate(("kim (svc)", "ki_m", "50%")):
        told = Disclosure(account=account, place="p", task="sheet", purpose=Purpose.DISCOVERY, reason="r",
                          subjects=[hour, 2**62], office="1", run="r")  # fmt: skip
        access_log.record_access(engine, keys, told, NOW + timedelta(hours=hour))
    for account, seq in (("kim", [1]), ("svc", [1]), ("ki_m", [2]), ("50%", [3]), ("%", []), ("_", [])):
        assert [one.seq for one in disclosed.between(engine, NOW, NOW + timedelta(hours=2), account)] == seq, account
    assert [one.seq for one in access_log.about(engine, [2**62])] == [1, 2, 3]
    assert [one.seq for one in access_log.about(engine, [1])] == [2]
    last = disclosed.of_run(engine, "r", "1")
    assert last is not None
    assert last.subjects == (2, 2**62)
