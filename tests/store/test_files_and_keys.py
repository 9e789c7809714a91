import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from store.archive import Archive, ChangedMeanwhileError, digest_of
from store.faults import StoreError
from store.files import (
    beside,
    digests,
    hold,
    in_turn,
    make_folder,
    prepare_folder,
    read_folder,
    write_folder,
    write_whole,
)
from store.keys import (
    ENVIRONMENT,
    KeyFile,
    Keys,
    create_keys,
    has_keys,
    key_files,
    keys_folder,
    load_keys,
    rotate,
    rotate_seal,
)
from store.sealing import Sealer


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_appears_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "sheet.csv"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in path.parent.iterdir()] == ["sheet.csv"]
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)


def test_who_takes_a_turn_waits_for_the_one_before(tmp_path: Path) -> None:
    told: list[str] = []
    is_in, may_go = threading.Event(), threading.Event()

    def first() -> None:
        with in_turn(tmp_path / "lock"):
            is_in.set()
            may_go.wait(10)
            told.append("first")

    before = threading.Thread(target=first)
    before.start()
    assert is_in.wait(10)
    threading.Timer(0.1, may_go.set).start()
    with in_turn(tmp_path / "lock"):
        told.append("second")
    before.join()
    assert told == ["first", "second"]


def test_a_killed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sheet.csv"
    write_whole(path, b"yesterday")

    def killed(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "fsync", killed)
        write_whole(path, b"today")
    assert path.read_bytes() == b"yesterday"
    write_whole(path, b"today")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("sheet.csv", b"today")]


def test_what_is_written_is_on_the_disk_before_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, rename = os.fsync, Path.replace

    def told_sync(handle: int) -> None:
        done.append("sync")
        sync(handle)

    def told_rename(path: Path, to: Path) -> Path:
        done.append("rename")
        return rename(path, to)

    monkeypatch.setattr(os, "fsync", told_sync)
    monkeypatch.setattr(Path, "replace", told_rename)
    write_whole(tmp_path / "a", b"x")
    assert done == ["sync", "rename", "sync"]


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    bundle = {"model.txt": b"tree", "passport.json": b"{}"}
    left = make_folder(tmp_path / ".m1.part") / "left.txt"
    left.write_bytes(b"of a killed attempt")
    write_folder(tmp_path / "m1", bundle)
    write_folder(tmp_path / "m1", bundle)
    assert read_folder(tmp_path / "m1") == bundle
    assert [entry.name for entry in tmp_path.iterdir()] == ["m1"]
    with pytest.raises(StoreError, match="other content"):
        write_folder(tmp_path / "m1", {"model.txt": b"another"})


def test_each_file_of_a_folder_is_on_the_disk_before_the_next_is_asked_for(tmp_path: Path) -> None:
    place = beside(tmp_path / "night")

    def made() -> Iterator[tuple[str, bytes]]:
        for name in ("b/1.csv", "a/2.csv"):
            yield name, name.encode()
            assert (place / name).read_bytes() == name.encode()

    told = prepare_folder(tmp_path / "night", made())
    assert told == digests(place) == {name: sha256(name.encode()).hexdigest() for name in ("b/1.csv", "a/2.csv")}
    assert not (tmp_path / "night").exists()


def test_a_file_that_reads_back_otherwise_is_refused(tmp_path: Path) -> None:
    def made() -> Iterator[tuple[str, bytes]]:
        yield "1.csv", b"as written"
        (beside(tmp_path / "night") / "1.csv").write_bytes(b"as the disk has it")
        yield "2.csv", b""

    with pytest.raises(StoreError, match=r"1.csv does not read back"):
        prepare_folder(tmp_path / "night", made())


def test_one_at_a_time_and_the_dead_hold_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "work" / "night.lock"
    told = f"from store.files import hold; import os, pathlib\nwith hold(pathlib.Path({str(lock)!r})): os._exit(9)"
    died = subprocess.run([sys.executable, "-c", told], check=False, cwd=Path(__file__).parents[2])
    assert died.returncode == 9
    with hold(lock), pytest.raises(StoreError) as caught, hold(lock):
        pass
    assert caught.value.kind == "busy"
    with hold(lock):
        pass


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert not has_keys(folder)
    keys = create_keys(folder)
    assert load_keys(folder) == keys
    assert repr(keys) == "Keys()", "no error and no log shows one"
    assert mode(folder) == 0o700
    assert {mode(file) for file in folder.iterdir()} == {0o400}
    assert {file.stat().st_size for file in folder.iterdir()} == {32}
    assert len({keys.token, keys.log, keys.sign, *keys.seals.values()}) == 4
    with pytest.raises(StoreError, match="already holds keys") as caught:
        create_keys(folder)
    assert caught.value.kind == "keys"
    assert load_keys(folder) == keys


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys_folder(tmp_path) == tmp_path
    assert ENVIRONMENT == "BLINDSPOT_KEYS"
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "elsewhere"))
    assert keys_folder(tmp_path) == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "token.key").chmod(0o440), "read by others"),
        (lambda folder: (folder / "token.key").unlink(), "cannot read"),
        (lambda folder: (folder / "seal-001.key").unlink(), "no sealing key"),
        (lambda folder: write_whole(folder / "log.key", b"short", 0o400), "5 bytes"),
    ],
)
def test_spoiled_keys_are_refused_with_a_cure(tmp_path: Path, spoil: object, told: str) -> None:
    create_keys(tmp_path)
    assert callable(spoil)
    spoil(tmp_path)
    with pytest.raises(StoreError, match=told) as caught:
        load_keys(tmp_path)
    assert caught.value.kind == "keys"
    assert caught.value.cure


def test_rotation_keeps_tokens_and_opens_what_is_older(tmp_path: Path) -> None:
    old = create_keys(tmp_path)
    sealed = Sealer(old).seal(b"name", "identities", "sealed_contact", "person:1")
    new = rotate_seal(tmp_path)
    assert (new.token, new.log, new.sign) == (old.token, old.log, old.sign)
    assert (old.seal_id, new.seal_id) == ("seal-001", "seal-002")
    assert Sealer(new).open(sealed, "identities", "sealed_contact", "person:1", "seal-001") == b"name"
    with pytest.raises(StoreError, match="no key seal-002") as caught:
        Sealer(old).open(sealed, "identities", "sealed_contact", "person:1", "seal-002")
    assert caught.value.kind == "keys"


def test_keys_are_numbered_on_and_the_newest_is_used(tmp_path: Path) -> None:
    first = create_keys(tmp_path)
    assert (first.seal_id, first.old_logs) == ("seal-001", ())
    assert [rotate(tmp_path, kind) for kind in ("log", "seal", "log")] == ["log-002", "seal-002", "log-003"]
    told = {file.stem: file.read_bytes() for file in tmp_path.iterdir()}
    seals = {"seal-001": told["seal-001"], "seal-002": told["seal-002"]}
    old_logs = (told["log"], told["log-002"])
    assert load_keys(tmp_path) == Keys(told["token"], told["log-003"], told["sign"], seals, old_logs)
    (tmp_path / "seal-002.key").rename(tmp_path / "seal-009.key")
    assert rotate(tmp_path, "seal") == "seal-010" == load_keys(tmp_path).seal_id
    (tmp_path / "seal-001.key").unlink()
    listed = [one.key_id for one in key_files(tmp_path)]
    assert listed == ["log", "log-002", "log-003", "seal-009", "seal-010", "sign", "token"], "an old one may be gone"
    (tmp_path / "sign.key").unlink()
    with pytest.raises(StoreError, match="cannot read"):
        rotate(tmp_path, "seal")
    assert not (tmp_path / "seal-011.key").exists(), "first what is there is mended"


@pytest.mark.parametrize("bits", [0o40, 0o20, 0o10, 0o4, 0o2, 0o1])
def test_a_key_is_its_owners_alone(tmp_path: Path, bits: int) -> None:
    create_keys(tmp_path)
    (tmp_path / "sign.key").chmod(0o700)
    load_keys(tmp_path)
    (tmp_path / "sign.key").chmod(0o400 | bits)
    with pytest.raises(StoreError, match="read by others"):
        load_keys(tmp_path)


def test_a_key_of_another_account_is_given_over_not_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_keys(tmp_path)

    def closed(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", closed)
    with pytest.raises(StoreError) as refused:
        load_keys(tmp_path)
    assert "Permission denied" in refused.value.what
    assert "chown" in refused.value.cure
    assert "backup" not in refused.value.cure


def test_every_key_is_listed_with_its_day_and_its_fault(tmp_path: Path) -> None:
    made = datetime(2026, 8, 31, 12, tzinfo=UTC)
    create_keys(tmp_path)
    rotate(tmp_path, "log")
    for file in tmp_path.iterdir():
        os.utime(file, (made.timestamp(), made.timestamp()))
    assert key_files(tmp_path) == [
        KeyFile(name, made, "", "") for name in ("log", "log-002", "seal-001", "sign", "token")
    ]
    (tmp_path / "sign.key").chmod(0o404)
    write_whole(tmp_path / "token.key", bytes(31), 0o400)
    (tmp_path / "seal-001.key").unlink()
    faults = {one.key_id: one.fault for one in key_files(tmp_path)}
    missing = faults.pop("seal-001")
    assert missing.startswith("cannot read")
    assert faults == {"log": "", "log-002": "", "sign": "can be read by others", "token": "has 31 bytes, not 32"}
    cures = {one.key_id: one.cure for one in key_files(tmp_path)}
    assert cures["sign"] == f"chmod 0400 {tmp_path / 'sign.key'}"
    assert all("backup" in cures[name] for name in ("seal-001", "token"))
    nothing = key_files(tmp_path / "nowhere")
    assert [one.key_id for one in nothing] == ["log", "seal-001", "sign", "token"]
    assert {one.made_at for one in nothing} == {datetime(1970, 1, 1, tzinfo=UTC)}


PLACE = ("identities", "sealed_contact", "person:1", "seal-001")


@pytest.mark.parametrize("at", range(len(PLACE)))
def test_what_is_moved_does_not_open(tmp_path: Path, at: int) -> None:
    create_keys(tmp_path)
    keys = rotate_seal(tmp_path)
    sealed = Sealer(keys).seal(b"name", *PLACE[:3])
    moved = [*PLACE[:3], "seal-002"]
    assert Sealer(keys).open(sealed, *moved) == b"name"
    moved[at] = "seal-001" if at == 3 else moved[at] + "0"
    with pytest.raises(StoreError) as caught:
        Sealer(keys).open(sealed, *moved)
    assert caught.value.kind == "sealed"


def test_what_was_sealed_long_ago_opens(keys: Keys) -> None:
    # Written down, not made by the code under test: what lies in databases and archives must open after every upgrade.
    nonce = bytes(range(12))
    place = b"identities|sealed_contact|person:1|seal-001"
    sealed = nonce + AESGCM(keys.seals["seal-001"]).encrypt(nonce, b"kim", place)
    assert Sealer(keys).open(sealed, *PLACE) == b"kim"
    assert len(Sealer(keys).seal(b"kim", *PLACE[:3])) == len(sealed)


def test_no_bit_of_a_sealed_value_can_be_changed(keys: Keys) -> None:
    sealed = Sealer(keys).seal(b"kim", *PLACE[:3])
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(StoreError):
            Sealer(keys).open(bytes(changed), *PLACE)


def test_the_archive_gives_back_the_very_bytes(tmp_path: Path, keys: Keys) -> None:
    archive = Archive(tmp_path, keys)
    for raw in (b"", "주민번호,금액\r\n".encode("cp949"), os.urandom(10_000)):
        digest = archive.keep(raw)
        assert digest == digest_of(raw)
        assert archive.has(digest)
        assert archive.open(digest) == raw
    stored = {path: path.read_bytes() for path in tmp_path.rglob("*.sealed")}
    archive.keep(b"")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.sealed")} == stored


def test_the_archive_holds_nothing_in_clear(tmp_path: Path, keys: Keys) -> None:
    Archive(tmp_path, keys).keep(b"9001011234567 " * 100)
    assert not any(b"900101" in path.read_bytes() for path in tmp_path.rglob("*.sealed"))


def test_the_archive_refuses_what_was_changed_or_swapped(tmp_path: Path, keys: Keys) -> None:
    archive = Archive(tmp_path, keys)
    first, second = archive.keep(b"first"), archive.keep(b"second")
    path, other = (next(tmp_path.rglob(f"{digest}.sealed")) for digest in (first, second))
    other.write_bytes(path.read_bytes())
    with pytest.raises(StoreError, match="changed, moved"):
        archive.open(second)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match="changed, moved"):
        archive.open(first)
    path.write_bytes(b"")
    with pytest.raises(StoreError):
        archive.open(first)
    with pytest.raises(StoreError, match="missing"):
        archive.open("0" * 64)


def pieces_of(sealed: bytes) -> list[bytes]:
    """Key id line, then each piece with its length."""
    line = sealed.index(b"\n") + 1
    found = [sealed[:line]]
    while line < len(sealed):
        end = line + 4 + int.from_bytes(sealed[line : line + 4], "big")
        found.append(sealed[line:end])
        line = end
    return found


def test_the_archive_gives_back_a_large_file_piece_by_piece(tmp_path: Path, keys: Keys) -> None:
    archive, raw = Archive(tmp_path, keys), b"900101-1234567\r\n" * 60
    for size in (1, 7, 100, 959, 960, 961):
        chunks = [raw[at : at + size] for at in range(0, len(raw), size)]
        extra = raw + bytes([size % 251])
        digest = digest_of(extra)
        assert list(archive.keeping([*chunks, extra[-1:]], digest)) == [*chunks, extra[-1:]]
        assert b"".join(archive.pieces(digest)) == extra
        assert len(pieces_of(next(tmp_path.rglob(f"{digest}.sealed")).read_bytes())) == len(chunks) + 2


def test_no_piece_can_be_cut_off_left_out_exchanged_or_added(tmp_path: Path, keys: Keys) -> None:
    archive = Archive(tmp_path, keys)
    chunks = [bytes([n]) * 50 for n in range(4)]
    digest, other = digest_of(b"".join(chunks)), digest_of(b"".join(reversed(chunks)))
    assert len(list(archive.keeping(chunks, digest))) == len(list(archive.keeping(reversed(chunks), other))) == 4
    path = next(tmp_path.rglob(f"{digest}.sealed"))
    line, *told = pieces_of(path.read_bytes())
    foreign = pieces_of(next(tmp_path.rglob(f"{other}.sealed")).read_bytes())[1:]
    wrong = [told[:n] for n in range(4)] + [told[:n] + told[n + 1 :] for n in range(4)]
    wrong += [[told[1], told[0], *told[2:]], [*told[:2], told[3], told[2]], [*told, told[3]], [*told, *told]]
    wrong += [[*told[:n], foreign[n], *told[n + 1 :]] for n in range(4)]
    for pieces in wrong:
        path.write_bytes(line + b"".join(pieces))
        with pytest.raises(StoreError, match="changed, moved"):
            archive.open(digest)
    for end in range(len(line), len(line + b"".join(told))):
        path.write_bytes((line + b"".join(told))[:end])
        with pytest.raises(StoreError):
            archive.open(digest)
    path.write_bytes(line + b"".join(told))
    assert archive.open(digest) == b"".join(chunks)


def test_what_is_not_of_its_digest_or_not_read_whole_is_not_kept(tmp_path: Path, keys: Keys) -> None:
    archive, digest = Archive(tmp_path, keys), digest_of(b"onetwo")
    with pytest.raises(ChangedMeanwhileError):
        list(archive.keeping([b"one", b"two", b"three"], digest))
    half = archive.keeping([b"one", b"two"], digest)
    next(half)
    half.close()  # type: ignore[attr-defined]
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
    assert list(archive.keeping([b"one", b"two"], digest)) == [b"one", b"two"]
    with pytest.raises(ChangedMeanwhileError):
        list(archive.keeping([b"one"], digest))
    assert archive.open(digest) == b"onetwo"


def test_errors_name_no_value(keys: Keys) -> None:
    sealed = Sealer(keys).seal(b"kim", *PLACE[:3])
    with pytest.raises(StoreError) as caught:
        Sealer(keys).open(sealed + b"x", *PLACE)
    assert "kim" not in json.dumps([str(caught.value), caught.value.cure])
