"""The gate at work: gathers the evidence, writes the decision beside the models, promotes, overrules, rolls back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from features import build, feature_list, prepare
from flows.audit import with_audit
from flows.desk import Desk, now
from flows.errors import OperatorError
from flows.knowledge import known_on
from flows.offices import read_offices
from flows.outlook import Outlook
from flows.queue_settings import capacity_on
from models import gate
from models.bundle import public_key_of, unpack
from models.evidence import Bundle, Case
from models.gate_texts import Said, say
from models.learner import settings_of
from models.measure import gather
from models.train import Trained
from signals.catalogue import SIGNALS
from store import models
from store.faults import StoreError
from store.files import make_folder, write_whole
from store.tables import StoredModel

Kind = Literal["gate", "approval", "rollback"]

# Of one round, to see whether its columns were known on its day.
LATE_SAMPLE: Final = 500
# float32 in, float32 out: the same code on the same rows gives the same bits.
_ID: Final = ("household_key", "selected_on", "received_on", "office", "label")


def judge_challenger(
    desk: Desk, as_of: date, stored: StoredModel, matrix: pl.DataFrame, trained: Trained, outlook: Outlook,
    audit: pl.DataFrame | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The decision and all its evidence, as it will be written down. Nothing is promoted yet. The same model as the
    champion is not judged again: what was written then still holds."""
    champion = models.champion(desk.engine)
    before = latest(desk, stored.id)
    if champion is not None and champion.id == stored.id and before is not None and audit is None:
        return before
    key = public_key_of(desk.keys.sign)
    theirs, missing = _champion_files(desk, champion)
    case = _case(desk, as_of, matrix, trained, outlook.sample)
    case = replace(case, no_champion=missing, rows=with_audit(matrix, audit))
    rng = np.random.default_rng([desk.settings.model.seed, as_of.toordinal()])
    challenger = Bundle(models.load_files(desk.work / "models", stored), key)
    evidence = gather(challenger, None if theirs is None else Bundle(theirs, key), case, rng)
    decision = gate.decide(evidence)
    return {
        "as_of": as_of.isoformat(),
        "champion": champion.id if champion else None,
        "decision": decision.as_dict(),
        "evidence": evidence.as_dict(),
    }


def settle(desk: Desk, stored: StoredModel, told: dict[str, Any]) -> tuple[bool, str]:
    """Last of all, when reports and cards stand: the decision is written down, then acted on. Whether the model is the
    champion now, and why."""
    champion = models.champion(desk.engine)
    if champion is not None and champion.id == stored.id:
        return True, "the same model as the deployed one"
    decision = told["decision"]
    record(desk, "gate", stored.id, told, by="gate", promotes=decision["promotes"])
    if decision["promotes"]:
        models.promote(desk.engine, stored.id, now())
    return decision["promotes"], _why(decision, stored.id)


def approve(desk: Desk, model: str, by: str, because: str) -> StoredModel:
    """A named person deploys what the gate held back, where that is a matter of judgement. Recorded before it acts."""
    _refuse_nameless(by, because)
    found, told = models.find(desk.engine, model), latest(desk, model)
    if found is None or told is None:
        raise OperatorError("model", f"no decision about a model {model}", "see `blindspot status` for the models")
    failed = [v["gate"] for v in told["decision"]["verdicts"] if not v["passed"]]
    if not told["decision"]["may_be_overruled"]:
        firm = [v["gate"] for v in told["decision"]["verdicts"] if not v["passed"] and not v["may_be_overruled"]]
        raise OperatorError("model", f"{model} failed {', '.join(firm)}: nobody may overrule that", "train another")
    _open(desk, found)
    record(desk, "approval", model, {"overruled": failed, "because": because}, by=by, promotes=True)
    models.promote(desk.engine, model, now())
    return found


def roll_back(desk: Desk, by: str, because: str) -> tuple[StoredModel, StoredModel]:
    """The champion before this one is champion again; the one that is withdrawn never comes back by itself."""
    _refuse_nameless(by, because)
    current, before = models.champion(desk.engine), models.previous(desk.engine)
    if current is None or before is None:
        raise OperatorError("model", "no earlier champion to go back to", "train with `blindspot retrain`")
    _open(desk, before)
    record(desk, "rollback", before.id, {"withdrawn": current.id, "because": because}, by=by, promotes=True)
    models.roll_back(desk.engine, current.id, before.id, now())
    return current, before


def record(desk: Desk, kind: Kind, model: str, told: dict[str, Any], *, by: str, promotes: bool) -> Path:
    """Numbered, appended, never changed. The same decision twice in a row is written once."""
    entry = {"kind": kind, "model": model, "by": by, "promotes": promotes, **told}
    before = _all(desk)
    if before and {k: v for k, v in before[-1].items() if k != "at"} == json.loads(json.dumps(entry)):
        return _file(desk, len(before), model)
    file = _file(desk, len(before) + 1, model)
    text = json.dumps({"at": now().isoformat(), **entry}, ensure_ascii=False, indent=1, allow_nan=False)
    write_whole(file, (text + "\n").encode())
    return file


def latest(desk: Desk, model: str) -> dict[str, Any] | None:
    """What the gate said of a model when it last looked."""
    told = [entry for entry in _all(desk) if entry["kind"] == "gate" and entry["model"] == model]
    return told[-1] if told else None


def _all(desk: Desk) -> list[dict[str, Any]]:
    return [json.loads(file.read_bytes()) for file in sorted(make_folder(_folder(desk)).glob("[0-9]*.json"))]


def _folder(desk: Desk) -> Path:
    return desk.work / "models" / "decisions"


def _file(desk: Desk, number: int, model: str) -> Path:
    return _folder(desk) / f"{number:05d}-{model}.json"


def _champion_files(desk: Desk, champion: StoredModel | None) -> tuple[dict[str, bytes] | None, Said]:
    """A champion whose files are gone must not keep every later model out: said, not compared."""
    if champion is None:
        return None, say("no_champion")
    try:
        return models.load_files(desk.work / "models", champion), say("no_champion")
    except StoreError as broken:
        return None, say("champion_lost", what=broken.what)


def _case(desk: Desk, as_of: date, matrix: pl.DataFrame, trained: Trained, today: pl.DataFrame) -> Case:
    then = _then(desk, matrix["selected_on"].sort()[-1], today["household_key"])
    return Case(
        as_of=as_of, rows=matrix, judged=trained.judged, features=feature_list(SIGNALS),
        capacity=capacity_on(desk, read_offices(desk.settings.offices), as_of),
        recipe=(settings_of(trained.facts["parameters"]), trained.facts["seed"]),
        late=late_columns(desk, matrix), then=then, now=today,
    )  # fmt: skip


def late_columns(desk: Desk, matrix: pl.DataFrame) -> tuple[str, ...]:
    """Columns of the newest round that are not what its day's knowledge gives, however the matrix was made."""
    newest = matrix.filter(pl.col("selected_on") == matrix["selected_on"].max())
    told = newest.sort("household_key").gather_every(max(1, newest.height // LATE_SAMPLE))
    built = build(prepare(known_on(desk, told["selected_on"][0])), households=told["household_key"]).features
    again = told.select("household_key").join(built, on="household_key", how="left")
    names = [name for name in told.columns if name not in _ID]
    return tuple(n for n in names if n not in again.columns or not _same(told[n], again[n]))


def _same(a: pl.Series, b: pl.Series) -> bool:
    """Unknown is unknown, as null or as NaN."""
    one, other = (s.cast(pl.Float32).fill_nan(None) for s in (a, b))
    return one.equals(other, check_names=False, null_equal=True)


def _then(desk: Desk, then: date, chosen: pl.Series) -> pl.DataFrame:
    """The same households' features on the newest round's day."""
    return build(prepare(known_on(desk, then)), households=chosen).features


def _open(desk: Desk, stored: StoredModel) -> None:
    """Never deploy what the night would refuse: signature, digest and today's columns must hold."""
    unpack(models.load_files(desk.work / "models", stored), public_key_of(desk.keys.sign), feature_list(SIGNALS))


def _refuse_nameless(by: str, because: str) -> None:
    if not by.strip() or not because.strip():
        raise OperatorError("model", "a decision needs a name and a reason", "give both; they are recorded")


def _why(decision: Mapping[str, Any], model: str) -> str:
    if decision["promotes"] or not decision["may_be_overruled"]:
        return str(decision["why"])
    return f"{decision['why']}. A person may overrule this: `blindspot promote {model} --approve NAME --because WHY`"
