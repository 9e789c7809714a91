"""A made-up country of any size straight into the lake, part by part, as if its deliveries had been taken in."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows.desk import Desk, now
from flows.errors import OperatorError
from flows.made_up import offices_csv
from flows.progress import track_all
from flows.settings import Demo
from store import deliveries, identities
from store.database import open_database
from store.files import in_turn, make_folder, write_whole
from store.keys import Keys
from store.lake import TABLES, Lake
from store.tables import Delivery
from store.tokens import tokens
from synthetic.calendar import first_day, to_date
from synthetic.flaws import broken_how
from synthetic.parts import HOUSEHOLDS_IN_PART, LEAST_IN_PART, Part, WholeCountry, delivery_id, divide, real_size, tell

WORKERS = 2
# What intake says of a file that cannot be read, by how it was broken.
REFUSED = {"wrong_encoding": "wrong_encoding", "renamed_column": "columns_missing", "truncated": "incomplete"}


@dataclass(frozen=True, slots=True)
class Job:
    part: Part
    mark: str  # of the part in the lake: a killed run begun again doubles nothing
    work: Path
    database_url: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class MadeLake:
    households: int
    people: int
    offices: int
    observations: int
    deliveries: int
    files: int  # still to come, in the inbox
    bytes: int

    def __str__(self) -> str:
        told = (
            f"{self.households:,} made-up households, {self.people:,} people, {self.offices:,} offices: "
            f"{self.observations:,} observations in {self.deliveries:,} deliveries, in the lake"
        )
        if not self.files:
            return f"{told}."
        return f"{told}; {self.files} files of the next month, {self.bytes / 1e6:.1f} MB, in the inbox."


@dataclass(frozen=True, slots=True)
class Done:
    rows: dict[str, int]  # by delivery
    households: int
    people: int
    observations: int


def fill_lake(
    desk: Desk, wanted: Demo, files_share: float, workers: int = WORKERS, in_part: int = HOUSEHOLDS_IN_PART
) -> MadeLake:
    """Tables, offices and the record of every delivery; files still to come of so large a share of the households."""
    if desk.settings.offices.exists() or deliveries.taken_ids(desk.engine):
        cure = "use another --work folder, or remove this one"
        raise OperatorError("lake", f"{desk.settings.work} already holds a country", cure)
    with_files = round(files_share * wanted.households)
    if any(0 < count < LEAST_IN_PART for count in (with_files, wanted.households - with_files)):
        cure = "choose another share: none or all of them is possible too"
        what = f"{with_files:,} of {wanted.households:,} households with files: at least {LEAST_IN_PART} of each kind"
        raise OperatorError("lake", what, cure)
    settings = real_size(wanted.households, wanted.months, wanted.end, wanted.seed)
    country = divide(settings, files_share, in_part)
    desk.lake.versions()  # the tables are there before two workers would make them
    make_folder(desk.work / "truth")
    done = _live_all(jobs_of(desk, country), workers, wanted.households)
    count, size = _join_files(desk, country)
    _record(desk, country, sum((Counter(one.rows) for one in done), Counter()))
    write_whole(desk.settings.offices, offices_csv(country.offices))
    return MadeLake(
        households=sum(one.households for one in done),
        people=sum(one.people for one in done),
        offices=country.offices.height,
        observations=sum(one.observations for one in done),
        deliveries=len(country.sent),
        files=count,
        bytes=size,
    )


def jobs_of(desk: Desk, country: WholeCountry) -> list[Job]:
    """The mark tells the part and all that decides what is in it."""
    return [
        Job(part, f"made-up-{part.settings}-{part.number}", desk.work, desk.settings.database_url, desk.keys)
        for part in country.parts
    ]


def _live_all(jobs: list[Job], workers: int, households: int) -> list[Done]:
    what = f"Living {households:,} households, part by part"
    if workers == 1:
        return list(track_all(map(live, jobs), len(jobs), what))
    with _pool(workers) as pool:
        running = [pool.submit(live, job) for job in jobs]
        try:
            return [future.result() for future in track_all(as_completed(running), len(jobs), what)]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # not hours of parts that nobody will see
            raise


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """One thread of Polars in each: the processes are what runs side by side."""
    before = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = "1"
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield pool
    finally:
        if before is None:
            del os.environ["POLARS_MAX_THREADS"]
        else:
            os.environ["POLARS_MAX_THREADS"] = before


def live(job: Job) -> Done:
    """One part, in whatever process: its rows appended, its truth written, its files to come laid aside."""
    told = tell(job.part, lambda domain, clear: tokens(clear, domain, job.keys))
    lake = Lake(job.work / "lake")
    rows: Counter[str] = Counter()
    for table in TABLES:
        frame = told.tables[table]
        lake.append_part(table, frame, job.mark)
        rows.update(dict(frame.group_by("delivery").len().iter_rows()))
    told.need.write_parquet(job.work / "truth" / f"need-{job.part.number:04d}.parquet")
    if told.files:
        _keep_identities(job, told.people, told.addresses, told.households)
        folder = make_folder(_aside(job.work, job.part))
        for name, data in told.files.items():
            (folder / name).write_bytes(data)
    residents = told.tables["residents"]
    return Done(
        rows=dict(rows),
        households=residents["household_key"].n_unique(),
        people=residents["person_key"].n_unique(),
        observations=told.tables["observations"].height,
    )


def _keep_identities(job: Job, people: pl.DataFrame, addresses: pl.Series, households: pl.Series) -> None:
    engine, told_on = open_database(job.database_url), job.part.country.end
    try:
        with in_turn(job.work / "identities.lock"):
            identities.register_people(engine, job.keys, people, told_on)
            identities.register_addresses(engine, job.keys, addresses, told_on)
            identities.register_households(engine, job.keys, households, told_on)
    finally:
        engine.dispose()


def _aside(work: Path, part: Part) -> Path:
    return work / "inbox" / f".part-{part.number:04d}"


def _join_files(desk: Desk, country: WholeCountry) -> tuple[int, int]:
    """One file per agency and month: the rows of all parts under the header of the first."""
    folders = [_aside(desk.work, part) for part in country.parts if part.of_files]
    names = sorted({file.name for folder in folders for file in folder.iterdir()})
    for name in names:
        with (desk.inbox / name).open("wb") as whole:
            for number, folder in enumerate(folders):
                data = (folder / name).read_bytes()
                whole.write(data if number == 0 else data.partition(b"\n")[2])
    for folder in folders:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    return len(names), sum((desk.inbox / name).stat().st_size for name in names)


def _record(desk: Desk, country: WholeCountry, rows: Counter[str]) -> None:
    for sent in country.sent:
        told, day = delivery_id(sent, country.settings.seed), to_date(sent.sent)
        reason = REFUSED[broken_how(sent, country.settings.seed)] if sent.flaw == "broken" else ""
        count = 0 if reason else rows[told]
        delivery = Delivery(
            id=told, source=sent.source, base_month=first_day(sent.base), sent_on=day, revision=sent.revision,
            received_on=day, file_name=sent.file, state="refused" if reason else "taken",
            reason=reason, recorded_at=now(), received=count, accepted=count,
        )  # fmt: skip
        deliveries.record(desk.engine, delivery)
