"""The year's calendar, and what is known on its days: six rounds of data, and in the weeks between only answers."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from features import Known
from signals.outcomes import OUTCOMES
from signals.tables import CONTACTS, OBSERVATIONS
from synthetic import CountrySettings, Living, begin

HISTORY_MONTHS, YEAR_MONTHS = 24, 12
END = date(2027, 10, 31)
WEEKS = 52
FIRST_NIGHT = date(2026, 11, 2)  # a Monday
ROUND_WEEKS = (0, 9, 17, 26, 35, 44)
TRAINING_WEEKS = (0, 13, 26, 39)
LONG_AGO = date(1990, 1, 1)
TOLD_AFTER = 3  # days from an answer to the sheet that brings it back: by the next weekly night


def nights(weeks: int = WEEKS) -> list[date]:
    return [FIRST_NIGHT + timedelta(weeks=week) for week in range(weeks)]


def begin_country(households: int, seed: int) -> Living:
    """Two years under the incumbent are over; the year is still to be lived."""
    months = HISTORY_MONTHS + YEAR_MONTHS
    return begin(CountrySettings(households=households, seed=seed, months=months, steered_months=YEAR_MONTHS, end=END))


@dataclass
class Data:
    """Everything sent and answered until now. Rows received later than the day asked for may be among them."""

    living: Living
    until: date = LONG_AGO
    sent: list[pl.DataFrame] = field(default_factory=list)
    answers: list[pl.DataFrame] = field(default_factory=list)

    def take_in(self, day: date) -> None:
        """A round: what was sent by this day."""
        if day > self.until:
            self.sent.append(self.living.observations_sent(self.until, day))
            self.until = day

    def answered(self, worked: pl.DataFrame) -> None:
        """WORKED -> rows of CONTACTS, known a few days after the contact."""
        codes = pl.lit(self.living.offices["code"])
        told = worked.select(
            "alert",
            "lane",
            "selected_on",
            "contacted_on",
            "outcome",
            "benefit",
            household_key="household",
            office=codes.gather(pl.col("office")),
            received_on=pl.col("contacted_on") + timedelta(days=TOLD_AFTER),
            delivery=pl.lit("sheet"),
        )
        self.answers.append(told.select(CONTACTS.names()).cast(CONTACTS))

    def contacts(self, day: date) -> pl.DataFrame:
        """Of the incumbent's past rounds and our own, known on this day."""
        both = pl.concat([self.living.contacts_sent(day), *self.answers])
        return both.filter(pl.col("received_on") <= day)

    def known(self, day: date) -> Known:
        return Known(
            as_of=day,
            observations=pl.concat([OBSERVATIONS.to_frame(), *self.sent]),
            residents=self.living.residents_sent(day),
            addresses=self.living.addresses_sent(day),
            contacts=self.contacts(day),
        )


def last_talks(contacts: pl.DataFrame) -> pl.DataFrame:
    """household_key, talked_on: the newest completed contact."""
    closing = [code for code, outcome in OUTCOMES.items() if outcome.is_contact]
    talked = contacts.filter(pl.col("outcome").is_in(closing)).drop_nulls("contacted_on")
    return talked.group_by("household_key").agg(talked_on=pl.col("contacted_on").max())
