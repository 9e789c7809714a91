"""Figures and days as an officer writes them."""

from datetime import date


def won(amount: int) -> str:
    return f"{amount:,}원"


def month(day: date) -> str:
    return f"{day.year}년 {day.month}월"


def day_after(day: date, earlier: date) -> str:
    """10월 12일; with its year when that is not the year of `earlier`, which stands before it in the sentence."""
    told = f"{day.month}월 {day.day}일"
    return told if day.year == earlier.year else f"{day.year}년 {told}"


def age_band(years: int) -> str:
    if years >= 100:
        return "100세 이상"
    return f"{years // 10 * 10}대" if years >= 20 else "10대 이하"
