"""Small drawn towns: a few persons, addresses and households, told by a few signals of every kind."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st

from features import Known
from signals.outcomes import OUTCOMES
from signals.signal import Domain, KeyKind, Kind, MadeUp, Signal
from signals.tables import ADDRESSES, CONTACTS, OBSERVATIONS, RESIDENTS

AS_OF = date(2026, 11, 2)


def _signal(name: str, kind: Kind, key_kind: KeyKind, agency: str, domain: Domain) -> Signal:
    return Signal(
        name=name,
        name_ko=name,
        domain=domain,
        agency=agency,
        source_code=name,
        key_kind=key_kind,
        kind=kind,
        legal_basis="",
        legal_threshold="",
        available_from=date(2020, 1, 1),
        unit="건",
        per_1000=1,
        reason_ko="",
        check_ko="",
        made_up=MadeUp("chance", 0.1, 0.0),
        points=1,
    )


_ENTRIES = (
    replace(_signal("power", "arrears", "address", "kepco", "utilities"), min_months=3),
    replace(
        _signal("gas", "arrears", "address", "citygas", "utilities"),
        min_months=2,
        covers_housing=frozenset({"apartment", "detached"}),
    ),
    _signal("card", "arrears", "person", "credit", "debt"),
    replace(_signal("loan", "arrears", "person", "credit", "debt"), min_months=1, points=2),
    replace(_signal("debt", "amount", "person", "credit", "debt"), direction=0),
    replace(_signal("premium", "amount", "person", "nhis", "health"), direction=-1, points=0),
    _signal("illness", "status", "person", "nhis", "health"),
    replace(_signal("cut", "event", "address", "kepco", "utilities"), points=3),
    replace(_signal("report", "event", "household", "app", "reports"), points=3),
    replace(
        _signal("benefit", "status", "household", "welfare", "welfare"),
        direction=0,
        points=0,
        relieves=frozenset({"health", "housing"}),
    ),
    # Told of, but only from the next year on.
    replace(_signal("later", "event", "household", "app", "reports"), available_from=date(2027, 1, 1)),
    replace(_signal("later_arrears", "arrears", "person", "credit", "debt"), available_from=date(2027, 1, 1)),
    # Nobody ever delivers it.
    _signal("silent", "status", "person", "nobody", "care"),
)
SIGNALS = {signal.name: signal for signal in _ENTRIES}

PERSONS, HOUSEHOLDS, UNITS, BUILDINGS = range(1, 7), range(-2, 3), range(21, 25), range(31, 33)
_TOLD = [name for name in SIGNALS if name != "silent"] + ["unheard_of"]

Draw = Callable[[st.SearchStrategy[Any]], Any]


def days(first: int, last: int) -> st.SearchStrategy[date]:
    """Days before (or, negative, after) AS_OF."""
    return st.integers(first, last).map(lambda n: AS_OF - timedelta(days=n))


def _month_end(months_ago: int) -> date:
    month = AS_OF.year * 12 + AS_OF.month - 1 - months_ago
    return date((month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)


@st.composite
def observations(
    draw: Draw, received: st.SearchStrategy[date] | None = None, names: st.SearchStrategy[str] | None = None
) -> dict[str, Any]:
    name = draw(names if names is not None else st.sampled_from(_TOLD))
    kind = SIGNALS[name].key_kind if name in SIGNALS else "person"
    keys = {"person": [*PERSONS, 99], "household": [*HOUSEHOLDS, 99], "address": [*UNITS, *BUILDINGS, 99]}[kind]
    is_event = name in SIGNALS and SIGNALS[name].kind == "event"
    observed = draw(days(-20, 760)) if is_event else draw((st.integers(-1, 26) | st.integers(0, 4)).map(_month_end))
    usual = st.integers(-5, 90).map(lambda lag: observed + timedelta(days=max(lag, 0)))
    return {
        "key": draw(st.sampled_from(keys)),
        "key_kind": kind,
        "signal": name,
        "observed_on": observed,
        "received_on": draw(received if received is not None else usual),
        "months": draw(st.none() | st.integers(0, 9)),
        "amount_won": draw(st.none() | st.integers(0, 3_000_000)),
        "delivery": draw(st.sampled_from("ab")),
    }


@st.composite
def residents(draw: Draw, received: st.SearchStrategy[date] | None = None) -> dict[str, Any]:
    begun = draw(days(-5, 900))
    return {
        "person_key": draw(st.sampled_from(PERSONS)),
        "household_key": draw(st.sampled_from(HOUSEHOLDS)),
        "birth_year": draw(st.sampled_from([1940, 1961, 1962, 1985, 2008, 2009, 2020])),
        "is_head": draw(st.booleans()),
        "valid_from": begun,
        "valid_to": draw(st.none() | st.integers(1, 900).map(lambda n: begun + timedelta(days=n))),
        "end_reason": None,
        "received_on": draw(received if received is not None else days(-30, 700)),
        "delivery": "a",
    }


@st.composite
def addresses(draw: Draw, received: st.SearchStrategy[date] | None = None) -> dict[str, Any]:
    begun = draw(days(-5, 900))
    building = draw(st.sampled_from(BUILDINGS))
    has_unit = draw(st.booleans())
    return {
        "household_key": draw(st.sampled_from(HOUSEHOLDS)),
        "address_key": draw(st.sampled_from(UNITS)) if has_unit else building,
        "building_key": building,
        "has_unit": has_unit,
        "housing": draw(st.sampled_from(["apartment", "detached", "one_room"])),
        "office": draw(st.sampled_from(["1111051500", "1111053000"])),
        "valid_from": begun,
        "valid_to": draw(st.none() | st.integers(1, 900).map(lambda n: begun + timedelta(days=n))),
        "received_on": draw(received if received is not None else days(-30, 700)),
        "delivery": "a",
    }


@st.composite
def contacts(draw: Draw, received: st.SearchStrategy[date] | None = None) -> dict[str, Any]:
    selected = draw(days(-5, 800))
    return {
        "household_key": draw(st.sampled_from([*HOUSEHOLDS, 99])),
        "alert": draw(st.sampled_from("xyz")),
        "office": "1111051500",
        "lane": "incumbent",
        "selected_on": selected,
        "contacted_on": draw(st.none() | st.integers(0, 60).map(lambda n: selected + timedelta(days=n))),
        "outcome": draw(st.none() | st.sampled_from(sorted(OUTCOMES))),
        "benefit": None,
        "received_on": draw(received if received is not None else days(-30, 700)),
        "delivery": "a",
    }


ROWS = {"observations": observations, "residents": residents, "addresses": addresses, "contacts": contacts}
SCHEMAS = {"observations": OBSERVATIONS, "residents": RESIDENTS, "addresses": ADDRESSES, "contacts": CONTACTS}


def known(rows: dict[str, list[dict[str, Any]]], as_of: date = AS_OF) -> Known:
    return Known(as_of, **{name: pl.DataFrame(rows[name], SCHEMAS[name]) for name in SCHEMAS})


def _settled() -> dict[str, list[dict[str, Any]]]:
    """Persons 1-4 in three households, the first two of them registered at one unit."""
    common = {"valid_from": AS_OF - timedelta(days=900), "valid_to": None, "received_on": AS_OF - timedelta(days=700)}
    homes = {1: -2, 2: -2, 3: -1, 4: 0}
    people = [
        {"person_key": person, "household_key": home, "birth_year": 1985, "is_head": person != 2, "end_reason": None}
        for person, home in homes.items()
    ]
    units = [
        {"household_key": home, "address_key": unit, "building_key": 31, "has_unit": True, "housing": "apartment"}
        for home, unit in {-2: 21, -1: 21, 0: 22}.items()
    ]
    return {
        "observations": [],
        "residents": [row | common | {"delivery": "a"} for row in people],
        "addresses": [row | common | {"delivery": "a", "office": "1111051500"} for row in units],
        "contacts": [],
    }


SETTLED = _settled()


@st.composite
def towns(draw: Draw) -> dict[str, list[dict[str, Any]]]:
    # Few signals at a time, and the same month told again: else hardly two rows of a town meet.
    names = draw(st.lists(st.sampled_from(_TOLD), min_size=1, max_size=3, unique=True))
    first = draw(st.lists(observations(names=st.sampled_from(names)), max_size=20))
    again = [
        draw(_retold(row)) for row in draw(st.lists(st.sampled_from(first), max_size=10) if first else st.just([]))
    ]
    drawn = {
        "observations": first + again,
        "residents": draw(st.lists(residents(), max_size=6)),
        "addresses": draw(st.lists(addresses(), max_size=6)),
        "contacts": draw(st.lists(contacts(), max_size=6)),
    }
    return {name: drawn[name] + SETTLED[name] for name in drawn} if draw(st.booleans()) else drawn


def _retold(row: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    changed = st.fixed_dictionaries(
        {},
        optional={
            "received_on": st.integers(0, 40).map(lambda n: row["received_on"] + timedelta(days=n)),
            "months": st.none() | st.integers(0, 9),
            "amount_won": st.none() | st.integers(0, 3_000_000),
            "key": st.sampled_from({"person": (1, 2), "household": HOUSEHOLDS, "address": UNITS}[row["key_kind"]]),
        },
    )
    return changed.map(lambda change: row | change)


def late_rows() -> st.SearchStrategy[dict[str, list[dict[str, Any]]]]:
    """What arrives after AS_OF, whatever day it tells of."""
    late = days(-200, -1)
    return st.fixed_dictionaries({name: st.lists(row(late), max_size=6) for name, row in ROWS.items()})
