"""How often the interval that the explore lane tells holds the truth.

A made-up country, a model taught by its past rounds, and on a few nights two months apart the list of all who wait.
The night's draw is then repeated some hundred times, each time with other luck and nothing else. Whoever has a place
is visited, the chances of the draw undo the choosing (`models.reach`), and the made-up country says whether the truth
lies within the interval of 95 %: for one round alone, and for all rounds together, as a year would tell.

Three kinds of answer, from the kindest to the hardest:
    truth       everybody with a place is reached, and is in need or not as the country has it
    officers    officers answer as they do: some are not reached, and what teaches nothing is unknown. The truth asked
                for is what officers find in each band, spread over all who wait there
    unreached   as `officers`, but the truth asked for is need itself, of those reached or not. Who is hard to reach may
                be another kind of household, and no weighting by office and band knows it

    python benchmarks/explore_estimates.py [--households 100000] [--seeds 1 2 3] [--repeats 300] [--rounds 6]
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import polars as pl

# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]
if str(Path(__file__).resolve().parent.parent) not in sys.path:
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from alerts.queue import Filled, fill_queues
from alerts.settings import QueueSettings
from benchmarks.year_data import FIRST_NIGHT, ROUND_WEEKS, Data, begin_country, nights
from benchmarks.year_ours import NO_ALERTS, Ours
from models.reach import Reach, estimate_reach
from signals.outcomes import OUTCOMES
from synthetic import Living

Kind = Literal["truth", "officers", "unreached"]
KINDS: Final[tuple[Kind, ...]] = ("truth", "officers", "unreached")
FIGURES: Final = ("base_rate", "precision", "reach")
WAITING: Final = ("queued_risk", "queued_explore", "below_cut")
TAUGHT: Final = {
    code: {"need": 1, "no_need": 0, "nothing": None}[outcome.teaches] for code, outcome in OUTCOMES.items()
}


@dataclass(frozen=True)
class Round:
    """All who wait on a night, and everything the night's draw asks of them."""

    night: date
    waiting: pl.DataFrame  # household_key, stratum, need (the truth), answer (an officer's, null: nothing learned)
    scores: pl.DataFrame
    facts: pl.DataFrame
    evidence: pl.DataFrame
    contacts: pl.DataFrame
    settings: QueueSettings  # capacity: the places that are free for risk and the draw


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--households", type=int, default=100_000)
    told.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    told.add_argument("--repeats", type=int, default=300)
    told.add_argument("--rounds", type=int, default=len(ROUND_WEEKS))
    asked = told.parse_args()
    results = []
    for seed in asked.seeds:
        rounds = list(rounds_of(asked.households, seed, asked.rounds))
        results += [{"seed": seed, **line} for line in cover(rounds, seed, asked.repeats)]
        show([line for line in results if line["seed"] == seed])
    print(f"\nall {len(asked.seeds)} countries")
    show(over_countries(results))
    print(json.dumps({"benchmark": "explore_estimates", "households": asked.households, "repeats": asked.repeats,
                      "lines": results}))  # fmt: skip


def rounds_of(households: int, seed: int, count: int) -> Iterator[Round]:
    """Nobody of a draw is helped: each repeat meets the same country."""
    living = begin_country(households, seed)
    capacity = dict(living.offices.select("code", "capacity").iter_rows())
    settings = QueueSettings(capacity=0, capacity_by_office=capacity)
    ours = Ours(living, Data(living), settings)
    ours.take_in(FIRST_NIGHT)
    ours.learn_history()
    ours.learn(FIRST_NIGHT)
    for week in ROUND_WEEKS[:count]:
        night = nights()[week]
        living.live_until(night)
        if night != FIRST_NIGHT:
            ours.take_in(night)
        yield who_waits(ours, night)


def who_waits(ours: Ours, night: date) -> Round:
    """The night's queue once, to see who waits for a place by risk or draw and how many places there are for them."""
    assert ours.built is not None
    everybody = Round(
        night, ours.scores, ours.scores, ours.built.facts, ours.built.evidence, ours.data.contacts(night), ours.settings
    )
    first = draw(everybody, np.random.default_rng(0))
    mine = first.considered.filter(pl.col("decision").is_in(WAITING)).join(ours.scores, on="household_key")
    free = mine.group_by("office").agg(places=(pl.col("decision") != "below_cut").sum())
    chance = pl.col("probability")
    band = pl.when(chance >= ours.settings.very_high).then(pl.lit("very high")).when(chance >= ours.settings.high)
    waiting = mine.sort("household_key").select(
        "household_key",
        stratum=pl.format("{} {}", "office", band.then(pl.lit("high")).otherwise(pl.lit("rest"))),
        need=pl.lit(pl.Series(truth_of(ours.living, night))).gather("household_key").cast(pl.Int8),
        answer=pl.lit(answers_of(ours.living, night)).gather("household_key"),
    )
    keys = waiting.select("household_key")
    scores, facts, evidence, contacts = (
        frame.join(keys, on="household_key", how="semi")
        for frame in (everybody.scores, everybody.facts, everybody.evidence, everybody.contacts)
    )
    places = replace(ours.settings, capacity_by_office=dict(free.iter_rows()))
    return Round(night, waiting, scores, facts, evidence, contacts, places)


def truth_of(living: Living, night: date) -> np.ndarray:
    return np.asarray(living.world.record.need[living.month(night)]).astype(np.int8)


def answers_of(living: Living, night: date) -> pl.Series:
    outcome = pl.Series(living.answers(living.month(night))[0].tolist(), dtype=pl.String)
    return outcome.replace_strict(TAUGHT, return_dtype=pl.Int8)


def draw(told: Round, rng: np.random.Generator) -> Filled:
    """As any night would decide it with this luck."""
    return fill_queues(
        told.scores, told.facts, told.evidence, NO_ALERTS, told.contacts, told.settings, told.night, rng
    )  # fmt: skip


def cover(rounds: Sequence[Round], seed: int, repeats: int) -> list[dict[str, Any]]:
    """One line per kind of answer, for the first round alone and for all."""
    # Who is certain of a place is certain whatever the luck: the same in every repeat.
    is_certain = [certain(told, draw(told, np.random.default_rng(0))) for told in rounds]
    sure = pl.concat(is_certain)
    told: dict[tuple[Kind, int], list[Reach]] = {}
    spans = sorted({1, len(rounds)})
    for repeat in range(repeats):
        drawn = [placed(r, draw(r, np.random.default_rng([seed, repeat, r.night.toordinal()]))) for r in rounds]
        for span in spans:
            here, waiting = (
                pl.concat(drawn[:span]),
                sum(c.height - int(c["is_certain"].sum()) for c in is_certain[:span]),
            )
            for kind in KINDS:
                label = here["need"] if kind == "truth" else answered(here, kind)
                selected = here.with_columns(label=label)
                rng = np.random.default_rng([seed, repeat, span])
                told.setdefault((kind, span), []).append(estimate_reach(selected, waiting, rng))
    nights_told = [told_.night for told_ in rounds]
    lines = []
    for (kind, span), estimates in told.items():
        truth = truths(sure.filter(pl.col("night").is_in(nights_told[:span])), kind)
        lines.append({"answers": kind, "rounds": span, **counted(estimates, truth)})
    return lines


def certain(told: Round, filled: Filled) -> pl.DataFrame:
    sure = filled.alerts.filter(pl.col("inclusion") == 1.0)
    return told.waiting.with_columns(
        night=pl.lit(told.night), is_certain=pl.col("household_key").is_in(sure["household_key"].implode())
    )


def placed(told: Round, filled: Filled) -> pl.DataFrame:
    """A row per household with a place. By chance is whoever could have gone without, the household at the cut too."""
    here = filled.alerts.select("household_key", chance="inclusion")
    return told.waiting.join(here, on="household_key").with_columns(is_explore=pl.col("chance") < 1)


def answered(rows: pl.DataFrame, kind: Kind) -> pl.Series:
    """What is learned of each: the officer's answer, or need as it is of those who gave one."""
    told = "answer" if kind == "officers" else "need"
    return rows.select(pl.when(pl.col("answer").is_not_null()).then(told)).to_series().cast(pl.Int8)


def truths(everybody: pl.DataFrame, kind: Kind) -> dict[str, float]:
    """Of all who wait: `officers` would find in a band what they find in those of it who answer."""
    band = pl.col("stratum").str.split(" ").list.slice(1).list.join(" ")
    found = pl.col("answer").mean()
    by_band = pl.coalesce(found.over("is_certain", "night", band), found.over("is_certain"))
    told = everybody.with_columns(y=(by_band if kind == "officers" else pl.col("need")).cast(pl.Float64))
    inside, outside = (told.filter(pl.col("is_certain") == part)["y"].to_numpy() for part in (True, False))
    return {
        "base_rate": float(outside.mean()),
        "precision": float(inside.mean()),
        "reach": float(inside.sum() / (inside.sum() + outside.sum())),
    }


def counted(estimates: Sequence[Reach], truth: dict[str, float]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "drawn": float(np.mean([e.base_rate.drawn for e in estimates])),
        "answered": float(np.mean([e.base_rate.answered for e in estimates])),
        "effective": float(np.mean([e.base_rate.effective for e in estimates])),
        "repeats": len(estimates),
    }
    for name in FIGURES:
        mine = [getattr(e, name) for e in estimates]
        told[name] = {
            "truth": truth[name],
            "mean": float(np.mean([e.value for e in mine])),
            "spread": float(np.std([e.value for e in mine])),
            "width": float(np.mean([e.high - e.low for e in mine])),
            "inside": float(np.mean([e.low <= truth[name] <= e.high for e in mine])),
            "below": float(np.mean([truth[name] < e.low for e in mine])),
            "above": float(np.mean([truth[name] > e.high for e in mine])),
        }
    return told


def over_countries(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over the countries, of each kind of answer and number of rounds."""
    alike: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for line in lines:
        alike.setdefault((line["answers"], line["rounds"]), []).append(line)
    told = []
    for (kind, rounds), group in alike.items():
        means: dict[str, Any] = {
            name: float(np.mean([g[name] for g in group])) for name in ("drawn", "answered", "effective")
        }
        for name in FIGURES:
            means[name] = {key: float(np.mean([g[name][key] for g in group])) for key in group[0][name]}
        told.append({"seed": "all", "answers": kind, "rounds": rounds, **means})
    return told


def show(lines: Sequence[dict[str, Any]]) -> None:
    print(" seed answers    rounds  drawn  told  eff.  figure      truth   mean  width  inside")
    for line in lines:
        for name in FIGURES:
            told = line[name]
            counts = f"{line['rounds']:7}{line['drawn']:7.0f}{line['answered']:6.0f}{line['effective']:6.0f}"
            head = f"{line['seed']!s:>5} {line['answers']:10}{counts}"
            print(f"{head}  {name:10}{told['truth']:7.3f}{told['mean']:7.3f}{told['width']:7.3f}{told['inside']:8.3f}")


if __name__ == "__main__":
    main()
