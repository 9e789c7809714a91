"""Officers with limited hours: what each try costs them, and how far down a list a week's hours go."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from signals.outcomes import OUTCOMES
from synthetic import Living

# Minutes of one officer. No source gives them: calls of over half an hour are reported (DOMAIN 4, R17), the rest is
# assumed, the same for everybody who chooses.
TRY = 75  # calls on several days, then the way there and back
NOTES = 10
TRACE = 60  # neighbours, the landlord, the register of moves
MINUTES = {
    "basic_livelihood": 200, "emergency": 200, "other_public": 200,  # the talk, and the application
    "need_no_benefit": 110,
    "private_support": 90,
    "watch": 45, "no_need": 45, "already_served": 45,
    "refused": 20, "mistaken": 20,
    "unreached": 0, "not_living_there": 0, "moved": 0, "died": 0, "in_hospital": 0,
}  # fmt: skip
LONGEST = TRY + NOTES + TRACE + max(MINUTES.values())
# With the incumbent's mix of answers a case takes 2.7 hours; so many a week make the 95 households that one officer
# works in a year (DOMAIN 0.6).
MINUTES_A_WEEK = 290
MINUTES_A_CASE = 160
# The made-up country has an officer for 470 households, so that its past rounds leave answers enough to learn from; the
# real one has one for about 1,750 (1.2 million cases a year, 95 an officer, 22 million households: DOMAIN 0.6, 2, 7).
REAL_HOURS = 0.27

CASE = pl.Schema(
    {
        "household": pl.Int64,
        "office": pl.Int64,  # row of Living.offices
        "order": pl.Int64,  # lower first, within the office
        "is_traced": pl.Boolean,
        "alert": pl.String,
        "lane": pl.String,
        "selected_on": pl.Date,
    }
)
WORKED = pl.Schema(
    [
        *CASE.items(),
        ("night", pl.Date),
        ("contacted_on", pl.Date),
        ("outcome", pl.String),
        ("benefit", pl.String),
        ("minutes", pl.Int64),
        ("is_contact", pl.Boolean),
        ("teaches", pl.String),
        ("in_need", pl.Boolean),  # the truth on that day
    ]
)
_COST = pl.DataFrame(
    {
        "outcome": list(MINUTES),
        "cost": [TRY + NOTES + minutes for minutes in MINUTES.values()],
        "is_contact": [OUTCOMES[code].is_contact for code in MINUTES],
        "teaches": [OUTCOMES[code].teaches for code in MINUTES],
    }
)


@dataclass
class Hours:
    """Minutes each office has left. What does not suffice for the longest case is left for next week: no office ever
    works more than it was given."""

    officers: np.ndarray
    share: float = 1.0  # of an officer's week
    left: np.ndarray = field(init=False)
    given: np.ndarray = field(init=False)
    used: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.left, self.given, self.used = (np.zeros(len(self.officers), dtype=np.int64) for _ in range(3))

    @property
    def week(self) -> np.ndarray:
        """Minutes of each office in a week."""
        return np.asarray(np.rint(self.officers * MINUTES_A_WEEK * self.share), dtype=np.int64)

    def begin_week(self) -> None:
        week = self.week
        # An idle week is not saved up for later: what is left over is at most what one case more would have taken.
        self.left = np.minimum(self.left, LONGEST) + week
        self.given += week

    def work(self, living: Living, cases: pl.DataFrame, night: date) -> pl.DataFrame:
        """CASE -> WORKED: down each office's list until its hours are used up."""
        ordered = cases.select(CASE.names()).cast(CASE).sort("office", "order")
        household, traced = ordered["household"].to_numpy(), ordered["is_traced"].to_numpy()
        told = living.look(household, night, traced).select("outcome", "benefit")
        seen = pl.concat([ordered, told], how="horizontal").join(_COST, on="outcome", how="left", maintain_order="left")
        minutes = pl.col("cost") + TRACE * pl.col("is_traced")
        spent = minutes.cum_sum().over("office") - minutes
        left = pl.lit(pl.Series(self.left)).gather(pl.col("office"))
        worked = seen.with_columns(minutes=minutes, left=left - spent).filter(pl.col("left") >= LONGEST)
        return self._note(living, worked, night)

    def _note(self, living: Living, worked: pl.DataFrame, night: date) -> pl.DataFrame:
        household = worked["household"].to_numpy()
        living.visit(household, night, worked["is_traced"].to_numpy())
        spent = np.bincount(worked["office"], weights=worked["minutes"], minlength=len(self.left)).astype(np.int64)
        self.left -= spent
        self.used += spent
        share = 1 - pl.col("left") / pl.lit(pl.Series(self.week)).gather(pl.col("office"))
        weekday = (share.clip(0, 0.99) * 5).floor().cast(pl.Int64)  # Monday to Friday, in order
        return worked.select(
            *CASE.names(),
            pl.lit(night).alias("night"),
            (pl.lit(night) + pl.duration(days=weekday)).alias("contacted_on"),
            "outcome",
            "benefit",
            "minutes",
            "is_contact",
            "teaches",
            pl.Series("in_need", living.need_now()[household]),
        ).cast(WORKED)
