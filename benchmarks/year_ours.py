"""Our year: features, scores, weekly queues, answers into the life of each alert, a new model every quarter."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from alerts.bands import Band
from alerts.life import TOLD, stand
from alerts.queue import fill_queues
from alerts.settings import QueueSettings
from alerts.tables import ANSWERED, OPEN_ALERTS
from benchmarks.year_data import FIRST_NIGHT, TOLD_AFTER, Data
from benchmarks.year_officers import CASE, MINUTES_A_CASE, WORKED, Hours
from benchmarks.year_rules import as_cases, mixed, own_choices
from features import FEATURES, Built, build, prepare
from models.evaluate import roc_auc
from models.labels import label
from models.model import Model
from models.score import score
from models.train import TrainSettings, fit
from synthetic import Living
from synthetic.settings import generator

SEED = 20261101
OPEN_WEEKS = 3
NO_ALERTS = OPEN_ALERTS.to_frame()


@dataclass
class Ours:
    living: Living
    data: Data
    settings: QueueSettings
    retrains: bool = True
    own_choice: float = 0.0  # of the cases: chosen by offices themselves, beside the queue
    own: pl.DataFrame = field(default_factory=pl.DataFrame)  # household, office, place of this round's own choice
    own_worked: pl.DataFrame = field(default_factory=WORKED.to_frame)
    round_on: date = FIRST_NIGHT
    model: Model | None = None
    built: Built | None = None
    scores: pl.DataFrame = field(default_factory=pl.DataFrame)
    alerts: pl.DataFrame = field(default_factory=lambda: NO_ALERTS)  # the queue of the last night
    opened: list[pl.DataFrame] = field(default_factory=list)  # alerts on the night they were opened
    told: list[pl.DataFrame] = field(default_factory=list)  # TOLD
    learned: list[pl.DataFrame] = field(default_factory=list)  # features on the day a household was selected
    waiting: list[pl.DataFrame] = field(default_factory=list)  # night, household_key of who fell below the cut
    models: list[dict[str, object]] = field(default_factory=list)

    def take_in(self, night: date) -> None:
        """A round of data: features of everybody."""
        self.data.take_in(night)
        self.built = build(prepare(self.data.known(night)))
        if self.model is not None:
            self.scores = score(self.model, self.built.features)

    def begin_like(self, other: "Ours") -> None:
        """What both know on the first night is worked out once."""
        self.data.until, self.data.sent = other.data.until, list(other.data.sent)
        self.built, self.model, self.scores = other.built, other.model, other.scores
        self.learned, self.models = list(other.learned), list(other.models)

    def choose_own(self, night: date) -> None:
        """Whom offices would choose themselves this round; not whom they chose in the last."""
        if self.own_choice:
            before = self.own_worked.filter(selected_on=self.round_on)["household"]
            passed_over = np.isin(np.arange(self.living.households), before)
            self.own = own_choices(self.living, night, passed_over)
        self.round_on = night

    def learn_history(self) -> None:
        """Features of the incumbent's rounds, as known on the days they were chosen."""
        past = label(self.data.contacts(self.data.until), self.data.until)
        for part in past.partition_by("selected_on", maintain_order=True):
            day: date = part["selected_on"][0]
            features = build(prepare(self.data.known(day)), households=part["household_key"]).features
            self.learned.append(features.with_columns(selected_on=pl.lit(day)))

    def learn(self, night: date) -> None:
        """From all answers known."""
        if self.model is not None and not self.retrains:
            return
        labels = label(self.data.contacts(night), night)
        matrix = labels.join(pl.concat(self.learned), on=["household_key", "selected_on"], how="inner")
        fitted = fit(matrix, FEATURES, TrainSettings(), SEED)
        self.model = fitted.model
        auc = roc_auc(fitted.judged["label"].to_numpy().astype(float), fitted.judged["margin"].to_numpy())
        self.models.append(
            {"night": str(night), "rows": matrix.height, "needs": int(matrix["label"].sum()), "value": auc}
        )
        if self.built is not None:
            self.scores = score(self.model, self.built.features)

    def fill(self, night: date) -> pl.DataFrame:
        """The weekly night; returns the queue."""
        assert self.built is not None
        filled = fill_queues(
            self.scores,
            self.built.facts,
            self.built.evidence,
            self._open(night),
            self.data.contacts(night),
            self.settings,
            night,
            generator(self.living.world.settings.seed, "queue", night.toordinal()),
            bands_then=self._bands(),
        )
        self.alerts = filled.alerts
        new = filled.alerts.filter("is_new")
        self.opened.append(new)
        mine = self.built.features.join(new.select("household_key"), on="household_key", how="semi")
        self.learned.append(mine.with_columns(selected_on=pl.lit(night)))
        below = filled.considered.filter(pl.col("decision") == "below_cut")
        self.waiting.append(below.select(pl.lit(night).alias("night"), "household_key"))
        return filled.alerts

    def cases(self, night: date) -> pl.DataFrame:
        """CASE of this week: whose next try has come, by due date, then as on the sheet."""
        queue = self.fill(night).with_row_index("place")
        offices = {code: row for row, code in enumerate(self.living.offices["code"])}
        this_week = pl.col("next_on").is_null() | (pl.col("next_on") < night + timedelta(days=7))
        order = ["due_on", "place"]
        listed = (
            queue.filter(this_week)
            .select(
                household="household_key",
                office=pl.col("office").replace_strict(offices, return_dtype=pl.Int64),
                order=pl.struct(order).rank("ordinal").over("office"),
                # To find a flat whose number is missing takes everybody the same; a search begins where one failed.
                is_traced=(pl.col("works_as") == "trace")
                & ((pl.col("attempts") > 0) | (pl.col("address_status") == "mismatch_suspected")),
                alert="alert_id",
                lane="lane",
                selected_on="opened_on",
            )
            .cast(CASE)
        )
        return self._with_own(listed, queue) if self.own_choice else listed

    def _with_own(self, listed: pl.DataFrame, queue: pl.DataFrame) -> pl.DataFrame:
        """Three of the queue, one of the office's own. Who stands in the queue, or was chosen before, is not chosen."""
        taken = pl.concat([queue["household_key"], self.own_worked.filter(selected_on=self.round_on)["household"]])
        own = self.own.filter(~pl.col("household").is_in(taken.implode()))
        own = own.with_columns(place=pl.col("place").rank("ordinal").over("office"))
        both = mixed(listed.select("household", "office", place="order"), own, self.own_choice)
        chosen = as_cases(both.filter("is_own"), self.round_on, "own").select("household", "alert")
        return (
            both.select("household", "office", "place", "is_own")
            .join(listed.drop("office", "order"), on="household", how="left")
            .join(chosen.rename({"alert": "own_alert"}), on="household", how="left")
            .with_columns(
                order=pl.col("place").rank("ordinal").over("office"),
                is_traced=pl.col("is_traced").fill_null(False),
                alert=pl.coalesce("alert", "own_alert"),
                lane=pl.col("lane").fill_null("own"),
                selected_on=pl.col("selected_on").fill_null(self.round_on),
            )
            .select(CASE.names())
            .cast(CASE)
        )

    def note(self, worked: pl.DataFrame) -> None:
        self.data.answered(worked)
        own = worked.filter(lane="own")
        if own.height:
            assert self.built is not None
            self.own_worked = pl.concat([self.own_worked, own])
            mine = self.built.features.join(own.select(household_key="household"), on="household_key", how="semi")
            self.learned.append(mine.with_columns(selected_on=pl.lit(self.round_on)))
        worked = worked.filter(pl.col("lane") != "own")
        filled_in: dict[str, pl.Expr] = {name: pl.lit(None, dtype) for name, dtype in TOLD.items()}
        filled_in |= {
            "alert_id": pl.col("alert"),
            "contacted_on": pl.col("contacted_on"),
            "channel": pl.lit("visit"),
            "outcome": pl.col("outcome"),
            "received_on": pl.col("contacted_on") + timedelta(days=TOLD_AFTER),
            "version": pl.col("contacted_on").cast(pl.String),
        }
        self.told.append(worked.select(**filled_in).cast(TOLD))

    def _bands(self) -> pl.DataFrame:
        """alert_id, band of every alert so far, as it was opened."""
        opened = [part.select("alert_id", band="true_band") for part in self.opened]
        return pl.concat([pl.DataFrame(schema={"alert_id": pl.String, "band": Band}), *opened])

    def _open(self, night: date) -> pl.DataFrame:
        """OPEN_ALERTS: last night's queue with the answers known by now; without those that ended."""
        known = pl.concat([TOLD.to_frame(), *self.told]).filter(pl.col("received_on") <= night)
        stands = stand(known)
        before = self.alerts.drop(*ANSWERED, "was_visited", strict=False)
        return (
            before.join(stands, on="alert_id", how="left")
            .filter(pl.col("closed_on").is_null())
            .with_columns(pl.col("attempts").fill_null(0), pl.col("was_visited").fill_null(False))
            .select(OPEN_ALERTS.names())
        )


def queue_settings(living: Living, hours: Hours) -> QueueSettings:
    """As config.yaml, but for the capacity: what an office works in OPEN_WEEKS. More would only wait, and grow old."""
    places = np.maximum(3, np.rint(OPEN_WEEKS * hours.week / MINUTES_A_CASE)).astype(int)
    return QueueSettings(
        capacity=12, capacity_by_office=dict(zip(living.offices["code"], places.tolist(), strict=True))
    )
