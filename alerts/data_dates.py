"""A reason whose source is late says up to when it is told: 자료 기준일. What followed, nobody here knows yet."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from string import Formatter

import polars as pl

from alerts.reasons import REASONS
from signals.signal import Signal


def mark_late(alerts: pl.DataFrame, told_until: Mapping[str, date], signals: Mapping[str, Signal]) -> pl.DataFrame:
    """alerts of alerts.reasons.tell. told_until: of every agency that is late, the last day its files tell of."""
    columns = [f"reason_{n + 1}" for n in range(REASONS)]
    for agency, day in sorted(told_until.items()):
        pattern = pattern_of(signal for signal in signals.values() if signal.agency == agency)
        words = f", 자료 기준일 {day.year}년 {day.month}월 {day.day}일, 다음 자료 늦음)."
        marked = (
            pl.when(pl.col(name).str.contains(pattern)).then(pl.col(name).str.replace(r"\)\.$", words)).otherwise(name)
            for name in columns
        )
        alerts = alerts.with_columns(expression.alias(name) for name, expression in zip(columns, marked, strict=True))
    return alerts


def pattern_of(signals: Iterable[Signal]) -> str:
    """Of the sentences that `alerts.reasons.told_of` makes of these signals, up to the brackets they end with."""
    return "|".join(rf"^{_begin(s.reason_ko)}\(|^‘{re.escape(s.name_ko)}’ 정보가 확인되었습니다\(" for s in signals)


def _begin(template: str) -> str:
    plain = re.sub(r"(\([^()]*\))?\.$", "", template)
    return "".join(re.escape(words) + (r"[^()]+" if field else "") for words, field, _, _ in Formatter().parse(plain))
