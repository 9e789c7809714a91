"""Several countries together: sums, ratios with their intervals, and a table to read."""

from typing import Any

import numpy as np

from benchmarks.year_measures import ratio_interval

POLICIES = ("blindspot", "with_own", "incumbent", "urgent_first", "points", "first_come")
RULES = ("incumbent", "urgent_first", "points", "first_come")
OURS = ("blindspot", "with_own")
ROWS = {
    "tries": "cases worked",
    "contacts": "completed contacts",
    "hours": "officers' hours used",
    "found": "households found in need",
    "newly_found": "  of them spells no officer had found before",
    "found_per_100_contacts": "  of 100 contacts",
    "answered_need": "households whose answer says need",
    "reached_share": "share of households in need spoken to in need",
    "mean_days": "days from onset to contact, mean within the year",
    "contacted_within_30": "  contacted within 30 days",
    "contacted_within_60": "  within 60 days",
    "contacted_within_90": "  within 90 days",
    "never_listed_share": "in need for 3 months and never listed",
    "tried_never_spoken_share": "tried, never spoken to",
    "repeats_without_contact": "listed again, never spoken to (households)",
    "visits_of_same_household": "cases worked per household",
    "public_support_share": "public support, of cases",
    "unreached_share": "unreached, of cases",
    "in_need_at_end": "in need in the last month",
}


def over_seeds(countries: list[dict[str, Any]]) -> dict[str, Any]:
    ran = [policy for policy in POLICIES if policy in countries[0]["policies"]]
    pairs = [(ours, rule) for ours in OURS for rule in RULES if ours in ran and rule in ran]
    return {
        "policies": ran,
        "means": {
            policy: {row: float(np.mean([c["policies"][policy][row] for c in countries])) for row in ROWS}
            for policy in ran
        },
        "ratios": [
            {"measure": measure, "ours": ours, "rule": rule, **_ratio(countries, measure, ours, rule)}
            for measure in ("found", "answered_need", "reached")
            for ours, rule in pairs
        ],
        "days_earlier": [{"ours": ours, "rule": rule, **_earlier(countries, ours, rule)} for ours, rule in pairs],
        "explore_inside": {
            ours: sum(c["ours"][ours]["explore"]["is_inside"] for c in countries) for ours in OURS if ours in ran
        },
        "groups": _groups(countries, ran),
        "countries": [{k: v for k, v in c.items() if k not in ("offices", "groups")} for c in countries],
    }


def _ratio(countries: list[dict[str, Any]], measure: str, ours: str, rule: str) -> dict[str, Any]:
    above, below = (
        [np.array(c["offices"][policy][measure], dtype=np.float64) for c in countries] for policy in (ours, rule)
    )
    value, low, high = ratio_interval(above, below)
    seeds = [float(a.sum() / b.sum()) for a, b in zip(above, below, strict=True)]
    return {"value": value, "low": low, "high": high, "by_seed": seeds, "over_seeds": _mean_interval(seeds)}


def _earlier(countries: list[dict[str, Any]], ours: str, rule: str) -> dict[str, Any]:
    days = [c["policies"][rule]["mean_days"] - c["policies"][ours]["mean_days"] for c in countries]
    return {"mean": float(np.mean(days)), "by_seed": days, "over_seeds": _mean_interval(days)}


def _mean_interval(values: list[float]) -> list[float] | None:
    """95 %, Student's t; None for a single country."""
    table = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
    if len(values) not in table:
        return None
    half = table[len(values)] * float(np.std(values, ddof=1)) / np.sqrt(len(values))
    return [float(np.mean(values) - half), float(np.mean(values) + half)]


def _groups(countries: list[dict[str, Any]], policies: list[str]) -> list[dict[str, Any]]:
    """kind, group, and per policy found per 100 contacts and the share of those in need that was spoken to."""
    sums: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for country in countries:
        for policy in policies:
            for row in country["groups"][policy]:
                counted = sums.setdefault((row["kind"], row["group"]), {}).setdefault(policy, {})
                for name in ("contacts", "found", "needing", "reached"):
                    counted[name] = counted.get(name, 0) + row[name]
    return [
        {"kind": kind, "group": group, **{policy: _shares(of) for policy, of in counted.items()}}
        for (kind, group), counted in sums.items()
    ]


def _shares(counted: dict[str, float]) -> dict[str, float]:
    return {
        **counted,
        "found_per_100_contacts": 100 * counted["found"] / max(counted["contacts"], 1),
        "reached_share": counted["reached"] / max(counted["needing"], 1),
    }


def show(told: dict[str, Any]) -> None:
    seeds, policies = [country["seed"] for country in told["countries"]], told["policies"]
    print(f"\n{f'seeds {seeds}, means of one country':<54}" + "".join(f"{policy:>12}" for policy in policies))
    for row, label in ROWS.items():
        print(f"  {label:<52}" + "".join(f"{_figure(told['means'][p][row]):>12}" for p in policies))
    for r in told["ratios"]:
        by_seed = ", ".join(f"{value:.2f}" for value in r["by_seed"])
        interval = f"{r['value']:.2f} [{r['low']:.2f}, {r['high']:.2f}]"
        print(f"  {r['measure']}: {r['ours']} / {r['rule']} {interval}; by seed {by_seed}")
    for r in told["days_earlier"]:
        days = ", ".join(f"{value:.1f}" for value in r["by_seed"])
        print(f"  first contact, {r['ours']}: {r['mean']:.1f} days earlier than {r['rule']}; by seed {days}")
    for country in told["countries"]:
        for policy, ours in country["ours"].items():
            _show_explore(country["seed"], policy, ours)
    print(
        f"  {'of 100 contacts found; of those in need reached':<47}" + "".join(f"{policy:>15}" for policy in policies)
    )
    for group in told["groups"]:
        cells = "".join(
            f"{group[p]['found_per_100_contacts']:>8.1f}{group[p]['reached_share']:>7.1%}" for p in policies
        )
        print(f"  {group['kind']:<20} {group['group']:<26}{cells}")


def _show_explore(seed: int, policy: str, ours: dict[str, Any]) -> None:
    explore = ours["explore"]
    reach, below = explore["reach"], explore["share_with_need_below_cut"]
    verdict = "inside" if explore["is_inside"] else "OUTSIDE"
    print(
        f"  seed {seed}, {policy}: reach by explore {reach['value']:.3f} [{reach['low']:.3f}, {reach['high']:.3f}], "
        f"truth {explore['true_reach']:.3f}: {verdict}; need below the cut {below['value']:.3f} "
        f"[{below['low']:.3f}, {below['high']:.3f}], truth {below['truth']:.3f}; {explore['answered']} answers of "
        f"{explore['drawn']} drawn, effective {explore['effective']:.0f}"
    )
    print("    models: " + "; ".join(f"{m['night']} {m['rows']} rows, AUC {m['value']:.3f}" for m in ours["models"]))


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3f}" if abs(value) < 2 else f"{value:.1f}"
