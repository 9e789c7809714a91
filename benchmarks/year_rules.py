"""What a year is compared with: the incumbent's list by points, and first come, first served.

Both are given all the hours: their lists go on for as long as hours last, longer than the real ones. Who is not
reached is closed, as in the real system (DOMAIN 4), and may be named again in a later round.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from alerts.draw import splitmix64
from alerts.live import live_warnings
from benchmarks.year_data import Data, last_talks
from features import build, prepare
from signals.catalogue import SIGNALS
from synthetic import Living
from synthetic.rounds import NOT_AGAIN
from synthetic.settings import generator

URGENT_FOR_DAYS = 60  # as in our own queue


@dataclass
class Incumbent:
    """Every round a list per office: three by points, one of the office's own choice, and so on."""

    living: Living
    name: str = "incumbent"
    own_choice: float = 0.25  # DOMAIN 2; 0: the points alone
    data: Data | None = None  # with it: who was cut off or reported comes first, as in our own queue
    worked: np.ndarray = field(init=False)  # in the round before this one

    def __post_init__(self) -> None:
        contacts = self.living.world.record.contacts[-1]
        self.worked = np.isin(np.arange(self.living.households), contacts["household"])

    def name_cases(self, day: date) -> pl.DataFrame:
        """CASE of a new round, every household at most once."""
        passed_over = self.passed_over(day)
        self.worked = np.zeros(self.living.households, dtype=bool)
        by_rule, own = self.living.incumbent_order(day, passed_over)
        ruled = _in_order(self.living, by_rule, day).select("household", "office", place="place")
        listed = ruled
        if self.own_choice:
            listed = mixed(ruled, _in_order(self.living, own, day), self.own_choice)
        listed = listed.select("household", "office", "place")
        if self.data is not None:
            urgent = self._urgent(day)
            listed = pl.concat([urgent, listed.filter(~pl.col("household").is_in(urgent["household"].implode()))])
        return as_cases(listed, day, self.name)

    def _urgent(self, day: date) -> pl.DataFrame:
        """household, office, place 0: an urgent sign that nobody has talked about."""
        assert self.data is not None
        self.data.take_in(day)
        talks = last_talks(self.data.contacts(day))
        is_new = pl.col("talked_on").is_null() | (pl.col("first_known_on") > pl.col("talked_on"))
        households = (
            live_warnings(build(prepare(self.data.known(day))).evidence, SIGNALS)
            .filter("is_urgent", pl.col("first_known_on") >= day - timedelta(days=URGENT_FOR_DAYS))
            .join(talks, on="household_key", how="left")
            .filter(is_new)["household_key"]
            .unique()
            .sort()
        )
        office = pl.Series(self.living.office_of(day).astype(np.int64))
        here = households.filter(pl.Series(self.living.is_there(day)).gather(households))
        return pl.DataFrame({"household": here, "office": office.gather(here), "place": [0.0] * len(here)})

    def passed_over(self, day: date) -> np.ndarray:
        rng = generator(self.living.world.settings.seed, "not again", day.toordinal())
        return np.asarray(self.worked & (rng.random(self.living.households) < NOT_AGAIN))

    def note(self, worked: pl.DataFrame) -> None:
        if self.data is not None:
            self.data.answered(worked)
        self.worked[worked["household"].to_numpy()] = True


@dataclass
class FirstCome:
    """By the day on which the first sign was received that nobody has talked about yet."""

    living: Living
    data: Data
    name: str = "first_come"

    def name_cases(self, day: date) -> pl.DataFrame:
        self.data.take_in(day)
        contacts = self.data.contacts(day)
        evidence = build(prepare(self.data.known(day))).evidence
        waiting = (
            live_warnings(evidence, SIGNALS)
            .join(last_talks(contacts), on="household_key", how="left")
            .filter(pl.col("talked_on").is_null() | (pl.col("first_known_on") > pl.col("talked_on")))
            .group_by("household_key")
            .agg(since=pl.col("first_known_on").min())
        )
        office = pl.lit(pl.Series(self.living.office_of(day).astype(np.int64)))
        listed = waiting.with_columns(splitmix64(waiting["household_key"])).select(
            household="household_key",
            office=office.gather(pl.col("household_key")),
            place=pl.struct("since", "tie").rank("ordinal"),
        )
        there = pl.Series(self.living.is_there(day))
        return as_cases(listed.filter(there.gather(listed["household"])), day, "first_come")

    def note(self, worked: pl.DataFrame) -> None:
        self.data.answered(worked)


def own_choices(living: Living, day: date, passed_over: np.ndarray) -> pl.DataFrame:
    """household, office, place: whom offices would choose themselves on this day."""
    return _in_order(living, living.incumbent_order(day, passed_over)[1], day)


def mixed(listed: pl.DataFrame, own: pl.DataFrame, share: float) -> pl.DataFrame:
    """household, office, place of two lists in one: the n-th of an office's own is number n / share, the n-th of the
    list number n / (1 - share). A household on both stands where it comes first."""
    return (
        pl.concat(
            [
                listed.select("household", "office", place=pl.col("place") / (1 - share), is_own=pl.lit(False)),
                own.select("household", "office", place=pl.col("place") / share, is_own=pl.lit(True)),
            ]
        )
        .sort("place", "is_own", "household")
        .unique("household", keep="first", maintain_order=True)
    )


def _in_order(living: Living, value: np.ndarray, day: date) -> pl.DataFrame:
    """household, office, place 1, 2, ... in the office; higher values first, -inf and who is gone never."""
    both = pl.DataFrame(
        {
            "household": np.arange(living.households),
            "office": living.office_of(day).astype(np.int64),
            "value": value,
        }
    )
    there = both.filter(pl.Series(living.is_there(day)) & pl.col("value").is_finite())
    place = pl.col("value").rank("ordinal", descending=True).over("office")
    return there.select("household", "office", place=place.cast(pl.Float64))


def as_cases(listed: pl.DataFrame, day: date, lane: str) -> pl.DataFrame:
    """`listed`: household, office, place (lower first)."""
    return listed.select(
        "household",
        "office",
        order=pl.col("place").rank("ordinal").over("office"),
        is_traced=pl.lit(False),
        alert=pl.format(f"{day:%Y%m%d}-{{}}", "household"),
        lane=pl.lit(lane),
        selected_on=pl.lit(day),
    )
