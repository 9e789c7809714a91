"""A made-up country: everybody in it, what agencies send of them, and the truth that no other room reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import polars as pl

from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.layout import Agency
from signals.registers import REGISTERS
from signals.signal import Signal
from synthetic.calendar import NEVER, day_number, last_day
from synthetic.deliveries import Delivery, register_days
from synthetic.flaws import broken_how, correct_later, count_bad_rows, write_file
from synthetic.founding import found, identify
from synthetic.homes import write_addresses
from synthetic.people import WHOLE, PartOf
from synthetic.registers import UNKNOWN_OUTCOME, Written, household_numbers, write_registers
from synthetic.settings import CountrySettings
from synthetic.tellings import NO_ROWS, by_file, figures, in_clear
from synthetic.truth import write_truth
from synthetic.world import World


@dataclass(frozen=True, slots=True)
class Country:
    """`truth` and `flaws` are for tests and benchmarks only."""

    settings: CountrySettings
    offices: pl.DataFrame  # code, name_ko, district_code, district_ko, region_ko, households, officers, capacity
    truth: pl.DataFrame  # household_no, month (last day), need, hardship, onset
    flaws: pl.DataFrame  # file, flaw, rows
    numbers: pl.Series  # household_no by household
    identities: pl.DataFrame  # person_no, name, phone by person
    world: World
    sending: tuple[Delivery, ...]  # in order of the day sent
    rows: Mapping[tuple[str, int], pl.DataFrame]  # (agency, month told of) -> observations, not yet in clear
    registers: Written

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file sent until the end, in order of the day sent."""
        for delivery in self.sending:
            yield delivery.file, self.read(delivery)

    def read(self, delivery: Delivery) -> bytes:
        if delivery.source in REGISTERS:
            is_first = delivery.base == self.world.first
            since = -NEVER if is_first else day_number(last_day(delivery.base - 1))
            return self.registers.file(delivery, since)
        told = self.told(delivery)
        bad = self.bad_rows(delivery)
        return write_file(told, self.world.agencies[delivery.source], delivery, bad, self.settings.seed)

    def told(self, delivery: Delivery) -> pl.DataFrame:
        """The true rows of one observation file in clear, columns named by field."""
        return in_clear(self.rows_of(delivery), self.world, self.identities, self.numbers, delivery.source)

    def bad_rows(self, delivery: Delivery) -> Mapping[str, int]:
        agency, share = self.world.agencies[delivery.source], self.settings.flaws.bad_rows
        return count_bad_rows(agency, delivery, figures(self.rows_of(delivery)), share, self.settings.seed)

    def rows_of(self, delivery: Delivery) -> pl.DataFrame:
        return self.rows.get((delivery.source, delivery.base), NO_ROWS)


def make_country(
    settings: CountrySettings | None = None,
    signals: Mapping[str, Signal] = SIGNALS,
    agencies: Mapping[str, Agency] = AGENCIES,
) -> Country:
    """Same settings, same bytes."""
    settings = settings or CountrySettings()
    return write_country(found(settings, signals, agencies))


def write_country(world: World, part: PartOf = WHOLE) -> Country:
    """Lives the world, and puts everything of it into words. `part`: of a country of several worlds."""
    settings = world.settings
    seed = settings.seed if part.seed is None else part.seed
    world.homes = replace(world.homes, stays=write_addresses(world.homes.stays, world.places, seed, part))
    record = world.run()
    numbers = household_numbers(world.life.households, settings.seed, part)
    days = register_days(world.first, settings.end)
    identities = identify(world.life, days[0][1], settings.seed, part)
    registers = write_registers(
        world.life,
        world.homes.stays,
        pl.concat(record.contacts),
        identities,
        numbers,
        world.places.offices["code"],
        settings.seed,
    )
    country = Country(
        settings=settings,
        offices=world.places.offices,
        truth=write_truth(world, numbers),
        flaws=pl.DataFrame(),
        numbers=numbers,
        identities=identities,
        world=world,
        sending=tuple(sorted([*world.planned, *registers.deliveries(days)])),
        rows=by_file(world),
        registers=registers,
    )
    return replace(country, flaws=_count_flaws(country))


def _count_flaws(country: Country) -> pl.DataFrame:
    counted: list[tuple[str, str, int]] = []
    for delivery in country.sending:
        if delivery.source in REGISTERS:
            continue
        if delivery.flaw:
            counted.append((delivery.file, *_count_flaw(country, delivery, country.rows_of(delivery).height)))
        if delivery.flaw != "broken":
            counted += [(delivery.file, flaw, count) for flaw, count in country.bad_rows(delivery).items()]
    odd = country.registers.contacts.filter(pl.col("outcome") == UNKNOWN_OUTCOME)
    for delivery in (d for d in country.sending if d.source == "contacts"):
        month_before = day_number(last_day(delivery.base - 1))
        count = odd.filter(pl.col("recorded") > month_before, pl.col("recorded") <= delivery.sent).height
        counted += [(delivery.file, "unknown_outcome", count)] if count else []
    return pl.DataFrame(counted, schema={"file": pl.String, "flaw": pl.String, "rows": pl.Int64}, orient="row")


def _count_flaw(country: Country, delivery: Delivery, rows: int) -> tuple[str, int]:
    match delivery.flaw:
        case "broken":
            return f"broken_{broken_how(delivery, country.settings.seed)}", rows
        case "corrected":
            return "corrected", correct_later(country.told(delivery), delivery, country.settings.seed)[1]
        case flaw:
            return flaw, rows
