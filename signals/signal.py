"""What one signal (위기정보) is. Entries are data; each room keeps its own behaviour by kind."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

KeyKind = Literal["person", "address", "household"]

# arrears: months overdue and won owed, told again each month while it lasts (0 months = billed, nothing overdue)
# event:   happened on a day, never un-happens
# amount:  a level in won, told regularly
# status:  told again each month while it holds
Kind = Literal["arrears", "event", "amount", "status"]

Domain = Literal["utilities", "health", "work", "debt", "housing", "welfare", "care", "safety", "reports"]

Housing = Literal[
    "apartment", "public_rental", "redevelopment_rental", "row_house", "detached", "one_room", "non_dwelling"
]

# What moves a signal in the made-up country. Hidden from every other room.
Driver = Literal["income", "debt", "illness", "care", "isolation", "housing", "chance"]

# Whom it can happen to in the made-up country.
Who = Literal["anyone", "worker", "self_employed", "senior", "child", "infant", "renter", "severe_strain"]


@dataclass(frozen=True, slots=True)
class MadeUp:
    """How the made-up country produces the signal."""

    driver: Driver
    base: float  # chance per eligible household and month that a spell or event starts, at no strain
    lift: float  # added to the log-odds per unit of the driver's strain (strain is about N(0, 1), hardship > 1.5)
    won: int = 0  # typical amount: owed per month overdue (arrears) or the level told (amount)
    who: Who = "anyone"
    end: float = 0.25  # chance per month that a spell ends (arrears, status)


@dataclass(frozen=True, slots=True)
class Signal:
    name: str  # snake_case; features are called {name}__{shape}
    name_ko: str
    domain: Domain
    agency: str  # key of AGENCIES; its layout says how the file looks
    source_code: str  # the agency's own word for it in its file
    key_kind: KeyKind  # same as its agency's
    kind: Kind
    legal_basis: str  # clause, or what an operator must confirm
    legal_threshold: str  # as the law words it; "" where it names none
    available_from: date  # nobody was told of it before this day: earlier is "not collected", never 0
    unit: str  # 개월·원, 건, 원, 상태
    per_1000: float  # expected households told of in one monthly file, per 1,000 covered households
    reason_ko: str  # whole sentence; may use {months} {amount} {observed} {count}
    check_ko: str  # what the officer should ask or look at
    made_up: MadeUp
    min_months: int = 0  # the agency tells only from so many months overdue on
    covers_housing: frozenset[Housing] | None = None  # None: every kind of housing
    direction: Literal[-1, 0, 1] = 1  # 1: more of it can only mean more hardship (monotone constraint)
    points: int = 0  # weight in the incumbent's kind of rule: count of warning signs, heavier ones more
    urgent: bool = False  # joins the urgent lane at once, whatever the score
    relieves: frozenset[Domain] = frozenset()  # a running benefit: needs it covers (status only)
    retention_months: int = 60
    confirmed: bool = True  # False: from memory (DOMAIN notes, part 1.4), never quoted as an official entry
