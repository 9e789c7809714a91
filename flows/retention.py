"""How long the lake holds what was told: `lake.keep_months`, counted in whole months before today's."""

from datetime import date
from typing import Final

from rich.console import Console

from flows.desk import Desk
from flows.report import table_of
from store.retention import Retained, drop_months

# features.feeds.HORIZON_MONTHS; a test holds it to that.
LOOKS_BACK_MONTHS: Final = 24


def retain(desk: Desk, as_of: date) -> Retained:
    """Once a month is enough: the same day again drops nothing. It rewrites the files that hold old months."""
    return drop_months(desk.lake, kept_from(as_of, desk.settings.lake.keep_months))


def kept_from(as_of: date, keep_months: int) -> date:
    return _months_before(as_of, keep_months)


def learned_from(as_of: date, keep_months: int) -> date:
    """The first day of a round whose features the lake can still tell in full. Rounds chosen earlier would be learned
    with signals missing that were there."""
    return _months_before(as_of, keep_months - LOOKS_BACK_MONTHS - 1)


def show_retained(show: Console, told: Retained) -> None:
    if told.dropped.is_empty():
        show.print(f"The lake holds nothing from before [bold]{told.kept_from}[/]; nothing was changed.")
        return
    table = table_of("table", "month", "rows dropped")
    for name, month, rows in told.dropped.iter_rows():
        table.add_row(name, f"{month:%Y-%m}", f"{rows:,}")
    show.print(table)
    for name, version in told.versions.items():
        show.print(f"{name}: kept from {told.kept_from} on; version {version} still holds the rest.", highlight=False)


def _months_before(day: date, months: int) -> date:
    """First day of the month so many months before that of `day`."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
