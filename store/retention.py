"""What is too old leaves the lake: rows in one commit per table, then the files of versions nobody may read any more.

Rows that were dropped are still read by whoever replays an old night, until `vacuum` removes the files of the versions
that held them. Both are told in proofs of their own.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import polars as pl
from deltalake import CommitProperties, DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import PyFileSystem

from store.destruction import Gone
from store.files import digest
from store.keys import Keys
from store.lake import TABLES, Lake, Table

# By day: observed, scored, selected. Registers are told as changes (without the row that closes a spell, it is open
# again): of them whole spells go, once they have ended.
DATED: Final[Mapping[str, str]] = {"observations": "observed_on", "scores": "as_of"}
SPELLS: Final[Mapping[Table, tuple[str, ...]]] = {
    "residents": ("person_key", "household_key", "valid_from"),
    "addresses": ("household_key", "address_key", "valid_from"),
}
DROPPED: Final = pl.Schema({"table": pl.String, "month": pl.Date, "rows": pl.Int64})


@dataclass(frozen=True, slots=True)
class Retained:
    kept_from: date
    dropped: pl.DataFrame  # DROPPED, by table and month
    versions: Mapping[str, int]  # of the tables changed: the last that holds what was dropped


def drop_months(lake: Lake, kept_from: date) -> Retained:
    """Rows before `kept_from`, the first day of a month, are no longer in the newest version. Nothing older: no commit.

    Deliveries stay known as taken in, so that none comes in a second time.
    """
    if kept_from.day != 1:
        raise ValueError(f"{kept_from}: months are dropped whole")
    told, versions = [pl.DataFrame(schema=DROPPED)], {}
    for table, day in DATED.items():
        delta = _table(lake, table)
        months = None if delta is None else _months(delta, table, day, kept_from)
        if delta is None or months is None or months.is_empty():
            continue
        versions[table] = delta.version()
        # The day is part of the condition, so that rows counted are the rows dropped, whatever is appended meanwhile.
        delta.delete(f"{day} < '{kept_from}'", commit_properties=_named(kept_from))
        told.append(months)
    return Retained(kept_from, pl.concat(told), versions)


def old_months(lake: Lake, kept_from: date, keys: Keys) -> list[Gone]:
    """What drop_months would drop."""
    gone = []
    for table, day in DATED.items():
        if (delta := _table(lake, table)) is None:
            continue
        for _, month, rows in _months(delta, table, day, kept_from).iter_rows():
            of_month = (pl.col(day) < kept_from) & (pl.col(day).dt.month_start() == month)
            found = pl.scan_delta(delta).filter(of_month).collect(engine="streaming")
            gone.append(Gone(f"lake/{table}/{month:%Y-%m}", rows=rows, digest=_digest(found, keys)))
    return gone


def ended_spells(lake: Lake, table: Table, kept_from: date, superseded: Collection[str]) -> pl.DataFrame:
    """Spells (SPELLS) that ended before `kept_from` by what was told last, and those only told by files that were
    corrected since."""
    delta, keys = _table(lake, table), SPELLS[table]
    if delta is None:
        return pl.DataFrame(schema={name: TABLES[table][name] for name in keys})
    counts = ~pl.col("delivery").is_in(sorted(superseded))
    told = pl.scan_delta(delta).select(*keys, "received_on", "valid_to", counts=counts)
    last = told.group_by(keys).agg(pl.all().sort_by("counts", "received_on", "valid_to").last())
    ended = pl.col("counts") & (pl.col("valid_to") < kept_from)
    withdrawn = ~pl.col("counts") & (pl.col("received_on") < kept_from)
    return last.filter(ended | withdrawn).select(keys).sort(keys).collect(engine="streaming")


def old_spells(lake: Lake, table: Table, spells: pl.DataFrame, keys: Keys) -> list[Gone]:
    delta = _table(lake, table)
    if delta is None or spells.is_empty():
        return []
    rows = pl.scan_delta(delta).join(spells.lazy(), on=SPELLS[table], how="semi", nulls_equal=True).collect()
    return [Gone(f"lake/{table}", rows=rows.height, digest=_digest(rows, keys))]


def drop_spells(lake: Lake, table: Table, spells: pl.DataFrame, kept_from: date) -> None:
    """Every row of these spells, in one commit."""
    delta = _table(lake, table)
    if delta is not None and spells.height:
        # Null where no address could be read. Equal expressions are joined by hash, "is not distinct" row against row.
        on = " AND ".join(f"({_equal(name)})" for name in SPELLS[table])
        merge = delta.merge(
            spells.to_arrow(compat_level=pl.CompatLevel.oldest()), on, source_alias="s", target_alias="t",
            commit_properties=_named(kept_from),
        )  # fmt: skip
        merge.when_matched_delete().execute()


def _equal(name: str) -> str:
    return f"coalesce(t.{name}, 0) = coalesce(s.{name}, 0)" if name == "address_key" else f"t.{name} = s.{name}"


def old_contacts(lake: Lake, kept_from: date, keys: Keys) -> list[Gone]:
    """Of households selected before the day, whatever was told of it later: an answer never outlives its selection."""
    delta = _table(lake, "contacts")
    if delta is None:
        return []
    rows = pl.scan_delta(delta).filter(pl.col("selected_on") < kept_from).collect()
    return [Gone("lake/contacts", rows=rows.height, digest=_digest(rows, keys))] if rows.height else []


def drop_contacts(lake: Lake, kept_from: date) -> None:
    delta = _table(lake, "contacts")
    if delta is not None:
        delta.delete(f"selected_on < '{kept_from}'", commit_properties=_named(kept_from))


def old_deliveries(lake: Lake, ids: Collection[str], keys: Keys) -> list[Gone]:
    """Rows of these deliveries: of what persons had corrected."""
    gone = []
    for table in TABLES:
        delta = _table(lake, table) if ids else None
        if delta is not None:
            rows = pl.scan_delta(delta).filter(pl.col("delivery").is_in(sorted(ids))).collect()
            gone += (
                [Gone(f"lake/{table}/corrected", rows=rows.height, digest=_digest(rows, keys))] if rows.height else []
            )
    return gone


def drop_deliveries(lake: Lake, ids: Collection[str], kept_from: date) -> None:
    told = ", ".join(f"'{one}'" for one in sorted(ids))
    for table in TABLES:
        if told and (delta := _table(lake, table)) is not None:
            delta.delete(f"delivery IN ({told})", commit_properties=_named(kept_from))


def old_files(lake: Lake, since: datetime) -> list[Gone]:
    """Files that no version of `since` or later holds: of rows dropped, corrected, tidied, and of killed writes."""
    return [
        _file(f"{lake.place}/{table}/{name}", f"lake/{table}/{name}")
        for table in (*TABLES, "scores")
        for name in _vacuum(lake, table, since, dry_run=True)
    ]


def vacuum(lake: Lake, since: datetime) -> None:
    """Remove them. Versions before `since` can never be read again."""
    for table in (*TABLES, "scores"):
        if _vacuum(lake, table, since, dry_run=True):
            _vacuum(lake, table, since, dry_run=False)


def _vacuum(lake: Lake, table: str, since: datetime, *, dry_run: bool) -> list[str]:
    if (delta := _table(lake, table)) is None:
        return []
    found = delta.vacuum(
        retention_hours=0, enforce_retention_duration=False, dry_run=dry_run, full=True,
        keep_versions=_versions_since(delta, since),
    )  # fmt: skip
    # Delta names them again for as long as its log does, gone or not; partitions are told as in a URL.
    held = PyFileSystem(DeltaStorageHandler.from_table(delta._table)) if "://" in lake.place else None
    place = f"{lake.place}/{table}"
    return sorted(name for name in map(unquote, found) if _is_there(held, place, name))


def _is_there(held: PyFileSystem | None, place: str, name: str) -> bool:
    return Path(place, name).is_file() if held is None else held.get_file_info(name).is_file


def _versions_since(delta: DeltaTable, since: datetime) -> list[int]:
    """The one that stood at `since`, and all after it."""
    commits = sorted((int(c["timestamp"]), int(c["version"])) for c in delta.history())
    moment = since.timestamp() * 1000
    later = [version for at, version in commits if at >= moment]
    before = [version for at, version in commits if at < moment]
    return [*before[-1:], *later]


def _table(lake: Lake, table: str) -> DeltaTable | None:
    place = f"{lake.place}/{table}"
    return DeltaTable(place) if DeltaTable.is_deltatable(place) else None


def _months(delta: DeltaTable, table: str, day: str, kept_from: date) -> pl.DataFrame:
    """DROPPED. Files that hold no such day are not opened."""
    old = pl.scan_delta(delta).select(day).filter(pl.col(day) < kept_from)
    counted = old.group_by(month=pl.col(day).dt.month_start()).agg(rows=pl.len()).sort("month")
    named = counted.select(pl.lit(table).alias("table"), "month", pl.col("rows").cast(pl.Int64))
    return named.collect(engine="streaming").cast(DROPPED)


def _named(kept_from: date) -> CommitProperties:
    return CommitProperties(custom_metadata={"retention": f"kept from {kept_from}"})


def _digest(rows: pl.DataFrame, keys: Keys) -> str:
    """Keyed, over all cells, however the rows were stored."""
    ordered = rows.sort(rows.columns)
    found = hmac.new(keys.log, b"destroyed rows\0", hashlib.sha256)
    for column in ordered.get_columns():
        found.update(f"{column.name}\0".encode())
        found.update("\n".join(map(str, column.to_list())).encode() if column.dtype == pl.String else _bytes(column))
    return found.hexdigest()


def _bytes(column: pl.Series) -> bytes:
    is_null = column.is_null().to_numpy().tobytes()
    return is_null + column.to_physical().fill_null(0).to_numpy().tobytes()


def _file(place: str, name: str) -> Gone:
    """On object storage only the name is told: reading it back would be another copy on its way."""
    path = Path(place)
    if "://" in place or not path.is_file():
        return Gone(name)
    return file_gone(path, name)


def file_gone(path: Path, name: str) -> Gone:
    return Gone(name, bytes=path.stat().st_size, digest=digest(path))
