"""All households scored and sifted, range by range: memory is set by the range, not by the country."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial

import numpy as np
import polars as pl

from alerts.draw import draw_salt
from alerts.queue import COUNTED, Sifted, bars_of, narrow, sift_anew, standing, tally_sifted
from alerts.settings import QueueSettings
from alerts.sift import sift
from features import Prepared, build, feature_list
from features.prepared import contacts_of
from features.ranges import cuts, within
from flows.desk import Desk
from flows.draw import seeded
from flows.errors import OperatorError
from flows.freshness import required_on
from flows.ranges import Arranged, Day, among
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
class _How:
    """All that a worker is told."""

    arranged: Arranged
    deployed: Deployed
    offices: Offices
    salt: int


@dataclass(frozen=True, slots=True)
class _Worked:
    sifted: Sifted
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Done:
    sifted: Sifted
    counts: Mapping[str, int]
    scores: Callable[[], Iterable[pl.DataFrame]]


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
    """A required source that is missing or stale stops the night: its silence would look like relief.
    All are told at once: whoever calls one in the night calls them all."""
    silent = [silence for silence in required_on(desk, as_of) if silence.stops]
    if silent:
        whom = "; ".join(dict.fromkeys(silence.call for silence in silent))
        raise OperatorError("stale", "; ".join(silence.told for silence in silent), f"{whom}; yesterday's queues stay")


def score_households(
    desk: Desk, run: Run, arranged: Arranged, deployed: Deployed, offices: Offices, workers: Workers
) -> Scored:
    day, here = arranged.day, arranged.here
    opened = alerts.open_alerts(desk.engine, day.as_of, besides=run.id)
    here.scatter("opened", 0, opened, "household_key", day.parts)
    here.keep("bands", 0, alerts.bands(desk.engine, day.as_of, besides=run.id))
    here.keep("stopped", 0, run.stopped.to_frame("household_key"))
    how = _How(arranged, deployed, offices, draw_salt(seeded(desk.settings.model.seed, day.as_of)))
    done = _score_all(how, workers) if arranged.since is None else _score_news(how, workers)
    heights, lowest, highest = zip(*map(_extent, done.scores()), strict=True)
    refuse_one_score(sum(heights), min(lowest), max(highest))
    desk.lake.write_scores(day.as_of, done.scores)
    counts = Counter(arranged.counts)
    counts.update(done.counts)
    return Scored(sum(heights), done.sifted, dict(counts))


def _score_all(how: _How, workers: Workers) -> _Done:
    day, shuffle, settings = how.arranged.day, how.arranged.day.shuffle, how.offices.settings
    counts, sifted = Counter[str](), list[Sifted]()
    for scored in workers.map(partial(score_range, how), day.parts, "Scoring households"):
        counts.update(scored.counts)
        sifted.append(scored.sifted)
        if len(sifted) == RANGES_HELD:
            sifted = [narrow(sifted, settings)]
            # Ranges yet to come hand in only who stands before these: the same are chosen, fewer are carried about.
            shuffle.keep("bars", 0, bars_of(sifted[0].kept, settings))
    whole = narrow(sifted, settings)
    shuffle.keep("sifted", 0, whole.kept)
    shuffle.keep("everyone", 0, whole.everyone)
    shuffle.keep("counts-of-contacts", 0, pl.DataFrame([dict(counts)]))
    return _Done(whole, counts, lambda: (shuffle.kept("scores", part) for part in day.sources))


def score_range(how: _How, part: int) -> _Worked:
    shuffle = how.arranged.day.shuffle
    contacts = how.arranged.day.rows("contacts", part, CONTACTS)
    shuffle.keep("contacts", part, contacts)
    prepared, scores, decided = _decide(how, part, contacts)
    shuffle.keep("scores", part, scores)
    # Another night of the day takes away what was counted of the households it works anew, and looks among those who
    # wait for whom the others leave a place.
    shuffle.keep("counted", part, decided.select(COUNTED))
    shuffle.keep("waiting", part, decided.filter(pl.col("decision").is_null()))
    bars = shuffle.kept("bars", 0) if shuffle.has("bars", 0) else None
    sifted = narrow([Sifted(decided, tally_sifted(decided))], how.offices.settings, bars)
    return _Worked(sifted, prepared.counts)


def _decide(
    how: _How, part: int | range, contacts: pl.DataFrame, mine: pl.Expr | None = None
) -> tuple[Prepared, pl.DataFrame, pl.DataFrame]:
    """Of ranges, or of `mine` of their households: models.score and alerts.sift."""
    here, model = how.arranged.here, how.deployed.load()
    prepared = how.arranged.prepared(part, contacts, mine)
    built = build(prepared, wanted={model.columns[place].name for place in model.trees.asked})
    scores = score(model, built.features)
    decided = sift(
        scores, how.offices.assign(built.facts), built.evidence, here.gather("opened", part, [0], mine), contacts,
        how.offices.settings, how.arranged.day.as_of, how.salt,
        bands_then=here.kept("bands", 0), stopped=here.kept("stopped", 0)["household_key"],
    )  # fmt: skip
    return prepared, scores, decided


def _score_news(how: _How, workers: Workers) -> _Done:
    """Only households of which something is new; the rest stands as the whole night left it."""
    day, here, settings = how.arranged.day, how.arranged.here, how.offices.settings
    news = changed(how.arranged)
    here.keep("changed", 0, news.to_frame())
    before = Sifted(day.shuffle.kept("sifted", 0), day.shuffle.kept("everyone", 0))
    stands, bars = standing(before, news, settings)
    here.keep("bars", 0, bars)
    # Half a range each: from there on two processes are quicker than one.
    pieces = day.pieces(news.len(), -(-day.part_size // 2))
    done = list(workers.map(partial(score_news, how, pieces), pieces, "Scoring households"))
    counts = Counter(day.shuffle.kept("counts-of-contacts", 0).row(0, named=True))
    for worked in done:
        counts.update(worked.counts)
    scores = here.kept("scores", range(pieces))
    sifted = narrow([stands, *(worked.sifted for worked in done)], settings)
    return _Done(sifted, counts, lambda: _renewed(day, scores))


def score_news(how: _How, pieces: int, piece: int) -> _Worked:
    day, here = how.arranged.day, how.arranged.here
    ranges = day.ranges(pieces, piece)
    mine = among("household_key", here.kept("changed", 0, within("household_key", ranges, day.parts))["household_key"])
    contacts = day.rows("contacts", ranges, CONTACTS, mine)
    prepared, scores, decided = _decide(how, ranges, contacts, mine)
    here.keep("scores", piece, scores)
    _, counted = contacts_of(prepared.households, day.shuffle.kept("contacts", ranges, mine), day.as_of)
    counts = Counter(prepared.counts)
    counts.subtract(counted)

    before = day.shuffle.kept("counted", ranges, mine)
    waiting = (day.shuffle.kept("waiting", part) for part in ranges)
    sifted = sift_anew(decided, before, waiting, here.kept("bars", 0), how.offices.settings)
    return _Worked(sifted, counts)


def _renewed(day: Day, scores: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The whole night's, range by range, `scores` in the place of those of the same households."""
    at = cuts(scores["household_key"], day.parts)
    for part in day.sources:
        kept, new = day.shuffle.kept("scores", part), scores[at[part] : at[part + 1]]
        rows = kept["household_key"].search_sorted(new["household_key"])
        yield kept.with_columns(kept[name].scatter(rows, new[name]) for name in ("margin", "probability"))


def _extent(scores: pl.DataFrame) -> tuple[int, float, float]:
    margin = np.r_[scores["margin"].to_numpy(), [] if scores.height else [np.inf, -np.inf]]
    return scores.height, float(margin.min()), float(margin.max())


def changed(arranged: Arranged) -> pl.Series:
    """Households whose score or standing can be another than the whole night's."""
    day, before, now = arranged.day, arranged.day.shuffle, arranged.here
    told = [now.gather(name, day.sources, [0]) for name in ("observations", "notices")]
    opened = differing(*(night.gather("opened", day.sources, [0]) for night in (before, now)))
    stopped = differing(*(night.kept("stopped", 0) for night in (before, now)))
    bands = differing(*(night.kept("bands", 0) for night in (before, now)))
    of_bands = day.rows("contacts", day.sources, CONTACTS, among("alert", bands["alert_id"]))
    frames = [*told, now.kept("answered", 0), opened, stopped, of_bands]
    return pl.concat(frame["household_key"] for frame in frames).unique().sort()


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
