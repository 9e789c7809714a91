"""Months as whole numbers (year * 12 + month - 1) and days since 1970, so that NumPy can reckon with them."""

from datetime import date, timedelta

import numpy as np

EPOCH = date(1970, 1, 1)
NEVER = 2**30  # a day that does not come


def month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> date:
    return first_day(month + 1) - timedelta(days=1)


def day_number(day: date) -> int:
    return (day - EPOCH).days


def to_date(number: int) -> date:
    return EPOCH + timedelta(days=number)


def month_starts(first: int, count: int) -> np.ndarray:
    """Day numbers of the first day of `count` months and of the month after them."""
    return np.array([day_number(first_day(first + i)) for i in range(count + 1)], dtype=np.int32)
