"""Regions (real names), districts and offices (made up), with codes in the shape of 행정동 codes."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from synthetic.settings import CountrySettings, generator

# code, name, share of households (rough, resident registry), 시군구 (DOMAIN 7: 229 as welfare systems count them)
REGIONS = (
    ("11", "서울특별시", 18.6, 25), ("26", "부산광역시", 6.5, 16), ("27", "대구광역시", 4.6, 9),
    ("28", "인천광역시", 5.7, 10), ("29", "광주광역시", 2.8, 5), ("30", "대전광역시", 2.9, 5),
    ("31", "울산광역시", 2.1, 5), ("36", "세종특별자치시", 0.7, 1), ("41", "경기도", 26.0, 31),
    ("51", "강원특별자치도", 3.1, 18), ("43", "충청북도", 3.3, 11), ("44", "충청남도", 4.4, 15),
    ("52", "전북특별자치도", 3.6, 14), ("46", "전라남도", 3.8, 22), ("47", "경상북도", 5.4, 22),
    ("48", "경상남도", 6.4, 18), ("50", "제주특별자치도", 1.3, 2),
)  # fmt: skip
WHOLE_COUNTRY = 3_502  # 읍면동 (DOMAIN 7, 2017)

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
    number: np.ndarray  # place among all offices of the country
    in_district: np.ndarray  # place among the offices of the district

    def part(self, begin: float, end: float) -> "Places":
        """Of the households in order of offices those from one share to another. An office may lie in two parts."""
        after = np.cumsum(self.share)
        mine = np.clip(np.minimum(after, end) - np.maximum(after - self.share, begin), 0, None)
        here = np.flatnonzero(mine > 0)
        offices = self.offices[here].with_columns(pl.col("capacity") * pl.Series(mine[here] / self.share[here]))
        near = np.unique(self.near[here], return_inverse=True)[1].astype(np.int32)
        share = mine[here] / mine[here].sum()
        return Places(offices, share, self.hardship[here], near, self.number[here], self.in_district[here])


def make_places(settings: CountrySettings) -> Places:
    rng = generator(settings.seed, "places")
    count = max(2, round(settings.households / settings.households_per_office))
    region = _regions_of(count)
    table = _name_offices(region, _districts_of(region, settings.has_real_districts))
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
    in_district = offices.select(pl.int_range(pl.len()).over("district_code")).to_series().to_numpy()
    hardship = rng.standard_normal(count).astype(np.float32)
    return Places(offices, share, hardship, near, np.arange(count), in_district)


def _regions_of(count: int) -> list[int]:
    """Region number of each office: largest remainders, largest regions first."""
    exact = np.array([weight for _, _, weight, _ in REGIONS])
    exact = exact / exact.sum() * count
    seats = np.floor(exact).astype(int)
    for index in np.argsort(-(exact - seats), kind="stable")[: count - seats.sum()]:
        seats[index] += 1
    return [region for region, number in enumerate(seats) for _ in range(number)]


def _districts_of(region: list[int], has_real_districts: bool) -> list[int]:
    """District number of each office within its region."""
    size = np.bincount(region, minlength=len(REGIONS))
    order = [place for count in size for place in range(count)]
    if not has_real_districts:
        return [place // OFFICES_PER_DISTRICT for place in order]
    # All of them in the whole country, fewer in a smaller one.
    real = np.array([districts for *_, districts in REGIONS])
    districts = np.clip(np.rint(real * len(region) / WHOLE_COUNTRY).astype(int), 1, np.maximum(size, 1))
    return [place * int(districts[r]) // int(size[r]) for place, r in zip(order, region, strict=True)]


def _name_offices(region: list[int], districts: list[int]) -> pl.DataFrame:
    rows = []
    within: dict[tuple[int, int], int] = {}
    for number, district in zip(region, districts, strict=True):
        code, region_ko, *_ = REGIONS[number]
        position = within.get((number, district), 0)
        within[number, district] = position + 1
        name, again = DISTRICTS[(district + number) % len(DISTRICTS)], district // len(DISTRICTS)
        suffix = "구" if region_ko.endswith("시") else "시"
        district_code = f"{code}{110 + 5 * district:03d}"
        office = OFFICES[(position + 5 * number + 3 * district) % len(OFFICES)]
        rows.append(
            (f"{district_code}{510 + 10 * position:03d}00", f"{office}{_again(position // len(OFFICES))}동",
             district_code, f"{name}{_again(again)}{suffix}", region_ko)
        )  # fmt: skip
    schema = ["code", "name_ko", "district_code", "district_ko", "region_ko"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _again(times: int) -> str:
    return str(times + 1) if times else ""
