"""A district's own criteria: named rules that are given a share of its offices' free places."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """Everything that is named must hold; what we do not know of a household never holds."""

    name_ko: str  # told to officers
    offices: frozenset[str]  # 10-digit codes
    share: float  # of an office's free places
    any_signal: tuple[str, ...] = ()  # at least one of these live warning signals; empty: any household
    lives_alone: bool | None = None
    has_child: bool | None = None
    has_senior: bool | None = None
    housing: tuple[str, ...] = ()  # signals.signal.Housing; empty: any
    least_head_age: int | None = None
    most_head_age: int | None = None
    least_points: int = 0

    def __post_init__(self) -> None:
        if not self.name_ko.strip():
            raise ValueError("a criterion needs a name: officers are told it")
        if not self.offices:
            raise ValueError(f"criterion {self.name_ko!r} names no office")
        if not 0 < self.share <= 1:
            raise ValueError(f"criterion {self.name_ko!r}: share must lie above 0 and be at most 1, not {self.share}")


def meets(criterion: Criterion) -> pl.Expr:
    """Boolean, never null. Wants office, signals (live warnings), points, and the facts lives_alone, has_child,
    has_senior, housing, head_age."""
    tests = [pl.col("office").is_in(list(criterion.offices)), pl.col("points") >= criterion.least_points]
    if criterion.any_signal:
        tests.append(pl.col("signals").list.set_intersection(list(criterion.any_signal)).list.len() > 0)
    for fact in ("lives_alone", "has_child", "has_senior"):
        wanted = getattr(criterion, fact)
        if wanted is not None:
            tests.append(pl.col(fact) == wanted)
    if criterion.housing:
        tests.append(pl.col("housing").is_in(list(criterion.housing)))
    if criterion.least_head_age is not None:
        tests.append(pl.col("head_age") >= criterion.least_head_age)
    if criterion.most_head_age is not None:
        tests.append(pl.col("head_age") <= criterion.most_head_age)
    return pl.all_horizontal(tests).fill_null(False)
