"""Every sentence about a signal is known again as its agency's, and only that of a late one is marked."""

from datetime import date

import polars as pl
import pytest

from alerts.data_dates import mark_late, pattern_of
from alerts.reasons import REASONS, Seen, told_of
from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.signal import Signal

MARK = ", 자료 기준일 2026년 7월 31일, 다음 자료 늦음)."


def sentences(signal: Signal) -> list[str]:
    """With every figure, and with figures left out."""
    day, came = date(2026, 7, 31), date(2026, 9, 10)
    told = [(3, 183_000, 2), (3, None, 2), (None, None, None), (600, 1, 99)]
    return [told_of(Seen(signal, months, won, day, came, count)) for months, won, count in told]


def alerts_with(*texts: str | None) -> pl.DataFrame:
    padded = [*texts, *[None] * (REASONS - len(texts))]
    return pl.DataFrame(
        {f"reason_{n + 1}": [text] for n, text in enumerate(padded)},
        schema_overrides={f"reason_{n + 1}": pl.String for n in range(REASONS)},
    )


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=lambda signal: signal.name)
def test_a_sentence_is_its_agencys_and_no_others(signal: Signal) -> None:
    told = pl.Series(sentences(signal))
    for agency in AGENCIES:
        found = told.str.contains(pattern_of(s for s in SIGNALS.values() if s.agency == agency))
        assert found.to_list() == [agency == signal.agency] * len(told), agency
    marked = mark_late(alerts_with(told[0]), {signal.agency: date(2026, 7, 31)}, SIGNALS)["reason_1"].item()
    assert marked == told[0].removesuffix(").") + MARK
    assert marked.count("(") == told[0].count("(")


def test_only_what_is_late_is_marked_and_other_reasons_stay() -> None:
    power, health = sentences(SIGNALS["power_arrears"])[0], sentences(SIGNALS["health_arrears"])[0]
    alerts = alerts_with(power, health, "혼자 사는 어르신입니다.")
    assert mark_late(alerts, {}, SIGNALS).equals(alerts)
    marked = mark_late(alerts, {SIGNALS["power_arrears"].agency: date(2026, 7, 31)}, SIGNALS)
    assert marked.row(0) == (power.removesuffix(").") + MARK, health, "혼자 사는 어르신입니다.", None)
    both = {SIGNALS[name].agency: date(2026, 7, 31) for name in ("power_arrears", "health_arrears")}
    assert mark_late(alerts, both, SIGNALS)["reason_2"].item() == health.removesuffix(").") + MARK
