"""Every class of personal data: where it lies, for how long, by which law, and how it is found and destroyed."""

import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from flows.desk import Desk, now
from store import custody, deliveries, retention, retirement
from store.correction import retroactive
from store.custody import Act, Deed
from store.destruction import Gone
from store.files import sync_folder
from store.keys import keys_folder
from store.lake import Table

SEOUL: Final = ZoneInfo("Asia/Seoul")
FIVE_YEARS: Final = "사회보장급여법 제34조(5년)"
AT_ONCE: Final = "개인정보 보호법 제21조(지체 없이 파기)"


@dataclass(frozen=True, slots=True)
class Found:
    gone: list[Gone]
    destroy: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Kept:
    """setting: its key in config.yaml under `retention`; "": lake.keep_months. find: what is older than a day."""

    data: str
    name_ko: str
    where: str
    holds: str
    basis: str
    setting: str
    find: Callable[[Desk, date], Found]

    @property
    def is_rows_of_lake(self) -> bool:
        return self.where == "lake"


def _months(desk: Desk, kept_from: date) -> Found:
    gone = retention.old_months(desk.lake, kept_from, desk.keys)
    return Found(gone, lambda: _nothing(retention.drop_months(desk.lake, kept_from)))


def _registers(desk: Desk, kept_from: date) -> Found:
    superseded = deliveries.superseded_on(desk.engine, date.max)
    tables: tuple[Table, ...] = ("residents", "addresses")
    spells = {table: retention.ended_spells(desk.lake, table, kept_from, superseded) for table in tables}
    gone = [one for table in tables for one in retention.old_spells(desk.lake, table, spells[table], desk.keys)]

    def destroy() -> None:
        for table in tables:
            retention.drop_spells(desk.lake, table, spells[table], kept_from)

    return Found(gone, destroy)


def _contacts(desk: Desk, kept_from: date) -> Found:
    gone = retention.old_contacts(desk.lake, kept_from, desk.keys)
    return Found(gone, partial(retention.drop_contacts, desk.lake, kept_from))


def _corrected(desk: Desk, kept_from: date) -> Found:
    """Rows that persons had corrected, once no night is replayed any more that knew them."""
    ids = retroactive(desk.engine, kept_from - timedelta(days=1)).withdrawn
    gone = retention.old_deliveries(desk.lake, ids, desk.keys)
    return Found(gone, partial(retention.drop_deliveries, desk.lake, ids, kept_from))


def _cases(desk: Desk, kept_from: date) -> Found:
    ids = retirement.closed_before(desk.engine, kept_from)
    return Found(retirement.cases_gone(desk.engine, desk.keys, ids), partial(retirement.drop_cases, desk.engine, ids))


def _identities(desk: Desk, kept_from: date) -> Found:
    """Of persons, addresses and households that no row of the lake's newest versions names."""
    versions = desk.lake.versions()

    def named(table: Table, *columns: str) -> list[pl.Series]:
        told = desk.lake.scan(table, versions[table])
        return [told.select(pl.col(c).drop_nulls().unique()).collect().to_series() for c in columns]

    homes = [*named("residents", "household_key"), *named("addresses", "household_key")]
    kinds = {
        "person": pl.concat(named("residents", "person_key")),
        "address": pl.concat(named("addresses", "address_key", "building_key")),
        "household": pl.concat([*homes, *named("contacts", "household_key")]),
    }
    found = retirement.unnamed(desk.engine, kinds, kept_from)
    return Found(retirement.identities_gone(desk.keys, found), partial(retirement.drop_identities, desk.engine, found))


def _archived(desk: Desk, kept_from: date, *, returned: bool) -> Found:
    """Sealed copies by the day their delivery was received. A returned sheet may be known under another digest: what no
    delivery names is one."""
    known = {one.id: one for one in deliveries.listed(desk.engine)}
    old = []
    for path in sorted((desk.work / "archive").rglob("*.sealed")):
        one = known.get(path.stem)
        is_sheet = one is None or one.source == "sheets"
        if is_sheet == returned and (one.received_on if one else _day_of(path)) < kept_from:
            old.append(path)
    return _files(desk, old)


def _folders_of_days(desk: Desk, kept_from: date) -> Found:
    named = re.compile(r"\.?([0-9]{4}-[0-9]{2}-[0-9]{2})(\.part|\.before)?")
    days = ((path, named.fullmatch(path.name)) for path in sorted(desk.outbox.iterdir()))
    return _files(desk, [p for p, told in days if told and date.fromisoformat(told[1]) < kept_from])


def _explained(desk: Desk, kept_from: date) -> Found:
    files = (desk.work / "explained").glob("????-??-??.parquet")
    return _files(desk, [path for path in sorted(files) if date.fromisoformat(path.stem) < kept_from])


def _by_age(desk: Desk, kept_from: date, folder: str, name: str = "*") -> Found:
    place = desk.work / folder
    return _files(desk, [p for p in sorted(place.rglob(name)) if p.is_file() and _day_of(p) < kept_from])


def _scratch(desk: Desk, kept_from: date) -> Found:
    """Whole folders of which nothing is newer: half of what a night laid aside is worth nothing."""
    if "://" in desk.scratch or not Path(desk.scratch).is_dir():
        return Found([], lambda: None)
    tops = sorted(Path(desk.scratch).iterdir())
    return _files(desk, [top for top in tops if max(map(_day_of, _within(top)), default=_day_of(top)) < kept_from])


def _versions(desk: Desk, kept_from: date) -> Found:
    since = datetime.combine(kept_from, time(), SEOUL)
    return Found(retention.old_files(desk.lake, since), partial(retention.vacuum, desk.lake, since))


def _seals(desk: Desk, kept_from: date) -> Found:
    """Keys that were rotated out and that no identity and no sealed delivery needs."""
    used = {desk.keys.seal_id, *retirement.seals_in_use(desk.engine)}
    for path in (desk.work / "archive").rglob("*.sealed"):
        with path.open("rb") as file:
            used.add(file.readline().strip().decode("ascii", "replace"))
    keys = sorted(keys_folder(desk.settings.keys_folder).glob("seal-*.key"))
    # No digest of a key is ever written down.
    old = [path for path in keys if path.stem not in used and _day_of(path) < kept_from]
    gone = [Gone(f"keys/{path.name}", bytes=path.stat().st_size) for path in old]
    return Found(gone, partial(_shred, desk, old))


def _shred(desk: Desk, keys: Sequence[Path]) -> None:
    """Written over first. Where a disk keeps old blocks (SSD, snapshots), that is as much as a program can do."""
    for path in keys:
        account, place = desk.settings.access.account, socket.gethostname()
        deed = Deed(account=account, place=place, act=Act.KEY_RETIRED, what=path.stem)
        custody.note(desk.engine, desk.keys, deed, now())
        path.chmod(0o600)
        with path.open("r+b") as file:
            file.write(os.urandom(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
    _remove(keys)


# In this order: rows first, then those whom no row names any more, then the files that rows lay in.
KEPT: Final = (
    Kept("observations", "위기정보와 점수", "lake", "by token", FIVE_YEARS, "", _months),
    Kept("registers", "끝난 거주·주소 기록", "lake", "by token", FIVE_YEARS, "registers_days", _registers),
    Kept("contacts", "발굴·상담 이력", "lake", "by token", FIVE_YEARS, "contacts_days", _contacts),
    Kept("corrected", "정정되어 쓰지 않는 기록", "lake", "by token", AT_ONCE, "versions_days", _corrected),
    Kept("cases", "종결된 알림과 답", "database", "by token", FIVE_YEARS, "cases_days", _cases),
    Kept("identities", "이름·연락처·주소·식별번호", "database", "sealed", AT_ONCE, "identities_days", _identities),
    Kept("deliveries", "받은 원본 파일", "archive/", "sealed", FIVE_YEARS, "archive_days",
         partial(_archived, returned=False)),
    Kept("returned", "돌아온 명단", "archive/", "sealed", FIVE_YEARS, "returned_days",
         partial(_archived, returned=True)),
    Kept("outbox", "내보낸 명단", "outbox/", "in clear", AT_ONCE, "outbox_days", _folders_of_days),
    Kept("replies", "회신 파일", "replies/", "no person", AT_ONCE, "replies_days", partial(_by_age, folder="replies")),
    Kept("explained", "알림별 설명", "explained/", "by token", FIVE_YEARS, "explained_days", _explained),
    Kept("nights", "밤 실행이 읽은 조건", "nights/", "by token", AT_ONCE, "versions_days",
         partial(_by_age, folder="nights", name="*.json")),
    Kept("scratch", "실행 중간 파일", "scratch/", "by token", AT_ONCE, "scratch_days", _scratch),
    Kept("logs", "실행 기록", "logs/", "no person", AT_ONCE, "logs_days", partial(_by_age, folder="logs")),
    Kept("versions", "저장소의 옛 판", "lake files", "by token", AT_ONCE, "versions_days", _versions),
    Kept("keys", "교체된 봉인 열쇠", "keys/", "key", AT_ONCE, "keys_days", _seals),
)  # fmt: skip


def _files(desk: Desk, old: Sequence[Path]) -> Found:
    gone = [retention.file_gone(file, _name(desk, file)) for path in old for file in _within(path)]
    return Found(gone, partial(_remove, old))


def _name(desk: Desk, file: Path) -> str:
    base = desk.work if file.is_relative_to(desk.work) else Path(desk.scratch).parent
    return str(file.relative_to(base))


def _within(path: Path) -> Iterator[Path]:
    """The file itself, or every file in it; a link is not followed."""
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    yield from sorted(file for file in path.rglob("*") if file.is_symlink() or file.is_file())


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for folder in sorted({path.parent for path in paths}):
        sync_folder(folder)


def _day_of(path: Path) -> date:
    """Last written, in Seoul."""
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC).astimezone(SEOUL).date()


def _nothing(_: object) -> None:
    """What was found is told already."""


def kept_from(desk: Desk, one: Kept, as_of: date) -> date:
    """The first day that is kept: a day counts to its end, and stays for the whole period after it."""
    if not one.setting:
        months = as_of.year * 12 + as_of.month - 1 - desk.settings.lake.keep_months
        return date(months // 12, months % 12 + 1, 1)
    return as_of - timedelta(days=getattr(desk.settings.retention, one.setting))
