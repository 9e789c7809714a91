"""A year of work, several ways to choose whom to visit: our queue, the incumbent's list, first come first served.

In a made-up country that has lived two years under the incumbent, the same officers with the same hours work for a
year: weekly nights, six rounds of data, answers that come back, a new model every quarter. Support that is granted
eases hardship. The country is lived anew for each policy with the same shocks, and who knocks at a door in a month gets
the same answer whoever sent him.

    blindspot   our queue and nothing else
    with_own    our queue for three quarters of the cases, for one quarter whom offices choose themselves, as today
    incumbent   the list by points for three quarters, whom offices choose themselves for one quarter (DOMAIN 2); in the
                made-up country those choices know part of the hidden truth, which no list does
    urgent_first  the same, but cut-offs and reports first, as our queue has them
    points      the incumbent's rule: the list by points and nothing else
    first_come  the oldest unanswered sign first

    python benchmarks/year.py [--households 100000] [--seeds 1 2 3 4 5] [--out docs/year.json]
"""

import argparse
import copy
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]
if str(Path(__file__).resolve().parent.parent) not in sys.path:
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks.year_data import FIRST_NIGHT, ROUND_WEEKS, TRAINING_WEEKS, WEEKS, Data, begin_country, nights
from benchmarks.year_explore import estimate
from benchmarks.year_measures import Year, by_group, by_office, summary
from benchmarks.year_officers import REAL_HOURS, WORKED, Hours
from benchmarks.year_ours import Ours, queue_settings
from benchmarks.year_report import OURS, POLICIES, over_seeds, show
from benchmarks.year_rules import FirstCome, Incumbent
from synthetic import Living

OWN_CHOICE = 0.25  # DOMAIN 2: of a round, chosen by the offices themselves


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--households", type=int, default=100_000)
    told.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    told.add_argument("--weeks", type=int, default=WEEKS)
    told.add_argument("--hours", type=float, default=REAL_HOURS, help="share of the made-up officers' hours")
    told.add_argument("--policies", nargs="+", default=list(POLICIES), choices=POLICIES)
    told.add_argument("--no-retraining", action="store_true", help="keep the first model all year")
    told.add_argument("--out", type=Path, help="a JSON file to write the result to")
    asked = told.parse_args()
    countries = []
    for seed in asked.seeds:
        made = one_country(asked.households, seed, asked.weeks, asked.hours, asked.policies, not asked.no_retraining)
        countries.append(made)
        show(over_seeds(countries))
        result = {"benchmark": "year", "households": asked.households, "hours": asked.hours, **over_seeds(countries)}
        if asked.out:  # after every country: a run that is killed has still told something
            asked.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False))


def one_country(
    households: int,
    seed: int,
    weeks: int = WEEKS,
    share: float = REAL_HOURS,
    policies: Sequence[str] = POLICIES,
    retrains: bool = True,
) -> dict[str, Any]:
    """`share`: of the made-up officers' hours."""
    begun = time.perf_counter()
    country = begin_country(households, seed)
    first = first_night(country, share) if set(policies) & set(OURS) else None
    # Each year is summed up and let go before the next is lived: a country of 100,000 takes about a gigabyte.
    told: dict[str, Any] = {}
    sums: dict[str, dict[str, Any]] = {"policies": {}, "offices": {}, "groups": {}}
    for policy in policies:
        living = copy.deepcopy(country)
        hours = Hours(living.offices["officers"].to_numpy(), share)
        if policy in OURS:
            assert first is not None
            year, ours = our_year(living, first, policy, weeks, hours, retrains=retrains)
            told[policy] = {"explore": estimate(ours, year.worked), "models": ours.models}
        else:
            year = rule_year(living, policy, weeks, hours)
        sums["policies"][policy] = summary(year)
        sums["offices"][policy] = by_office(year).to_dict(as_series=False)
        sums["groups"][policy] = by_group(year).to_dicts()
        seconds = time.perf_counter() - begun
        print(f"seed {seed}, {policy}: {year.found().height} found, {seconds:.0f} s", file=sys.stderr, flush=True)
    return {
        "seed": seed,
        **sums,
        "seconds": time.perf_counter() - begun,
        "ours": told,
    }


def first_night(country: Living, share: float) -> Ours:
    """Data and model of the night on which the year begins."""
    hours = Hours(country.offices["officers"].to_numpy(), share)
    ours = Ours(country, Data(country), queue_settings(country, hours))
    ours.take_in(FIRST_NIGHT)
    ours.learn_history()
    ours.learn(FIRST_NIGHT)
    return ours


def our_year(
    living: Living, first: Ours, policy: str, weeks: int, hours: Hours, *, retrains: bool = True
) -> tuple[Year, Ours]:
    own_choice = OWN_CHOICE if policy == "with_own" else 0.0
    ours = Ours(living, Data(living), queue_settings(living, hours), retrains=retrains, own_choice=own_choice)
    ours.begin_like(first)
    worked = [WORKED.to_frame()]
    for week, night in enumerate(nights(weeks)):
        living.live_until(night)
        if week in ROUND_WEEKS and week > 0:
            ours.take_in(night)
        if week in ROUND_WEEKS:
            ours.choose_own(night)
        if week in TRAINING_WEEKS and week > 0:
            ours.learn(night)
        hours.begin_week()
        worked.append(hours.work(living, ours.cases(night), night))
        ours.note(worked[-1])
    everybody = pl.concat(worked)
    listed = pl.concat([pl.concat(ours.opened)["household_key"], everybody["household"]])
    return Year(
        policy, living.world.settings.seed, living, everybody, np.isin(np.arange(living.households), listed), hours
    ), ours


def rule_year(living: Living, policy: str, weeks: int, hours: Hours) -> Year:
    chooser: Incumbent | FirstCome
    match policy:
        case "incumbent":
            chooser = Incumbent(living, own_choice=OWN_CHOICE)
        case "urgent_first":
            chooser = Incumbent(living, policy, OWN_CHOICE, Data(living))
        case "points":
            chooser = Incumbent(living, own_choice=0.0)
        case "first_come":
            chooser = FirstCome(living, Data(living))
        case _:
            raise ValueError(f"no such policy: {policy}")
    worked = [WORKED.to_frame()]
    listed = np.zeros(living.households, dtype=bool)
    for week, night in enumerate(nights(weeks)):
        living.live_until(night)
        if week in ROUND_WEEKS:
            cases = chooser.name_cases(night)
            listed[_official(living, cases, hours.share)] = True
        hours.begin_week()
        worked.append(hours.work(living, cases, night))
        cases = cases.join(worked[-1], on="household", how="anti")
        chooser.note(worked[-1])
    everybody = pl.concat(worked)
    listed[everybody["household"].to_numpy()] = True
    return Year(policy, living.world.settings.seed, living, everybody, listed, hours)


def _official(living: Living, cases: pl.DataFrame, share: float) -> Sequence[int]:
    """The round as it would be sent out: so many of each office, by capacity. The rest is there to use up hours."""
    settings, capacity = living.world.settings, living.offices["capacity"].to_numpy()
    quota = np.rint(share * settings.round_share * living.households * capacity / capacity.sum())
    return cases.filter(pl.col("order") <= pl.lit(pl.Series(quota)).gather(pl.col("office")))["household"].to_list()


if __name__ == "__main__":
    main()
