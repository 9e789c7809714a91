"""Why this household, in whole Korean sentences: chosen and ordered by push, true by the data."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from string import Formatter
from typing import Any, assert_never

import polars as pl

from alerts.facts_told import told_of_group
from alerts.korean import day_after, month, won
from alerts.live import EVIDENCE, is_warning
from alerts.tables import TOLD_FACTS, take
from signals.catalogue import SIGNALS
from signals.signal import Signal

REASONS = 4
CHECKS = 3
GROUPS = ("across", "household", "contacts")
NO_SIGNAL_LEFT = "알림을 보낸 뒤 위기 신호가 더 확인되지 않습니다. 어려움이 풀렸는지 확인해 주세요."


@dataclass(frozen=True, slots=True)
class Seen:
    """One live signal of one household."""

    signal: Signal
    months: int | None
    amount_won: int | None
    observed_on: date
    received_on: date
    count: int | None


def tell(
    alerts: pl.DataFrame,
    pushes: pl.DataFrame,
    evidence: pl.DataFrame,
    facts: pl.DataFrame,
    signals: Mapping[str, Signal] = SIGNALS,
) -> pl.DataFrame:
    """alerts with reason_1..4 (at least one), check_1..3 and data_age_days (of the newest signal; null: none left).

    `pushes` is wide: household_key, base, one column per group, in log-odds. Only groups that raised the score are
    told: warnings first, then levels and statuses, then what is known of the household as a whole, each by push; in the
    urgent lane the urgent signal comes before them. A household that no signal raised (explore, or urgent with a low
    score) is told its live warnings as plain facts.
    """
    keys = alerts.select("household_key")
    seen = _seen(take(evidence, EVIDENCE, "evidence").join(keys, on="household_key", how="semi"), signals)
    raised = groups_by_push(pushes.join(keys, on="household_key", how="semi"), signals, raising=True)
    schema = pl.Schema({"household_key": pl.Int64(), **TOLD_FACTS})
    known = take(facts.join(keys, on="household_key", how="semi"), schema, "facts").rows_by_key(
        "household_key", named=True, unique=True
    )
    rows = [
        _row(seen.get(key, []), raised.get(key, []), known.get(key), lane, as_of)
        for key, lane, as_of in alerts.select("household_key", "lane", "as_of").iter_rows()
    ]
    return alerts.hstack(pl.DataFrame(rows, schema=_told_schema(), orient="row"))


def _told_schema() -> pl.Schema:
    texts = [f"reason_{n + 1}" for n in range(REASONS)] + [f"check_{n + 1}" for n in range(CHECKS)]
    return pl.Schema({**dict.fromkeys(texts, pl.String()), "data_age_days": pl.Int64()})


def _seen(evidence: pl.DataFrame, signals: Mapping[str, Signal]) -> dict[int, list[Seen]]:
    """Per household, the gravest first. Running benefits are not among them: they are no reason to call."""
    found: dict[int, list[Seen]] = {}
    for key, name, *values in evidence.sort("household_key", "signal").iter_rows():
        signal = signals[name]
        owes_nothing = signal.kind == "arrears" and values[0] == 0
        if not signal.relieves and not owes_nothing:
            found.setdefault(key, []).append(Seen(signal, *values))
    return {key: sorted(rows, key=_gravest_first) for key, rows in found.items()}


def _gravest_first(seen: Seen) -> tuple[object, ...]:
    s = seen.signal
    return (not s.urgent, not is_warning(s), -s.points, -(seen.months or 0), -(seen.amount_won or 0), s.name)


def groups_by_push(pushes: pl.DataFrame, signals: Mapping[str, Signal], *, raising: bool) -> dict[int, list[str]]:
    """Per household the groups that raised (or lowered) its score, the strongest first, equal ones by name."""
    groups = [name for name in pushes.columns if name not in ("household_key", "base")]
    if unknown := sorted(g for g in groups if g not in signals and g not in GROUPS):
        raise ValueError(f"pushes for groups nobody has sentences for: {', '.join(unknown)}")
    push = pl.col("push")
    told = pushes.unpivot(groups, index="household_key", variable_name="group", value_name="push")
    told = told.filter(push.is_not_nan() & (push > 0 if raising else push < 0))
    ordered = told.sort("household_key", "push", "group", descending=[False, raising, False])
    return dict(ordered.group_by("household_key", maintain_order=True).agg("group").iter_rows())


def _row(seen: list[Seen], raised: list[str], facts: dict[str, Any] | None, lane: str, as_of: date) -> list[object]:
    warnings = [s for s in seen if is_warning(s.signal)]
    first = [s for s in warnings if s.signal.urgent and lane == "urgent"][:REASONS]
    reasons, told = _reasons(seen, first, raised, facts)
    checks = list(dict.fromkeys(s.signal.check_ko for s in [*told, *warnings] if s.signal.check_ko))
    age = min(((as_of - s.observed_on).days for s in warnings), default=None)
    return [*_padded(reasons, REASONS), *_padded(checks, CHECKS), age]


def _reasons(
    seen: list[Seen], first: list[Seen], raised: list[str], facts: dict[str, Any] | None
) -> tuple[list[str], list[Seen]]:
    """The sentences, and the signals among them in the same order."""
    warnings = [s for s in seen if is_warning(s.signal)]
    by_name = {s.signal.name: s for s in seen}
    pushing = [by_name[group] for group in raised if group in by_name]
    # What happened can be asked about at the door; a level or a kind of household alone says little there.
    told = _once([*first, *sorted(pushing, key=lambda s: not is_warning(s.signal))])[:REASONS]
    sentences = [told_of(s) for s in told]
    groups = (told_of_group(group, facts, [s.signal for s in warnings]) for group in raised if group in GROUPS)
    sentences += [sentence for sentence in groups if sentence]
    if not told:
        told = (warnings or seen)[: max(REASONS - len(sentences), 1)]
        sentences = [told_of(s) for s in told] + sentences
    return (sentences or [NO_SIGNAL_LEFT])[:REASONS], told


def _once(seen: list[Seen]) -> list[Seen]:
    return list({s.signal.name: s for s in seen}.values())


def told_of(seen: Seen) -> str:
    """전기요금이 3개월째 밀려 있습니다(체납액 183,000원, 2026년 8월 기준, 10월 12일 접수)."""
    values = {
        "months": seen.months,
        "amount": won(seen.amount_won) if seen.amount_won else None,
        "observed": month(seen.observed_on),
        "count": seen.count,
    }
    template, wanted = _template(seen.signal.reason_ko, values["amount"] is not None)
    if any(values[field] is None for field in wanted):
        # The agency left out the figure the sentence is built on: say only what is known.
        template, wanted = f"‘{seen.signal.name_ko}’ 정보가 확인되었습니다.", frozenset()
    received = f"{day_after(seen.received_on, seen.observed_on)} 접수"
    dates = received if "observed" in wanted else f"{month(seen.observed_on)} {_word(seen.signal)}, {received}"
    return _with_aside(template.format(**values), dates)


@cache
def _template(reason: str, has_amount: bool) -> tuple[str, frozenset[str]]:
    """A signal's sentence, and the figures it is built on: there are a few dozen, for any number of alerts."""
    template = reason if has_amount else _AMOUNT_ASIDE.sub("", reason)
    return template, frozenset(field for _, field, _, _ in Formatter().parse(template) if field)


_AMOUNT_ASIDE = re.compile(r"[^\s()]+ \{amount\}, ")  # 체납액 {amount}, in brackets: the sentence stands without it


def _with_aside(sentence: str, aside: str) -> str:
    """Into the brackets the sentence ends with, or into its own before the full stop."""
    if sentence.endswith(")."):
        return f"{sentence[:-2]}, {aside})."
    return f"{sentence.removesuffix('.')}({aside})."


def _word(signal: Signal) -> str:
    match signal.kind:
        case "event":
            return "신고" if signal.domain == "reports" else "발생"
        case "arrears" | "amount" | "status":
            return "기준"
        case other:
            assert_never(other)


def _padded(texts: Sequence[str], to: int) -> list[str | None]:
    return [*texts[:to], *[None] * (to - len(texts[:to]))]
