"""How much need the queue reaches, as the explore lane alone can tell, beside the truth.

Reach = F / (F + B). F: households in which an officer of the queue found need this year. B: households below the cut on
an average night in which an officer would have found it. F is known. B is the number below the cut, which is known,
times the share of them with need, which only the random draws tell: each answer weighs 1 / inclusion. Draws that nobody
could speak to are taken to be like the others of their lane; `unanswered` says how many they are.
"""

from typing import Any

import numpy as np
import polars as pl

from benchmarks.year_ours import Ours
from signals.outcomes import OUTCOMES
from synthetic import Living

Z = 1.959964
_IS_CONTACT = {code: outcome.is_contact for code, outcome in OUTCOMES.items()}
_IS_NEED = {code: outcome.teaches == "need" for code, outcome in OUTCOMES.items()}


def estimate(ours: Ours, worked: pl.DataFrame) -> dict[str, Any]:
    drawn = pl.concat(ours.opened).filter(lane="explore").select("inclusion", "opened_on", alert="alert_id")
    answers = worked.filter("is_contact").unique("alert", keep="last", maintain_order=True)
    told = drawn.join(answers.select("alert", "teaches"), on="alert", how="left")
    known = told.drop_nulls("teaches")
    weight = 1 / known["inclusion"].to_numpy()
    share, low, high, effective = _wilson((known["teaches"] == "need").to_numpy(), weight)

    found = worked.filter("is_contact", teaches="need")["household"].n_unique()
    truth = _truth(ours, ours.living)
    waiting = truth["waiting"]
    reach = {name: found / (found + waiting * p) for name, p in (("value", share), ("low", high), ("high", low))}
    true_reach = found / (found + waiting * truth["share"])
    return {
        "reach": reach,
        "true_reach": true_reach,
        "is_inside": reach["low"] <= true_reach <= reach["high"],
        "share_with_need_below_cut": {"value": share, "low": low, "high": high, "truth": truth["share"]},
        "truly_in_need_below_cut": truth["in_need"],
        "waiting_on_average": waiting,
        "drawn": told.height,
        "answered": known.height,
        "effective": effective,
        "unanswered": told.height - known.height,
    }


def _wilson(is_need: np.ndarray, weight: np.ndarray) -> tuple[float, float, float, float]:
    """Weighted share, its interval, and the number of equal draws that would tell as much (Kish)."""
    if not len(weight):
        return 0.0, 0.0, 1.0, 0.0
    n = float(weight.sum() ** 2 / (weight**2).sum())
    p = float((weight * is_need).sum() / weight.sum())
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return p, float(max(middle - half, 0.0)), float(min(middle + half, 1.0)), n


def _truth(ours: Ours, living: Living) -> dict[str, float]:
    """Of those below the cut, night by night: how many officers would have found in need, had they gone there."""
    explored = [
        frame.filter(lane="explore").select(night="opened_on", household_key="household_key") for frame in ours.opened
    ]
    pool = pl.concat([*ours.waiting, *explored])
    need = contact = in_need = 0
    for (night,), part in pool.partition_by("night", as_dict=True).items():
        month = living.month(night)
        households = part["household_key"].to_numpy()
        outcome = pl.Series(living.answers(month)[0][households].tolist(), dtype=pl.String)
        contact += int(outcome.replace_strict(_IS_CONTACT, return_dtype=pl.Boolean).sum())
        need += int(outcome.replace_strict(_IS_NEED, return_dtype=pl.Boolean).sum())
        in_need += int(living.world.record.need[month][households].sum())
    nights = max(pool["night"].n_unique(), 1)
    return {"share": need / max(contact, 1), "waiting": pool.height / nights, "in_need": in_need / max(pool.height, 1)}
