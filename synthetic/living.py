"""A made-up country that is lived on under somebody else's hand: who is visited, and so helped, is decided outside.

The same seed gives the same shocks whatever is decided, and the same answer at a door whoever sends the officer: two
ways of choosing are compared on one country, not on two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.layout import Agency
from signals.signal import Signal
from synthetic import officers, sent
from synthetic.calendar import day_number, first_day, month_of
from synthetic.founding import found
from synthetic.rounds import LOCAL_KNOWLEDGE
from synthetic.settings import CountrySettings, generator
from synthetic.world import World, at_the_door

AT_THE_DOOR_ON = 15  # day of the month: what is so then is what officers find in that month
TRACE_FINDS = 0.4  # assumed: of those who live elsewhere, found by one attempt to trace them


@dataclass
class Living:
    """Lived until its steered months; copy.deepcopy gives the same country to another policy.

    Households are named by their number, 0 ... households - 1, which is also their key in all frames.
    """

    world: World
    tried: dict[int, np.ndarray] = field(default_factory=dict)  # month -> tries by household
    known: dict[tuple[int, int, bool], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    keys: sent.KeysOf | None = None  # made when first asked for
    registers: dict[str, pl.DataFrame] = field(default_factory=dict)  # until the end: who is visited moves nobody

    @property
    def offices(self) -> pl.DataFrame:
        """code, name_ko, district_code, district_ko, region_ko, households, officers, capacity."""
        return self.world.places.offices

    @property
    def households(self) -> int:
        return self.world.life.households

    def month(self, day: date) -> int:
        """Counted from the first month told of, as rows of `need`."""
        return month_of(day) - self.world.first

    def live_until(self, day: date) -> None:
        """Through the month of that day. Its files are sent after it ends: nothing of it is known before."""
        self.world.live_until(self.month(day) + 1)

    def need(self) -> np.ndarray:
        """(months lived, households), the truth."""
        return np.array(self.world.record.need)

    def need_now(self) -> np.ndarray:
        """By household, in the month lived last; the truth."""
        return self.world.record.need[-1]

    def is_there(self, day: date) -> np.ndarray:
        life, number = self.world.life, day_number(day)
        return np.asarray((life.active_since <= number) & (life.active_until > number))

    def office_of(self, day: date) -> np.ndarray:
        """Row of `offices` where each household is registered."""
        return self.world.offices(self.month(day))

    def look(self, household: np.ndarray, day: date, is_traced: np.ndarray | None = None) -> pl.DataFrame:
        """household, outcome, benefit, in the order given: what a visit would bring. Nothing has happened yet."""
        if len(np.unique(household)) != len(household):
            raise ValueError("a household is visited twice at one time")
        month = self.month(day)
        if month != self.world.lived - 1:
            raise ValueError(f"officers visit in the month that is being lived, not on {day}")
        tries = self._tries(month)[household]
        traced = np.zeros(len(household), dtype=bool) if is_traced is None else is_traced
        outcome = np.full(len(household), "", dtype=object)
        benefit = np.full(len(household), "", dtype=object)
        for number in np.unique(tries):
            for is_told in (False, True):
                now = (tries == number) & (traced == is_told)
                if now.any():
                    answers = self.answers(month, int(number), is_traced=is_told)
                    outcome[now], benefit[now] = answers[0][household[now]], answers[1][household[now]]
        words = pl.DataFrame({"outcome": outcome.tolist(), "benefit": benefit.tolist()}, schema=_WORDS)
        return words.select(pl.Series("household", household), "outcome", pl.col("benefit").replace("", None))

    def visit(self, household: np.ndarray, day: date, is_traced: np.ndarray | None = None) -> pl.DataFrame:
        """household, outcome, benefit, in the order given, nobody twice: one try of an officer each, and its answer.

        What is granted eases hardship from the next month on. `is_traced`: the officer first looked for where they
        really live.
        """
        told = self.look(household, day, is_traced)
        self._tries(self.month(day))[household] += 1
        self.world.grant(household, told["outcome"].to_numpy())
        return told

    def _tries(self, month: int) -> np.ndarray:
        return self.tried.setdefault(month, np.zeros(self.households, dtype=np.int64))

    def answers(self, month: int, number: int = 0, *, is_traced: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """(outcome, benefit) by household, had an officer gone there in this month for the `number`th time after the
        first. Drawn for all, so that an answer hangs on nobody else's."""
        if (month, number, is_traced) not in self.known:
            everybody = np.arange(self.households)
            day = day_number(first_day(self.world.first + month)) + AT_THE_DOOR_ON - 1
            visited = at_the_door(self.world, month, everybody, day)
            if is_traced:
                found_out = generator(self.world.settings.seed, "traces", month, number).random(self.households)
                visited = officers.found_by_tracing(visited, found_out < TRACE_FINDS)
            rng = generator(self.world.settings.seed, "answers", month, number)
            outcome, _ = officers.answer(visited, rng)
            self.known[month, number, is_traced] = outcome, officers.benefits(outcome, rng)
        return self.known[month, number, is_traced]

    def incumbent_order(self, day: date, passed_over: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(points, own choice) by household, higher first, -inf: never. The rule of past rounds, as far as hours go.

        `passed_over`: worked in the round before and not taken again.
        """
        month = self.month(day)
        rng = generator(self.world.settings.seed, "incumbent", month)
        points, insight = self.world.standing(month - 1, day_number(day))
        by_rule = np.where(passed_over | (points <= 0), -np.inf, points + rng.random(self.households))
        own = LOCAL_KNOWLEDGE * insight + rng.standard_normal(self.households) + 0.3 * (points > 0)
        own[passed_over] = -np.inf
        return by_rule, own

    def observations_sent(self, after: date, until: date) -> pl.DataFrame:
        """OBSERVATIONS received after one day and until another."""
        return sent.observations(self.world, self._keys(), day_number(after), day_number(until))

    def residents_sent(self, until: date) -> pl.DataFrame:
        """RESIDENTS received by this day."""
        return self._register("residents", sent.residents, until)

    def addresses_sent(self, until: date) -> pl.DataFrame:
        """ADDRESSES received by this day."""
        return self._register("addresses", sent.addresses, until)

    def contacts_sent(self, until: date) -> pl.DataFrame:
        """CONTACTS of the incumbent's rounds before the steered months, received by this day."""
        return self._register("contacts", sent.contacts, until)

    def _keys(self) -> sent.KeysOf:
        if self.keys is None:
            self.keys = sent.numbers_as_keys(self.world)
        return self.keys

    def _register(
        self, name: str, tell: Callable[[World, sent.KeysOf, int], pl.DataFrame], until: date
    ) -> pl.DataFrame:
        if name not in self.registers:
            self.registers[name] = tell(self.world, self._keys(), day_number(self.world.settings.end))
        return self.registers[name].filter(pl.col("received_on") <= until)


_WORDS = {"outcome": pl.String, "benefit": pl.String}


def begin(
    settings: CountrySettings, signals: Mapping[str, Signal] = SIGNALS, agencies: Mapping[str, Agency] = AGENCIES
) -> Living:
    """A country lived until its steered months, `settings.steered_months` before its end."""
    if settings.steered_months < 1:
        raise ValueError("steered_months: at least one month must be left to live")
    world = found(settings, signals, agencies)
    world.begin()
    world.live_until(settings.live_months - settings.steered_months)
    return Living(world)
