"""The three registers as change files: everybody at first, then what changed since."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from signals.outcomes import OUTCOMES
from signals.registers import END_REASONS_KO, HOUSING_KO, REGISTERS
from synthetic.calendar import EPOCH, NEVER
from synthetic.deliveries import Delivery
from synthetic.homes import HOUSING
from synthetic.life import Life
from synthetic.people import WHOLE, PartOf
from synthetic.settings import generator
from synthetic.writing import as_text, encode

UNKNOWN_OUTCOME = "기타(수기 입력)"
UNKNOWN_OUTCOMES = 0.004


@dataclass(frozen=True, slots=True)
class Written:
    """Registers with everything in clear, one row per spell; days as numbers."""

    residents: pl.DataFrame
    addresses: pl.DataFrame
    contacts: pl.DataFrame

    def deliveries(self, days: list[tuple[int, int]]) -> Iterator[Delivery]:
        first_answer = self.contacts["recorded"].min() if self.contacts.height else None
        for source in ("addresses", "contacts", "residents"):
            for month, day in days:
                if source != "contacts" or (isinstance(first_answer, int) and day >= first_answer):
                    yield Delivery(day, source, month)

    def file(self, delivery: Delivery, since: int) -> bytes:
        """What was learnt after day `since` (or ever) until the day sent."""
        match delivery.source:
            case "residents":
                rows = changed_residents(self.residents, since, delivery.sent)
            case "addresses":
                rows = changed(self.addresses, since, delivery.sent)
            case "contacts":
                rows = self.contacts.filter(pl.col("recorded") > since, pl.col("recorded") <= delivery.sent)
                rows = rows.with_columns(recorded_on=_day("recorded")).sort("recorded", "case_no")
            case other:
                raise ValueError(f"no such register: {other}")
        layout = REGISTERS[delivery.source].layout
        return encode(as_text(rows, layout), layout)


def write_registers(
    life: Life,
    stays: pl.DataFrame,
    contacts: pl.DataFrame,
    identities: pl.DataFrame,
    numbers: pl.Series,
    offices: pl.Series,
    seed: int,
) -> Written:
    """By person: person_no, name, phone (`identities`); by household: household_no; by office: its code."""
    residents = life.spells.with_columns(
        household_no=pl.lit(numbers).gather(pl.col("household")),
        **{name: pl.lit(identities[name]).gather(pl.col("person")) for name in identities.columns},
    )
    housing = pl.Series([HOUSING_KO[kind] for kind in HOUSING])
    addresses = stays.filter("is_registered").with_columns(
        household_no=pl.lit(numbers).gather(pl.col("household")),
        housing=pl.lit(housing).gather(pl.col("housing").cast(pl.UInt32)),
        office=pl.lit(offices).gather(pl.col("office")),
    )
    return Written(residents, addresses, _contacts(contacts, numbers, offices, seed))


def _contacts(contacts: pl.DataFrame, numbers: pl.Series, offices: pl.Series, seed: int) -> pl.DataFrame:
    rng = generator(seed, "contacts")
    outcome = contacts["outcome"].replace_strict({code: known.label_ko for code, known in OUTCOMES.items()})
    odd = pl.Series(rng.random(contacts.height) < UNKNOWN_OUTCOMES)
    return contacts.with_columns(
        household_no=pl.lit(numbers).gather(pl.col("household")),
        office=pl.lit(offices).gather(pl.col("office")),
        lane=pl.lit("incumbent"),
        selected_on=_day("selected"),
        contacted_on=_day("contacted"),
        outcome=pl.when(odd).then(pl.lit(UNKNOWN_OUTCOME)).otherwise(outcome),
    )


def _day(column: str) -> pl.Expr:
    return pl.lit(EPOCH) + pl.duration(days=pl.col(column))


def changed(spells: pl.DataFrame, since: int, until: int) -> pl.DataFrame:
    """Spells begun, and spells told again because they ended."""
    begun = pl.col("told_since").is_between(since + 1, until)
    ended = pl.col("told_until").is_between(since + 1, until)
    known_end = (pl.col("told_until") <= until) & (pl.col("until") < NEVER)
    rows = spells.filter(begun | ended)
    return rows.with_columns(
        valid_from=_day("since"),
        valid_to=pl.when(known_end).then(_day("until")),
        is_over=known_end,
    ).sort("household_no", "since")


def changed_residents(spells: pl.DataFrame, since: int, until: int) -> pl.DataFrame:
    heads = spells.filter(pl.col("head_told").is_between(since + 1, until), pl.col("told_since") <= since)
    rows = pl.concat([changed(spells, since, until), changed(heads.with_columns(told_since=until), since, until)])
    is_head = pl.col("is_head") | (pl.col("head_told") <= until)
    reason = pl.col("reason").replace_strict(END_REASONS_KO, return_dtype=pl.String)
    return (
        rows.unique(["person", "household", "since"], keep="first", maintain_order=True)
        .with_columns(
            is_head=pl.when(is_head).then(pl.lit("Y")).otherwise(pl.lit("N")),
            end_reason=pl.when("is_over").then(reason),
        )
        .sort("household_no", "person", "since")
    )


def household_numbers(households: int, seed: int, part: PartOf = WHOLE) -> pl.Series:
    """세대번호, ten digits in no order that says anything; another part, other numbers."""
    order = generator(seed, "household numbers").permutation(households).astype(np.int64)
    return pl.Series("household_no", 3_100_000_000 + order * part.parts + part.number).cast(pl.String)
