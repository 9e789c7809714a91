"""Who a household is: its members, its address, its housing. Facts for officers and numbers for the model."""

from datetime import date

import numpy as np
import polars as pl

from features.kinds import Values
from features.shapes import Shape
from signals.outcomes import LIVES_ELSEWHERE
from signals.signal import Housing

SENIOR_FROM = 65
# From the most to the least settled: a rank that a tree can cut anywhere.
HOUSING_RANK: dict[Housing, int] = {
    "apartment": 0,
    "row_house": 1,
    "detached": 2,
    "public_rental": 3,
    "redevelopment_rental": 4,
    "one_room": 5,
    "non_dwelling": 6,
}

HOUSEHOLD = (
    Shape("members", 0, "가구원 수", "persons registered"),
    Shape("head_age", 0, "세대주 나이", "years, by birth year"),
    Shape("oldest_age", 0, "최고령 가구원 나이", "years, by birth year"),
    Shape("youngest_age", 0, "최연소 가구원 나이", "years, by birth year"),
    Shape("lives_alone", 0, "1인 가구", "1: one person registered"),
    Shape("has_child", 0, "아동 있음", "1: somebody under 18"),
    Shape("has_senior", 0, "노인 있음", "1: somebody of 65 or older"),
    Shape("one_adult_with_child", 0, "한부모형 가구", "1: one adult and at least one child"),
    Shape("housing_rank", 0, "주거 유형", "0 apartment ... 6 not a dwelling"),
    Shape("months_at_address", 0, "현 주소 거주 개월", "calendar months since the registered move in"),
    Shape("moves_24m", 0, "최근 2년 이사 횟수", "addresses begun within two years, other than the first"),
    Shape("address_unknown", 0, "주소 없음", "1: no address registered today"),
    Shape("address_mismatch", 0, "등록지와 거주지가 다를 가능성", "1: an officer found nobody living there"),
    Shape("address_no_unit", 0, "동·호수 없음", "1: the address does not name the unit"),
    Shape("benefits_running", 0, "받고 있는 급여 수", "live states that relieve a need"),
    Shape("address__ambiguous_notices", 0, "같은 주소의 불명확한 통보", "notices within two years that fit several"),
)


def address_status(households: pl.DataFrame, contacts: pl.DataFrame) -> pl.Series:
    """match | mismatch_suspected | no_unit | unknown: a fact to carry, not an error to drop."""
    traced = contacts.filter(pl.col("outcome").is_in(LIVES_ELSEWHERE))
    latest = traced.group_by("row").agg(not_found_on=pl.coalesce("contacted_on", "selected_on").max())
    is_elsewhere = pl.col("not_found_on") >= pl.col("valid_from")
    # A detached house has no unit to name, as long as nobody else is registered at it.
    lacks_unit = ~pl.col("has_unit") & ((pl.col("housing") != "detached") | pl.col("is_shared"))
    status = (
        pl.when(pl.col("address_key").is_null())
        .then(pl.lit("unknown"))
        .when(is_elsewhere)
        .then(pl.lit("mismatch_suspected"))
        .when(lacks_unit)
        .then(pl.lit("no_unit"))
        .otherwise(pl.lit("match"))
    )
    joined = households.select("row", "address_key", "valid_from", "has_unit", "housing", "is_shared").join(
        latest, on="row", how="left", maintain_order="left"
    )
    return joined.select(address_status=status).to_series()


def household_values(households: pl.DataFrame, status: pl.Series, benefits: np.typing.NDArray[np.float64],
                     as_of: date) -> Values:  # fmt: skip
    members, children = pl.col("members"), pl.col("children")
    moved_in = pl.col("valid_from").dt.year().cast(pl.Int32) * 12 + pl.col("valid_from").dt.month()
    numbers = households.with_columns(status=status).select(
        "members",
        "head_age",
        "oldest_age",
        "youngest_age",
        lives_alone=members == 1,
        has_child=children > 0,
        has_senior=pl.col("oldest_age") >= SENIOR_FROM,
        one_adult_with_child=(members - children == 1) & (children > 0),
        housing_rank=pl.col("housing").cast(pl.String).replace_strict(HOUSING_RANK, return_dtype=pl.Int16),
        months_at_address=as_of.year * 12 + as_of.month - moved_in,
        moves_24m=pl.col("moves_24m").fill_null(0),
        address_unknown=pl.col("status") == "unknown",
        address_mismatch=pl.col("status") == "mismatch_suspected",
        address_no_unit=pl.col("status") == "no_unit",
        address__ambiguous_notices=pl.col("notices").fill_null(0),
    )
    values = {name: numbers[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in numbers.columns}
    return values | {"benefits_running": benefits}
