"""What officers did with a household before, as far as it was known."""

from datetime import date

import numpy as np
import polars as pl

from features.feeds import HORIZON_DAYS, NEVER_DAYS
from features.kinds import Values
from features.shapes import Shape
from signals.outcomes import OUTCOMES

YEAR_DAYS = 365

CONTACTS = (
    Shape("selections_12m", 0, "최근 1년 발굴 대상 선정", "times selected within a year"),
    Shape("selections_24m", 0, "최근 2년 발굴 대상 선정", "times selected within two years"),
    Shape("reached_24m", 0, "최근 2년 상담 횟수", "selections within two years in which somebody was spoken to"),
    Shape("unreached_24m", 0, "최근 2년 만나지 못한 횟수", "selections within two years that ended without contact"),
    Shape("unreached_in_a_row", 0, "연속해서 만나지 못한 횟수", "selections without contact since the last contact"),
    Shape("days_since_selection", 0, "마지막 선정 후 일수", "days, at most the horizon", NEVER_DAYS),
    Shape("last_need", 0, "지난 상담: 어려움 확인", "1: the last answer found need"),
    Shape("last_no_need", 0, "지난 상담: 어려움 없음", "1: the last answer found none"),
    Shape("last_nothing", 0, "지난 처리: 판단 없음", "1: the last answer teaches nothing"),
)

_TEACHES = {outcome.code: outcome.teaches for outcome in OUTCOMES.values()}
_IS_CONTACT = {outcome.code: outcome.is_contact for outcome in OUTCOMES.values()}


def summarise_contacts(contacts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """One row per household ever selected: the numbers, and prior_selections, last_outcome, last_contacted_on."""
    days = (pl.lit(as_of) - pl.col("selected_on")).dt.total_days()
    outcome = pl.col("outcome")
    told = contacts.with_columns(
        days=days,
        within_24m=days <= HORIZON_DAYS,
        is_contact=outcome.replace_strict(_IS_CONTACT, return_dtype=pl.Boolean),
        teaches=outcome.replace_strict(_TEACHES, return_dtype=pl.String),
        acted_on=pl.coalesce("contacted_on", "selected_on"),
    ).sort("row", "acted_on", "selected_on", "alert")
    reached, unreached = pl.col("is_contact"), ~pl.col("is_contact")
    last_reached = pl.col("acted_on").filter(reached).max()
    since = last_reached.is_null() | (pl.col("acted_on") > last_reached)
    answered = outcome.is_not_null()
    return told.group_by("row", maintain_order=True).agg(
        prior_selections=pl.len(),
        last_outcome=outcome.filter(answered).last(),
        last_contacted_on=pl.col("contacted_on").max(),
        last_teaches=pl.col("teaches").filter(answered).last(),
        selections_12m=(pl.col("days") <= YEAR_DAYS).sum(),
        selections_24m=pl.col("within_24m").sum(),
        reached_24m=(reached & pl.col("within_24m")).sum(),
        unreached_24m=(unreached & pl.col("within_24m")).sum(),
        unreached_in_a_row=(unreached & since).sum(),
        days_since_selection=pl.col("days").min().clip(upper_bound=NEVER_DAYS),
    )


def contact_values(summary: pl.DataFrame, households: int) -> Values:
    """`summary`: as summarise_contacts gives it, row = place among the households of the part."""
    rows = summary["row"].to_numpy()
    last = pl.col("last_teaches").fill_null("")
    numbers = summary.with_columns(
        last_need=last == "need", last_no_need=last == "no_need", last_nothing=last == "nothing"
    )
    values: Values = {}
    for shape in CONTACTS:
        values[shape.name] = np.full(households, shape.empty)
        values[shape.name][rows] = numbers[shape.name].cast(pl.Float64).to_numpy()
    return values
