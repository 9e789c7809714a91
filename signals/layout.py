"""How one source's files look. Synthetic writes them, intake reads them; both from this declaration."""

from dataclasses import dataclass
from typing import Literal

from signals.signal import KeyKind

DateFormat = Literal["202608", "2026-08-31", "2026. 8. 31.", "20260831"]

# From the end of the month told of to the day the file is sent. The one documented case took about two months from
# the third unpaid premium to the notice (Donga, 2022-08-24); cut-offs and reports are worth nothing that late.
USUAL_LAG = (45, 75)
URGENT_LAG = (1, 3)
# Registers are sent on the last day of the month they tell of, or soon after.
REGISTER_LAG = (0, 5)
# What nobody need worry about: a file so many days after its usual time is late.
USUAL_GRACE = 14
REGISTER_GRACE = 7
URGENT_GRACE = 3

Field = Literal[
    # observations
    "person_no", "address", "household_no", "source_code", "month", "start_month", "months", "amount",
    # registers
    "name", "birth", "phone", "is_head", "valid_from", "valid_to", "end_reason", "office", "housing",
    # contacts
    "case_no", "lane", "selected_on", "contacted_on", "outcome", "benefit", "recorded_on",
    # declared by the source, never taken in
    "dropped",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    header: str  # as it stands in the file, Korean
    field: Field


@dataclass(frozen=True, slots=True)
class Layout:
    encoding: Literal["cp949", "utf-8-sig"]
    columns: tuple[Column, ...]  # in the order the source writes them
    separator: Literal[",", "|", "\t"] = ","
    dates: DateFormat = "202608"
    won_per_unit: Literal[1, 1000] = 1
    thousands: bool = False  # amounts written 1,234,500 (quoted)
    digits: Literal["ascii", "full_width"] = "ascii"
    person_no: Literal["hyphen", "plain"] = "hyphen"  # 900101-1234567 or 9001011234567
    rows: Literal["month", "spell"] = "month"  # spell: start_month .. month, months = its length so far


@dataclass(frozen=True, slots=True)
class Agency:
    """A source of observations. File names: {code}_{YYYYMM told of}_{YYYYMMDD sent}[_rN].csv."""

    code: str  # ascii, also the start of its file names
    name_ko: str
    key_kind: KeyKind
    layout: Layout
    every_months: int  # 1 monthly, 2 bimonthly, 3 quarterly
    lag_days: tuple[int, int]  # from the end of the month told of to the day sent
    is_required: bool  # the night refuses to publish when it is stale
    contact_ko: str  # whom the operator calls: a role, never a person

    @property
    def grace_days(self) -> int:
        return URGENT_GRACE if self.lag_days == URGENT_LAG else USUAL_GRACE


@dataclass(frozen=True, slots=True)
class Register:
    """A source that says who lives where, or what officers did. Told as changes: the first file holds everybody."""

    code: str
    name_ko: str
    layout: Layout
    every_months: int
    is_required: bool
    contact_ko: str
    lag_days: tuple[int, int] = REGISTER_LAG
    grace_days: int = REGISTER_GRACE
