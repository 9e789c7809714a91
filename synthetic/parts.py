"""A country too large to be lived at once: parts that know nothing of each other, lived in any order by anybody.

Everybody in a part moves, and every office chooses, within it. A part is a stretch of the line of all households in
order of their offices. The first ones may have files: they are put into words, live one month longer than the others,
and what is sent in that month are the files to come.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl

from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.layout import URGENT_LAG, Agency
from signals.normalise import address as one_spelling
from signals.normalise import phone as one_phone
from synthetic import sent
from synthetic.calendar import NEVER, day_number, last_day, month_of
from synthetic.country import Country, write_country
from synthetic.deliveries import Delivery, plan, register_days
from synthetic.founding import found, senders
from synthetic.keys import keys_of_identifiers, mixed_keys
from synthetic.people import PartOf
from synthetic.places import Places, make_places
from synthetic.settings import CountrySettings
from synthetic.truth import write_spells

HOUSEHOLDS_IN_PART = 250_000
STATES_EVERY = 3  # months: the law asks for a search every quarter (DOMAIN 1.2)
LEAST_IN_PART = 500


def real_size(households: int, months: int, end: date, seed: int) -> CountrySettings:
    """Offices, rounds and capacity as the real country has them; `months` are told of in all."""
    lead = 4
    return CountrySettings(
        households=households,
        months=months - lead,
        lead_months=lead,
        rounds=(months - lead) // 2,
        end=end,
        seed=seed,
        households_per_office=6_710,  # 23.5 million households, 3,502 offices (DOMAIN 7)
        has_real_districts=True,
        capacity_share=0.0078,  # 200,000 open alerts in the whole country
        round_share=0.0085,  # 200,000 in a round (DOMAIN 2)
        burn_in_months=24,
        context_from=3,
    )


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    country: CountrySettings
    settings: CountrySettings  # of this part
    places: Places
    planned: tuple[Delivery, ...]
    of_files: PartOf | None  # None: without files


@dataclass(frozen=True, slots=True)
class PartTold:
    tables: Mapping[str, pl.DataFrame]  # signals.tables by name, as known at the end of the country
    need: pl.DataFrame  # the truth: synthetic.truth.SPELLS
    files: Mapping[str, bytes]  # sent after that
    people: pl.DataFrame  # of a part with files, in one spelling: person_no, name, phone
    addresses: pl.Series
    households: pl.Series


@dataclass(frozen=True, slots=True)
class WholeCountry:
    settings: CountrySettings
    offices: pl.DataFrame
    parts: tuple[Part, ...]
    sent: tuple[Delivery, ...]  # every delivery until the end, told or broken, registers and observations


def country_agencies() -> dict[str, Agency]:
    """As the catalogue has them, but states are asked for every quarter; what is urgent is told as it comes."""
    return {
        code: agency if agency.lag_days == URGENT_LAG else replace(agency, every_months=STATES_EVERY)
        for code, agency in AGENCIES.items()
    }


def divide(
    settings: CountrySettings, files_share: float = 0.0, households_in_part: int = HOUSEHOLDS_IN_PART
) -> WholeCountry:
    """`settings`: of the whole country. Same settings, same parts, whoever lives them."""
    places = make_places(settings)
    end = last_day(month_of(settings.end) + 1)
    longer = replace(settings, months=settings.months + 1, steered_months=settings.steered_months + 1, end=end)
    first = month_of(end) - longer.live_months + 1
    planned = plan(senders(SIGNALS, country_agencies()), first, longer)
    bounds = _bounds(round(files_share * settings.households), settings.households, households_in_part)
    with_files = sum(begin < round(files_share * settings.households) for begin, _ in bounds)
    seeds = np.random.SeedSequence(settings.seed).spawn(len(bounds))
    parts = tuple(
        Part(
            number=number,
            country=settings,
            settings=replace(
                longer if number < with_files else settings,
                households=stop - begin,
                seed=int(seeds[number].generate_state(1, np.uint64)[0]),
                cases_from=number * 10_000_000,
            ),
            places=places.part(begin / settings.households, stop / settings.households),
            planned=tuple(planned),
            of_files=PartOf(number, with_files, settings.seed) if number < with_files else None,
        )
        for number, (begin, stop) in enumerate(bounds)
    )
    return WholeCountry(settings, places.offices, parts, tuple(_sent(planned, first, settings.end)))


def _bounds(with_files: int, households: int, in_part: int) -> list[tuple[int, int]]:
    bounds: list[tuple[int, int]] = []
    for begin, stop in ((0, with_files), (with_files, households)):
        count = -(-(stop - begin) // in_part)
        edges = np.linspace(begin, stop, count + 1).round().astype(int).tolist() if count else []
        bounds += pairwise(edges)
    return bounds


def _sent(planned: list[Delivery], first: int, end: date) -> list[Delivery]:
    days = register_days(first, end)
    registers = [
        Delivery(day, source, month) for source in ("addresses", "contacts", "residents") for month, day in days
    ]
    known = [delivery for delivery in planned if delivery.sent <= day_number(end) and delivery.flaw != "twice"]
    return sorted([*known, *registers])


def delivery_id(delivery: Delivery, seed: int) -> str:
    """Stands where the digest of a file's bytes would."""
    return hashlib.sha256(f"made-up country {seed}|{delivery.file}".encode()).hexdigest()


def tell(part: Part, tokenise: sent.Tokenise) -> PartTold:
    """Lives one part from its founding to its end. `tokenise`: asked only in a part with files."""
    world = found(part.settings, SIGNALS, country_agencies(), part.places, part.planned)
    country: Country | None = None
    if part.of_files is None:
        world.run()
        keys = mixed_keys(world, part.number, part.country.seed)
    else:
        country = write_country(world, part.of_files)
        keys = keys_of_identifiers(country, tokenise)
    end = day_number(part.country.end)

    def label(delivery: Delivery) -> str:
        return delivery_id(delivery, part.country.seed)

    tables = {
        "observations": sent.observations(world, keys, -NEVER, end, label, ("twice",)),
        "residents": sent.residents(world, keys, end, label),
        "addresses": sent.addresses(world, keys, end, label),
        "contacts": sent.contacts(world, keys, end, label),
    }
    need = write_spells(world, keys.household)
    if country is None:
        nobody = pl.DataFrame(schema={"person_no": pl.String, "name": pl.String, "phone": pl.String})
        return PartTold(tables, need, {}, nobody, pl.Series(dtype=pl.String), pl.Series(dtype=pl.String))
    return PartTold(tables, need, _files_to_come(country, end), *_in_clear(country))


def _files_to_come(country: Country, end: int) -> dict[str, bytes]:
    return {delivery.file: country.read(delivery) for delivery in country.sending if delivery.sent > end}


def _in_clear(country: Country) -> tuple[pl.DataFrame, pl.Series, pl.Series]:
    people = country.identities.select("person_no", "name", one_phone(pl.col("phone")).alias("phone"))
    registered = country.world.homes.stays.filter("is_registered")
    addresses = registered.select(one_spelling(pl.col("address"))).to_series().unique(maintain_order=True)
    return people, addresses, country.numbers
