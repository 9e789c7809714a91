"""Bad input: a clear message, nothing lost, and the rest of the night goes on."""

import csv
import io
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from flows.desk import Desk, open_desk
from flows.inbox import take_in
from flows.knowledge import known_on
from flows.summary import Taken
from signals.catalogue import SIGNALS
from store import deliveries, identities, ledger
from tests.flows import letters
from tests.flows.letters import NHIS, nhis, nhis_row

NIGHT = date(2026, 11, 2)
EVENING = datetime(2026, 11, 2, 20, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    config = letters.write_work(tmp_path)
    with open_desk(config, tmp_path / "work") as opened:
        take_in(opened, NIGHT)
        yield opened


def deliver(desk: Desk, raw: bytes, file: str = NHIS, age_minutes: float = 60) -> Taken:
    """Put one file into the inbox and take in; the counts of every delivery must add up."""
    path = desk.inbox / file
    path.write_bytes(raw)
    then = path.stat().st_mtime - age_minutes * 60
    os.utime(path, (then, then))
    told = next(t for t in take_in(desk, NIGHT) if t.file == file)
    assert told.accepted + told.set_aside == told.received
    return told


def observed(desk: Desk, as_of: date = NIGHT) -> pl.DataFrame:
    return known_on(desk, as_of).observations


def reply(desk: Desk, file: str = NHIS) -> list[dict[str, str]]:
    text = (desk.replies / f"{file}.reply.csv").read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_registers_are_taken_in(desk: Desk) -> None:
    known = known_on(desk, NIGHT)
    assert known.residents.height == 3
    assert known.addresses["has_unit"].all()
    assert not list(desk.inbox.iterdir())


def test_a_good_file_is_taken_and_leaves_the_inbox(desk: Desk) -> None:
    assert deliver(desk, nhis()).state == "taken"
    row = observed(desk).row(0, named=True)
    assert (row["signal"], row["months"], row["amount_won"]) == ("health_arrears", 5, 123_000)
    assert (row["observed_on"], row["received_on"]) == (date(2026, 8, 31), date(2026, 10, 15))
    assert not (desk.inbox / NHIS).exists()
    assert desk.archive.open(row["delivery"]) == nhis()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "비어"),
        (nhis().decode("cp949").encode("utf-8"), "UTF-8"),
        (nhis(header=letters.NHIS_HEADER[:-1]), "금액(원)"),
        (nhis(header=("증번호", "성명", "주민번호", "자료구분", "기준년월", "체납월수", "금액(원)")), "주민등록번호"),
    ],
    ids=["empty", "wrong encoding", "missing column", "renamed column"],
)
def test_a_wrong_file_is_refused_whole_with_its_cure(desk: Desk, raw: bytes, words: str) -> None:
    told = deliver(desk, raw)
    assert told.state == "refused"
    assert words in told.message
    assert told.cure
    assert reply(desk)[0]["구분"] == "파일 전체 거절"
    assert observed(desk).is_empty()
    kept = deliveries.listed(desk.engine)[-1]
    assert (kept.state, kept.source) == ("refused", "nhis")
    assert desk.archive.open(kept.id) == raw, "nothing is lost: a refused file is kept sealed"


def test_a_refused_file_can_be_sent_again_mended(desk: Desk) -> None:
    deliver(desk, nhis(header=letters.NHIS_HEADER[:-1]))
    assert deliver(desk, nhis()).state == "taken"


def test_only_a_header_is_no_error(desk: Desk) -> None:
    told = deliver(desk, letters.csv(letters.NHIS_HEADER, []).encode("cp949"))
    assert (told.state, told.received) == ("taken", 0)
    assert told.warnings


def test_extra_columns_are_reported_and_never_taken_in(desk: Desk) -> None:
    told = deliver(desk, nhis((*nhis_row(), "비밀메모"), header=(*letters.NHIS_HEADER, "비고")))
    assert (told.state, told.accepted, told.leftover) == ("taken", 1, ("비고",))
    assert "비밀메모" not in str(observed(desk).rows())
    assert any("비고" in line["내용"] for line in reply(desk))


def test_columns_may_come_in_another_order(desk: Desk) -> None:
    told = deliver(desk, nhis(nhis_row()[::-1], header=letters.NHIS_HEADER[::-1]))
    assert (told.state, told.accepted) == ("taken", 1)
    assert observed(desk)["amount_won"].to_list() == [123_000]


def test_a_file_still_being_written_waits_and_is_refused_only_when_it_stays_cut_off(desk: Desk) -> None:
    half = nhis()[:-9]
    assert deliver(desk, half, age_minutes=0).state == "waiting"
    assert (desk.inbox / NHIS).exists()
    assert deliver(desk, nhis(), file=f"{NHIS}.part").state == "waiting"
    (desk.inbox / f"{NHIS}.part").unlink()
    assert deliver(desk, half, age_minutes=60).state == "refused"
    assert deliver(desk, nhis()).state == "taken"


def test_the_same_file_twice_also_renamed_changes_nothing(desk: Desk) -> None:
    deliver(desk, nhis())
    before = desk.lake.versions()
    assert deliver(desk, nhis()).state == "again"
    assert deliver(desk, nhis(), file="nhis_202608_20261016.csv").state == "again"
    assert deliver(desk, nhis(), file="사본 - nhis.csv").state == "again"
    assert desk.lake.versions() == before


def test_two_of_the_same_in_one_night(desk: Desk) -> None:
    (desk.inbox / "nhis_202608_20261016.csv").write_bytes(nhis())
    assert deliver(desk, nhis()).state == "taken"
    assert observed(desk).height == 1


def test_a_correction_replaces_what_it_corrects_from_its_day_on(desk: Desk) -> None:
    deliver(desk, nhis(nhis_row(), nhis_row("8505052345678")))
    told = deliver(desk, nhis(nhis_row(won="99,000")), file="nhis_202608_20261020_r1.csv")
    assert told.state == "taken"
    assert observed(desk)["amount_won"].to_list() == [99_000]
    assert observed(desk, date(2026, 10, 19)).height == 2, "before it came, the first file was what was known"


@pytest.mark.parametrize("at_once", [False, True])
def test_a_correction_that_was_a_mistake_is_undone_by_the_first_file_under_a_later_number(
    desk: Desk, at_once: bool
) -> None:
    first, wrong = nhis(nhis_row(), nhis_row("8505052345678")), nhis(nhis_row(won="99,000"))
    names = (NHIS, "nhis_202608_20261020_r1.csv", "nhis_202608_20261021_r2.csv")
    for name, raw in zip(names, (first, wrong, first), strict=True):
        (desk.inbox / name).write_bytes(raw)
        if not at_once:
            assert deliver(desk, raw, file=name).state == "taken"
    take_in(desk, NIGHT)
    amounts = [observed(desk, date(2026, 10, day))["amount_won"].to_list() for day in (19, 20, 21)]
    assert amounts[0] == amounts[2] and amounts[1] == [99_000]
    assert deliver(desk, first, file=names[2]).state == "again"
    assert deliver(desk, wrong, file="nhis_202608_20261022_r1.csv").state == "again"
    assert observed(desk).height == 2


def test_other_bytes_in_the_same_place_are_not_guessed_about(desk: Desk) -> None:
    deliver(desk, nhis())
    told = deliver(desk, nhis(nhis_row(won="1")), file=NHIS)
    assert told.state == "refused"
    assert "_r1" in told.cure
    assert observed(desk)["amount_won"].to_list() == [123_000]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (nhis_row(month="202612"), "기준년월"),
        (nhis_row(month="202613"), "기준년월"),
        (nhis_row(won="-5,000"), "금액(원)"),
        (nhis_row(won="99999999999"), "금액(원)"),
        (nhis_row(won="십만원"), "금액(원)"),
        (nhis_row(months="-1"), "체납월수"),
        (nhis_row(months="9999"), "체납월수"),
        (nhis_row(person="12345"), "주민등록번호"),
        (nhis_row(person=""), "주민등록번호"),
        (nhis_row(code="모름"), "자료구분"),
        (nhis_row()[:-1], ""),
    ],
    ids=[
        *("future", "no month", "negative", "absurd", "words", "months<0", "months", "short id", "no id", "code"),
        "ragged",
    ],
)
def test_a_bad_row_is_set_aside_with_row_column_and_cure(desk: Desk, row: tuple[str, ...], column: str) -> None:
    told = deliver(desk, nhis(nhis_row(), row, nhis_row("8505052345678")))
    assert (told.state, told.received, told.accepted, told.set_aside) == ("taken", 3, 2, 1)
    line = next(line for line in reply(desk) if line["구분"] == "제외")
    assert (line["줄"], line["칸"]) == ("3", column)
    assert line["내용"]
    assert line["고치는 방법"]
    assert "12345" not in str(line.values()), "a reply repeats no cell"


def test_a_file_from_the_future_waits_for_its_day(desk: Desk) -> None:
    file = "nhis_202608_20261103.csv"
    assert deliver(desk, nhis(), file=file).state == "future"
    assert (desk.inbox / file).exists()
    assert next(t for t in take_in(desk, date(2026, 11, 3)) if t.file == file).state == "taken"


def test_a_file_that_comes_after_a_night_is_known_from_the_next_day(desk: Desk) -> None:
    run = ledger.start(desk.engine, "nightly", NIGHT, inputs="", settings="", code="", now=EVENING)
    ledger.finish(desk.engine, run.id, "done", now=EVENING)
    assert deliver(desk, nhis()).state == "future", "the night of 2 November did not have it"
    take_in(desk, date(2026, 11, 3))
    assert observed(desk, NIGHT).is_empty()
    assert observed(desk, date(2026, 11, 3))["received_on"].to_list() == [date(2026, 11, 3)]


def test_a_name_nobody_can_read_is_refused(desk: Desk) -> None:
    for file in ("건강보험.csv", "abcd_202608_20261015.csv", "nhis_202699_20261015.csv"):
        told = deliver(desk, nhis(nhis_row(won=str(len(file)))), file=file)
        assert told.state == "refused"
        assert told.cure


def test_two_months_without_a_row_are_two_deliveries(desk: Desk) -> None:
    empty = letters.csv(letters.NHIS_HEADER, []).encode("cp949")
    assert deliver(desk, empty).state == "taken"
    assert deliver(desk, empty, file="nhis_202609_20261016.csv").state == "taken"
    assert deliver(desk, empty, file="nhis_202609_20261017.csv").state == "again"
    assert deliveries.latest(desk.engine, NIGHT)["nhis"] == (date(2026, 9, 1), date(2026, 10, 16))


@pytest.mark.parametrize(
    "name", ["체납.csv".encode("cp949"), b"=cmd|' calc'!A0.csv", b"n" * 250, b"nhis_202608_20261015.csv "]
)
def test_a_file_of_any_name_is_refused_with_a_reply(desk: Desk, name: bytes) -> None:
    path = desk.inbox / os.fsdecode(name)
    path.write_bytes(nhis(nhis_row(won=str(len(name)))))
    refused = [told for told in take_in(desk, NIGHT) if told.state == "refused"]
    assert len(refused) == 1
    assert not path.exists()
    assert deliveries.listed(desk.engine)[-1].reason == "name_unreadable"
    text = "".join(reply.read_text(encoding="utf-8-sig") for reply in desk.replies.iterdir())
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert len(list(desk.replies.iterdir())) == 1
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_unknown_people_and_addresses_are_kept_and_counted(desk: Desk) -> None:
    from features import prepare

    deliver(desk, nhis(nhis_row("7707071234567")))
    assert observed(desk).height == 1
    assert prepare(known_on(desk, NIGHT), SIGNALS).counts["unknown_person"] == 1


def test_a_person_in_two_households_counts_once_in_the_newest(desk: Desk) -> None:
    from features import build, prepare

    second = letters.residents("2026-01-01").replace(b"H000-00000", b"H000-00001")
    deliver(desk, second, file="residents_202609_20261010.csv")
    deliver(desk, nhis())
    prepared = prepare(known_on(desk, NIGHT), SIGNALS)
    assert prepared.counts["person_in_two_households"] == 1
    assert build(prepared).evidence.height == 1


def test_identities_are_sealed_and_readable_only_through_the_store(desk: Desk) -> None:
    known = known_on(desk, NIGHT)
    homes = known.addresses.select("household_key", "address_key").join(
        known.residents.select("household_key", "person_key"), on="household_key"
    )
    people = identities.look_up(desk.engine, desk.keys, homes)
    assert sorted(people["name"]) == ["가상인0", "가상인1", "가상인2"]
    raw = b"".join(f.read_bytes() for f in desk.work.rglob("*") if f.is_file())
    for clear in ("가상인1", "8505052345678", "850505-2345678", "01012340001", "가상로 2"):
        assert clear.encode("utf-8") not in raw
        assert clear.encode("cp949") not in raw


def test_one_bad_row_in_a_million(desk: Desk) -> None:
    good = [nhis_row(f"{n % 100:02d}0101{n % 1_000_000:07d}", won=str(n + 1)) for n in range(1000)]
    body = letters.csv(letters.NHIS_HEADER, good).encode("cp949").splitlines(keepends=True)
    lines = [body[0], *(body[1:] * 1000)]
    # Every block of thousand is its own month overdue, so that no row repeats another.
    blocks = [
        b"".join(lines[1 + i * 1000 : 1 + (i + 1) * 1000]).replace(
            b"0101", f"{i % 12 + 1:02d}{i % 28 + 1:02d}".encode()
        )
        for i in range(1000)
    ]
    blocks[500] += ",".join(nhis_row(won="백만원")).encode("cp949") + b"\r\n"
    told = deliver(desk, lines[0] + b"".join(blocks))
    assert told.received == 1_000_001
    assert told.accepted + told.set_aside == told.received
    unreadable = [line for line in reply(desk) if line["칸"] == "금액(원)"]
    assert [line["줄"] for line in unreadable] == ["501002"]
