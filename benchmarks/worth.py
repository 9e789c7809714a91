"""What the model is worth: need found at offices' real capacity, beside plain rules and logistic regression.

For each seed a made-up country: agency files, intake, training, and the features, scores and queue of its first night,
all as in production. Two judgements:

- all who wait: the truth, which no run reads, says of every household that waits for a place whether it is in need.
  Logistic regression learned from the same answers as the deployed model. The best plain rule is chosen per country
  with hindsight, among the count of signals, the incumbent's points, first come, and every sort by one signal.
- reviewed: what officers found in later rounds, among the households they were sent to. Those were chosen by points,
  so every order is judged on people the points had picked already.

Calibration is told three times. The model promises how often a visit finds need, and learns that from households
somebody chose to look at: "reviewed" is that promise. "Visits" is the same promise for all who wait, most of whom
nobody ever chose. "Truth" is another thing again: officers also find need where the made-up country has none, and
overlook some, so that gap can be small by accident only.

    python benchmarks/worth.py [--households 100000] [--seeds 1 2 3 4 5] [--save folder]
    python benchmarks/worth.py --load folder
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import t as student

# benchmarks/features.py, beside this script, would hide the room of that name.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

from alerts.queue import fill_queues
from alerts.tables import OPEN_ALERTS
from features import build, feature_list, prepare
from flows.desk import Desk, open_desk
from flows.draw import seeded
from flows.knowledge import known_on
from flows.made_up import fill_inbox
from flows.offices import read_offices
from flows.queue_settings import capacities, queue_settings
from flows.retrain import build_matrix, retrain
from flows.settings import Demo, load_settings
from models import calibration
from models.bundle import public_key_of, unpack
from models.columns import columns_of, matrix_of
from models.contenders import CONTENDERS
from models.evaluate import per_office, ratio_interval, roc_auc
from models.model import Model
from models.rules import GENERAL, order_of, single_rules
from models.score import score
from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from store import models
from store.tokens import tokens
from synthetic import CountrySettings, make_country, visit

CONFIG = Path(__file__).parent.parent / "config.yaml"
WAITING = ("queued_urgent", "queued_risk", "queued_explore", "below_cut")
BESIDE = ("points", "logistic", "count", "first_come")
DRAWS = 2_000
Figures = dict[str, Any]


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--households", type=int, default=100_000)
    told.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    told.add_argument(
        "--save", type=Path, help="keep each country's figures here: seeds may run in processes of their own"
    )
    told.add_argument("--load", type=Path, help="tell of the countries kept there, and run none")
    asked = told.parse_args()
    countries = load(asked.load) if asked.load else run(asked.households, asked.seeds, asked.save)
    for country in countries:
        show(country)
    overall = over_seeds(countries)
    show_overall(overall)
    told_of = [{name: c[name] for name in c if name not in ("found", "fitted")} for c in countries]
    print(json.dumps({"benchmark": "worth", **overall, "countries": told_of}))


def run(households: int, seeds: list[int], folder: Path | None) -> list[Figures]:
    countries = []
    for seed in seeds:
        countries.append(one_country(households, seed))
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{households}_{seed}.json").write_text(json.dumps(countries[-1]))
    return countries


def load(folder: Path) -> list[Figures]:
    return sorted((json.loads(file.read_text()) for file in folder.glob("*.json")), key=lambda c: int(c["seed"]))


def one_country(households: int, seed: int) -> Figures:
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "work"
        settings = load_settings(CONFIG, work)
        fill_inbox(settings, settings.demo.model_copy(update={"households": households, "seed": seed}))
        night = settings.demo.as_of
        trained = retrain.fn(night, str(CONFIG), str(work))
        with open_desk(CONFIG, work) as desk:
            judged, capacity = waiting_households(desk)
            matrix = build_matrix(desk, night)
            selected = selected_by_rule(desk)
    orders = judge_orders(judged, capacity, matrix, seed)
    gaps = gaps_of(judged, visits(households, seed, settings.demo, judged["household_no"]), seed)
    return {
        "households": households, "seed": seed, "learned_from": trained.rows, "is_deployed": trained.is_deployed,
        "reviewed": reviewed(trained.metrics), **orders, "calibration": gaps, **selected,
    }  # fmt: skip


def reviewed(metrics: Mapping[str, Any]) -> Figures:
    """On the households officers were sent to, in rounds the model had not seen."""
    orders = {"model": metrics["model"], **metrics["rules"], **metrics["contenders"]}
    gap = metrics["calibration"]
    return {
        "rows": metrics["rows"],
        "roc_auc": {code: judged["roc_auc"]["value"] for code, judged in orders.items()},
        "precision": {code: judged["precision_at_capacity"]["mean"] for code, judged in orders.items()},
        "over": metrics["precision_over"],
        "calibration": {
            "value": gap["expected_error"],
            **{n: gap[n] for n in ("kind", "rows", "low", "high", "by_chance")},
        },
    }


def waiting_households(desk: Desk) -> tuple[pl.DataFrame, dict[str, int]]:
    """Everybody who could have been given a place that night: office, label (the truth), probability, features."""
    night = desk.settings.demo.as_of
    known, offices = known_on(desk, night), read_offices(desk.settings.offices)
    built = build(prepare(known))
    scores = score(deployed(desk), built.features)
    listed = pl.col("office").is_in(offices["office"].implode())
    filled = fill_queues(
        scores,
        built.facts.with_columns(office=pl.when(listed).then("office")),
        built.evidence,
        OPEN_ALERTS.to_frame(),  # the first night: nothing is open yet
        known.contacts,
        queue_settings(desk.settings.queue, offices),
        night,
        seeded(desk.settings.model.seed, night),
    )
    truth = pl.read_parquet(desk.work / "truth" / "truth.parquet")
    now = truth.filter(pl.col("month") == truth["month"].max())
    keyed = now.select("need", "household_no", household_key=tokens(now["household_no"], "household", desk.keys))
    judged = (
        filled.considered.filter(pl.col("decision").cast(pl.String).is_in(WAITING))
        .select("household_key", "office", selected_on=pl.lit(night))
        .join(keyed, on="household_key")
        .with_columns(label=pl.col("need").cast(pl.Int8))
        .join(scores, on="household_key")
        .join(built.features, on="household_key")
        .sort("household_key")
    )
    return judged, dict(capacities(desk.settings.queue, offices))


def deployed(desk: Desk) -> Model:
    champion = models.champion(desk.engine)
    assert champion is not None, "the gate held the model back"
    files = models.load_files(desk.work / "models", champion)
    return unpack(files, public_key_of(desk.keys.sign), feature_list(SIGNALS))


def selected_by_rule(desk: Desk) -> dict[str, float]:
    """Of those the incumbent's rule selected in past rounds: what officers found."""
    contacts = known_on(desk, desk.settings.demo.as_of).contacts.drop_nulls("outcome")
    public = [code for code, outcome in OUTCOMES.items() if outcome.is_public_support]
    return {
        "public_support": contacts.filter(pl.col("outcome").is_in(public)).height / contacts.height,
        "unreached": contacts.filter(outcome="unreached").height / contacts.height,
    }


def logistic(matrix: pl.DataFrame, judged: pl.DataFrame, seed: int) -> np.ndarray:
    """Learned from every labelled row the deployed model learned from; a margin for each household that waits."""
    columns = columns_of(feature_list(SIGNALS))
    contender = next(c for c in CONTENDERS if c.code == "logistic")
    score = contender.fit(matrix_of(matrix, columns), matrix["label"].cast(pl.Int64).to_numpy(), seed, 1)
    return score(matrix_of(judged, columns))


def judge_orders(judged: pl.DataFrame, capacity: dict[str, int], matrix: pl.DataFrame, seed: int) -> Figures:
    features, rng = feature_list(SIGNALS), np.random.default_rng(seed)
    rules = [*GENERAL, *single_rules(columns_of(features), {f.name: f.label_ko for f in features})]
    chance = judged["probability"].to_numpy()
    orders = {"model": chance, "logistic": logistic(matrix, judged, seed)}
    orders |= {rule.code: order_of(rule, judged) for rule in rules}
    taken = {code: per_office(judged, order, capacity) for code, order in orders.items()}
    precision = {code: precision_of(t) for code, t in taken.items()}
    best = max((rule.code for rule in rules), key=lambda code: precision[code])
    label = judged["label"].to_numpy()
    kept = dict.fromkeys([*BESIDE, best])
    return {
        "waiting": judged.height,
        "base": float(label.mean()),
        "places": int(taken["model"]["taken"].sum()),
        "precision": {code: precision[code] for code in ("model", *kept)},
        "over": {code: ratio_interval(taken["model"], taken[code], rng)._asdict() for code in kept},
        "best_rule": best,
        "roc_auc": {code: roc_auc(label.astype(np.float64), orders[code]) for code in ("model", *kept)},
        "found": {code: taken[code]["mean"].to_list() for code in ("model", *kept)},
    }  # fmt: skip


def visits(households: int, seed: int, demo: Demo, numbers: pl.Series) -> pl.Series:
    """What officers would find, had they gone to each of them on the country's last day: 1 need, 0 none, null nothing
    that teaches. The country is made again: the night's files do not tell it."""
    made = make_country(CountrySettings(households=households, months=demo.months, end=demo.end, seed=seed))
    outcome = visit(made, numbers, demo.end, np.random.default_rng(seed))["outcome"]
    taught = {code: {"need": 1, "no_need": 0, "nothing": None}[told.teaches] for code, told in OUTCOMES.items()}
    return outcome.replace_strict(taught, return_dtype=pl.Int64)


def gaps_of(judged: pl.DataFrame, found: pl.Series, seed: int) -> Figures:
    """Calibration over all who wait: against what visits would find, and against the truth."""
    chance, rng = judged["probability"].to_numpy(), np.random.default_rng(seed)
    told = found.is_not_null().to_numpy()
    labels = {"visits": (chance[told], found.drop_nulls().to_numpy()), "truth": (chance, judged["label"].to_numpy())}
    gaps = {}
    for name, (mine, label) in labels.items():
        curve = calibration.curve(mine, label.astype(np.int64), rng)
        gaps[name] = {
            "told": float(mine.mean()), "found": float(label.mean()), "value": curve.expected_error, "low": curve.low,
            "high": curve.high, "by_chance": curve.by_chance, "bands": [band._asdict() for band in curve.bands],
        }  # fmt: skip
    return gaps


def precision_of(taken: pl.DataFrame) -> float:
    return float(taken["mean"].to_numpy().sum() / taken["taken"].to_numpy().sum())


def over_seeds(countries: list[Figures]) -> Figures:
    """Of all who wait: need found with the same places, offices of all countries drawn again. The rest: means of the
    countries with Student's interval."""
    seen = [c["reviewed"] for c in countries]
    return {
        "households": countries[0]["households"],
        "seeds": [c["seed"] for c in countries],
        "precision": {code: mean_of([c["precision"][code] for c in countries]) for code in ("model", *BESIDE)},
        "ratio": {code: pooled(countries, code) for code in ("points", "logistic", "best_rule")},
        "reviewed_precision": {code: mean_of([s["precision"][code] for s in seen]) for code in ("model", *BESIDE)},
        "reviewed_ratio": {code: mean_of([s["over"][code]["value"] for s in seen]) for code in BESIDE},
        "ece": {
            "reviewed, out of time": mean_of([s["calibration"]["value"] for s in seen]),
            "visits to all who wait": mean_of([c["calibration"]["visits"]["value"] for c in countries]),
            "truth of all who wait": mean_of([c["calibration"]["truth"]["value"] for c in countries]),
        },
    }


def mean_of(told: list[float]) -> Figures:
    """With Student's 95 % interval: nan for a single country."""
    middle, several = float(np.mean(told)), len(told) > 1
    half = float(student.ppf(0.975, len(told) - 1) * np.std(told, ddof=1) / np.sqrt(len(told))) if several else np.nan
    return {"value": middle, "low": middle - half, "high": middle + half, "by_seed": told}


def pooled(countries: list[Figures], beside: str) -> Figures:
    codes = [c["best_rule"] if beside == "best_rule" else beside for c in countries]
    ours = np.concatenate([c["found"]["model"] for c in countries])
    theirs = np.concatenate([c["found"][code] for c, code in zip(countries, codes, strict=True)])
    rows = np.random.default_rng(0).integers(0, len(ours), (DRAWS, len(ours)))
    low, high = np.quantile(ours[rows].sum(axis=1) / theirs[rows].sum(axis=1), [0.025, 0.975])
    return {
        "value": float(ours.sum() / theirs.sum()), "low": float(low), "high": float(high),
        "by_seed": [c["over"][code]["value"] for c, code in zip(countries, codes, strict=True)],
    }  # fmt: skip


def show(told: Figures) -> None:
    seen, gaps = told["reviewed"], told["calibration"]
    wait, places = f"{told['waiting']:,} wait, {told['base']:.3f} in need", f"{told['places']:,} places"
    print(
        f"\nseed {told['seed']}: {told['households']:,} households, {wait}, {places}, {told['learned_from']:,} answers"
    )
    print(f"{'':28}{'all who wait':>44}{'reviewed in later rounds':>44}")
    print(f"{'order':28}{'precision':>12}{'model over it':>24}{'ROC-AUC':>8}{'precision':>20}{'model over it':>24}")
    for code, precision in told["precision"].items():
        line = f"{code[:27]:28}{precision:12.3f}{_of(told['over'].get(code)):>24}{told['roc_auc'][code]:8.3f}"
        if code in seen["precision"]:
            line += f"{seen['precision'][code]:20.3f}{_of(seen['over'].get(code)):>24}"
        print(line)
    gap = seen["calibration"]
    print(f"ECE, reviewed, {gap['kind']}, {gap['rows']:,} rows: {_of(gap)}; chance shows up to {gap['by_chance']:.3f}")
    for name, gap in gaps.items():
        print(f"ECE, {name}, all who wait: {_of(gap)}; told {gap['told']:.3f}, found {gap['found']:.3f}")
    public, unreached = told["public_support"], told["unreached"]
    print(f"selected by the rule in past rounds: public support {public:.3f}, unreached {unreached:.3f}")


def show_overall(told: Figures) -> None:
    print(f"\nover {len(told['seeds'])} seeds of {told['households']:,} households, with 95 % intervals")
    parts = {"all who wait": told["ratio"], "reviewed": told["reviewed_ratio"]}
    for where, figures in parts.items():
        for code, figure in figures.items():
            print(f"  {where:14}precision over {code:24}{_of(figure):>24}   by seed {_each(figure, 2)}")
    for name, figure in told["ece"].items():
        print(f"  ECE, {name:54}{_of(figure):>24}   by seed {_each(figure, 3)}")


def _of(told: Figures | None) -> str:
    return "" if told is None else f"{told['value']:.3f} [{told['low']:.3f}, {told['high']:.3f}]"


def _each(told: Figures, digits: int) -> str:
    return " ".join(f"{value:.{digits}f}" for value in told["by_seed"])


if __name__ == "__main__":
    main()
