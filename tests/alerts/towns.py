"""Towns drawn by hypothesis, and a slow plain-loop reading of the queue's rules."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st

from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from tests.alerts import drawn

OFFICES = ("1111051500", "2611010100", None)
NAMES = (
    "power_arrears",
    "rent_arrears",
    "severe_illness",
    "business_closed",
    "power_cut",
    "self_report",
    "housing_benefit",
)
URGENT_FOR = timedelta(days=60)
COOL_DOWN = timedelta(days=120)
NEED_REST = timedelta(days=240)


@dataclass(frozen=True)
class Home:
    key: int
    office: str | None
    probability: float | None
    relieved: tuple[str, ...]
    evidence: tuple[dict[str, Any], ...]
    is_open: bool
    members: int
    contacts: tuple[dict[str, Any], ...]

    def rows(self, of: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
        return [{"household_key": self.key, **row} for row in of]


days = st.dates(date(2026, 4, 1), date(2026, 11, 2))
tellings = st.fixed_dictionaries({"signal": st.sampled_from(NAMES), "months": st.integers(0, 9), "received_on": days})
answers = st.fixed_dictionaries(
    {"alert": st.sampled_from(["C-1", "C-2"]), "outcome": st.sampled_from([None, *OUTCOMES]), "contacted_on": days}
)


@st.composite
def homes(draw: st.DrawFn, key: int) -> Home:
    return Home(
        key=key,
        office=draw(st.sampled_from(OFFICES)),
        probability=draw(st.sampled_from([None, 0.05, 0.2, 0.3, 0.3, 0.5, 0.8])),
        relieved=draw(st.sampled_from([(), (), ("utilities",), ("utilities", "health", "housing", "work")])),
        evidence=tuple(draw(st.lists(tellings, max_size=3, unique_by=lambda row: row["signal"]))),
        is_open=draw(st.sampled_from([False, False, False, True])),
        members=draw(st.integers(1, 3)),
        contacts=tuple(draw(st.lists(answers, max_size=2, unique_by=lambda row: row["alert"]))),
    )


@st.composite
def towns(draw: st.DrawFn) -> list[Home]:
    return [draw(homes(key)) for key in range(-3, draw(st.integers(-2, 14)))]


def tables(town: list[Home]) -> tuple[dict[int, float | None], pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    return (
        {home.key: home.probability for home in town},
        drawn.facts(
            *(
                {"household_key": h.key, "office": h.office, "relieved": list(h.relieved), "members": h.members}
                for h in town
            )
        ),
        drawn.evidence(*(row for h in town for row in h.rows(h.evidence))),
        drawn.opened(*({"household_key": h.key, "office": h.office or OFFICES[0]} for h in town if h.is_open)),
        drawn.contacts(*(row for h in town for row in h.rows(h.contacts))),
    )


def office_of(home: Home) -> str | None:
    return home.office or (OFFICES[0] if home.is_open else None)


def standing(home: Home) -> str:
    """The rule that decides on the household, or `waits`."""
    told = [c for c in home.contacts if c["outcome"]]
    if home.members == 1 and any(OUTCOMES[c["outcome"]].effect == "removes" for c in told):
        return "removed"
    if home.is_open:
        return "carried"
    if home.office is None:
        return "no_office"
    talked_on = max((c["contacted_on"] for c in told if OUTCOMES[c["outcome"]].is_contact), default=None)
    live = [row for row in home.evidence if is_live_warning(row)]
    news = [row for row in live if talked_on is None or first_known(row) > talked_on]
    fresh = [row for row in news if first_known(row) >= drawn.AS_OF - URGENT_FOR]
    if any(SIGNALS[row["signal"]].urgent for row in fresh):
        return "queued_urgent"
    if not live:
        return "no_signal"
    if all(SIGNALS[row["signal"]].domain in home.relieved for row in live):
        return "already_relieved"
    if talked_on is not None and talked_on + rest_after(told) > drawn.AS_OF and not news:
        return "cooling_down"
    return "not_scored" if home.probability is None else "waits"


def rest_after(told: list[dict[str, Any]]) -> timedelta:
    talks = [c for c in told if OUTCOMES[c["outcome"]].is_contact]
    last = max(talks, key=lambda c: (c["contacted_on"], c["alert"]))
    return NEED_REST if OUTCOMES[last["outcome"]].teaches == "need" else COOL_DOWN


def is_live_warning(row: dict[str, Any]) -> bool:
    signal = SIGNALS[row["signal"]]
    return not signal.relieves and not (signal.kind == "arrears" and row["months"] == 0)


def first_known(row: dict[str, Any]) -> date:
    signal = SIGNALS[row["signal"]]
    received: date = row["received_on"]
    if signal.kind == "event":
        return received
    return months_before(received, max(0, row["months"] - max(signal.min_months, 1)))


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
