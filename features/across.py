"""Shapes across signals: how many kinds, agencies and domains speak of a household, and whether it gets worse."""

from datetime import date

import numpy as np

from features.feeds import HORIZON_DAYS, NEVER_DAYS, Feed
from features.kinds import Measured, Values
from features.pairs import Bools, Floats, Ints, Told
from features.shapes import Shape
from signals.signal import Signal

NEW_WITHIN_DAYS = 60  # a round of the real system takes about two months
ESCALATION_MONTHS = 3

ACROSS = (
    Shape("live_kinds", 1, "위기정보 종류", "kinds of warning signals live now"),
    Shape("live_agencies", 1, "위기정보 통보 기관", "agencies with a warning signal live now"),
    Shape("live_domains", 1, "위기정보 분야", "domains with a warning signal live now"),
    Shape("new_kinds_60d", 1, "새 위기정보 종류", "live warning kinds first received within 60 days, of older feeds"),
    Shape("escalation", 1, "연체 악화", "months overdue now less those of 3 months before, all arrears together"),
    Shape("points", 1, "위기정보 가중 합계", "Signal.points of live signals: the incumbent's kind of rule"),
    Shape(
        "newest_days", -1, "가장 새 위기정보 경과 일수", "days since the newest live warning was observed", NEVER_DAYS
    ),
    Shape("longest_months", 1, "가장 오랜 위기 지속 개월", "longest live spell among arrears and warning states"),
)


def warns(signal: Signal) -> bool:
    """Levels are told of everybody, and a running benefit or service is no warning."""
    return signal.kind != "amount" and signal.direction == 1


class Across:
    """Adds up one signal after another, for one part of the households."""

    def __init__(self, as_of: date, households: int) -> None:
        self._today = (as_of - date(1970, 1, 1)).days
        self._as_of = as_of
        self._sums: dict[str, Floats] = {shape.name: np.full(households, shape.empty) for shape in ACROSS}
        self._agencies: dict[str, Bools] = {}
        self._domains: dict[str, Bools] = {}

    def add(self, signal: Signal, feed: Feed, told: Told, measured: Measured) -> None:
        rows, is_live = measured.rows, measured.is_live
        self._sums["points"][rows] += signal.points * is_live
        self._sums["escalation"][rows] += measured.months_now - measured.months_before
        if warns(signal):
            self._add_warning(signal, feed, told, measured)

    def _add_warning(self, signal: Signal, feed: Feed, told: Told, measured: Measured) -> None:
        rows = measured.rows[measured.is_live]
        self._sums["live_kinds"][rows] += 1
        self._mark(self._agencies, signal.agency, rows)
        self._mark(self._domains, signal.domain, rows)
        longest, newest = self._sums["longest_months"], self._sums["newest_days"]
        longest[rows] = np.maximum(longest[rows], measured.spell[measured.is_live])
        days = self._today - told.observed_on[told.is_first()][measured.is_live]
        newest[rows] = np.minimum(newest[rows], np.minimum(days, HORIZON_DAYS))
        # When the whole feed is new, its signals are new to us, not to the households.
        if feed.first_received is not None and (self._as_of - feed.first_received).days > NEW_WITHIN_DAYS:
            first = np.minimum.reduceat(told.received_on, np.flatnonzero(told.is_first())) if len(told.row) else rows
            is_new = self._today - first <= NEW_WITHIN_DAYS
            self._sums["new_kinds_60d"][measured.rows[is_new & measured.is_live]] += 1

    def _mark(self, groups: dict[str, Bools], name: str, rows: Ints) -> None:
        if name not in groups:
            groups[name] = np.zeros(len(self._sums["points"]), np.bool_)
        groups[name][rows] = True

    def values(self) -> Values:
        return {
            **self._sums,
            "live_agencies": self._count(self._agencies),
            "live_domains": self._count(self._domains),
        }

    def _count(self, groups: dict[str, Bools]) -> Floats:
        total = np.zeros(len(self._sums["points"]))
        for is_marked in groups.values():
            total += is_marked
        return total
