"""What a year brought, by office and by group; intervals from offices drawn again within each country."""

import itertools
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.year_data import FIRST_NIGHT
from benchmarks.year_officers import Hours
from signals.outcomes import OUTCOMES
from synthetic import Living
from synthetic.calendar import EPOCH, first_day
from synthetic.homes import HOUSING
from synthetic.members import NOBODY

LONG_NEED = 3  # months
HORIZON = 365  # days, for the mean time until the first contact
AGES = (30, 50, 65, 80)


@dataclass
class Year:
    """One policy's year in one country."""

    policy: str
    seed: int
    living: Living
    worked: pl.DataFrame  # year_officers.WORKED
    listed: npt.NDArray[np.bool_]  # by household: on any list of the year
    hours: Hours

    @property
    def need(self) -> npt.NDArray[np.bool_]:
        """(months of the year, households), of those who were there."""
        first = self.living.month(FIRST_NIGHT)
        days = [first_day(self.living.world.first + month) for month in range(first, self.living.world.lived)]
        here = np.array([self.living.is_there(day) for day in days])
        return np.asarray(self.living.need()[first:] & here)

    def contacts(self) -> pl.DataFrame:
        return self.worked.filter("is_contact")

    def found(self) -> pl.DataFrame:
        """household, office, contacted_on: truly in need that day, and the answer says so. Each household once a year,
        however often it was visited: nobody gains by finding the same again."""
        right = self.contacts().filter("in_need", teaches="need")
        return right.sort("contacted_on", "alert").unique("household", keep="first", maintain_order=True)


def newly_found(year: Year) -> int:
    """Spells of need found that no officer had found before, past rounds included."""
    need = year.living.need()
    start = np.full(need.shape, -1)
    for month, now in enumerate(need):
        before = start[month - 1] if month else np.full(len(now), -1)
        start[month] = np.where(now, np.where(before >= 0, before, month), -1)
    first = year.living.world.first
    teaches = {code: outcome.teaches for code, outcome in OUTCOMES.items()}
    past = pl.concat(year.living.world.record.contacts).select(
        "household", "outcome", day=pl.lit(EPOCH) + pl.duration(days=pl.col("contacted"))
    )
    past = past.filter(pl.col("outcome").replace_strict(teaches) == "need")

    def spells(household: pl.Series, day: pl.Series) -> set[tuple[int, int]]:
        month = (day.dt.year().cast(pl.Int64) * 12 + day.dt.month() - 1 - first).to_numpy()
        return {(h, s) for h, s in zip(household, start[month, household.to_numpy()].tolist(), strict=True) if s >= 0}

    right = year.contacts().filter("in_need", teaches="need")
    return len(spells(right["household"], right["night"]) - spells(past["household"], past["day"]))


def by_office(year: Year) -> pl.DataFrame:
    """office, found, contacts, answered_need, minutes, needing, reached: one row per office, sums."""
    count = year.living.offices.height
    contacts, found = year.contacts(), year.found()
    need, home = year.need, year.living.office_of(FIRST_NIGHT)
    ever = np.asarray(need.any(axis=0))
    reached = np.isin(np.arange(len(ever)), contacts.filter("in_need")["household"]) & ever

    def per_office(offices: object) -> npt.NDArray[np.int64]:
        return np.bincount(np.asarray(offices, dtype=np.int64), minlength=count).astype(np.int64)

    answered = contacts.filter(teaches="need").unique("household", keep="first", maintain_order=True)
    return pl.DataFrame(
        {
            "office": np.arange(count),
            "found": per_office(found["office"]),
            "contacts": per_office(contacts["office"]),
            "tries": per_office(year.worked["office"]),
            "answered_need": per_office(answered["office"]),
            "needing": per_office(home[ever]),
            "reached": per_office(home[reached]),
            "minutes": year.hours.used,
        }
    )


def summary(year: Year) -> dict[str, float]:
    sums = by_office(year).sum().row(0, named=True)
    need, spans = year.need, spans_to_contact(year)
    long = need.sum(axis=0) >= LONG_NEED
    tries = year.worked.group_by("household").agg(
        selections=pl.col("alert").n_unique(), spoken=pl.col("is_contact").any()
    )
    unspoken = tries.filter(~pl.col("spoken"))
    outcome = year.worked["outcome"]
    return {
        "tries": sums["tries"],
        "contacts": sums["contacts"],
        "hours": sums["minutes"] / 60,
        "found": sums["found"],
        "newly_found": newly_found(year),
        "found_per_100_contacts": 100 * sums["found"] / sums["contacts"],
        "answered_need": sums["answered_need"],
        "reached_share": sums["reached"] / sums["needing"],
        "never_listed_share": float((long & ~year.listed).sum() / max(long.sum(), 1)),
        "mean_days": restricted_mean(spans),
        **{f"contacted_within_{days}": 1 - survival(spans, days) for days in (30, 60, 90)},
        "tried_never_spoken_share": unspoken.height / max(tries.height, 1),
        "repeats_without_contact": float(unspoken.filter(pl.col("selections") >= 2).height),
        "visits_of_same_household": year.worked.height / max(tries.height, 1),
        "public_support_share": outcome.is_in(["basic_livelihood", "emergency", "other_public"]).sum()
        / max(len(outcome), 1),
        "unreached_share": (outcome == "unreached").sum() / max(len(outcome), 1),
        "in_need_at_end": float(need[-1].sum()),
    }


def spans_to_contact(year: Year) -> pl.DataFrame:
    """days, is_event: of each spell of need begun in the year, until its household's first completed contact; else
    until the year's end. A spell begins on the first day of its first month."""
    need = year.need
    months = len(need)
    before = np.vstack([year.living.need()[year.living.month(FIRST_NIGHT) - 1], need[:-1]])
    month, household = np.nonzero(need & ~before)
    first = year.living.month(FIRST_NIGHT) + year.living.world.first
    starts = [first_day(first + number) for number in range(months + 1)]
    begun = pl.DataFrame(
        {"household": household.astype(np.int64), "begun_on": pl.Series(starts, dtype=pl.Date).gather(month)}
    )
    talks = year.contacts().select("household", "contacted_on").sort("contacted_on")
    met = begun.sort("begun_on").join_asof(
        talks, left_on="begun_on", right_on="contacted_on", by="household", strategy="forward", check_sortedness=False
    )
    end: date = starts[-1]
    until = pl.coalesce("contacted_on", pl.lit(end))
    return met.select(days=(until - pl.col("begun_on")).dt.total_days(), is_event=pl.col("contacted_on").is_not_null())


def survival(spans: pl.DataFrame, day: int) -> float:
    """Kaplan-Meier: the share not contacted so many days after the onset."""
    return float(_curve(spans)[min(day, HORIZON)])


def restricted_mean(spans: pl.DataFrame) -> float:
    """Days until the first contact, counted up to HORIZON: the area under the curve."""
    return float(_curve(spans)[:HORIZON].sum())


def _curve(spans: pl.DataFrame) -> npt.NDArray[np.float64]:
    days = np.minimum(spans["days"].to_numpy(), HORIZON + 1)
    events = np.bincount(days[spans["is_event"].to_numpy()], minlength=HORIZON + 2)
    ended = np.bincount(days, minlength=HORIZON + 2)
    at_risk = len(days) - np.cumsum(ended) + ended
    return np.asarray(np.cumprod(1 - events / np.maximum(at_risk, 1)))


def groups(living: Living) -> dict[str, npt.NDArray[np.str_]]:
    """Label of each household by kind of group, at the start of the year."""
    members, homes = living.world.members, living.world.homes
    month = living.month(FIRST_NIGHT)
    bands = [
        f"under {AGES[0]}",
        *(f"{a} to {b - 1}" for a, b in itertools.pairwise(AGES)),
        f"{AGES[-1]} and over",
    ]
    housing = homes.stays["housing"].to_numpy()[living.world.real[month]]
    has_child = (members.pick["child"] != NOBODY) | (members.pick["infant"] != NOBODY)
    return {
        "age of head": np.array(bands)[np.searchsorted(AGES, members.head_age, side="right")],
        "lives alone": np.where(members.size == 1, "yes", "no"),
        "has child": np.where(has_child, "yes", "no"),
        "housing": np.array(HOUSING)[housing],
        "region": living.offices["region_ko"].to_numpy()[living.office_of(FIRST_NIGHT)].astype(np.str_),
    }


def by_group(year: Year) -> pl.DataFrame:
    """kind, group, contacts, found, needing, reached."""
    ever = np.asarray(year.need.any(axis=0))
    contacts, found = year.contacts(), year.found()
    reached = np.isin(np.arange(len(ever)), contacts.filter("in_need")["household"]) & ever
    frames = []
    for kind, group in groups(year.living).items():
        counted = pl.DataFrame(
            {
                "group": group,
                "contacts": np.bincount(contacts["household"], minlength=len(ever)),
                "found": np.bincount(found["household"], minlength=len(ever)),
                "needing": ever.astype(np.int64),
                "reached": reached.astype(np.int64),
            }
        )
        frames.append(counted.group_by("group").sum().sort("group").select(pl.lit(kind).alias("kind"), pl.all()))
    return pl.concat(frames)


def ratio_interval(
    ours: list[npt.NDArray[np.float64]], theirs: list[npt.NDArray[np.float64]], draws: int = 2000
) -> tuple[float, float, float]:
    """Sum over sum, and 95 % of it with the offices of each country drawn again."""
    rng = np.random.default_rng(0)
    above, below = np.zeros(draws), np.zeros(draws)
    for a, b in zip(ours, theirs, strict=True):
        rows = rng.integers(0, len(a), (draws, len(a)))
        above += a[rows].sum(axis=1)
        below += b[rows].sum(axis=1)
    low, high = np.quantile(above / below, [0.025, 0.975])
    value = sum(float(a.sum()) for a in ours) / sum(float(b.sum()) for b in theirs)
    return value, float(low), float(high)
