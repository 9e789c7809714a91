"""All households scored and sifted, range by range: memory is set by the range, not by the country."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial

import numpy as np
import polars as pl

from alerts.considered import TALLY
from alerts.draw import draw_salt
from alerts.queue import Sifted, narrow, rivals_of
from alerts.settings import QueueSettings
from alerts.sift import sift
from features import build, feature_list
from features.prepared import contacts_of
from flows.desk import Desk
from flows.draw import seeded
from flows.errors import OperatorError
from flows.freshness import required_on
from flows.ranges import Arranged
from flows.run import Run
from flows.workers import Workers
from models.bundle import public_key_of, unpack
from models.model import Model
from models.score import refuse_one_score, score
from signals.catalogue import SIGNALS
from signals.tables import CONTACTS
from store import alerts, ledger, models

NO_MODEL = (
    "run `blindspot retrain --as-of DAY`; if the gate held the model back, its report says why "
    "(a made-up country needs some 2,000 households)"
)


RANGES_HELD = 8  # whose candidates are kept until they are narrowed together


@dataclass(frozen=True, slots=True)
class Deployed:
    """The model as files: what a worker loads, its signature verified each time."""

    id: str
    files: tuple[tuple[str, bytes], ...]
    public_key: bytes

    def load(self) -> Model:
        return _loaded(self, tuple(SIGNALS))


@cache
def _loaded(deployed: Deployed, _: tuple[str, ...]) -> Model:
    """Once in each worker."""
    return unpack(dict(deployed.files), deployed.public_key, feature_list(SIGNALS))


@dataclass(frozen=True, slots=True)
class Offices:
    """Those a queue is made for, and how."""

    listed: pl.Series
    settings: QueueSettings

    def assign(self, facts: pl.DataFrame) -> pl.DataFrame:
        """Offices nobody listed have no queue."""
        is_listed = pl.col("office").is_in(self.listed.implode())
        return facts.with_columns(office=pl.when(is_listed).then("office"))


@dataclass(frozen=True, slots=True)
class Scored:
    households: int
    sifted: Sifted
    counts: Mapping[str, int]  # what could not be used, and why


@dataclass(frozen=True, slots=True)
class _Range:
    households: int
    lowest: float
    highest: float
    sifted: Sifted
    counts: Mapping[str, int]


def load_model(desk: Desk) -> Deployed:
    """The deployed model, its signature and columns verified before LightGBM reads it."""
    champion = models.champion(desk.engine)
    if champion is None:
        raise OperatorError("no_model", "no model is deployed", NO_MODEL)
    files = models.load_files(desk.work / "models", champion)
    deployed = Deployed(champion.id, tuple(sorted(files.items())), public_key_of(desk.keys.sign))
    deployed.load()
    return deployed


def check_sources(desk: Desk, as_of: date) -> None:
    """A required source that is missing or stale stops the night: its silence would look like relief."""
    for silence in required_on(desk, as_of):
        if silence.stops:
            raise OperatorError("stale", silence.told, f"{silence.call}; yesterday's queues stay")


def score_households(
    desk: Desk, run: Run, arranged: Arranged, deployed: Deployed, offices: Offices, workers: Workers
) -> Scored:
    day, shuffle = arranged.day, arranged.day.shuffle
    opened = alerts.open_alerts(desk.engine, day.as_of, besides=run.id)
    shuffle.scatter("opened", arranged.updates, opened, "household_key", day.parts)
    shuffle.keep("bands", arranged.updates, alerts.bands(desk.engine, day.as_of, besides=run.id))
    shuffle.keep("stopped", arranged.updates, run.stopped.to_frame("household_key"))
    salt = draw_salt(seeded(desk.settings.model.seed, day.as_of))
    work = partial(score_range, arranged, deployed, offices, salt)
    done, sifted = [], list[Sifted]()
    for scored in workers.map(work, day.parts, "Scoring households"):
        done.append((scored.households, scored.lowest, scored.highest, scored.counts))
        sifted.append(scored.sifted)
        if len(sifted) == RANGES_HELD:
            sifted = [narrow(sifted, offices.settings)]
            # Ranges yet to come hand in only who stands before these: the same are chosen, fewer are carried about.
            shuffle.keep(kept_as("rivals", arranged.updates), 0, rivals_of(sifted[0]))
    households, lowest, highest, counts = zip(*done, strict=True)
    refuse_one_score(sum(households), min(lowest), max(highest))
    kept = kept_as("scores", arranged.updates)
    desk.lake.write_scores(day.as_of, lambda: (shuffle.kept(kept, part) for part in day.sources))
    counted = Counter(arranged.counts)
    for more in counts:
        counted.update(more)
    return Scored(sum(households), narrow(sifted, offices.settings), dict(counted))


def score_range(arranged: Arranged, deployed: Deployed, offices: Offices, salt: int, part: int) -> _Range:
    """Of a day that was worked before, only households of which something is new; the rest stands as it was kept."""
    shuffle, update = arranged.day.shuffle, arranged.updates
    contacts = arranged.day.rows("contacts", part, CONTACTS)
    opened, bands = shuffle.gather("opened", part, [update]), shuffle.kept("bands", update)
    stopped = shuffle.kept("stopped", update)["household_key"]
    shuffle.keep(kept_as("contacts", update), part, contacts)
    _, counts = contacts_of(shuffle.kept("households", part), contacts, arranged.day.as_of)
    mine, news = pl.lit(True), None
    if update:
        news = changed(arranged, contacts, part)
        shuffle.keep(kept_as("changed", update), part, news.to_frame())
        mine = pl.col("household_key").is_in(news.implode())
        contacts, opened = contacts.filter(mine), opened.filter(mine)
    prepared = arranged.prepared(part, contacts, news)
    model = deployed.load()
    built = build(prepared, wanted={model.columns[place].name for place in model.trees.asked})
    scores = score(model, built.features)
    decided = sift(
        scores, offices.assign(built.facts), built.evidence, opened, contacts, offices.settings, arranged.day.as_of,
        salt, bands_then=bands, stopped=stopped,
    )  # fmt: skip
    if update:
        scores, decided = (
            pl.concat([shuffle.kept(kept_as(name, update - 1), part).filter(~mine), new])
            for name, new in (("scores", scores), ("decided", decided))
        )
    shuffle.keep(kept_as("scores", update), part, scores.sort("household_key"))
    shuffle.keep(kept_as("decided", update), part, decided)
    margin = np.r_[scores["margin"].to_numpy(), [] if scores.height else [np.inf, -np.inf]]
    rivals = shuffle.kept(kept_as("rivals", update), 0) if shuffle.has(kept_as("rivals", update), 0) else None
    sifted = narrow([Sifted(decided, pl.DataFrame(schema=TALLY))], offices.settings, rivals)
    return _Range(scores.height, float(margin.min()), float(margin.max()), sifted, counts)


def kept_as(name: str, update: int) -> str:
    """Every update writes files of its own: work that is begun again still finds what it began with."""
    return f"{name}-{update}"


def changed(arranged: Arranged, contacts: pl.DataFrame, part: int) -> pl.Series:
    """Households of a range whose score or standing can differ from the update before."""
    shuffle, now = arranged.day.shuffle, arranged.updates
    came = [shuffle.gather(name, part, [arranged.sources[-1]]) for name in ("observations", "notices")]
    opened = differing(*(shuffle.gather("opened", part, [update]) for update in (now - 1, now)))
    stopped = differing(*(shuffle.kept("stopped", update) for update in (now - 1, now)))
    bands = differing(*(shuffle.kept("bands", update) for update in (now - 1, now)))
    talks = differing(shuffle.kept(kept_as("contacts", now - 1), part), contacts)
    of_bands = contacts.join(bands, left_on="alert", right_on="alert_id", how="semi")
    told = [*came, opened, stopped, talks, of_bands]
    return pl.concat([frame["household_key"] for frame in told]).unique().sort()


def differing(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Rows that only one of two has."""
    by = before.columns
    gone = before.join(after, on=by, how="anti", nulls_equal=True)
    return pl.concat([gone, after.join(before, on=by, how="anti", nulls_equal=True)])


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
