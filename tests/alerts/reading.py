"""What a night must give, read slowly: plain loops, and the rules' own words and numbers written out once more.

None of the rooms' tables is used, so that a changed effect, schedule, rank or due day shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor
from typing import Any

import polars as pl

from alerts.draw import splitmix64
from alerts.opening import alert_id
from tests.alerts.nights import ALONE, OFFICES, START, House, Town
from tests.alerts.towns import months_before

TALKS = frozenset(
    ("basic_livelihood", "emergency", "other_public", "private_support", "need_no_benefit", "watch", "no_need",
     "already_served", "refused", "mistaken")
)  # fmt: skip
ENDS = TALKS | {"died"}
AGAIN = {"unreached": (3, 7, 14, 30), "not_living_there": (14,), "moved": (14,), "in_hospital": (30,)}
STATES = {"unreached": "retrying", "in_hospital": "retrying", "not_living_there": "tracing", "moved": "moving"}
LOST = ("not_living_there", "moved")
DUE = {"urgent": 3, "risk": 28, "trace": 14, "partial": 28}
RANK = {"urgent": 0, "risk": 1, "trace": 2, "partial": 3}
BANDS = ("moderate", "high", "very_high")
CAPACITY = {OFFICES[0]: 5, OFFICES[1]: 4, OFFICES[2]: 2}
RESERVED = 1  # a fifth of each, rounded up
SHARE, CLAIM, MIXED, COOL_DOWN, VERY_LATE, REPEATS, TRACES, PUT_OFF = 0.3, 0.3, 5, 20, 5, 2, 3, 60
URGENT_FOR, NEED_REST = 12, 27
NEEDS = ("basic_livelihood", "emergency", "other_public", "need_no_benefit")


@dataclass(frozen=True)
class Kind:
    domain: str
    points: int
    is_urgent: bool = False
    is_arrears: bool = False


KINDS = {
    "power_arrears": Kind("utilities", 1, is_arrears=True),
    "rent_arrears": Kind("housing", 1, is_arrears=True),
    "severe_illness": Kind("health", 1),
    "business_closed": Kind("work", 1),
    "facility_left": Kind("welfare", 2),
    "power_cut": Kind("utilities", 3, is_urgent=True),
    "suicide_attempt": Kind("safety", 3, is_urgent=True),
    "self_report": Kind("reports", 3, is_urgent=True),
    "neighbour_report": Kind("reports", 3, is_urgent=True),
}
KEYS = range(-4, 10)
TIE = dict(zip(KEYS, splitmix64(pl.Series(KEYS, dtype=pl.Int64)), strict=True))


def newest(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return max(rows, key=lambda row: (row["contacted_on"], row["received_on"], row["version"]))


def stands(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One alert, read as an officer would: the newest answer that says something stands."""
    said = [row for row in rows if row["outcome"]]
    last = newest(said) if said else None
    by_day = [newest([row for row in said if row["contacted_on"] == day]) for day in {r["contacted_on"] for r in said}]
    return {
        "alert_id": rows[0]["alert_id"],
        "state": "waiting" if last is None else "closed" if last["outcome"] in ENDS else STATES[last["outcome"]],
        "outcome": last["outcome"] if last else None,
        "attempts": sum(row["outcome"] not in ENDS for row in by_day),
        "next_on": newest(rows)["next_on"],
        "answered_on": newest(rows)["contacted_on"],
        "was_visited": last is not None and last["channel"] in (None, "visit"),
        "closed_on": closed_since(said),
    }


def all_stands(town: Town) -> dict[str, dict[str, Any]]:
    return {id_: stands(town.answers_of(id_)) for id_ in sorted({row["alert_id"] for row in town.answers})}


def closed_since(said: list[dict[str, Any]]) -> date | None:
    """Night by night: since when the answers known then have said that it is over."""
    since = None
    for night in sorted({row["received_on"] for row in said}):
        known = newest([row for row in said if row["received_on"] <= night])
        since = (since or night) if known["outcome"] in ENDS else None
    return since


def band_of(probability: float | None) -> str | None:
    return None if probability is None else BANDS[(probability >= 0.25) + (probability >= 0.45)]


def is_above(band: str | None, other: str | None) -> bool:
    return band is not None and other is not None and BANDS.index(band) > BANDS.index(other)


@dataclass(frozen=True)
class Contact:
    alert: str
    outcome: str | None
    acted_on: date

    @property
    def is_talk(self) -> bool:
        return self.outcome in TALKS


class Known:
    """What is known tonight of one household."""

    def __init__(self, town: Town, house: House) -> None:
        self.town, self.house = town, house
        self.contacts = list(self._contacts())
        answered = [c for c in self.contacts if c.outcome]
        self.last_outcome = max(answered, key=lambda c: (c.acted_on, c.alert)).outcome if answered else None
        talks = [c for c in self.contacts if c.is_talk]
        self.talk = max(talks, key=lambda c: (c.acted_on, c.alert)) if talks else None
        self.live = {n: self._known_on(n) for n, (months, _) in house.evidence.items() if months != 0}
        self.news = {n: day for n, day in self.live.items() if self.talk is None or day > self.talk.acted_on}
        fresh_from = town.today - timedelta(days=URGENT_FOR)
        self.urgent = {n: day for n, day in self.news.items() if KINDS[n].is_urgent and day >= fresh_from}
        self.is_report = any(KINDS[n].domain == "reports" for n in self.urgent)
        self.points = sum(KINDS[n].points for n in self.live)
        self.probability = house.probability if house.is_registered else None
        self.band = band_of(self.probability)

    def _contacts(self) -> Any:
        for n, (outcome, days) in enumerate(self.house.past):
            yield Contact(f"C-{n}", outcome, START - timedelta(days=days))
        for id_, row in self.town.alerts.items():
            if row["household_key"] == self.house.key:
                answers = self.town.answers_of(id_)
                said = [answer for answer in answers if answer["outcome"]] or answers
                yield Contact(
                    id_,
                    newest(said)["outcome"] if said else None,
                    newest(said)["contacted_on"] if said else row["opened_on"],
                )

    def _known_on(self, name: str) -> date:
        months, received_on = self.house.evidence[name]
        return months_before(received_on, max(0, (months or 0) - 3)) if KINDS[name].is_arrears else received_on

    def in_vain(self, own: str) -> int:
        """Selections before its own with nobody spoken to since."""
        before = [c for c in self.contacts if c.alert != own]
        talked_on = max((c.acted_on for c in before if c.is_talk), default=date.min)
        return sum(not c.is_talk and c.acted_on > talked_on for c in before)

    def decision(self, is_open: bool) -> str | None:
        """None: waits for a place."""
        house, town = self.house, self.town
        is_last = not house.is_registered or house.members == 1
        if is_last and any(c.outcome == "died" for c in self.contacts):
            return "removed"
        if house.key in town.stopped:
            return "stopped"
        if is_open:
            return "carried"
        if house.office is None:
            return "no_office"
        if self.urgent:
            return "queued_urgent"
        if not self.live:
            return "no_signal"
        if all(KINDS[name].domain in house.relieved for name in self.live):
            return "already_relieved"
        if self._rests():
            return "cooling_down"
        return "not_scored" if self.probability is None else None

    def _rests(self) -> bool:
        if self.talk is None:
            return False
        rest = NEED_REST if self.talk.outcome in NEEDS else COOL_DOWN
        if self.talk.acted_on + timedelta(days=rest) <= self.town.today:
            return False
        then = self.town.alerts[self.talk.alert]["true_band"] if self.talk.alert in self.town.alerts else None
        has_risen = is_above(self.band, then) and self.talk.outcome not in NEEDS
        return not self.news and not has_risen

    def by_register(self) -> str:
        if not self.house.is_registered or self.house.address_status != "match":
            return "trace"
        return self.once_found()

    def once_found(self) -> str:
        return "partial" if self.house.relieved and self.house.is_registered else "risk"


class Reading:
    """One night, as it must be. Of what the night itself decided only the draw is taken over, and checked."""

    def __init__(self, town: Town) -> None:
        self.town, self.today = town, town.today
        self.stands = all_stands(town)
        self.opened = town.open_alerts(self.stands)
        self.open_of = {row["household_key"]: row for row in self.opened.values()}
        self.known = {key: Known(town, house) for key, house in town.houses.items()}
        self.last_outcomes = {key: known.last_outcome for key, known in self.known.items()}
        everybody = {k: self.known[k] for k, h in town.houses.items() if h.is_registered or k in self.open_of}
        self.decided = {key: known.decision(key in self.open_of) for key, known in everybody.items()}  # None: waits

    def office(self, key: int) -> str | None:
        house = self.town.houses[key]
        opened_in = self.open_of[key]["office"] if key in self.open_of else None
        return (house.office or opened_in) if house.is_registered else opened_in

    def alerts(self, found: Mapping[int, str]) -> list[dict[str, Any]]:
        """Every row of the queue, in the order of the sheet."""
        rows = []
        chosen = self.chosen(found)
        for key, decision in found.items():
            if decision == "carried":
                rows.append(self.finished(key, self.carried(key)))
            elif decision.startswith("queued_"):
                rows.append(self.finished(key, self.new(key, decision, chosen)))
        return sorted(rows, key=place_on_sheet)

    def chosen(self, found: Mapping[int, str]) -> dict[int, tuple[float, str | None]]:
        """household -> inclusion, band told, of those that waited and were given a place."""
        told: dict[int, tuple[float, str | None]] = {}
        for office in OFFICES:
            here = [k for k in found if self.office(k) == office]
            held = [k for k in here if found[k] in ("carried", "queued_urgent")]
            kept = max(0, RESERVED - sum(self.known[k].is_report for k in held))
            free = max(0, CAPACITY[office] - len(held) - kept)
            told |= self.chosen_in(office, free, {k: found[k] for k in here})
        return told

    def chosen_in(self, office: str, free: int, found: Mapping[int, str]) -> dict[int, tuple[float, str | None]]:
        waiting = sorted((k for k in found if self.decided[k] is None), key=self.likeliest)
        exact = round(free * SHARE, 9) if len(waiting) > free else 0.0
        whole, most = floor(exact), ceil(exact)
        claimed = [k for k in waiting if found[k] == "queued_criterion"]
        drawn = [k for k in waiting if found[k] == "queued_explore"]
        assert len(drawn) in (whole, most), "the draw has its share of the places"
        meets = [k for k in waiting if self.town.houses[k].members == 1 and office in OFFICES[:2]]
        claims = round(free * CLAIM, 9)
        assert claimed in [meets[: min(n, free - most)] for n in (floor(claims), ceil(claims))]
        rest, left = [k for k in waiting if k not in claimed], free - len(claimed)
        by_risk = [k for k in rest if found[k] == "queued_risk"]
        assert by_risk == rest[: max(0, left - len(drawn))], "the likeliest have the places"
        assert len(claimed + by_risk + drawn) == min(free, len(waiting)), "no place is given twice, none is left"
        chance = {k: inclusion(at, len(rest), left, whole, exact - whole) for at, k in enumerate(rest)}
        has_draw = len(rest) > left
        hides = [self.known[k].probability for k in rest][left - MIXED * most :][:1] if left >= MIXED * most else []
        floor_ = band_of(hides[0] if hides else 1.0)
        told = {k: self.known[k].band for k in claimed + by_risk + drawn}
        return {
            k: (chance.get(k, 1.0), band if not has_draw or is_above(band, floor_) else None)
            for k, band in told.items()
        }

    def likeliest(self, key: int) -> tuple[float, int, int]:
        known = self.known[key]
        assert known.probability is not None
        return -known.probability, -known.points, TIE[key]

    def new(self, key: int, decision: str, chosen: Mapping[int, tuple[float, str | None]]) -> dict[str, Any]:
        known = self.known[key]
        if decision == "queued_urgent":
            works_as, chance, told = "urgent", 1.0, known.band
        else:
            works_as = "trace" if known.last_outcome in (*LOST, "unreached") else known.by_register()
            chance, told = chosen[key]
        return {
            "alert_id": alert_id(key, self.today), "is_new": True, "works_as": works_as, "band": told,
            "lane": "explore" if decision == "queued_explore" else works_as, "true_band": known.band,
            "criterion": ALONE if decision == "queued_criterion" else None, "inclusion": chance,
            "opened_on": self.today, "due_on": self.today + timedelta(days=DUE[works_as]),
            "moved_from": None, "moved_on": None,
            "outcome": None, "attempts": 0, "answered_on": None, "next_on": None,
        }  # fmt: skip

    def carried(self, key: int) -> dict[str, Any]:
        was, known = self.open_of[key], self.known[key]
        is_moving = self.office(key) != was["office"]
        binds = binds_here(was)
        works_as = self.works_as(key, was, binds, is_moving)
        untold = was["moved_on"] is not None and not binds
        is_higher = is_above(known.band, was["true_band"]) or was["true_band"] is None
        kept = ("alert_id", "criterion", "inclusion", "opened_on", "band", "outcome", "attempts", "answered_on")
        return {
            **{name: was[name] for name in (*kept, "next_on")}, "is_new": False, "works_as": works_as,
            "lane": "explore" if was["lane"] == "explore" and works_as != "urgent" else works_as,
            "true_band": known.band if known.band and is_higher else was["true_band"],
            "due_on": self.due_on(key, was, binds, is_moving),
            "moved_from": was["office"] if is_moving else was["moved_from"] if untold else None,
            "moved_on": self.today if is_moving else was["moved_on"] if untold else None,
        }  # fmt: skip

    def works_as(self, key: int, was: dict[str, Any], binds: bool, is_moving: bool) -> str:
        known, stood = self.known[key], str(was["works_as"])
        if stood == "urgent" or known.urgent:
            return "urgent"
        if is_moving:
            return known.by_register()
        if not binds or was["outcome"] is None:
            return stood
        if was["outcome"] in LOST:
            return "trace"
        if was["outcome"] == "unreached":
            return "trace" if was["was_visited"] or was["attempts"] >= TRACES else stood
        return known.once_found() if stood == "trace" else stood

    def due_on(self, key: int, was: dict[str, Any], binds: bool, is_moving: bool) -> date:
        soon, answered_on = self.today + timedelta(days=DUE["urgent"]), was["answered_on"]
        urgent_on = max(self.known[key].urgent.values(), default=None)
        due: date = was["due_on"]
        if urgent_on and (answered_on is None or urgent_on > answered_on):
            due = soon if answered_on and due < answered_on else min(due, soon)
        elif binds:
            due = by_answer(was)
        return max(due, soon) if is_moving else due

    def finished(self, key: int, row: dict[str, Any]) -> dict[str, Any]:
        late, known = (self.today - row["due_on"]).days, self.known[key]
        return {
            **row, "household_key": key, "office": self.office(key), "as_of": self.today, "is_overdue": late > 0,
            "escalation": (late > 0) + (late > VERY_LATE), "is_repeat": known.in_vain(row["alert_id"]) >= REPEATS,
            "probability": known.probability, "points": known.points, "signals": sorted(known.live),
        }  # fmt: skip


def binds_here(was: dict[str, Any]) -> bool:
    if was["answered_on"] is None:
        return False
    return was["moved_on"] is None or bool(was["answered_on"] > was["moved_on"])


def by_answer(was: dict[str, Any]) -> date:
    answered, stood = date_of(was, "answered_on"), date_of(was, "due_on")
    if was["next_on"]:
        return max(answered, min(date_of(was, "next_on"), answered + timedelta(days=PUT_OFF)))
    if was["outcome"] is None:
        return stood
    days = AGAIN[was["outcome"]]
    return answered + timedelta(days=days[min(max(was["attempts"], 1), len(days)) - 1])


def date_of(row: dict[str, Any], name: str) -> date:
    day = row[name]
    assert isinstance(day, date)
    return day


def inclusion(position: int, waiting: int, free: int, whole: int, part: float) -> float:
    below, cut = waiting - free, free - whole
    if waiting <= free or position < cut - (part > 1e-12):
        return 1.0
    one_more = (whole + 1) / (below + whole + 1)
    as_is = 1.0 if position < cut else whole / (below + whole)
    return (1 - part) * as_is + part * one_more


def place_on_sheet(row: dict[str, Any]) -> tuple[Any, ...]:
    band = -BANDS.index(row["band"]) if row["band"] else 1
    return row["office"], RANK[row["works_as"]], band, not row["is_repeat"], row["due_on"], row["alert_id"]
