"""What the model is worth: need found at offices' real capacity, beside every plain rule, in made-up countries.

For each seed: agency files, intake, training, one night, all as in production. Then the truth, which no run reads, says
for every household that waits for a place whether a visit would find need. The best plain rule is chosen per country
with hindsight, among the count of signals, the incumbent's points, first come, and every rule that sorts by one signal.

    python benchmarks/worth.py [--households 20000] [--seeds 1 2 3 4 5]
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

from features import build, feature_list
from flows.desk import Desk, open_desk
from flows.knowledge import known_on
from flows.made_up import fill_inbox
from flows.nightly import nightly
from flows.offices import read_offices
from flows.publishing import fill_office_queues
from flows.queue_settings import capacities
from flows.retrain import retrain
from flows.run import Run
from flows.scoring import load_model, score_households
from flows.settings import load_settings
from models.columns import columns_of
from models.evaluate import per_office, ratio_interval, roc_auc
from models.rules import GENERAL, order_of, single_rules
from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from store import ledger
from store.tokens import tokens

CONFIG = Path(__file__).parent.parent / "config.yaml"
WAITING = ("queued_urgent", "queued_risk", "queued_explore", "below_cut")


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--households", type=int, default=20_000)
    told.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    asked = told.parse_args()
    countries = [one_country(asked.households, seed) for seed in asked.seeds]
    for country in countries:
        show(country)
    print(json.dumps({"benchmark": "worth", "households": asked.households, **over_seeds(countries)}))


def one_country(households: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "work"
        settings = load_settings(CONFIG, work)
        fill_inbox(settings, settings.demo.model_copy(update={"households": households, "seed": seed}))
        night = settings.demo.as_of
        trained = retrain.fn(night, str(CONFIG), str(work))
        nightly.fn(night, str(CONFIG), str(work))
        with open_desk(CONFIG, work) as desk:
            judged, capacity = waiting_households(desk)
            selected = selected_by_rule(desk)
    orders = judge_orders(judged, capacity, np.random.default_rng(seed))
    return {"seed": seed, "reviewed": trained.metrics["model"]["roc_auc"], **orders, **selected}


def waiting_households(desk: Desk) -> tuple[pl.DataFrame, dict[str, int]]:
    """Everybody who could have been given a place that night: office, label (the truth), probability, features."""
    night = desk.settings.demo.as_of
    done = ledger.find_done(desk.engine, "nightly", night)
    assert done is not None
    _, model = load_model(desk)
    known = known_on(desk, night)
    scored = score_households(desk, known, model)
    offices = read_offices(desk.settings.offices)
    filled = fill_office_queues(desk, Run(desk, "nightly", night, id=done.id), scored, known, offices)
    truth = pl.read_parquet(desk.work / "truth" / "truth.parquet")
    now = truth.filter(pl.col("month") == truth["month"].max())
    keyed = now.select("need", household_key=tokens(now["household_no"], "household", desk.keys))
    judged = (
        filled.considered.filter(pl.col("decision").cast(pl.String).is_in(WAITING))
        .select("household_key", "office", selected_on=pl.lit(night))
        .join(keyed, on="household_key")
        .with_columns(label=pl.col("need").cast(pl.Int8))
        .join(scored.scores, on="household_key")
        .join(build(scored.prepared).features, on="household_key")
        .sort("household_key")
    )
    return judged, dict(capacities(desk.settings.queue, offices))


def selected_by_rule(desk: Desk) -> dict[str, float]:
    """Of those the incumbent's rule selected in past rounds: what officers found."""
    contacts = known_on(desk, desk.settings.demo.as_of).contacts.drop_nulls("outcome")
    public = [code for code, outcome in OUTCOMES.items() if outcome.is_public_support]
    return {
        "public_support": contacts.filter(pl.col("outcome").is_in(public)).height / contacts.height,
        "unreached": contacts.filter(outcome="unreached").height / contacts.height,
    }


def judge_orders(judged: pl.DataFrame, capacity: dict[str, int], rng: np.random.Generator) -> dict[str, Any]:
    features = feature_list(SIGNALS)
    rules = [*GENERAL, *single_rules(columns_of(features), {f.name: f.label_ko for f in features})]
    model = per_office(judged, judged["probability"].to_numpy(), capacity)
    taken = {rule.code: per_office(judged, order_of(rule, judged), capacity) for rule in rules}
    precision = {code: precision_of(t) for code, t in taken.items()}
    best = max(precision, key=lambda code: precision[code])
    label = judged["label"].to_numpy().astype(np.float64)
    return {
        "waiting": judged.height,
        "base": float(label.mean()),
        "places": int(model["taken"].sum()),
        "precision": precision_of(model),
        "auc_of_all_waiting": roc_auc(label, judged["probability"].to_numpy()),
        "rules": {code: precision[code] for code in ("count", "points", "first_come", best)},
        "best_rule": best,
        "ratio": ratio_interval(model, taken[best], rng)._asdict(),
        "found": model["mean"].to_list(),
        "found_by_best": taken[best]["mean"].to_list(),
    }


def precision_of(taken: pl.DataFrame) -> float:
    return float(taken["mean"].to_numpy().sum() / taken["taken"].to_numpy().sum())


def show(told: dict[str, Any]) -> None:
    auc, ratio = told["reviewed"], told["ratio"]
    print(
        f"seed {told['seed']}: {told['waiting']} households wait, {told['base']:.3f} with need, {told['places']} places"
    )
    print(f"  reviewed households, later rounds: ROC-AUC {auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]")
    print(f"  selected by the rule: public support {told['public_support']:.3f}, unreached {told['unreached']:.3f}")
    print(
        f"  precision at capacity: model {told['precision']:.3f}; "
        + ", ".join(f"{code} {value:.3f}" for code, value in told["rules"].items())
    )
    print(f"  model / best rule ({told['best_rule']}): {ratio['value']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]")


def over_seeds(countries: list[dict[str, Any]]) -> dict[str, Any]:
    """Offices of all countries drawn again 2,000 times: the ratio of need found with the same places."""
    ours = np.concatenate([c["found"] for c in countries])
    theirs = np.concatenate([c["found_by_best"] for c in countries])
    rows = np.random.default_rng(0).integers(0, len(ours), (2000, len(ours)))
    low, high = np.quantile(ours[rows].sum(axis=1) / theirs[rows].sum(axis=1), [0.025, 0.975])
    kept = ("seed", "precision", "rules", "best_rule", "base", "places", "ratio", "reviewed", "auc_of_all_waiting",
            "public_support", "unreached")  # fmt: skip
    return {
        "ratio": round(float(ours.sum() / theirs.sum()), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
        "countries": [{name: country[name] for name in kept} for country in countries],
    }


if __name__ == "__main__":
    main()
