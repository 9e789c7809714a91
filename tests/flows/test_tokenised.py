"""A delivery in many blocks and ranges, laid aside and read back, is the delivery read at once."""

import os
from collections.abc import Iterator
from csv import DictReader
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows import arrived, inbox, tokenised
from flows.arrived import Arrived
from flows.desk import Desk, open_desk
from flows.inbox import take_in
from flows.knowledge import known_on
from flows.summary import Taken
from flows.tokenised import Tokenised, source_of, tokenise
from signals.rows import read_head
from store.deliveries import listed, rows_set_aside
from store.keys import Keys
from store.lake import KEYS, Lake
from tests.flows import letters
from tests.flows.letters import NHIS, nhis, nhis_row
from tests.signals.writer import good_row, layout_of, name_of, write

NIGHT = date(2026, 11, 2)
SECRET = Keys(token=bytes(range(32)), log=bytes(32), sign=bytes(32), seals={"seal-001": bytes(32)})
STAMPS = {"received_on": pl.lit(date(2026, 10, 15)), "delivery": pl.lit("d1")}


def flawed(source: str) -> bytes:
    """Good rows of thirty people or homes, repeats far apart, flaws, and people in two households."""
    good, rows = good_row(source), []
    for n in range(30):
        told = {"person_no": f"90010{n % 9 + 1}-1{n:06d}", "household_no": f"H{n:08d}"}
        row = {**good, **told, "address": f"서울특별시 종로구 가람로 {n}", "case_no": str(n), "valid_to": ""}
        rows += [row, {**row, "phone": "없음"}, {**row, "person_no": "?", "address": "?", "office": "?"}]
    rows += [{**row, "household_no": "H99999999"} for row in rows[::9]]
    return write(layout_of(source), rows + rows[::4])


def told_of(source: str, raw: bytes, piece: int, scratch: Path) -> Tokenised:
    how = source_of(name_of(source))
    head = read_head(raw, raw[-1:], how.reader.layout, "x")
    chunks = (raw[at : at + piece] for at in range(0, len(raw), piece))
    return tokenise(chunks, head, how, STAMPS, SECRET, len(raw), scratch)


@pytest.mark.parametrize("source", ["kepco", "residents", "addresses"])
def test_in_ranges_and_blocks_as_at_once(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = flawed(source)
    whole = told_of(source, raw, len(raw), tmp_path)
    assert whole.ranges == 1
    assert whole.bad.height > 10
    for ranges, piece in ((2, 700), (40, 3000)):
        monkeypatch.setattr(tokenised, "BYTES_PER_RANGE", len(raw) // (ranges - 1) - 1)
        found = told_of(source, raw, piece, tmp_path)
        assert found.ranges in (ranges, ranges + 1)
        assert found.whole().equals(whole.whole()), "order and all"
        assert found.bad.equals(whole.bad)
        assert (found.received, found.accepted) == (whole.received, whole.accepted)
        assert (found.counts, found.warnings) == (whole.counts, whole.warnings)
        assert found.accepted + found.bad.height == found.received
        assert found.whole()[KEYS[found.table]].is_sorted()
        assert not list(tmp_path.iterdir()), "what is laid aside has no name"
        found.rows.close()


def test_what_is_laid_aside_names_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenised, "BYTES_PER_RANGE", 1000)
    told = told_of("residents", flawed("residents"), 500, tmp_path)
    file = told.rows._file
    assert file is not None
    file.seek(0)
    laid = file.read()
    assert len(laid) > 1000
    for clear in ("김하나", "900101", "H0000000"):
        assert clear.encode() not in laid
    assert any("김하나" in rows["name"] for rows in told.in_clear())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Every delivery is large here."""
    monkeypatch.setattr(arrived, "PIECE", 64)
    monkeypatch.setattr(tokenised, "BYTES_PER_RANGE", 100)
    monkeypatch.setattr(inbox, "BYTES_PER_RANGE", 100)
    with open_desk(letters.write_work(tmp_path), tmp_path / "work") as opened:
        take_in(opened, NIGHT)
        yield opened


MANY = nhis(*(nhis_row(f"90010{n % 9 + 1}{n + 1000000}") for n in range(20)), nhis_row(won="?"), nhis_row(), nhis_row())


def test_a_large_delivery_is_one_commit_and_all_is_told(desk: Desk) -> None:
    before = desk.lake.versions()["observations"]
    (desk.inbox / NHIS).write_bytes(MANY)
    (told,) = take_in(desk, NIGHT)
    assert (told.state, told.received, told.accepted, told.set_aside) == ("taken", 23, 21, 2)
    assert desk.lake.versions()["observations"] == before + 1
    kept = listed(desk.engine)[-1]
    assert rows_set_aside(desk.engine, kept.id) == [(22, "금액(원)", "amount_unreadable"), (24, "", "duplicate_row")]
    assert desk.archive.open(kept.id) == MANY
    assert known_on(desk, NIGHT).observations.height == 21
    assert known_on(desk, NIGHT).residents.height == 3, "registers come the same way"
    (desk.inbox / "again.csv").write_bytes(MANY)
    assert take_in(desk, NIGHT)[0].state == "again"
    reply = (desk.replies / f"{NHIS}.reply.csv").read_bytes()
    assert reply.count(b"\xef\xbb\xbf") == 1
    assert [row["줄"] for row in DictReader(reply.decode("utf-8-sig").splitlines())] == ["", "22", "24"]


def test_a_large_file_is_refused_whole(desk: Desk) -> None:
    version = desk.lake.versions()
    for raw in (MANY[:-9], nhis(header=letters.NHIS_HEADER[:-1]) + MANY, b" \r\n" * 100):
        (desk.inbox / NHIS).write_bytes(raw)
        told = take_in(desk, date.max)[0] if raw.endswith(b"\n") else refused_late(desk)
        assert told.state == "refused"
        assert desk.archive.open(listed(desk.engine)[-1].id)
    assert desk.lake.versions() == version


def refused_late(desk: Desk) -> Taken:
    os.utime(desk.inbox / NHIS, (0, 0))
    return take_in(desk, NIGHT)[0]


def test_a_file_that_changes_while_it_is_read_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.inbox / NHIS
    path.write_bytes(MANY)
    pieces, times = Arrived.pieces, [0]

    def growing(self: Arrived) -> Iterator[bytes]:
        times[0] += 1
        yield from pieces(self)
        if times[0] > 3:
            yield b"1,a,9001011234567,b,c,d,e\r\n"

    version, archived = desk.lake.versions(), sorted((desk.work / "archive").rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(Arrived, "pieces", growing)
        (told,) = take_in(desk, NIGHT)
    assert times[0] > 3
    assert told.state == "waiting"
    assert (desk.lake.versions(), path.exists()) == (version, True)
    assert [file for file in sorted((desk.work / "archive").rglob("*")) if file.is_file()] == [
        file for file in archived if file.is_file()
    ]
    assert take_in(desk, NIGHT)[0].state == "taken"


def test_killed_while_it_is_appended_and_run_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.inbox / NHIS).write_bytes(MANY)
    frames, append = Tokenised.frames, Lake.append_stream

    def dies(self: Tokenised) -> Iterator[pl.DataFrame]:
        yield next(frames(self))
        raise KeyboardInterrupt

    def dies_after(self: Lake, *told: object) -> bool:
        append(self, *told)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    version = desk.lake.versions()
    with monkeypatch.context() as patch, pytest.raises(BaseException):  # noqa: B017
        patch.setattr(Tokenised, "frames", dies)
        take_in(desk, NIGHT)
    assert desk.lake.versions() == version, "nothing of half a file"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Lake, "append_stream", dies_after)
        take_in(desk, NIGHT)
    (told,) = take_in(desk, NIGHT)
    assert (told.state, told.accepted) == ("taken", 21)
    assert desk.lake.versions()["observations"] == version["observations"] + 1
    assert known_on(desk, NIGHT).observations.height == 21
