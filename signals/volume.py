"""Does a file hold about as many rows as one would expect? Warns only: a real shock also looks like a wrong count."""

from datetime import date
from math import sqrt

import polars as pl

from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS

# Feeds differ by region and season: only several times too many or too few is worth a word.
_TIMES = 4


def unusual(counts: pl.DataFrame, covered_households: int, told_until: date, months: int = 1) -> list[str]:
    """`counts`: signal, rows accepted from one file that tells of so many `months` up to `told_until`. One Korean
    sentence per signal; a signal that nobody told of yet by then is not missed.

    A feed for one kind of housing is never found short: how many homes it covers is not known here.
    """
    rows = dict(zip(counts["signal"].to_list(), counts["rows"].to_list(), strict=True))
    agencies = {SIGNALS[name].agency for name in rows}
    # A signal that fell silent has no row in `counts`: the others of its source remind of it.
    told_by = [n for n, s in SIGNALS.items() if s.agency in agencies and s.available_from <= told_until]
    sentences = (_sentence(name, rows.get(name, 0), covered_households, months) for name in told_by)
    return [s for s in sentences if s]


def _sentence(name: str, rows: int, households: int, months: int) -> str:
    signal = SIGNALS[name]
    expected = signal.per_1000 * households / 1000 * months
    # Counts scatter by about their square root; small expectations need the slack.
    slack = 4 * sqrt(expected) + 4
    told = f"{AGENCIES[signal.agency].name_ko} · {signal.name_ko}: {rows:,}건, 보통 {expected:,.0f}건 안팎"
    if rows > expected * _TIMES + slack:
        return f"{told}. 평소보다 너무 많습니다. 단위나 기간이 바뀌지 않았는지 확인해 주십시오."
    if signal.covers_housing is None and rows < expected / _TIMES - slack:
        return f"{told}. 평소보다 너무 적습니다. 빠진 지역이나 기간이 없는지 확인해 주십시오."
    return ""
