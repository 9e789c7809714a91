"""A tiny writer of files, row by row: the slow twin of what sources send, independent of the made-up country."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date

from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.delivery import DeliveryName
from signals.layout import Agency, Layout
from signals.registers import REGISTERS
from signals.signal import Signal

Row = Mapping[str, str]  # field -> cell as the source writes it
SENT_ON = date(2026, 10, 15)
MONTH = date(2026, 8, 31)
KEYS = {
    "person": ("person_no", "900101-1234567"),
    "address": ("address", "가람특별시 중구 은행로 12, 101동 1203호 (행복동)"),
    "household": ("household_no", "H000-00001"),
}
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def name_of(source: str) -> DeliveryName:
    return DeliveryName(source, date(2026, 8, 1), SENT_ON, 0)


def date_cell(day: date, layout: Layout) -> str:
    formats = {"202608": "%Y%m", "2026-08-31": "%Y-%m-%d", "20260831": "%Y%m%d"}
    if layout.dates == "2026. 8. 31.":
        return f"{day.year}. {day.month}. {day.day}."
    return day.strftime(formats[layout.dates])


def amount_cell(won: int, layout: Layout) -> str:
    units = won // layout.won_per_unit
    return f"{units:,}" if layout.thousands else str(units)


def person_cell(number: str, layout: Layout) -> str:
    return number.replace("-", "") if layout.person_no == "plain" else number


def row_of(signal: Signal, agency: Agency, months: int = 5, won: int = 123_000, day: date = MONTH) -> dict[str, str]:
    layout = agency.layout
    field, identifier = KEYS[agency.key_kind]
    first = date(day.year + (day.month - months) // 12, (day.month - months) % 12 + 1, 1)
    row = {
        field: person_cell(identifier, layout) if field == "person_no" else identifier,
        "month": date_cell(day, layout),
        "start_month": date_cell(first, layout),
        "months": str(months),
        "amount": amount_cell(won, layout),
    }
    if layout.digits == "full_width":
        row = {name: cell.translate(_FULL_WIDTH) for name, cell in row.items()}
    return {**row, "source_code": signal.source_code}


def write(layout: Layout, rows: Iterable[Row], **changes: list[str]) -> bytes:
    headers = changes.get("headers", [c.header for c in layout.columns])
    table = [[row.get(c.field, "남의 것") for c in layout.columns] for row in rows]
    return write_table(layout, [headers, *table])


def write_table(layout: Layout, table: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=layout.separator, lineterminator="\r\n").writerows(table)
    return text.getvalue().encode(layout.encoding)


def signals_of(agency: Agency) -> list[Signal]:
    return [s for s in SIGNALS.values() if s.agency == agency.code]


def good_row(source: str) -> dict[str, str]:
    """One row that every rule lets pass."""
    match source:
        case "residents":
            return {
                "person_no": "900101-1234567", "name": "김하나", "phone": "010-1234-5678", "household_no": "H00000001",
                "is_head": "Y", "valid_from": "2020-03-01", "valid_to": "2024-05-01", "end_reason": "전출",
            }  # fmt: skip
        case "addresses":
            return {
                "household_no": "H00000001", "address": KEYS["address"][1], "housing": "아파트", "office": "0111051500",
                "valid_from": "20200301", "valid_to": "",
            }  # fmt: skip
        case "contacts":
            return {
                "case_no": "2026-01-0001", "household_no": "H00000001", "office": "0111051500", "lane": "incumbent",
                "selected_on": "2026-01-05", "contacted_on": "2026-01-20", "outcome": "긴급복지 지원",
                "benefit": "긴급복지", "recorded_on": "2026-01-21",
            }  # fmt: skip
        case code:
            agency = AGENCIES[code]
            return row_of(signals_of(agency)[0], agency)


def layout_of(source: str) -> Layout:
    return REGISTERS[source].layout if source in REGISTERS else AGENCIES[source].layout
