"""Keys of those who have no identifier in clear: whole numbers mixed over all of Int64, none twice within a kind."""

from typing import Literal

import numpy as np
import polars as pl

from signals.normalise import address as one_spelling
from signals.normalise import building as without_unit
from synthetic.country import Country
from synthetic.sent import KeysOf, Tokenise, place_numbers
from synthetic.settings import generator
from synthetic.world import World

PERSONS_IN_PART = 2**32
PLACES_IN_PART = 2**44


def mixed(kind: Literal["person", "household", "address"], numbers: np.ndarray, seed: int) -> pl.Series:
    """SplitMix64 (Steele, Lea, Flood 2014) of each number: one to one, so that two never share a key."""
    z = numbers.astype(np.uint64) + generator(seed, "keys", kind).integers(2**64, dtype=np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return pl.Series((z ^ (z >> np.uint64(31))).view(np.int64))


def mixed_keys(world: World, part: int, seed: int) -> KeysOf:
    """Of one part of a country; no key of another part among them."""
    place = place_numbers(world.homes.stays, PLACES_IN_PART * part)
    return KeysOf(
        mixed("person", np.arange(len(world.life.people)) + part * PERSONS_IN_PART, seed),
        mixed("household", np.arange(world.life.households) + part * PERSONS_IN_PART, seed),
        *(mixed("address", place[name].to_numpy(), seed) for name in ("address", "supply", "building")),
    )


def keys_of_identifiers(country: Country, tokenise: Tokenise) -> KeysOf:
    """As intake makes them of what the files of this country say."""
    stays = country.world.homes.stays.select("address", "supply").select(one_spelling(pl.all()))
    building = stays.select(without_unit(pl.col("address"))).to_series()
    return KeysOf(
        tokenise("person", country.identities["person_no"]),
        tokenise("household", country.numbers),
        *(tokenise("address", words) for words in (stays["address"], stays["supply"], building)),
    )
