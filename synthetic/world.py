"""The months go by: strain moves, agencies see some of it, offices visit, support helps. One loop over months."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from signals.layout import Agency
from synthetic import officers
from synthetic.calendar import NEVER, day_number, first_day, month_starts
from synthetic.deliveries import Delivery, known_months
from synthetic.feeds import Feed, Now, Rows, is_told
from synthetic.hardship import Strains
from synthetic.homes import Homes
from synthetic.life import Life
from synthetic.members import Members
from synthetic.places import Places
from synthetic.rounds import Told, choose, count_points
from synthetic.settings import CountrySettings, generator

FEEDS_BEGIN_BEFORE = 12  # months in which spells run before anybody tells of them
SELECTED_ON = 5  # day of the month
EVERY_MONTHS = 2
# What a grant is called where running benefits are told of.
GRANTS = {
    "basic_livelihood": ("livelihood_benefit", "medical_benefit"),
    "emergency": ("emergency_support",),
    "other_public": ("near_poor",),
}


@dataclass
class Record:
    """What came of it, month by month."""

    observations: dict[str, list[pl.DataFrame]] = field(default_factory=dict)  # by agency
    contacts: list[pl.DataFrame] = field(default_factory=list)
    need: list[np.ndarray] = field(default_factory=list)
    hardship: list[np.ndarray] = field(default_factory=list)  # minus the threshold of need
    served: list[np.ndarray] = field(default_factory=list)


@dataclass
class World:
    settings: CountrySettings
    first: int  # first month told of
    places: Places
    life: Life
    homes: Homes
    members: Members
    strains: Strains
    feeds: list[Feed]
    agencies: Mapping[str, Agency]
    planned: Sequence[Delivery]
    registered: np.ndarray  # (months, households): row of homes.stays
    real: np.ndarray  # the same, where they really live
    told: Told = field(default_factory=Told)
    record: Record = field(default_factory=Record)
    selected: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    taken_before: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    to_help: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    starts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int32))  # days months begin on
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    lived: int = 0  # months told of

    def run(self) -> Record:
        """Burn in, then live every month told of."""
        self.begin()
        self.live_until(self.settings.live_months)
        return self.record

    def begin(self) -> None:
        self.taken_before = np.zeros(self.life.households, dtype=bool)
        self.rng = generator(self.settings.seed, "rounds")
        self.starts = month_starts(self.first - FEEDS_BEGIN_BEFORE, FEEDS_BEGIN_BEFORE + self.settings.live_months)
        self.strains.burn_in(self.settings.burn_in_months)
        for feed in self.feeds:
            feed.begin(self._now(self.starts, 0, self.strains.strain()))
        for number in range(FEEDS_BEGIN_BEFORE):
            self._live(self.starts, number)

    def live_until(self, months: int) -> None:
        """So many months told of, counted from the first. In the steered ones nobody visits but on `grant`."""
        while self.lived < months:
            self._live(self.starts, FEEDS_BEGIN_BEFORE + self.lived)
            self._work(self.lived, self.rng)
            self.lived += 1

    def _live(self, starts: np.ndarray, number: int) -> None:
        self.strains.help(self.to_help)
        self.to_help = self.to_help[:0]
        bereaved = (self.life.earner_died >= starts[number]) & (self.life.earner_died < starts[number + 1])
        now = self._now(starts, number, self.strains.step(bereaved))
        self._feed(now, number - FEEDS_BEGIN_BEFORE)

    def _work(self, month: int, rng: np.random.Generator) -> None:
        """What offices do: answer last month's round, or begin one."""
        self._note()
        rounds = self._round_months()
        if month - 1 in rounds:
            self._visit(month - 1, rng)
        if month in rounds:
            self._select(month, rng)

    def _round_months(self) -> list[int]:
        last = self.settings.live_months - self.settings.steered_months - 2
        return [last - EVERY_MONTHS * back for back in reversed(range(self.settings.rounds))]

    def _now(self, start: np.ndarray, number: int, strain: np.ndarray) -> Now:
        begin, after = int(start[number]), int(start[number + 1])
        active = (self.life.active_since < after) & (self.life.active_until >= after)
        housing = self.homes.stays["housing"].to_numpy()[self.real[max(number - FEEDS_BEGIN_BEFORE, 0)]]
        happened = {
            "head_died": _between(self.life.earner_died, begin, after),
            "household_members_changed": self._changed(begin, after),
        }
        is_steered = number - FEEDS_BEGIN_BEFORE >= self.settings.live_months - self.settings.steered_months
        return Now(strain, self.strains.in_need, housing, active, begin, after - 1, happened, is_steered)

    def _changed(self, begin: int, after: int) -> tuple[np.ndarray, np.ndarray]:
        day = pl.when(pl.col("until") < NEVER).then("until").otherwise("since")
        changed = self.life.spells.filter((day >= begin) & (day < after)).with_columns(day=day)
        changed = changed.unique("household", keep="first", maintain_order=True)
        return changed["household"].to_numpy(), changed["day"].to_numpy()

    def _feed(self, now: Now, month: int) -> None:
        base = self.first + month
        told: list[tuple[int, Rows, int]] = []
        for order, feed in enumerate(self.feeds):
            rows = feed.step(now)
            if month < 0:
                continue
            every = self.agencies[feed.signal.agency].every_months
            tells_levels = feed.signal.kind != "event" and (base + 1) % every == 0
            if tells_levels:
                rows = feed.level(now)
            if rows is not None and is_told(feed.signal, now.last_day):
                told.append((order, rows, base + (-(base + 1)) % every))
        for order, rows, in_file_of in self.asked_for(told):
            self._tell(self.feeds[order], order, rows, month, in_file_of)

    def asked_for(self, told: list[tuple[int, Rows, int]]) -> list[tuple[int, Rows, int]]:
        """Without what is no warning sign, where the household has too few of those."""
        least = self.settings.context_from
        if not least:
            return told
        signs = np.zeros(self.life.households, dtype=np.int16)
        for order, rows, _ in told:
            signs[rows.household[self.feeds[order].warns(rows)]] += 1
        return [
            (order, rows.only(self.feeds[order].warns(rows) | (signs[rows.household] >= least)), base)
            for order, rows, base in told
        ]

    def _tell(self, feed: Feed, order: int, rows: Rows, month: int, base: int) -> None:
        """Note the rows for the agency's file of `base`."""
        signal = feed.signal
        count = len(rows.household)
        if not count:
            return
        frame = pl.DataFrame(
            {
                "signal": np.full(count, order, dtype=np.int16),
                "household": rows.household.astype(np.int32),
                "month": np.full(count, month, dtype=np.int16),
                "base": np.full(count, base, dtype=np.int32),
                "day": rows.day.astype(np.int32),
                "months": rows.months.astype(np.int16),
                "won": rows.won.astype(np.int64),
            }
        )
        self.record.observations.setdefault(signal.agency, []).append(frame)
        if signal.points:
            self.told.add(signal.agency, base, signal.name, rows.household[feed.warns(rows)])

    def _note(self) -> None:
        self.record.need.append(self.strains.in_need.copy())
        self.record.hardship.append(self.strains.smooth - self.strains.threshold)
        served = [feed.months > 0 for feed in self.feeds if feed.signal.name == "livelihood_benefit"]
        self.record.served.append(served[0] if served else np.zeros(self.life.households, dtype=bool))

    def offices(self, month: int) -> np.ndarray:
        return np.asarray(self.homes.stays["office"].to_numpy()[self.registered[month]])

    def _select(self, month: int, rng: np.random.Generator) -> None:
        points, insight = self.standing(month, self._selected_on(month))
        capacity = self.places.offices["capacity"].to_numpy()
        self.selected = choose(points, insight, self.offices(month), capacity, self.taken_before, self.settings, rng)

    def standing(self, month: int, day: int) -> tuple[np.ndarray, np.ndarray]:
        """What the incumbent goes by on this day: points of each household, and what an office has an inkling of."""
        known = known_months(self.planned, day)
        elsewhere = self.homes.lives_elsewhere <= day
        points = count_points(self.told, [feed.signal for feed in self.feeds], known, elsewhere)
        hardship = self.record.hardship[month]
        insight = (hardship - hardship.mean()) / hardship.std()
        there = (self.life.active_since < day - 30) & (self.life.active_until > day - 30)  # registers lag behind
        points[~there] = 0
        insight[~there] = -np.inf
        return points, insight

    def _visit(self, month: int, rng: np.random.Generator) -> None:
        """The answers to the round of `month`, by what is so one month later."""
        chosen = self.selected
        selected_on = self._selected_on(month)
        visited = at_the_door(self, month + 1, chosen, selected_on + 35)
        outcome, days = officers.answer(visited, rng)
        case_no = self.settings.cases_from + pl.int_range(1, len(chosen) + 1)
        case = pl.format(f"{first_day(self.first + month):%Y%m}-{{}}", case_no)
        self.record.contacts.append(
            pl.DataFrame(
                {
                    "case_no": pl.select(case).to_series(),
                    "household": chosen.astype(np.int32),
                    "office": self.offices(month)[chosen],
                    "selected": np.full(len(chosen), selected_on, dtype=np.int32),
                    "contacted": (selected_on + days).astype(np.int32),
                    "outcome": pl.Series(outcome.tolist(), dtype=pl.String),
                    "benefit": pl.Series(officers.benefits(outcome, rng).tolist(), dtype=pl.String),
                    "recorded": (selected_on + days + rng.integers(0, 4, len(chosen))).astype(np.int32),
                }
            )
        )
        self.taken_before = np.zeros(self.life.households, dtype=bool)
        self.taken_before[chosen] = True
        self.grant(chosen, outcome)

    def _selected_on(self, month: int) -> int:
        return day_number(first_day(self.first + month)) + SELECTED_ON - 1

    def grant(self, chosen: np.ndarray, outcome: np.ndarray) -> None:
        """Support that was granted eases from the next month on. Indices of households, and their answers."""
        # Once each, however often it was granted within a month: help is no more than help.
        self.to_help = np.union1d(self.to_help, chosen[np.isin(outcome, officers.PUBLIC)])
        by_name = {feed.signal.name: feed for feed in self.feeds}
        for code, names in GRANTS.items():
            for name in names:
                if name in by_name:
                    by_name[name].grant(chosen[outcome == code])


def at_the_door(world: World, month: int, household: np.ndarray, day: int) -> officers.Visited:
    """`month`: counted from the first one lived."""
    life = world.life
    return officers.Visited(
        hardship=world.record.hardship[month][household],
        lives_alone=world.members.size[household] == 1,
        works=world.strains.households.has_worker[household],
        lives_elsewhere=world.homes.lives_elsewhere[household] <= day,
        is_gone=life.active_until[household] <= day,
        has_left=life.left[household],
        is_served=world.record.served[month][household],
    )


def _between(days: np.ndarray, begin: int, after: int) -> tuple[np.ndarray, np.ndarray]:
    household = np.flatnonzero((days >= begin) & (days < after)).astype(np.int32)
    return household, days[household]
