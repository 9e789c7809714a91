"""All households scored, part by part: memory is set by the part, not by the country."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features import Known, Prepared, build, feature_list, prepare
from flows.desk import Desk
from flows.errors import OperatorError
from flows.progress import track
from models.bundle import public_key_of, unpack
from models.explain import explain
from models.model import Model
from models.score import refuse_constant, score
from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.layout import Agency, Register
from signals.registers import REGISTERS
from store import deliveries, ledger, models

NO_MODEL = (
    "run `blindspot retrain --as-of DAY`; if the gate held the model back, its report says why "
    "(a made-up country needs some 2,000 households)"
)


@dataclass(frozen=True, slots=True)
class Scored:
    prepared: Prepared
    scores: pl.DataFrame  # household_key, margin, probability
    facts: pl.DataFrame
    evidence: pl.DataFrame


def load_model(desk: Desk) -> tuple[str, Model]:
    """The deployed model, its signature and columns verified before LightGBM reads it."""
    champion = models.champion(desk.engine)
    if champion is None:
        raise OperatorError("no_model", "no model is deployed", NO_MODEL)
    files = models.load_files(desk.work / "models", champion)
    return champion.id, unpack(files, public_key_of(desk.keys.sign), feature_list(SIGNALS))


def check_sources(desk: Desk, as_of: date) -> None:
    """A required source that is missing or stale stops the night: its silence would look like relief."""
    told = deliveries.latest(desk.engine, as_of)
    sources: dict[str, Agency | Register] = {**AGENCIES, **REGISTERS}
    required = desk.settings.night.required_sources
    for code in sorted(c for c, s in sources.items() if (s.is_required if required is None else c in required)):
        source, last = sources[code], told.get(code)
        call = f"call {source.contact_ko} ({source.name_ko}); yesterday's queues stay"
        if last is None:
            raise OperatorError("stale", f"{code}: nothing was ever taken in", call)
        if (as_of - last[1]).days > desk.settings.night.stale_after_days:
            raise OperatorError("stale", f"{code}: the newest file came on {last[1]}, told of {last[0]:%Y-%m}", call)


def score_households(desk: Desk, known: Known, model: Model) -> Scored:
    prepared = prepare(known, SIGNALS)
    parts = -(-max(prepared.households.height, 1) // desk.settings.night.households_per_part)
    done: list[tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]] = []
    for part in track(range(parts), "Scoring households"):
        built = build(prepared, part=(part, parts))
        done.append((score(model, built.features), built.facts, built.evidence))
    scores, facts, evidence = (pl.concat(frames) for frames in zip(*done, strict=True))
    refuse_constant(scores)
    scores = scores.sort("household_key")
    desk.lake.write_scores(known.as_of, scores)
    return Scored(prepared, scores, facts.sort("household_key"), evidence.sort("household_key", "signal"))


def check_cohort(desk: Desk, households: int) -> None:
    """Half the country does not move overnight: a register file went wrong."""
    before = ledger.last_done_night(desk.engine)
    if before is None:
        return
    then, bound = int(before.counts["households"]), desk.settings.night.cohort_jump
    if abs(households - then) > bound * then:
        what = f"{households} households tonight, {then} on {before.as_of}: more than {bound:.0%} apart"
        raise OperatorError(
            "cohort", what, "look at the newest residents and addresses files; raise night.cohort_jump if it is real"
        )


def explain_alerts(scored: Scored, model: Model, alerts: pl.DataFrame) -> pl.DataFrame:
    """household_key, base, one column per group of features: only for households in a queue."""
    queued = alerts["household_key"].unique().sort()
    here = queued.filter(queued.is_in(scored.facts["household_key"].to_list()))
    return explain(model, build(scored.prepared, households=here).features)
