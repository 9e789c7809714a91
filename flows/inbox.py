"""Deliveries and returned sheets in: read, append, reply, record. A file leaves the inbox when all of it is kept."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from alerts.sheet import looks_like_sheet, write_answer_reply
from flows import markers
from flows.answers import told_in_register
from flows.arrived import Arrived, another, place_of
from flows.desk import Desk, now
from flows.fetching import fetch_today
from flows.progress import track
from flows.returned import SOURCE, ReadSheet, read_returned
from flows.summary import Taken
from flows.tokenised import BYTES_PER_RANGE, Tokenised, source_of, tokenise
from flows.withdrawing import taken_back
from signals.agencies import AGENCIES
from signals.delivery import DeliveryName, DeliveryRefused, read_name
from signals.registers import REGISTERS
from signals.reply import reply_lines, reply_summary, write_refusal
from signals.rows import read_head
from signals.volume import unusual
from store import answers, deliveries, identities, ledger
from store.archive import ChangedMeanwhileError, digest_of
from store.files import write_whole, writing_whole
from store.lake import TABLES
from store.tables import Delivery

# Names that say: not finished yet. Senders write under such a name and rename.
UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")
# What a file shows that is still being copied.
UNFINISHED_CODES = ("incomplete", "unreadable_file", "quotes_broken", "digest_differs")
# Files wait for one common commit until they hold so many rows: one Delta version for hundreds of files.
ROWS_PER_COMMIT = 2_000_000

_OF_A_PERSON = re.compile(
    r"(?<![0-9])(?:[0-9]{6}[-_. ]?[1-8][0-9]{6}|01[016-9][-_. ]?[0-9]{3,4}[-_. ]?[0-9]{4})(?![0-9])"
)


@dataclass(frozen=True, slots=True)
class Read:
    """One delivery, read and tokenised, not yet kept."""

    path: Path
    digest: str
    name: DeliveryName
    received_on: date
    told: Tokenised
    is_large: bool  # worth a commit of its own

    @property
    def source(self) -> str:
        return self.name.source


Found = Mapping[str, Read | ReadSheet]  # by delivery id


def take_in(desk: Desk, as_of: date) -> tuple[Taken, ...]:
    """Everything in the inbox that was known by `as_of`. What cannot be taken is refused with a reply, never lost."""
    results = fetch_today(desk)
    waiting: dict[str, Read | ReadSheet] = {}
    rows, not_before = 0, day_after_last_night(desk)
    for path in track(_in_order(desk.inbox), "Taking in deliveries"):
        found = _look(desk, path, as_of, not_before, waiting)
        if isinstance(found, Taken):
            results.append(found)
            continue
        waiting[found.digest] = found
        rows += found.told.accepted if isinstance(found, Read) else found.contacts.height
        if rows >= ROWS_PER_COMMIT:
            results += _keep(desk, list(waiting.values()))
            waiting, rows = {}, 0
    results += _keep(desk, list(waiting.values()))
    results += taken_back(desk, as_of, max(as_of, not_before))
    return tuple(sorted(results, key=lambda taken: (taken.source, taken.file)))


def _in_order(inbox: Path) -> list[Path]:
    """By day sent, then by name: a correction comes after what it corrects."""
    files = [path for path in inbox.iterdir() if path.is_file() and not path.name.startswith(".")]
    files = [path for path in files if path.suffix not in markers.MARKERS]
    return sorted(files, key=lambda path: (_sent_on(path.name), path.name))


def _sent_on(file: str) -> date:
    try:
        return read_name(file).sent_on
    except DeliveryRefused:
        return date.max


def _look(desk: Desk, path: Path, as_of: date, not_before: date, read: Found) -> Read | ReadSheet | Taken:
    file = _shown(path)
    if path.suffix in UNFINISHED:
        return Taken(file, "", "waiting", message="still being written", cure="the sender renames it when done")
    arrived = Arrived(path, path.stat().st_size)
    try:
        is_sheet = _is_sheet(arrived.glance, file)
    except OSError as error:
        return Taken(file, "", "waiting", message=f"cannot be read: {error.strerror}", cure="let the runner read it")
    try:
        if is_sheet:
            return _look_at_sheet(desk, path, arrived.all(), max(as_of, not_before), as_of, read)
        waits, cure = markers.not_whole(desk, path)
        if waits:
            return Taken(file, _source(file), "waiting", message=waits, cure=cure)
        markers.refuse_other_bytes(path, arrived.digest)
        digest = _id_of(desk, arrived, file, read)
        if again := _seen_before(desk, path, digest, read):
            return again
        name = read_name(file)
        received_on = max(name.sent_on, not_before)
        if received_on > as_of:
            return Taken(file, name.source, "future", message=f"known from {received_on}, not on {as_of}")
        return _read(desk, arrived, name, received_on, digest, read)
    except ChangedMeanwhileError:
        return Taken(file, _source(file), "waiting", message="changed while it was read", cure="wait, or resend")
    except DeliveryRefused as refused:
        source = SOURCE if is_sheet else _source(file)
        if refused.code in UNFINISHED_CODES and markers.is_fresh(desk, path):
            return Taken(file, source, "waiting", message="it is not whole yet", cure="wait, or resend")
        return _refuse(desk, arrived, refused, source, as_of)


def _is_sheet(raw: bytes, file: str) -> bool:
    """Any name an office gives it, but none of an agency's delivery."""
    return not _can_be_read(file) and looks_like_sheet(raw, file)


def _look_at_sheet(
    desk: Desk, path: Path, raw: bytes, received_on: date, as_of: date, read: Found
) -> ReadSheet | Taken:
    """A sheet is known from the night that takes it in: what an officer wrote, nobody knew before."""
    file = _shown(path)
    if received_on > as_of:
        return Taken(file, SOURCE, "future", message=f"known from {received_on}, not on {as_of}")
    digest = _sheet_id(desk, file, raw, received_on)
    if again := _seen_before(desk, path, digest, read):
        return again
    found = read_returned(desk, path, file, raw, digest, received_on)
    desk.archive.keep(raw)
    return found


def _sheet_id(desk: Desk, file: str, raw: bytes, received_on: date) -> str:
    """The same bytes again: nothing to do, unless rows were set aside. Under another name, or on another day, those
    may be right: the name tells the office, and a date in the future comes to pass."""
    digest = digest_of(raw)
    before = deliveries.find(desk.engine, digest)
    if before is None or before.state == "refused" or not before.set_aside:
        return digest
    if (before.file_name, before.received_on) == (file, received_on):
        return digest
    return digest_of(f"{SOURCE}|{file}|{received_on}|".encode() + raw)


def _id_of(desk: Desk, arrived: Arrived, file: str, read: Found) -> str:
    """Of a delivery: its digest. What was taken back or corrected, and is sent again after all, is another delivery."""
    if _undoes_a_correction(desk, arrived.digest, file, read):
        return arrived.digest_after(another(read_name(file)))
    before = deliveries.find(desk.engine, arrived.digest)
    if before is None or not deliveries.is_withdrawn(desk.engine, before):
        return arrived.digest
    name = read_name(file)
    if place_of(name) == (before.source, before.base_month, before.revision):
        what = f"이 파일({before.file_name})은 보낸 기관이 거두어들였습니다."
        cure = f"그래도 쓰려면 이름 끝에 _r{name.revision + 1}을 붙여 다시 보내 주십시오."
        raise DeliveryRefused("withdrawn_before", file, what, cure)
    return arrived.digest_after(another(name))


def _undoes_a_correction(desk: Desk, digest: str, file: str, read: Found) -> bool:
    """The bytes of an older version, under a later number than the newest: the correction was a mistake."""
    now = read.get(digest)
    before = now.name if isinstance(now, Read) else deliveries.find(desk.engine, digest)
    if before is None or not _can_be_read(file):
        return False
    name = read_name(file)
    *place, revision = place_of(name)
    if (before.source, before.base_month) != tuple(place):
        return False
    found = [r.name.revision for r in read.values() if isinstance(r, Read) and [*place_of(r.name)[:2]] == place]
    newest = deliveries.newest_revision(desk.engine, name.source, name.base_month)
    return revision > max([*found, -1 if newest is None else newest]) > before.revision


def _can_be_read(file: str) -> bool:
    try:
        read_name(file)
    except DeliveryRefused:
        return False
    return True


def _read(
    desk: Desk, arrived: Arrived, name: DeliveryName, received_on: date, digest: str, read: Found
) -> Read | Taken:
    source = source_of(name)
    head = read_head(arrived.start, arrived.end, source.reader.layout, name.filename)
    stamps = {"received_on": pl.lit(received_on, dtype=pl.Date), "delivery": pl.lit(digest, dtype=pl.Enum([digest]))}
    # What is kept are these very bytes: a file read a second time may be another.
    chunks = desk.archive.keeping(arrived.pieces(), arrived.digest)
    told = tokenise(chunks, head, source, stamps, desk.keys, arrived.size, desk.work)
    if told.received == 0:
        # Two months without a row are the same bytes: each is still a delivery of its own.
        digest = arrived.digest_after(another(name))
        if again := _seen_before(desk, arrived.path, digest, read):
            return again
    _refuse_second_version(desk, name, [other for other in read.values() if isinstance(other, Read)])
    return Read(arrived.path, digest, name, received_on, told, arrived.size > BYTES_PER_RANGE)


def _seen_before(desk: Desk, path: Path, digest: str, read: Found) -> Taken | None:
    before = deliveries.find(desk.engine, digest)
    if before is not None and before.state == "taken":
        source, first = before.source, before.file_name
    elif digest in read:
        source, first = read[digest].source, _shown(read[digest].path)
    else:
        return None
    path.unlink()
    markers.clear(path)
    return Taken(_shown(path), source, "again", message=f"the same bytes came as {first}")


def _shown(path: Path) -> str:
    """A name that can be printed, stored and lengthened, whatever bytes its sender's system wrote, and whatever number
    of a person its sender put into it."""
    # A file name has at most 255 bytes, a Korean letter three of them, and the reply's name is longer than the file's.
    told = path.name.encode("utf-8", "replace")[:200].decode(errors="ignore")
    return _OF_A_PERSON.sub("□", told)[:100]


def day_after_last_night(desk: Desk) -> date:
    """What a night did not have is known from the day after it at the earliest: run again, it must not know more."""
    last = ledger.last_done_night(desk.engine)
    return date.min if last is None else last.as_of + timedelta(days=1)


def _refuse_second_version(desk: Desk, name: DeliveryName, read: Iterable[Read]) -> None:
    """Two different files for one place without a revision: which of them holds is not ours to guess."""
    taken = deliveries.find_revision(desk.engine, *place_of(name))
    others = (taken.file_name,) if taken else tuple(_shown(r.path) for r in read if place_of(r.name) == place_of(name))
    if others:
        what = f"같은 기관·기준년월·차수의 다른 파일({others[0]})을 이미 받았습니다."
        cure = f"정정본이면 이름 끝에 _r{name.revision + 1}을 붙여 다시 보내 주십시오."
        raise DeliveryRefused("second_version", name.filename, what, cure)


def _refuse(desk: Desk, arrived: Arrived, refused: DeliveryRefused, source: str, as_of: date) -> Taken:
    file = _shown(arrived.path)
    for _ in desk.archive.keeping(arrived.pieces(), arrived.digest):
        pass
    record = Delivery(
        id=arrived.digest, source=source, received_on=as_of, file_name=file, state="refused",
        reason=refused.code, recorded_at=now(),
    )  # fmt: skip
    deliveries.record(desk.engine, record)
    write_whole(desk.replies / f"{file}.reply.csv", write_refusal(refused))
    arrived.path.unlink()
    markers.clear(arrived.path)
    return Taken(file, record.source, "refused", message=refused.what_ko, cure=refused.cure_ko)


def _source(file: str) -> str:
    code = file.partition("_")[0]
    return code if code in AGENCIES or code in REGISTERS else ""


def _keep(desk: Desk, found: list[Read | ReadSheet]) -> list[Taken]:
    """The commit points of `store`, in its order; the sealed copies were kept as the files were read."""
    reads = [one for one in found if isinstance(one, Read)]
    for read in reads:
        _register(desk, read)
    sheets = _as_first_received(desk, [one for one in found if isinstance(one, ReadSheet)])
    for read in reads:
        if read.is_large:
            desk.lake.append_stream(read.told.table, read.digest, read.received_on, read.told.frames())
    for table in TABLES:
        small = [read for read in reads if read.told.table == table and read.told.accepted and not read.is_large]
        frames = [(read.digest, read.told.whole()) for read in small]
        if table == "contacts":
            frames += [(sheet.digest, sheet.contacts) for sheet in sheets if sheet.contacts.height]
        desk.lake.append_many(table, frames)
    households = _households(desk)
    kept = [_record(desk, read, households) for read in track(reads, "Recording deliveries")]
    return kept + [_record_sheet(desk, sheet) for sheet in sheets]


def _as_first_received(desk: Desk, sheets: list[ReadSheet]) -> list[ReadSheet]:
    """A killed night may have appended them already: then that day is the one they were received."""
    days = desk.lake.when_taken("contacts", [sheet.digest for sheet in sheets]) if sheets else {}
    return [replace(sheet, received_on=days.get(sheet.digest, sheet.received_on)) for sheet in sheets]


def _households(desk: Desk) -> int:
    addresses = desk.lake.known_on("addresses", date.max, columns=["household_key"])
    return addresses["household_key"].n_unique()


def _warnings(read: Read, households: int) -> tuple[str, ...]:
    """What the file itself showed, and counts far from what the catalogue expects."""
    agency = AGENCIES.get(read.name.source)
    if agency is None or not households:
        return read.told.warnings
    schema = {"signal": pl.String, "rows": pl.Int64}
    counts = pl.DataFrame(sorted(read.told.counts.items()), schema=schema, orient="row")
    return (*read.told.warnings, *unusual(counts, households, read.name.base_month, agency.every_months))


def _register(desk: Desk, read: Read) -> None:
    """A range of tokens at a time, a commit each: the same words again change no byte."""
    match read.told.table:
        case "residents":
            for rows in read.told.in_clear():
                people = rows.select("person_no", "name", "phone")
                identities.register_people(desk.engine, desk.keys, people, read.received_on)
        case "addresses":
            for rows in read.told.in_clear():
                identities.register_addresses(desk.engine, desk.keys, rows["address"], read.received_on)
                identities.register_households(desk.engine, desk.keys, rows["household_no"], read.received_on)
        case "observations" | "contacts":
            pass  # they only point at people and places that the registers name


def _record(desk: Desk, read: Read, households: int) -> Taken:
    told, name, warnings = read.told, read.name, _warnings(read, households)
    brought: pl.DataFrame | None = None
    if told.table == "contacts":
        brought, crossed = told_in_register(desk, told.whole())
        warnings += crossed
    delivery = Delivery(
        id=read.digest, source=name.source, base_month=name.base_month, sent_on=name.sent_on, revision=name.revision,
        received_on=read.received_on, file_name=read.path.name, leftover=list(told.leftover),
        warnings=list(warnings), state="taken", recorded_at=now(),
        received=told.received, accepted=told.accepted, set_aside=told.bad.height,
    )  # fmt: skip
    if told.bad.height or told.leftover:
        _reply(desk.replies / f"{read.path.name}.reply.csv", read)
    rows = (row for lines in told.set_aside() for row in lines.iter_rows())
    if brought is None:
        deliveries.record(desk.engine, delivery, rows)
    else:
        answers.record(desk.engine, delivery, brought, rows, now=now())
    read.path.unlink()
    markers.clear(read.path)
    told.rows.close()
    return Taken(
        read.path.name, name.source, "taken", told.received, told.accepted, told.bad.height,
        revision=name.revision, leftover=told.leftover, warnings=warnings,
    )  # fmt: skip


def _reply(path: Path, read: Read) -> None:
    told = read.told
    with writing_whole(path) as file:
        file.write(reply_summary(read.name, told.received, told.bad.height, told.leftover, told.warnings))
        for lines in told.set_aside():
            file.write(reply_lines(lines))


def _record_sheet(desk: Desk, sheet: ReadSheet) -> Taken:
    """The office gets a reply in any case: it sees that its work has arrived."""
    told, file = sheet.told, _shown(sheet.path)
    first = told.set_aside.unique("row_no", keep="first", maintain_order=True)
    accepted = told.answers.height + told.unanswered
    delivery = Delivery(
        id=sheet.digest, source=SOURCE, base_month=sheet.received_on.replace(day=1), sent_on=sheet.received_on,
        received_on=sheet.received_on, file_name=file, leftover=list(told.leftover), warnings=list(told.warnings),
        state="taken", recorded_at=now(), received=told.received, accepted=accepted, set_aside=first.height,
    )  # fmt: skip
    write_whole(desk.replies / f"{file}.reply.csv", write_answer_reply(told, file))
    brought = told.answers.select(answers.BROUGHT.names())
    rows = first.select("row_no", "column", "rule").iter_rows()
    new = answers.record(desk.engine, delivery, brought, rows, capacity=sheet.capacity, now=now())
    sheet.path.unlink()
    return Taken(
        file, SOURCE, "taken", told.received, accepted, first.height, leftover=told.leftover, warnings=told.warnings,
        answers=told.answers.height, new_answers=new, unanswered=told.unanswered,
    )  # fmt: skip
