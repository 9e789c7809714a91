"""What agencies lay ready elsewhere comes into the inbox as files of the agency's layout, each with its digest.

From there on nothing differs: the same contract, archive, replies and idempotence. What is there already is known by
its name and day, or, of a table, by the digest of the month it tells of: nothing need be remembered.
"""

import csv
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain, groupby
from typing import Any, Final, assert_never

import polars as pl

from flows import markers
from flows.arrived import another
from flows.desk import Desk, now, today
from flows.settings import Source
from flows.standstill import went_on
from flows.summary import Taken
from signals.agencies import AGENCIES
from signals.calendar import SOURCES
from signals.delivery import DeliveryName
from signals.layout import DateFormat, Layout
from signals.parse import days
from store import deliveries
from store.agency_places import Lying, Place, UnreachableError
from store.agency_tables import AgencyTable
from store.files import writing_whole

_LINES: Final = 10_000  # of a file, at a time


def fetch(desk: Desk, day: date) -> Iterator[Taken]:
    """Into the inbox, as known on `day`. Tells only of what could not be: one agency's trouble is not the others'."""
    for source in desk.settings.sources:
        try:
            if source.place is not None:
                yield from _from_place(desk, source.source, source.place)
            else:
                _from_table(desk, source, day)
        except UnreachableError as error:
            one = SOURCES[source.source]
            yield Taken(
                f"{source.source}: source", source.source, "waiting", message=str(error),
                cure=f"call {one.contact_ko} ({one.name_ko}); what came before is used",
            )  # fmt: skip


def fetch_today(desk: Desk) -> list[Taken]:
    """What an agency shows today is known from today, whichever night is worked."""
    return list(fetch(desk, today()))


def _from_place(desk: Desk, code: str, where: str) -> Iterator[Taken]:
    place = Place(where)
    lying = {file.name: file for file in place.files()}
    for file in lying.values():
        went_on()
        is_ours = file.name.startswith(f"{code}_") and file.name.endswith((".csv", f".csv{markers.WITHDRAWN}"))
        if not is_ours or not _is_new(desk, file):
            continue
        # An object appears whole; a file in a folder may still be growing.
        if "://" not in where and (why := _not_whole(desk, file, lying)):
            yield Taken(file.name, code, "waiting", message=f"in {where}: {why}", cure="wait")
            continue
        _copy(desk, place, file, lying)


def _is_new(desk: Desk, file: Lying) -> bool:
    path = desk.inbox / file.name
    if path.exists() and path.stat().st_size == file.size:
        return False
    recorded = deliveries.recorded_at(desk.engine, file.name)
    return recorded is None or file.modified > recorded


def _not_whole(desk: Desk, file: Lying, lying: dict[str, Lying]) -> str:
    if any(file.name + marker in lying for marker in (markers.DONE, markers.DIGEST)):
        return ""
    inbox = desk.settings.inbox
    match inbox.whole_when:
        case "line_end":
            return ""
        case "quiet":
            is_fresh = now() - file.modified < timedelta(minutes=inbox.quiet_minutes)
            return f"changed within the last {inbox.quiet_minutes:g} minutes" if is_fresh else ""
        case "marker":
            return "" if file.name.endswith(markers.WITHDRAWN) else "its sender has not said that it is whole"
        case other:
            assert_never(other)


def _copy(desk: Desk, place: Place, file: Lying, lying: dict[str, Lying]) -> None:
    path, said = desk.inbox / file.name, file.name + markers.DIGEST
    if said in lying:
        with writing_whole(desk.inbox / said) as out:
            place.copy(said, out)
    with writing_whole(path) as out:
        digest = place.copy(file.name, out)
    # Whether it is still being written is asked of the day it was written there.
    os.utime(path, (file.modified.timestamp(),) * 2)
    if said not in lying and path.suffix not in markers.MARKERS:
        (desk.inbox / said).write_text(f"{digest}  {file.name}\n", encoding="utf-8")


def _from_table(desk: Desk, source: Source, day: date) -> None:
    """Every month that is over, as the table tells of it now: new, or as a correction of what was taken in."""
    layout = AGENCIES[source.source].layout
    headers = {column.field: column.header for column in layout.columns if column.field != "dropped"}
    column = source.columns.get(headers["month"], headers["month"])
    table = AgencyTable(str(source.database), str(source.table))
    values = table.values(column)
    months = days(pl.Series([_text(value, layout.dates) for value in values], dtype=pl.String), layout.dates)["first"]
    told = sorted((m, at) for at, m in enumerate(months) if m is not None and m < day.replace(day=1))
    by_month = [(month, [values[at] for _, at in some]) for month, some in groupby(told, key=lambda one: one[0])]
    for month, said in by_month[-source.months :]:
        wanted = [source.columns.get(header, header) for header in headers.values()]
        _write_month(desk, source.source, month, day, table.rows(wanted, column, said), layout)


def _write_month(desk: Desk, code: str, month: date, day: date, rows: Iterator[Sequence[Any]], layout: Layout) -> None:
    held = desk.inbox / f".{code}_{month:%Y%m}.fetched"
    before = deliveries.newest_revision(desk.engine, code, month)
    digest, in_its_place = hashlib.sha256(), hashlib.sha256(another(DeliveryName(code, month, day, before or 0)))
    with writing_whole(held) as out:
        for piece in _as_sent(rows, layout):
            digest.update(piece)
            in_its_place.update(piece)
            out.write(piece)
    name = DeliveryName(code, month, day, 0 if before is None else before + 1).filename
    waiting = any(desk.inbox.glob(f"{code}_{month:%Y%m}_*.csv"))
    newest = None if before is None else deliveries.find_revision(desk.engine, code, month, before)
    is_as_told = newest is not None and newest.id in (digest.hexdigest(), in_its_place.hexdigest())
    if waiting or is_as_told or _was_turned_away(desk, digest.hexdigest()):
        held.unlink()
        return
    (desk.inbox / (name + markers.DIGEST)).write_text(f"{digest.hexdigest()}  {name}\n", encoding="utf-8")
    held.rename(desk.inbox / name)


def _was_turned_away(desk: Desk, digest: str) -> bool:
    """These bytes: they would be so again."""
    known = deliveries.find(desk.engine, digest)
    return known is not None and (known.state != "taken" or deliveries.is_withdrawn(desk.engine, known))


def _as_sent(rows: Iterator[Sequence[Any]], layout: Layout) -> Iterator[bytes]:
    """In the agency's own layout. Columns that are never taken in stay empty: they were not even asked for."""
    fields = [column.field for column in layout.columns]
    cells = ([_text(value, layout.dates) or "" for value in row] for row in rows)
    lines = chain([[column.header for column in layout.columns]], (_in_place(iter(row), fields) for row in cells))
    text, encoding = io.StringIO(), str(layout.encoding)
    writer = csv.writer(text, delimiter=layout.separator, lineterminator="\r\n")
    for number, line in enumerate(lines):
        writer.writerow(line)
        if number % _LINES == 0:
            yield text.getvalue().encode(encoding, "replace")
            text.seek(0)
            text.truncate()
            encoding = encoding.removesuffix("-sig")  # its mark stands once
    yield text.getvalue().encode(encoding, "replace")


def _in_place(told: Iterator[str], fields: Sequence[str]) -> list[str]:
    return ["" if field == "dropped" else next(told) for field in fields]


def _text(value: Any, written: DateFormat) -> str | None:
    """A cell as the agency would write it: no line ends within."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, Decimal | float) and value == value // 1:
        return str(int(value))  # 123000.00 of a column with decimals
    if isinstance(value, date | datetime):
        return _date(value, written)
    return " ".join(str(value).splitlines())


def _date(day: date, written: DateFormat) -> str:
    match written:
        case "202608":
            return f"{day:%Y%m}"
        case "2026-08-31":
            return f"{day:%Y-%m-%d}"
        case "2026. 8. 31.":
            return f"{day.year}. {day.month}. {day.day}."
        case "20260831":
            return f"{day:%Y%m%d}"
        case other:
            assert_never(other)
