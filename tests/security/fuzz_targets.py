"""What reads bytes of others, each as one function of bytes: refused with a message, or every row accounted for."""

import contextlib
import csv
import io
from collections.abc import Callable, Sequence
from typing import Final

import xlsxwriter

from alerts.columns import ALERT_HEADER, COLUMNS, OFFICE_HEADER
from alerts.sheet import looks_like_sheet, read_sheet
from flows.sheets import benefit_table
from signals.agencies import AGENCIES
from signals.delivery import DeliveryRefused, read_name
from signals.intake import SET_ASIDE
from signals.reply import write_reply
from signals.rules import RULES
from tests.signals.test_rules import split
from tests.signals.writer import good_row, layout_of, name_of, row_of, signals_of, write

SHEET: Final = "queue_1111051500_20261102"
REGISTERS: Final = ("residents", "addresses", "contacts")


def delivery(source: str, raw: bytes) -> None:
    with contextlib.suppress(DeliveryRefused):
        told = split(source, raw)
        assert told.accepted.height + told.set_aside.height == told.received
        assert told.set_aside.schema == SET_ASIDE
        assert set(told.set_aside["rule"]) <= set(RULES)
        write_reply(told, name_of(source))


def observations(raw: bytes) -> None:
    """The first byte chooses the agency: their layouts are read by one parser."""
    codes = sorted(AGENCIES)
    delivery(codes[raw[0] % len(codes)] if raw else codes[0], raw[1:])


def file_name(raw: bytes) -> None:
    name = raw.decode("utf-8", errors="surrogateescape")
    with contextlib.suppress(DeliveryRefused):
        assert read_name(name).filename == name


def returned(ending: str, raw: bytes) -> None:
    file = f"{SHEET}.{ending}"
    looks_like_sheet(raw, file)
    with contextlib.suppress(DeliveryRefused):
        told = read_sheet(raw, file, benefit_table())
        rows = [*told.answers["row_no"], *told.set_aside["row_no"].unique()]
        assert len(rows) == len(set(rows))


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "observations": observations,
    "residents": lambda raw: delivery("residents", raw),
    "addresses": lambda raw: delivery("addresses", raw),
    "contacts": lambda raw: delivery("contacts", raw),
    "names of files": file_name,
    "returned csv": lambda raw: returned("csv", raw),
    "returned xlsx": lambda raw: returned("xlsx", raw),
}


def seeds(target: str) -> list[bytes]:
    """Good files, from which a fuzzer starts."""
    match target:
        case "observations":
            return [_agency(number, code) for number, code in enumerate(sorted(AGENCIES))]
        case "residents" | "addresses" | "contacts":
            return [write(layout_of(target), [good_row(target)] * rows) for rows in (1, 3)]
        case "names of files":
            return [name_of(source).filename.encode() for source in (*AGENCIES, *REGISTERS)]
        case "returned csv":
            return [_answered_csv()]
        case "returned xlsx":
            return [_answered_xlsx()]
    raise KeyError(target)


def _agency(number: int, code: str) -> bytes:
    agency = AGENCIES[code]
    return bytes([number]) + write(agency.layout, [row_of(signal, agency) for signal in signals_of(agency)])


def _answered() -> list[Sequence[str]]:
    told = {
        ALERT_HEADER: "A-20261102-000001", OFFICE_HEADER: "1111051500", "접촉일": "2026-11-03", "접촉방법": "방문",
        "처리결과": "연락두절·부재", "다음 예정일": "2026-11-20",
    }  # fmt: skip
    headers = [column.header for column in COLUMNS]
    return [headers, [told.get(header, "") for header in headers]]


def _answered_csv() -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(_answered())
    return text.getvalue().encode("utf-8-sig")


def _answered_xlsx() -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        for number, row in enumerate(_answered()):
            page.write_row(number, 0, row)
    return file.getvalue()
