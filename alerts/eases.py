"""What lowered the score, in whole Korean sentences: true by the data or not said, and never evidence against need."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from alerts.facts_told import told_contacts
from alerts.korean import month
from alerts.live import EVIDENCE, is_warning
from alerts.reasons import GROUPS, Seen, groups_by_push, told_of
from alerts.tables import TOLD_FACTS, take
from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from signals.signal import Signal

EASES = 2
# As features.history.COVERED: pairs of which silence means that there was nothing to tell.
COVERED = pl.Schema({"household_key": pl.Int64(), "signal": pl.String(), "told_until": pl.Date()})
# Older silence says too little of today: two rounds and the months a file is late.
SILENCE_DAYS = 180

Live = Mapping[str, Seen]
Silent = Mapping[str, date]


def ease(
    alerts: pl.DataFrame,
    pushes: pl.DataFrame,
    evidence: pl.DataFrame,
    facts: pl.DataFrame,
    covered: pl.DataFrame,
    signals: Mapping[str, Signal] = SIGNALS,
) -> pl.DataFrame:
    """alerts with ease_1..2: of the groups that lowered the score, the most telling first; null where none can be told.

    `pushes` as in reasons.tell. A signal that is not live is called absent only for pairs in `covered`.
    """
    keys = alerts.select("household_key")
    lowered = groups_by_push(pushes.join(keys, on="household_key", how="semi"), signals, raising=False)
    live = _live(take(evidence.join(keys, on="household_key", how="semi"), EVIDENCE, "evidence"), signals)
    silent = _silent(take(covered.join(keys, on="household_key", how="semi"), COVERED, "covered"))
    schema = pl.Schema({"household_key": pl.Int64(), **TOLD_FACTS})
    known = take(facts.join(keys, on="household_key", how="semi"), schema, "facts").rows_by_key(
        "household_key", named=True, unique=True
    )
    rows = [
        _told(lowered.get(key, []), live.get(key, {}), silent.get(key, {}), known.get(key), as_of, signals)
        for key, as_of in alerts.select("household_key", "as_of").iter_rows()
    ]
    return alerts.hstack(pl.DataFrame(rows, {f"ease_{n + 1}": pl.String() for n in range(EASES)}, orient="row"))


def _live(evidence: pl.DataFrame, signals: Mapping[str, Signal]) -> dict[int, dict[str, Seen]]:
    found: dict[int, dict[str, Seen]] = {}
    for key, name, *values in evidence.iter_rows():
        found.setdefault(key, {})[name] = Seen(signals[name], *values)
    return found


def _silent(covered: pl.DataFrame) -> dict[int, dict[str, date]]:
    by_household = covered.group_by("household_key").agg("signal", "told_until")
    return {key: dict(zip(names, untils, strict=True)) for key, names, untils in by_household.iter_rows()}


def _told(
    lowered: list[str],
    live: Live,
    silent: Silent,
    facts: dict[str, Any] | None,
    as_of: date,
    signals: Mapping[str, Signal],
) -> list[str | None]:
    sentences: list[str] = []
    for group in lowered:
        if group in GROUPS:
            sentence = _of_group(group, live, facts)
        elif group in live:
            sentence = _of_live(live[group])
        else:
            sentence = _of_silence(signals[group], silent.get(group), as_of)
        sentences += [sentence] if sentence else []
        if len(sentences) == EASES:
            break
    return [*sentences, *[None] * (EASES - len(sentences))]


def _of_live(seen: Seen) -> str | None:
    """A running benefit or service, or a level where more means less hardship. A warning sign is no relief."""
    signal = seen.signal
    if is_warning(signal):
        return f"‘{signal.name_ko}’: {month(seen.observed_on)}까지 밀린 것이 없습니다." if seen.months == 0 else None
    is_relief = signal.kind == "status" or signal.direction == -1
    return told_of(seen) if is_relief else None


def _of_silence(signal: Signal, until: date | None, as_of: date) -> str | None:
    if until is None or as_of - until > timedelta(days=SILENCE_DAYS) or not is_warning(signal):
        return None
    told = f"{month(until)} 자료까지 ‘{signal.name_ko}’ 정보가 없습니다."
    if signal.kind == "arrears" and signal.min_months > 1:
        return told.replace("정보가 없습니다.", f"정보가 없습니다({signal.min_months}개월 이상 밀린 집만 통보됩니다).")
    return told


def _of_group(group: str, live: Live, facts: dict[str, Any] | None) -> str | None:
    match group:
        case "across":
            warnings = [s for s in live.values() if is_warning(s.signal) and s.months != 0]
            return "지금 확인되는 위기 신호는 한 가지입니다." if len(warnings) == 1 else None
        case "household":
            return _of_household(facts) if facts else None
        case "contacts":
            return _of_contacts(facts) if facts else None
        case other:
            raise ValueError(f"no sentences for the group {other}")


def _of_household(facts: dict[str, Any]) -> str | None:
    if facts["members"] is not None and facts["members"] >= 2:
        return f"{facts['members']}명이 함께 사는 것으로 등록되어 있습니다."
    if facts["housing"] == "apartment":
        return "아파트에 사는 것으로 등록되어 있습니다."
    return None


def _of_contacts(facts: dict[str, Any]) -> str | None:
    """Only where somebody was spoken to, or nobody ever asked: a missed visit is no relief."""
    times, last = facts["prior_selections"], facts["last_outcome"]
    was_met = last is not None and OUTCOMES[last].effect == "closes"
    return told_contacts(facts) if was_met or times == 0 else None
