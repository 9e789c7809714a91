"""Everything that is there before the first month is lived: places, people, homes, strains, feeds, the post."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from signals.layout import Agency
from signals.signal import Signal
from synthetic.calendar import NEVER, day_number, last_day, month_of, month_starts
from synthetic.deliveries import Delivery, plan
from synthetic.feeds import make_feeds
from synthetic.hardship import Strains, draw_lasting
from synthetic.homes import make_homes
from synthetic.life import Life, live
from synthetic.members import make_members
from synthetic.people import WHOLE, PartOf, make_people, names, person_numbers, phones
from synthetic.places import Places, make_places
from synthetic.settings import CountrySettings, generator
from synthetic.world import World

COMES_IN = 0.02  # of the households, over the months told of: about as many as leave
HARDER_PLACES = 0.25  # how much of a strain is where one lives


def found(
    settings: CountrySettings,
    signals: Mapping[str, Signal],
    agencies: Mapping[str, Agency],
    places: Places | None = None,
    planned: Sequence[Delivery] | None = None,
) -> World:
    """`places`, `planned`: of a larger country, and so the same for all its parts."""
    first = month_of(settings.end) - settings.live_months + 1
    start, stop = day_number(last_day(first)), day_number(settings.end)
    places = places or make_places(settings)
    arrivals = int(settings.households * COMES_IN)
    people = make_people(settings.households + arrivals, start, settings.seed)
    life = live(people, arrivals, start, stop, settings)
    members = make_members(life, (start + stop) // 2, settings.seed)
    rng = generator(settings.seed, "strain")
    lasting = draw_lasting(members.size, rng)
    homes = make_homes(life, places, members.size == 1, lasting.mean(axis=0) * 1.6, start, stop, settings)
    registered, real = where(homes.stays, life.households, first, settings.live_months)
    hardship = places.hardship[homes.stays["office"].to_numpy()[registered[0]]]
    lasting += np.float32(HARDER_PLACES) * hardship
    strains = Strains(members.facts(homes.is_renter), lasting, settings.need_share, rng)
    feeds = make_feeds(signals.values(), agencies, members, homes.is_renter, settings.seed)
    if planned is None:
        planned = plan(senders(signals, agencies), first, settings)
    return World(settings, first, places, life, homes, members, strains, feeds, agencies, planned, registered, real)


def senders(signals: Mapping[str, Signal], agencies: Mapping[str, Agency]) -> list[Agency]:
    return [agencies[code] for code in sorted({signal.agency for signal in signals.values()})]


def where(stays: pl.DataFrame, households: int, first: int, months: int) -> tuple[np.ndarray, np.ndarray]:
    """(months, households) twice: the stay where registered, and the one where they really live, as row of `stays`."""
    starts = month_starts(first, months)
    registered = np.zeros((months, households), dtype=np.int32)
    real = np.zeros((months, households), dtype=np.int32)
    numbered = stays.with_row_index("row").with_columns(
        order=pl.when("is_registered").then(pl.int_range(pl.len()).over("household", "is_registered"))
    )
    # The first stay stands from the beginning, later ones replace it; who lives elsewhere does so on top of that.
    for (order,), part in numbered.partition_by("order", as_dict=True, maintain_order=True).items():
        begun = np.where(order == 0, -NEVER, part["since"].to_numpy())
        row, household = part["row"].to_numpy(), part["household"].to_numpy()
        for month in range(months):
            there = begun < starts[month + 1]
            real[month, household[there]] = row[there]
            if order is not None:
                registered[month, household[there]] = row[there]
    return registered, real


def identify(life: Life, start: int, seed: int, part: PartOf = WHOLE) -> pl.DataFrame:
    """person_no, name, phone: one row per person."""
    return pl.DataFrame(
        {
            "person_no": person_numbers(life.people, seed, part),
            "name": names(life.people, seed),
            "phone": phones(life.people, start, seed),
        }
    )
