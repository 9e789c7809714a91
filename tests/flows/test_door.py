"""Names leave through one door, which writes down first who wants them and what for."""

import ast
import getpass
import hashlib
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyrage
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.desk import Desk, now, open_desk
from flows.door import Asker, asker, copy_sheet, names_of, note_access, seal_sheet
from flows.errors import OperatorError
from flows.inbox import take_in
from flows.knowledge import known_on
from flows.recipients import read_recipients
from store import access_log, disclosed
from store.access_log import Disclosure
from store.database import reading
from store.purposes import Purpose
from store.tables import Access
from store.transport import seal_age, seal_zip
from tests.flows import letters
from tests.flows.letters import OFFICE
from tests.test_house import ROOMS, ROOT

NIGHT = date(2026, 11, 2)
ASKER = Asker("담당자", Purpose.DISCOVERY, "다시 인쇄")
PASSWORD = b"correct-horse-battery-staple"
SHEET = "이름,주소\n가상인0,가상로 1\n".encode()
PAGE = "<p>가상인0</p>".encode()
EMPTY = "1111051600"
IDENTITY = pyrage.x25519.Identity.generate()


def opens_identities(source: str) -> bool:
    """`look_up` of store.identities, by whatever way it is reached; or the sealed columns themselves."""
    if not re.search(r"look_up|sealed_|Identity", source):
        return False  # nothing to parse for
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr="look_up" | "sealed_contact" | "sealed_identifier"):
                return True
            case ast.ImportFrom(names=names) if any(one.name in ("look_up", "Identity") for one in names):
                return True
            case ast.Constant(value="look_up" | "sealed_contact" | "sealed_identifier"):
                return True
            case _:
                pass
    return False


@pytest.mark.parametrize(
    "planted",
    [
        "from store import identities\nidentities.look_up(e, k, r)",
        "from store.identities import look_up as find",
        "import store.identities as i\ngetattr(i, 'look_up')(e, k, r)",
        "from store.tables import Identity",
        "row.sealed_contact",
    ],
)
def test_the_guard_finds_every_way_around_the_door(planted: str) -> None:
    assert opens_identities(planted)


def test_nothing_but_the_door_opens_identities() -> None:
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    found = {str(f.relative_to(ROOT)) for f in files if opens_identities(f.read_text(encoding="utf-8"))}
    inside = {name for name in found if name.startswith("store/")}
    assert found - inside == {"flows/door.py"}
    assert inside - {"store/migrations/versions/r0001_first_tables.py"} == {
        "store/identities.py",
        "store/retirement.py",
    }


def opens_raw_files(source: str) -> bool:
    """Deliveries as they came, which name people, out of the archive."""
    return "archive" in source and any(
        isinstance(node, ast.Attribute)
        and node.attr in ("open", "pieces")
        and isinstance(node.value, ast.Attribute | ast.Name)
        and "archive" in ast.unparse(node.value)
        for node in ast.walk(ast.parse(source))
    )


def test_raw_files_are_opened_for_a_night_worked_again_alone_and_after_the_door() -> None:
    assert opens_raw_files("for piece in desk.archive.pieces(d): ...")
    assert opens_raw_files("archive.open(d)")
    files = sorted((ROOT / "flows").glob("*.py"))
    assert [f.name for f in files if opens_raw_files(f.read_text(encoding="utf-8"))] == ["names_then.py"]
    users = [f.name for f in files if "as_told_by" in f.read_text(encoding="utf-8")]
    assert users == ["names_then.py", "replay.py"]
    replay = (ROOT / "flows" / "replay.py").read_text(encoding="utf-8")
    assert replay.index("= names_of(") < replay.index("= as_told_by("), "the log has it first"


def test_only_the_door_writes_names_down_after_the_log(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    known = known_on(desk, NIGHT)
    homes = known.addresses.select("household_key", "address_key").join(
        known.residents.select("household_key", "person_key"), on="household_key"
    )
    told = Disclosure(
        account="a", place="p", task="look_up", purpose=Purpose.DISCOVERY, reason="r",
        subjects=homes["household_key"].to_list(),
    )  # fmt: skip
    with pytest.raises(ValueError, match="not recorded"):
        names_of(desk, homes, [replace(told, subjects=told.subjects[1:])])
    assert logged(desk) == []
    assert sorted(names_of(desk, homes, [told])["name"]) == ["가상인0", "가상인1", "가상인2"]
    assert [one.rows for one in logged(desk)] == [3]

    def refuses(*_: object) -> int:
        raise OperatorError("database", "gone", "start it")

    opened: list[object] = []
    monkeypatch.setattr(access_log, "record_all", refuses)
    monkeypatch.setattr("store.identities.look_up", lambda *asked: opened.append(asked))
    with pytest.raises(OperatorError):
        names_of(desk, homes, [told])
    assert opened == [], "a log that cannot be written opens nothing"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night's outbox written by hand: one office with a household, one with nobody."""
    file = letters.write_work(tmp_path_factory.mktemp("country"))
    with open_desk(file) as desk:
        take_in(desk, NIGHT)
        files = {f"{o}/queue_{o}_{NIGHT:%Y%m%d}.csv": SHEET for o in (OFFICE, EMPTY)}
        files |= {f"{OFFICE}/index.html": PAGE, f"{OFFICE}/queue_{OFFICE}_{NIGHT:%Y%m%d}.xlsx": b"PK"}
        sheets = Disclosure(
            account="n", place="p", task="sheet", purpose=Purpose.DISCOVERY, reason="nightly queue", subjects=[5, 7],
            office=OFFICE, run="r",
        )  # fmt: skip
        access_log.record_access(desk.engine, desk.keys, sheets, now())
        publish(desk, files)
    return file


def publish(desk: Desk, files: dict[str, bytes]) -> None:
    folder = desk.outbox / str(NIGHT)
    manifest = {"as_of": str(NIGHT), "run": "r", "files": {n: hashlib.sha256(d).hexdigest() for n, d in files.items()}}
    for name, data in {**files, "manifest.json": json.dumps(manifest).encode()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.fixture
def desk(config: Path) -> Iterator[Desk]:
    with open_desk(config) as opened:
        yield opened


def logged(desk: Desk) -> list[Access]:
    with reading(desk.engine) as session:
        return [one for one in session.query(Access).order_by(Access.seq) if one.task != "sheet"]


def test_a_copy_is_what_went_out_and_the_log_names_its_households_first(desk: Desk, tmp_path: Path) -> None:
    before = len(logged(desk))
    path = copy_sheet(desk, OFFICE, NIGHT, "csv", ASKER, tmp_path / "copy.csv")
    assert path.read_bytes() == SHEET
    copy_sheet(desk, EMPTY, NIGHT, "csv", ASKER, tmp_path / "empty.csv")
    first, second = logged(desk)[before:]
    assert (first.account, first.task, first.purpose, first.office) == ("담당자", "export", "discovery", OFFICE)
    assert (first.subjects, second.subjects, first.run) == ([5, 7], [], "r")
    assert first.reason == "다시 인쇄; csv of 2026-11-02 to copy.csv"
    assert first.place == socket.gethostname()
    assert second.office == EMPTY
    long = tmp_path / f"{'긴' * 70}{'a' * 35}"
    assert copy_sheet(desk, OFFICE, NIGHT, "html", ASKER, long).read_bytes() == PAGE
    assert logged(desk)[-1].reason == f"다시 인쇄; html of 2026-11-02 to {long.name[:100]}"
    assert copy_sheet(desk, OFFICE, NIGHT, "xlsx", ASKER, tmp_path / "copy.xlsx").read_bytes() == b"PK"
    assert path.stat().st_mode & 0o077 == 0
    assert disclosed.of_run(desk.engine, "r", EMPTY) is None


@pytest.mark.parametrize(
    ("office", "day", "kind", "words"),
    [
        (OFFICE, date(2026, 11, 3), "csv", "no sheets"),
        ("9999999999", NIGHT, "csv", "no sheet of that office"),
        ("../../keys", NIGHT, "csv", "no sheet of that office"),
        (OFFICE, NIGHT, "pdf", "no sheet as pdf"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_is_logged(
    desk: Desk, tmp_path: Path, office: str, day: date, kind: str, words: str
) -> None:
    before = len(logged(desk))
    with pytest.raises(OperatorError, match=words) as caught:
        copy_sheet(desk, office, day, kind, ASKER, tmp_path / "x")
    assert caught.value.kind == "export"
    assert len(logged(desk)) == before
    assert not (tmp_path / "x").exists()


def test_a_sheet_that_was_changed_since_is_not_handed_out(desk: Desk, tmp_path: Path) -> None:
    path = desk.outbox / str(NIGHT) / OFFICE / f"queue_{OFFICE}_{NIGHT:%Y%m%d}.csv"
    path.write_bytes(SHEET + b"x")
    try:
        with pytest.raises(OperatorError, match="not what was published") as caught:
            copy_sheet(desk, OFFICE, NIGHT, "csv", ASKER, tmp_path / "x")
        assert caught.value.kind == "export"
        path.unlink()
        with pytest.raises(OperatorError, match="is gone") as caught:
            copy_sheet(desk, OFFICE, NIGHT, "csv", ASKER, tmp_path / "x")
        assert caught.value.kind == "export"
    finally:
        path.write_bytes(SHEET)


def test_nothing_is_written_over_and_nobody_asks_without_a_reason(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"mine")
    before = len(logged(desk))
    for place in (tmp_path / "there", tmp_path / "no folder" / "x"):
        with pytest.raises(OperatorError, match="exists") as caught:
            copy_sheet(desk, OFFICE, NIGHT, "csv", ASKER, place)
        assert caught.value.kind == "export"
    people = read_recipients(recipients(desk, f"{OFFICE},age,{IDENTITY.to_public()}"))
    with pytest.raises(OperatorError, match="is no folder") as caught:
        seal_sheet(desk, OFFICE, NIGHT, "csv", ASKER, tmp_path / "there", people)
    assert caught.value.kind == "export"
    assert (tmp_path / "there").read_bytes() == b"mine"
    assert len(logged(desk)) == before
    for by, reason in (("", "why"), ("who", " ")):
        with pytest.raises(OperatorError, match="named") as caught:
            asker(by, Purpose.DISCOVERY, reason)
        assert caught.value.kind == "export"
    told = asker(" kim ", Purpose.DISCOVERY, " why ")
    assert told == Asker(f"kim ({getpass.getuser()})", Purpose.DISCOVERY, "why")


def test_what_leaves_without_names_is_written_down_too(desk: Desk) -> None:
    note_access(desk, "matrix", ASKER, [9, 3], "for a model")
    last = logged(desk)[-1]
    assert (last.account, last.task, last.subjects, last.reason) == ("담당자", "matrix", [3, 9], "for a model")
    assert (last.office, last.run) == (None, None)


def recipients(desk: Desk, *lines: str) -> Path:
    file = desk.settings.transport.recipients
    file.write_text("office,way,key\n" + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    password = desk.settings.keys_folder / "transport" / "gasang"
    password.parent.mkdir(exist_ok=True)
    password.unlink(missing_ok=True)
    password.write_bytes(PASSWORD + b"\n")
    password.chmod(0o400)
    return file


def test_a_sheet_sealed_with_age_opens_with_the_key_alone(desk: Desk, tmp_path: Path) -> None:
    other = pyrage.x25519.Identity.generate()
    people = read_recipients(recipients(desk, *(f"{OFFICE},age,{one.to_public()}" for one in (IDENTITY, other))))
    path = seal_sheet(desk, OFFICE, NIGHT, "csv", ASKER, tmp_path, people)
    assert re.fullmatch(r"20261102-[0-9a-f]{12}\.csv\.age", path.name), "neither office nor person"
    assert SHEET not in path.read_bytes()
    for one in (IDENTITY, other):
        assert pyrage.decrypt(path.read_bytes(), [one]) == SHEET
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(path.read_bytes(), [pyrage.x25519.Identity.generate()])
    with pytest.raises(OperatorError, match="nobody is named"):
        seal_sheet(desk, EMPTY, NIGHT, "csv", ASKER, tmp_path, people)
    assert logged(desk)[-1].reason == "다시 인쇄; csv of 2026-11-02 sealed (age) for its office"


def test_debian_s_age_opens_what_we_seal(tmp_path: Path) -> None:
    if shutil.which("age") is None:
        pytest.skip("no program `age` on this machine (Debian: apt install age)")
    (tmp_path / "key").write_text(str(IDENTITY))
    sealed = seal_age(SHEET, [str(IDENTITY.to_public())])
    told = subprocess.run(["age", "-d", "-i", tmp_path / "key"], input=sealed, capture_output=True, check=True)
    assert told.stdout == SHEET


def test_a_zip_sealed_with_aes_tells_nothing_and_opens_with_seven_zip(desk: Desk, tmp_path: Path) -> None:
    people = read_recipients(recipients(desk, f"{OFFICE},zip,gasang"))
    path = seal_sheet(desk, OFFICE, NIGHT, "csv", ASKER, tmp_path, people)
    assert re.fullmatch(r"20261102-[0-9a-f]{12}\.zip", path.name)
    assert OFFICE.encode() not in path.read_bytes()
    assert path.name[9:21] == hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    assert logged(desk)[-1].reason == "다시 인쇄; csv of 2026-11-02 sealed (zip) for its office"
    program = next((name for name in ("7zz", "7z", "7za") if shutil.which(name)), None)
    if program is None:
        pytest.skip("no 7-Zip on this machine (Debian: apt install 7zip)")

    def seven(*words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([str(program), *words], capture_output=True, check=False, cwd=tmp_path)

    listed = seven("l", "-slt", str(path)).stdout.decode()
    assert "Method = AES-256" in listed
    assert re.findall(r"^Path = (.*)$", listed, re.M)[1:] == ["sheet.csv"]
    assert seven("x", f"-p{PASSWORD.decode()}", str(path), "-so").stdout == SHEET
    assert seven("t", "-pwrong-password-wrong-password", str(path)).returncode != 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1,age,age1xx", "office"),
        (f"{OFFICE},pgp,x", "way"),
        (f"{OFFICE},zip,../sign.key", "key"),
        (f"{OFFICE},age,gasang", "key"),
        (f"{OFFICE},zip,gasang\n{OFFICE},zip,gasang", "way"),
    ],
)
def test_a_line_of_recipients_that_cannot_be_used_is_told(desk: Desk, line: str, words: str) -> None:
    with pytest.raises(OperatorError, match=f"row [23] · {words}"):
        read_recipients(recipients(desk, line))


def test_weak_or_open_passwords_and_unknown_keys_seal_nothing(desk: Desk, tmp_path: Path) -> None:
    people = read_recipients(recipients(desk, f"{OFFICE},zip,gasang"))
    before = len(logged(desk))
    file = desk.settings.keys_folder / "transport" / "gasang"
    file.chmod(0o644)
    with pytest.raises(Exception, match="read by others"):
        seal_sheet(desk, OFFICE, NIGHT, "csv", ASKER, tmp_path, people)
    with pytest.raises(Exception, match="too short"):
        seal_zip(SHEET, "sheet.csv", b"1234")
    with pytest.raises(Exception, match="no age key"):
        seal_age(SHEET, ["age1" + "q" * 58])
    with pytest.raises(Exception, match="no recipient"):
        seal_age(SHEET, [])
    assert len(logged(desk)) == before
    assert list(tmp_path.iterdir()) == []


def test_on_the_command_line(config: Path, tmp_path: Path) -> None:
    with open_desk(config) as desk:
        file = recipients(desk, f"{OFFICE},age,{IDENTITY.to_public()}")
    assert file == config.parent.resolve() / "work" / "recipients.csv", "wherever the command is run"
    usual = ["--day", str(NIGHT), "--by", "담당자", "--reason", "재발송", "--kind", "csv", "--config", str(config)]

    def run(*words: str) -> str:
        told = CliRunner().invoke(app, ["export", *words, *usual])
        assert told.exit_code == 0, told.output
        return told.output

    assert "In clear" in run("sheet", OFFICE, "--to", str(tmp_path / "a.csv"))
    assert "Sealed" in run("sheet", OFFICE, "--to", str(tmp_path), "--seal")
    assert OFFICE in run("sheets", "--to", str(tmp_path))
    refused = CliRunner().invoke(app, ["export", "sheet", OFFICE, "--to", "x", "--purpose", "fraud", *usual])
    assert refused.exit_code == 2, "the list of purposes is closed"
