"""The same features by plain loops: slow, and shares no code with the room it checks."""

from collections.abc import Sequence
from itertools import pairwise
from math import nan
from typing import Any

from signals.signal import Signal
from tests.features.oracle_town import Figures, Row, Town, month_end, month_of

Values = dict[str, float]

NEVER = 731
HOUSING_RANK = [
    "apartment",
    "row_house",
    "detached",
    "public_rental",
    "redevelopment_rental",
    "one_room",
    "non_dwelling",
]
NEED = {"basic_livelihood", "emergency", "other_public", "need_no_benefit"}
NO_NEED = {"private_support", "no_need"}
NOT_REACHED = {"unreached", "not_living_there", "moved", "died", "in_hospital"}
TRACED = {"not_living_there", "moved"}


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def arrears(town: Town, signal: Signal, figures: Figures) -> tuple[Values, Row]:
    lags = [town.months[signal.name][0] - m for m in town.months[signal.name]]
    lags = [lag for lag in lags if lag < 24]
    months: dict[int, int] = {}
    won: dict[int, int] = {}
    for lag in range(24):
        figure = figures.get(lag)
        months[lag] = won[lag] = 0
        if figure:
            months[lag] = max(signal.min_months, 1) if figure["months"] is None else figure["months"]
            won[lag] = figure["amount_won"] or 0
    owed = {lag: figures[lag]["owed_won"] if lag in figures else 0 for lag in range(24)}
    over = [lag for lag in range(24) if months[lag] > 0]
    days = {lag: (town.as_of - month_end(town.months[signal.name][0] - lag)).days for lag in range(24)}
    days = {lag: min(max(ago, 0), 730) for lag, ago in days.items()}
    streak = 0
    for lag in lags:
        if months[lag] == 0:
            break
        streak += 1
    half, year = [x for x in lags if x < 6], [x for x in lags if x < 12]
    values: Values = {
        "months_now": months[0],
        "owed_now": owed[0],
        "overdue_3m": len([x for x in over if x < 3]),
        "overdue_12m": len([x for x in over if x < 12]),
        "overdue_24m": len(over),
        "months_max_24m": max(months.values()),
        "owed_mean_6m": mean([owed[x] for x in half]),
        "owed_max_12m": max(owed[x] for x in range(12)),
        "owed_trend": owed[0] - mean([owed[x] for x in lags[1:4]]) if lags[1:] else 0,
        "streak": streak,
        "days_since_first": days[over[-1]] if over else NEVER,
        "days_since_last": days[over[0]] if over else NEVER,
        "resolved": float(bool(over) and months[0] == 0),
        "clear_share_12m": len([x for x in year if months[x] == 0]) / len(year),
    }
    if signal.min_months == 0:
        quarter = [x for x in lags if x < 3]
        bills = [won[x] for x in half]
        values |= {
            "billed_now": won[0],
            "billed_mean_3m": mean([won[x] for x in quarter]),
            "billed_mean_6m": mean(bills),
            "billed_min_6m": min(bills),
            "billed_max_6m": max(bills),
            "billed_trend": won[0] - mean([won[x] for x in lags[1:4]]) if lags[1:] else 0,
            "billed_swing_6m": mean([abs(a - b) for a, b in pairwise(bills)]) if bills[1:] else 0,
        }
        for k in (1, 2, 3, 4, 5):
            values[f"months_lag{k}"] = months[lags[k]] if k < len(lags) else nan
            values[f"billed_lag{k}"] = won[lags[k]] if k < len(lags) else nan
    return values, {
        "live": months[0] > 0,
        "now": months[0],
        "before": months[3],
        "spell": max(streak, months[0]),
        "count": values["overdue_12m"],
    }


def event(figures: Figures) -> tuple[Values, Row]:
    live = sum(f["times"] for days, f in figures.items() if days <= 180)
    values = {
        "count_180d": live,
        "count_730d": sum(f["times"] for f in figures.values()),
        "days_since_last": min(figures, default=NEVER),
    }
    return values, {"live": live > 0, "now": 0, "before": 0, "spell": 0, "count": live}


def amount(figures: Figures) -> tuple[Values, Row]:
    def latest(from_lag: int) -> float:
        lags = [lag for lag in figures if lag >= from_lag]
        return figures[min(lags)]["amount_won"] if lags else nan

    year = [f["amount_won"] for lag, f in figures.items() if lag < 12]
    values = {
        "level_now": latest(0),
        "change_3m": latest(0) - latest(3),
        "change_12m": latest(0) - latest(12),
        "min_12m": min(year) if year else nan,
        "max_12m": max(year) if year else nan,
    }
    return values, {"live": 0 in figures, "now": 0, "before": 0, "spell": 0, "count": len(year)}


def status(town: Town, signal: Signal, figures: Figures) -> tuple[Values, Row]:
    streak = 0
    for month in town.months[signal.name]:
        lag = town.months[signal.name][0] - month
        if lag not in figures:
            break
        streak += 1
    on = 0 in figures
    months_on = max(streak, figures[0]["months"] or 0) if on else 0
    ended = not on and any(lag in figures for lag in (1, 2, 3))
    values = {"on_now": on, "months_on": months_on, "ended_3m": ended}
    count = len([lag for lag in figures if lag < 12])
    return values, {"live": on, "now": 0, "before": 0, "spell": months_on, "count": count}


def measure(town: Town, signal: Signal, figures: Figures) -> tuple[Values, Row]:
    if signal.kind == "arrears":
        return arrears(town, signal, figures)
    if signal.kind == "event":
        return event(figures)
    if signal.kind == "amount":
        return amount(figures)
    return status(town, signal, figures)


def shape_names(signal: Signal) -> list[str]:
    fake = {
        "arrears": ["months_now", "owed_now", "overdue_3m", "overdue_12m", "overdue_24m", "months_max_24m",
                    "owed_mean_6m", "owed_max_12m", "owed_trend", "streak", "days_since_first", "days_since_last",
                    "resolved", "clear_share_12m"],
        "event": ["count_180d", "count_730d", "days_since_last"],
        "amount": ["level_now", "change_3m", "change_12m", "min_12m", "max_12m"],
        "status": ["on_now", "months_on", "ended_3m"],
    }[signal.kind]  # fmt: skip
    if signal.kind == "arrears" and signal.min_months == 0:
        bills = ["now", "mean_3m", "mean_6m", "min_6m", "max_6m", "trend", "swing_6m"]
        fake = [*fake, *(f"billed_{b}" for b in bills)]
        fake = [*fake, *(f"months_lag{k}" for k in range(1, 6)), *(f"billed_lag{k}" for k in range(1, 6))]
    return fake


def across(town: Town, household: int, live: dict[str, Row]) -> Values:
    warning = [n for n in live if town.signals[n].kind != "amount" and town.signals[n].direction == 1]
    new = []
    for name in warning:
        received = [f["received_on"] for f in town.figures(household, name).values()]
        feed_age = (town.as_of - town.first_received[name]).days
        if feed_age > 60 and (town.as_of - min(received)).days <= 60:
            new.append(name)
    newest = [min(town.figures(household, n).items())[1]["observed_on"] for n in warning]
    return {
        "live_kinds": len(warning),
        "live_agencies": len({town.signals[n].agency for n in warning}),
        "live_domains": len({town.signals[n].domain for n in warning}),
        "new_kinds_60d": len(new),
        "points": sum(town.signals[n].points for n in live),
        "newest_days": min((min((town.as_of - d).days, 730) for d in newest), default=NEVER),
        "longest_months": max((live[n]["spell"] for n in warning), default=0),
    }


def household_numbers(town: Town, household: int) -> Values:
    people = [r for r in town.home.values() if r["household_key"] == household]
    ages = [town.as_of.year - r["birth_year"] for r in people]
    heads = [town.as_of.year - r["birth_year"] for r in people if r["is_head"]]
    address = town.current_address(household)
    started = sorted(s["valid_from"] for s in town.spells if s["household_key"] == household)
    started = [d for d in started if d <= town.as_of]
    state = address_status(town, household)
    return {
        "members": len(ages) or nan,
        "head_age": max(heads, default=nan),
        "oldest_age": max(ages, default=nan),
        "youngest_age": min(ages, default=nan),
        "lives_alone": len(ages) == 1 if ages else nan,
        "has_child": any(a < 18 for a in ages) if ages else nan,
        "has_senior": any(a >= 65 for a in ages) if ages else nan,
        "one_adult_with_child": sum(a >= 18 for a in ages) == 1 and len(ages) > 1 if ages else nan,
        "housing_rank": HOUSING_RANK.index(address["housing"]) if address else nan,
        "months_at_address": month_of(town.as_of) - month_of(address["valid_from"]) if address else nan,
        "moves_24m": len([d for d in started if d > started[0] and (town.as_of - d).days <= 730]),
        "address_unknown": state == "unknown",
        "address_mismatch": state == "mismatch_suspected",
        "address_no_unit": state == "no_unit",
    }


def address_status(town: Town, household: int) -> str:
    address = town.current_address(household)
    if address is None:
        return "unknown"
    not_found = [
        c["contacted_on"] or c["selected_on"]
        for c in town.contacts
        if c["household_key"] == household and c["outcome"] in TRACED
    ]
    if any(day >= address["valid_from"] for day in not_found):
        return "mismatch_suspected"
    sharing = [
        h for h in town.households if (a := town.current_address(h)) and a["address_key"] == address["address_key"]
    ]
    if not address["has_unit"] and (address["housing"] != "detached" or len(sharing) > 1):
        return "no_unit"
    return "match"


def contact_numbers(town: Town, household: int) -> Values:
    mine = [c for c in town.contacts if c["household_key"] == household]
    mine.sort(key=lambda c: (c["contacted_on"] or c["selected_on"], c["selected_on"], c["alert"]))
    answered = [c for c in mine if c["outcome"] is not None]
    days = [(town.as_of - c["selected_on"]).days for c in mine]
    recent = [c for c in answered if (town.as_of - c["selected_on"]).days <= 730]
    last = answered[-1]["outcome"] if answered else None
    reached = [c["contacted_on"] or c["selected_on"] for c in answered if c["outcome"] not in NOT_REACHED]
    since = [
        c
        for c in answered
        if c["outcome"] in NOT_REACHED and (not reached or (c["contacted_on"] or c["selected_on"]) > max(reached))
    ]
    return {
        "selections_12m": len([d for d in days if d <= 365]),
        "selections_24m": len([d for d in days if d <= 730]),
        "reached_24m": len([c for c in recent if c["outcome"] not in NOT_REACHED]),
        "unreached_24m": len([c for c in recent if c["outcome"] in NOT_REACHED]),
        "unreached_in_a_row": len(since),
        "days_since_selection": min([*days, NEVER]),
        "last_need": last in NEED,
        "last_no_need": last in NO_NEED,
        "last_nothing": last is not None and last not in NEED | NO_NEED,
    }


def is_covered(town: Town, household: int, signal: Signal) -> bool:
    if signal.covers_housing is None:
        return True
    address = town.current_address(household)
    return address is not None and address["housing"] in signal.covers_housing


def features_of(town: Town, household: int) -> tuple[Values, list[Row]]:
    """Every feature of one household, by name, and its evidence."""
    values: Values = {}
    evidence: list[Row] = []
    live: dict[str, Row] = {}
    escalation = 0
    for name, signal in town.signals.items():
        figures = town.figures(household, name) if name in town.months else {}
        if name not in town.months or not (figures or is_covered(town, household, signal)):
            values |= {f"{name}__{shape}": nan for shape in shape_names(signal)}
            continue
        shapes, rest = measure(town, signal, figures)
        values |= {f"{name}__{shape}": value for shape, value in shapes.items()}
        escalation += rest["now"] - rest["before"]
        if rest["live"]:
            live[name] = rest
            evidence.append(evidence_of(household, signal, min(figures.items())[1], rest))
    values |= {f"across__{k}": v for k, v in across(town, household, live).items()}
    values["across__escalation"] = escalation
    values |= {f"household__{k}": v for k, v in household_numbers(town, household).items()}
    values["household__benefits_running"] = len([n for n in live if town.signals[n].relieves])
    values["address__ambiguous_notices"] = len(town.notices[household])
    values |= {f"contacts__{k}": v for k, v in contact_numbers(town, household).items()}
    return values, evidence


def evidence_of(household: int, signal: Signal, newest: Row, rest: Row) -> Row:
    months = {"arrears": newest["months"], "status": rest["spell"]}.get(signal.kind)
    return {
        "household_key": household,
        "signal": signal.name,
        "months": months,
        "amount_won": newest["owed_won"] or None if signal.kind == "arrears" else newest["amount_won"],
        "observed_on": newest["observed_on"],
        "received_on": newest["received_on"],
        "count": rest["count"],
    }


def facts_of(town: Town, household: int, live: set[str]) -> Row:
    numbers = household_numbers(town, household)
    address = town.current_address(household)
    mine = [c for c in town.contacts if c["household_key"] == household]
    mine.sort(key=lambda c: (c["contacted_on"] or c["selected_on"], c["selected_on"], c["alert"]))

    def known(name: str, kind: Any) -> Any:
        return None if numbers[name] != numbers[name] else kind(numbers[name])

    return {
        "household_key": household,
        "office": address and address["office"],
        "housing": address and address["housing"],
        "address_status": address_status(town, household),
        "members": known("members", int),
        "head_age": known("head_age", int),
        "has_child": known("has_child", bool),
        "has_senior": known("has_senior", bool),
        "lives_alone": known("lives_alone", bool),
        "prior_selections": len(mine),
        "last_outcome": next((c["outcome"] for c in reversed(mine) if c["outcome"]), None),
        "last_contacted_on": max((c["contacted_on"] for c in mine if c["contacted_on"]), default=None),
        "relieved": sorted({domain for name in live for domain in town.signals[name].relieves}),
    }
