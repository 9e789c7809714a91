"""A backup opens whole or not at all: every byte counts."""

import io
import tarfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import backup, sealed_stream
from store.backup import look, pack, unpack
from store.faults import StoreError
from store.keys import Keys, create_keys
from store.sealed_stream import SealedReader, SealedWriter


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return create_keys(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture
def packed(tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of several pieces."""
    monkeypatch.setattr(sealed_stream, "PIECE", 5000)
    files = {"work/a.txt": b"a" * 3000, "work/deep/b": Random(1).randbytes(9000), "work/empty": b"", "work/한글": b"x"}
    for name, data in files.items():
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    pack(tmp_path / "it", keys, [(name, tmp_path / "from" / name) for name in files], {"day": "2026-11-02"})
    return tmp_path / "it"


def test_what_comes_out_is_what_went_in(packed: Path, keys: Keys, tmp_path: Path) -> None:
    told = unpack(packed, keys, tmp_path / "to")
    assert told.about == {"day": "2026-11-02"}
    assert told.bytes == 12001
    for name in ("work/a.txt", "work/deep/b", "work/empty", "work/한글"):
        was, now = tmp_path / "from" / name, tmp_path / "to" / name
        assert now.read_bytes() == was.read_bytes()
        assert abs(now.stat().st_mtime - was.stat().st_mtime) < 0.001
        assert now.stat().st_mode & 0o777 == 0o600


@given(data=st.binary(max_size=60), piece=st.integers(1, 20), reads=st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_a_stream_of_any_length_in_pieces_of_any_size(keys: Keys, data: bytes, piece: int, reads: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealed_stream, "PIECE", piece)
        patched.setattr(sealed_stream, "_MOST", piece + 64)
        file = io.BytesIO()
        with SealedWriter(file, keys, "test") as sealed:
            for start in range(0, len(data), 7):
                sealed.write(data[start : start + 7])
        reader = SealedReader(io.BytesIO(file.getvalue()), keys, "test")
        assert b"".join(iter(lambda: reader.read(reads), b"")) == data


def test_a_byte_changed_anywhere_or_cut_off_or_added_is_found(packed: Path, keys: Keys) -> None:
    whole, random = packed.read_bytes(), Random(2)
    places = [*range(60), *(random.randrange(len(whole)) for _ in range(60)), *range(len(whole) - 20, len(whole))]
    changed = [whole[:at] + bytes([whole[at] ^ 1 << random.randrange(8)]) + whole[at + 1 :] for at in places]
    cut = [whole[:at] for at in places]
    for data in (*changed, *cut, whole + b"\0", whole + whole):
        packed.write_bytes(data)
        with pytest.raises(StoreError):
            look(packed, keys)


@pytest.mark.parametrize("what", ["exchanged", "cut off", "left out", "doubled", "of another stream"])
def test_pieces_that_are_not_where_they_were_do_not_open(what: str, packed: Path, keys: Keys, tmp_path: Path) -> None:
    head, *pieces = pieces_of(packed.read_bytes())
    assert len(pieces) > 3
    pack(tmp_path / "other", keys, [("work/a.txt", packed)], {})
    _, *others = pieces_of((tmp_path / "other").read_bytes())
    order = {
        "exchanged": [pieces[1], pieces[0], *pieces[2:]],
        "cut off": pieces[:-1],
        "left out": pieces[1:],
        "doubled": [pieces[0], *pieces],
        "of another stream": [others[0], *pieces[1:]],
    }[what]
    stream = SealedReader(io.BytesIO(head + b"".join(order)), keys, "backup")
    with pytest.raises(StoreError, match="changed, moved"):
        while stream.read(4000):
            pass


def pieces_of(data: bytes) -> list[bytes]:
    at = data.index(b"\n") + 1
    found = [data[:at]]
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        found.append(data[at:end])
        at = end
    return found


def test_a_list_that_names_other_bytes_is_not_believed(keys: Keys, tmp_path: Path) -> None:
    """Sealed by us, and wrong all the same: the file changed while it was read."""
    words = b'{"about": {}, "digests": {"work/a": "0"}}'
    with (
        (tmp_path / "it").open("wb") as file,
        SealedWriter(file, keys, "backup") as sealed,
        tarfile.open(fileobj=sealed, mode="w|") as tar,
    ):
        for name, data in (("work/a", b"x"), (backup.LIST, words)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    with pytest.raises(StoreError, match="what its list names"):
        look(tmp_path / "it", keys)


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out"])
def test_it_writes_nowhere_else_whoever_sealed_it(name: str, keys: Keys, tmp_path: Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = 1
    with (
        (tmp_path / "it").open("wb") as file,
        SealedWriter(file, keys, "backup") as sealed,
        tarfile.open(fileobj=sealed, mode="w|") as tar,
    ):
        tar.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(StoreError, match="never put"):
        unpack(tmp_path / "it", keys, tmp_path / "to")
    assert not (tmp_path / "out").exists()


def test_what_does_not_read_back_does_not_stay(keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(*_: object) -> backup.Packed:
        raise StoreError("sealed", "torn", "-")

    monkeypatch.setattr(backup, "look", torn)
    with pytest.raises(StoreError, match="torn"):
        pack(tmp_path / "it", keys, [], {})
    assert not (tmp_path / "it").exists()
