"""Who lives where and whose an observation is, by plain loops over dicts: shares no code with the room it checks."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, get_args

from features import Known
from signals.signal import Housing, Signal

Row = dict[str, Any]
Figures = dict[int, Row]  # by months behind the feed's latest, or days ago


def low(value: Any) -> tuple[bool, Any]:
    """Null sorts before everything."""
    return (value is not None, value if value is not None else 0)


def last_told(rows: list[Row], keys: Sequence[str], order: Sequence[str], as_of: date) -> list[Row]:
    told: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        if row["received_on"] <= as_of:
            key = tuple(row[k] for k in keys)
            if key not in told or [low(row[c]) for c in order] > [low(told[key][c]) for c in order]:
                told[key] = row
    return list(told.values())


def holds(row: Row, day: date) -> bool:
    return bool(row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"]))


def month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def month_end(month: int) -> date:
    return date((month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)


class Town:
    """Point in time: who lives where, and which observation is whose."""

    def __init__(self, known: Known, signals: Mapping[str, Signal]) -> None:
        self.as_of, self.signals = known.as_of, signals
        self.counts: dict[str, int] = defaultdict(int)
        order = ["received_on", "valid_to", "birth_year", "is_head"]
        keys = ["person_key", "household_key", "valid_from"]
        residents = last_told(known.residents.to_dicts(), keys, order, self.as_of)
        order = ["received_on", "valid_to", "building_key", "has_unit", "housing_place", "office"]
        keys = ["household_key", "address_key", "valid_from"]
        rows = [row | {"housing_place": get_args(Housing).index(row["housing"])} for row in known.addresses.to_dicts()]
        self.spells = last_told(rows, keys, order, self.as_of)
        self._settle(residents)
        order = ["is_answered", "contacted_on", "received_on", "selected_on", "outcome"]
        rows = [row | {"is_answered": row["outcome"] is not None} for row in known.contacts.to_dicts()]
        contacts = last_told(rows, ["household_key", "alert"], order, self.as_of)
        self.contacts = [c for c in contacts if c["selected_on"] <= self.as_of]
        self._read(known.observations.to_dicts())

    def _settle(self, residents: list[Row]) -> None:
        current = [r for r in residents if holds(r, self.as_of)]
        self.home: dict[int, Row] = {}
        for person in sorted({r["person_key"] for r in current}):
            mine = [r for r in current if r["person_key"] == person]
            self.counts["person_in_two_households"] += len({r["household_key"] for r in mine}) > 1
            self.home[person] = max(mine, key=lambda r: (r["valid_from"], r["received_on"], r["household_key"]))
        listed = {r["household_key"] for r in residents}
        housed = {s["household_key"] for s in self.spells if holds(s, self.as_of)}
        self.households = sorted({r["household_key"] for r in self.home.values()} | (housed - listed))
        self.people_known = {r["person_key"] for r in residents}
        self.households_known = listed | {s["household_key"] for s in self.spells}
        self.counts["ended_households"] = len(self.households_known) - len(self.households)

    def _read(self, rows: list[Row]) -> None:
        self.told: list[Row] = []
        for row in rows:
            if row["received_on"] > self.as_of:
                continue
            if row["signal"] not in self.signals:
                self.counts["unknown_signal"] += 1
            elif row["observed_on"] > self.as_of:
                self.counts["observed_after_as_of"] += 1
            else:
                self.told.append(row)
        self._calendars()
        self.mine: dict[tuple[int, str], list[Row]] = defaultdict(list)
        self.notices: dict[int, set[tuple[Any, ...]]] = defaultdict(set)
        for row in self.told:
            if self._is_recent(row):
                self._attach(row)

    def _calendars(self) -> None:
        self.months: dict[str, list[int]] = {}
        self.first_received: dict[str, date] = {}
        for name, signal in self.signals.items():
            own = [r for r in self.told if r["signal"] == name]
            if not own or self.as_of < signal.available_from:
                continue
            self.first_received[name] = min(r["received_on"] for r in own)
            if signal.kind == "event":
                self.months[name] = []
                continue
            first = min(month_of(r["observed_on"]) for r in own)
            agency = {
                month_of(r["observed_on"])
                for r in self.told
                if self.signals[r["signal"]].agency == signal.agency and self.signals[r["signal"]].kind != "event"
            }
            self.months[name] = sorted((m for m in agency if m >= first), reverse=True)

    def lag(self, row: Row) -> int:
        return self.months[row["signal"]][0] - month_of(row["observed_on"])

    def _is_recent(self, row: Row) -> bool:
        name = row["signal"]
        if name not in self.months:
            recent = False
        elif self.signals[name].kind == "event":
            recent = (self.as_of - row["observed_on"]).days <= 730
        else:
            recent = self.lag(row) < 24
        self.counts["outside_horizon"] += not recent
        return recent

    def _attach(self, row: Row) -> None:
        household: int | None = None
        if row["key_kind"] == "person":
            if row["key"] in self.home:
                household = self.home[row["key"]]["household_key"]
            else:
                known = row["key"] in self.people_known
                self.counts["person_without_household" if known else "unknown_person"] += 1
        elif row["key_kind"] == "household":
            if row["key"] in self.households:
                household = row["key"]
            else:
                known = row["key"] in self.households_known
                self.counts["ended_household" if known else "unknown_household"] += 1
        else:
            household = self._at_address(row)
        if household is not None:
            self.mine[household, row["signal"]].append(row)

    def _at_address(self, row: Row) -> int | None:
        key, day = row["key"], row["observed_on"]
        there: set[int] = {s["household_key"] for s in self.spells if s["address_key"] == key and holds(s, day)}
        has_units = any(s["building_key"] == key != s["address_key"] for s in self.spells)
        if has_units or len(there) > 1:
            self.counts["ambiguous"] += 1
            is_recent = (self.as_of - day).days <= 730
            for s in self.spells:
                if is_recent and key in (s["address_key"], s["building_key"]) and holds(s, day):
                    self.notices[s["household_key"]].add((key, row["signal"], day))
            return None
        if there & set(self.households):
            return there.pop()
        known = any(key in (s["address_key"], s["building_key"]) for s in self.spells)
        self.counts["address_without_household" if known else "unknown_address"] += 1
        return None

    def current_address(self, household: int) -> Row | None:
        mine = [s for s in self.spells if s["household_key"] == household and holds(s, self.as_of)]
        return max(mine, key=lambda s: (s["valid_from"], s["received_on"], s["address_key"])) if mine else None

    def figures(self, household: int, name: str) -> Figures:
        """bucket -> months, amount, times, observed, received: one telling of each key, members together."""
        event = self.signals[name].kind == "event"
        tellings: dict[tuple[int, int], tuple[Any, Row]] = {}
        for row in self.mine[household, name]:
            bucket = (self.as_of - row["observed_on"]).days if event else self.lag(row)
            order = [low(row[c]) for c in ("received_on", "months", "amount_won", "observed_on")]
            place = (bucket, row["key"])
            if place not in tellings or order > tellings[place][0]:
                tellings[place] = (order, row)
        found: dict[int, list[Row]] = defaultdict(list)
        for (bucket, _), (_, row) in tellings.items():
            found[bucket].append(row)
        if self.signals[name].kind == "amount":
            found = {b: rows for b, rows in found.items() if any(r["amount_won"] is not None for r in rows)}
        return {b: self._together(rows) for b, rows in sorted(found.items())}

    @staticmethod
    def _together(rows: list[Row]) -> Row:
        months = [r["months"] for r in rows if r["months"] is not None]
        amounts = [r["amount_won"] for r in rows if r["amount_won"] is not None]
        return {
            "months": max(months) if months else None,
            "amount_won": sum(amounts) if amounts else None,
            "owed_won": sum(r["amount_won"] or 0 for r in rows if r["months"] != 0),
            "times": len(rows),
            "observed_on": max(r["observed_on"] for r in rows),
            "received_on": max(r["received_on"] for r in rows),
        }
