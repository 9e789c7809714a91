"""Dwellings and who is registered at them: housing kinds, addresses, missing units, and people who live elsewhere."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
import polars as pl
from faker import Faker

from signals.signal import Housing
from synthetic.calendar import NEVER
from synthetic.life import Life
from synthetic.people import WHOLE, PartOf
from synthetic.places import Places
from synthetic.settings import CountrySettings, generator

HOUSING: tuple[Housing, ...] = get_args(Housing)
# apartment, public rental, redevelopment rental, row house, detached, one room, non-dwelling
OWNER_HOUSING = np.array([0.60, 0.0, 0.0, 0.13, 0.255, 0.01, 0.005])
RENTER_HOUSING = np.array([0.38, 0.16, 0.015, 0.14, 0.15, 0.13, 0.025])
LONE_RENTER_HOUSING = np.array([0.25, 0.15, 0.015, 0.12, 0.14, 0.27, 0.055])
OWNERS_ALONE, OWNERS = 0.313, 0.564  # of one-person households, of all (DOMAIN 7)

# Households per building; a detached house holds one, a 다가구 three.
UNITS = np.array([120, 120, 60, 12, 3, 15, 12])
DETACHED_FOR_ONE = 0.55
# Registered without 동·호수 although the building has several homes (Jeonju, DOMAIN 0.5).
WITHOUT_UNIT = np.array([0.007, 0.007, 0.01, 0.05, 0.22, 0.15, 0.15])
MOVES_A_YEAR_OWNER, MOVES_A_YEAR_RENTER = 0.06, 0.17
STAYS_IN_DISTRICT = 0.7
LIVES_ELSEWHERE = 0.02  # moved without 전입신고 (Suwon, DOMAIN 0.5)
STREETS_PER_OFFICE = 9


@dataclass(frozen=True, slots=True)
class Homes:
    # household, office, housing, since, until, is_registered, told_since, told_until, building, unit, units,
    # is_unit_told, is_unit_supplied; once in words also address and supply
    stays: pl.DataFrame
    is_renter: np.ndarray  # per household
    lives_elsewhere: np.ndarray  # per household: the day since when, or NEVER


def make_homes(
    life: Life, places: Places, lone: np.ndarray, strain: np.ndarray, start: int, stop: int, settings: CountrySettings
) -> Homes:
    """`lone`: one-person households; `strain`: about N(0, 1), who is hard pressed moves off the record more often."""
    rng = generator(settings.seed, "homes")
    count = life.households
    owns_more = (OWNERS - OWNERS_ALONE * 0.361) / 0.639
    is_renter = rng.random(count) >= np.where(lone, OWNERS_ALONE, owns_more)
    office = _first_offices(life, places, rng)
    stays = _stays(life, places, office, is_renter, start, stop, rng)
    odds = LIVES_ELSEWHERE * np.exp(0.7 * strain - 0.25) * np.where(is_renter, 1.4, 0.4)
    hidden = np.flatnonzero(rng.random(count) < odds)
    since = np.full(count, NEVER)
    # Half of them had already gone when the first register was made.
    since[hidden] = np.where(rng.random(len(hidden)) < 0.5, -NEVER, rng.integers(start, stop, len(hidden)))
    elsewhere = _frame(hidden, rng.permutation(office[hidden]), since[hidden], np.full(len(hidden), NEVER), False)
    stays = pl.concat([stays, elsewhere])
    stays = stays.with_columns(pl.Series("housing", _draw_housing(stays, is_renter, lone, rng), dtype=pl.Int8))
    stays = _number_buildings(stays, rng)
    return Homes(_tell(_forget_units(stays, rng), rng), is_renter, since)


def _first_offices(life: Life, places: Places, rng: np.random.Generator) -> np.ndarray:
    office = rng.choice(len(places.share), life.households, p=places.share)
    # Who splits off stays near: same office as the household they come from, mostly.
    first = life.spells.sort("since").unique("person", keep="first", maintain_order=True)
    pair = life.spells.filter("is_head").join(first.select("person", old="household"), on="person")
    pair = pair.filter(pl.col("household") != pl.col("old"))
    new, old = pair["household"].to_numpy(), pair["old"].to_numpy()
    near = rng.random(len(new)) < 0.5
    office[new[near]] = office[old[near]]
    return office.astype(np.int32)


def _stays(
    life: Life,
    places: Places,
    office: np.ndarray,
    is_renter: np.ndarray,
    start: int,
    stop: int,
    rng: np.random.Generator,
) -> pl.DataFrame:
    years = (stop - start) / 365.25
    moves = rng.poisson(np.where(is_renter, MOVES_A_YEAR_RENTER, MOVES_A_YEAR_OWNER) * years)
    mover = np.repeat(np.arange(life.households, dtype=np.int32), moves)
    day = rng.integers(start + 31, stop, len(mover))
    to_office = _destinations(office[mover], places, rng)
    is_real = (day > life.active_since[mover] + 90) & (day < life.active_until[mover])
    first = _frame(np.arange(life.households), office, life.active_since, life.active_until, True)
    later = _frame(mover, to_office, day, life.active_until[mover], True).filter(pl.Series(is_real, dtype=pl.Boolean))
    stays = pl.concat([first, later]).unique(["household", "since"], keep="first").sort("household", "since")
    follows = pl.col("since").shift(-1).over("household")
    return stays.with_columns(until=pl.min_horizontal("until", follows.fill_null(NEVER)))


def _destinations(origin: np.ndarray, places: Places, rng: np.random.Generator) -> np.ndarray:
    """An office of the same district mostly, else anywhere, by size."""
    anywhere = rng.choice(len(places.share), len(origin), p=places.share)
    by_district = np.argsort(places.near, kind="stable")
    size = np.bincount(places.near)
    begin = np.cumsum(size) - size
    district = places.near[origin]
    within = by_district[begin[district] + rng.integers(0, size[district])]
    return np.where(rng.random(len(origin)) < STAYS_IN_DISTRICT, within, anywhere).astype(np.int32)


def _frame(
    household: np.ndarray, office: np.ndarray, since: np.ndarray, until: np.ndarray, is_registered: bool
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "household": household.astype(np.int32),
            "office": office.astype(np.int32),
            "since": since.astype(np.int32),
            "until": until.astype(np.int32),
            "is_registered": np.full(len(household), is_registered),
        }
    )


def _draw_housing(stays: pl.DataFrame, is_renter: np.ndarray, lone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    home = stays["household"].to_numpy()
    shares = np.stack([OWNER_HOUSING, RENTER_HOUSING, LONE_RENTER_HOUSING])
    kind = np.where(is_renter[home], np.where(lone[home], 2, 1), 0)
    cumulative = np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)[kind]
    return np.asarray((rng.random((len(home), 1)) > cumulative).sum(axis=1).clip(0, len(HOUSING) - 1))


def _number_buildings(stays: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Every stay gets a dwelling of its own; neighbours are drawn, not in the order of household numbers."""
    alone = (stays["housing"] == HOUSING.index("detached")).to_numpy() & (rng.random(stays.height) < DETACHED_FOR_ONE)
    units = np.where(alone, 1, UNITS[stays["housing"].to_numpy()])
    place = pl.int_range(pl.len()).over("office", "housing", "units")
    dealt = (
        stays.with_columns(units=pl.Series(units), draw=pl.Series(rng.permutation(stays.height)))
        .sort("draw")
        .with_columns(place=place)
        .with_columns(block=pl.col("place") // pl.col("units"), unit=pl.col("place") % pl.col("units"))
        .sort("household", "since", "is_registered")
    )
    buildings = dealt.select("office", "housing", "units", "block").unique().sort("office", "housing", "units", "block")
    buildings = buildings.with_columns(building=pl.int_range(pl.len()).over("office"))
    return dealt.join(buildings, on=["office", "housing", "units", "block"], how="left", maintain_order="left").drop(
        "draw", "place", "block"
    )


def _forget_units(stays: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Which of the registered and of the supplied addresses name the flat."""
    missing = pl.Series(rng.random(stays.height)) < pl.Series(WITHOUT_UNIT[stays["housing"].to_numpy()])
    forgotten = pl.Series(rng.random(stays.height) < 0.02)
    single = stays["units"] == 1
    return stays.with_columns(is_unit_told=~(single | missing), is_unit_supplied=~(single | forgotten))


def write_addresses(stays: pl.DataFrame, places: Places, seed: int, part: PartOf = WHOLE) -> pl.DataFrame:
    """`stays` with address and supply (where the meter hangs) in words; `seed`: of the country, not of a part."""
    streets = _street_names(places, seed)
    street = pl.lit(streets).gather(pl.col("office") * STREETS_PER_OFFICE + pl.col("building") % STREETS_PER_OFFICE)
    # An office may lie in two parts: their house numbers take turns.
    number = 1 + pl.col("building") // STREETS_PER_OFFICE * part.parts + part.number
    floor, door = pl.col("unit") // 2 % 20 + 1, pl.col("unit") % 2 + 1
    block = pl.when(pl.col("units") >= 60).then(pl.format("{}동 ", 101 + pl.col("unit") // 40)).otherwise(pl.lit(""))
    unit = pl.format("{}{}{}호", block, floor, door.cast(pl.String).str.zfill(2))
    written = stays.select(pl.format("{} {}", street, number).alias("building"), unit.alias("unit"))
    written = written.select("building", full=pl.format("{}, {}", "building", "unit"))
    return stays.with_columns(
        address=pl.when("is_unit_told").then(written["full"]).otherwise(written["building"]),
        supply=pl.when("is_unit_supplied").then(written["full"]).otherwise(written["building"]),
    )


def _street_names(places: Places, seed: int) -> pl.Series:
    """For each office its own streets: no two offices of a district share one."""
    fake = Faker("ko_KR")
    fake.seed_instance(seed)
    words = sorted({fake.road_name() for _ in range(200)})
    districts = places.offices.select(pl.format("{} {}", "region_ko", "district_ko")).to_series().to_list()
    names = [
        f"{district} {words[(7 * office + k) % len(words)]}로{10 * (place + 1) + k}번길"
        for office, place, district in zip(places.number, places.in_district, districts, strict=True)
        for k in range(STREETS_PER_OFFICE)
    ]
    return pl.Series("street", names)


def _tell(stays: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    delay = rng.integers(0, 14, stays.height)
    late = pl.Series(delay).cast(pl.Int32)
    closed = pl.when(pl.col("until") < NEVER).then(pl.col("until") + late).otherwise(pl.lit(NEVER))
    return stays.with_columns(told_since=pl.col("since") + late, told_until=closed.cast(pl.Int32))
