"""Regions (real names), districts and offices (made up), with codes in the shape of 행정동 codes."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from synthetic.settings import CountrySettings, generator

# code, name, share of households (rough, resident registry)
REGIONS = (
    ("11", "서울특별시", 18.6), ("26", "부산광역시", 6.5), ("27", "대구광역시", 4.6), ("28", "인천광역시", 5.7),
    ("29", "광주광역시", 2.8), ("30", "대전광역시", 2.9), ("31", "울산광역시", 2.1), ("36", "세종특별자치시", 0.7),
    ("41", "경기도", 26.0), ("51", "강원특별자치도", 3.1), ("43", "충청북도", 3.3), ("44", "충청남도", 4.4),
    ("52", "전북특별자치도", 3.6), ("46", "전라남도", 3.8), ("47", "경상북도", 5.4), ("48", "경상남도", 6.4),
    ("50", "제주특별자치도", 1.3),
)  # fmt: skip

# No real district or office carries these names: nobody's street is shamed by made-up hardship.
DISTRICTS = ("한빛", "새솔", "가온", "누리", "다온", "라온", "마루", "바론", "소담", "아라", "예그린", "해찬")
OFFICES = (
    "가람", "나래", "다솜", "단비", "도담", "마음", "물빛", "미르", "바다", "별내음", "봄내", "비단",
    "산들", "새벽", "샛별", "솔숲", "아침", "여울", "온새", "윤슬", "은하", "이든", "초롱", "하늘",
)  # fmt: skip
OFFICES_PER_DISTRICT = 8


@dataclass(frozen=True, slots=True)
class Places:
    offices: pl.DataFrame  # code, name_ko, district_code, district_ko, region_ko, households, officers, capacity
    share: np.ndarray  # of all households
    hardship: np.ndarray  # how much harder life is here, about N(0, 1)
    near: np.ndarray  # district number: people move within it more often than out of it


def make_places(settings: CountrySettings) -> Places:
    rng = generator(settings.seed, "places")
    count = max(2, round(settings.households / settings.households_per_office))
    region = _regions_of(count)
    table = _name_offices(region)
    share = rng.lognormal(0.0, 0.45, count)
    share /= share.sum()
    expected = share * settings.households
    # DOMAIN 0.6: with the same staff one dong has 1 case, another 400. Capacity follows need only loosely.
    capacity = np.maximum(3, np.rint(expected * settings.capacity_share * rng.uniform(0.6, 1.6, count))).astype(
        np.int64
    )
    officers = np.maximum(1, np.rint(capacity / 8)).astype(np.int64)
    offices = table.with_columns(
        pl.Series("households", np.rint(expected).astype(np.int64)),
        pl.Series("officers", officers),
        pl.Series("capacity", capacity),
    )
    near = offices["district_code"].rank("dense").to_numpy().astype(np.int32) - 1
    return Places(offices, share, rng.standard_normal(count).astype(np.float32), near)


def _regions_of(count: int) -> list[int]:
    """Region number of each office: largest remainders, largest regions first."""
    exact = np.array([weight for _, _, weight in REGIONS])
    exact = exact / exact.sum() * count
    seats = np.floor(exact).astype(int)
    for index in np.argsort(-(exact - seats), kind="stable")[: count - seats.sum()]:
        seats[index] += 1
    return [region for region, number in enumerate(seats) for _ in range(number)]


def _name_offices(region: list[int]) -> pl.DataFrame:
    rows = []
    within: dict[int, int] = {}
    for number in region:
        code, region_ko, _ = REGIONS[number]
        order = within.get(number, 0)
        within[number] = order + 1
        district, position = divmod(order, OFFICES_PER_DISTRICT)
        name, again = DISTRICTS[(district + number) % len(DISTRICTS)], district // len(DISTRICTS)
        suffix = "구" if region_ko.endswith("시") else "시"
        district_code = f"{code}{110 + 5 * district:03d}"
        office = OFFICES[(position + 5 * number + 3 * district) % len(OFFICES)]
        rows.append(
            (f"{district_code}{510 + 10 * position}00", f"{office}동", district_code,
             f"{name}{again + 1 if again else ''}{suffix}", region_ko)
        )  # fmt: skip
    schema = ["code", "name_ko", "district_code", "district_ko", "region_ko"]
    return pl.DataFrame(rows, schema=schema, orient="row")
