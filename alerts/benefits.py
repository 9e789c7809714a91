"""Benefits an officer may check with a household, best first; the sheet has room for three."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache, partial
from typing import Any

import polars as pl

from alerts.benefit_programmes import BENEFITS, RUNNING, Household, HouseholdSize, Pointer, Sign
from alerts.benefit_table import BenefitTable, load_benefits
from alerts.live import EVIDENCE, live_warnings
from alerts.tables import TOLD_FACTS, take
from signals.catalogue import SIGNALS
from signals.signal import Signal

__all__ = ["BENEFITS", "BenefitTable", "Household", "Pointer", "load_benefits", "point_out", "point_to"]

BENEFIT_COLUMNS = 3
ORDER: Mapping[Sign, int] = {"worth": 0, "worth_if": 1, "no_sign": 2}


def point_out(household: Household, table: BenefitTable, on: date) -> list[Pointer]:
    """Every programme of the table once, best first; ties as in BENEFITS."""
    pointers = [Pointer(code, _sign(code, household), _sentence(code, household.size, table, on)) for code in BENEFITS]
    return sorted(pointers, key=lambda p: ORDER[p.sign])


def point_to(
    alerts: pl.DataFrame,
    facts: pl.DataFrame,
    evidence: pl.DataFrame,
    table: BenefitTable,
    on: date,
    signals: Mapping[str, Signal] = SIGNALS,
) -> pl.DataFrame:
    """alerts with benefit_1..3: whole sentences, 긴급복지 always among them; amounts in force on `on`."""
    keys = alerts.select("household_key")
    live = take(evidence.join(keys, on="household_key", how="semi"), EVIDENCE, "evidence")
    schema = pl.Schema({"household_key": pl.Int64(), **TOLD_FACTS})
    known = take(facts.join(keys, on="household_key", how="semi"), schema, "facts").rows_by_key(
        "household_key", named=True, unique=True
    )
    warnings = _names(live_warnings(live, signals))
    running = _names(live.filter(pl.col("signal").is_in([s.name for s in signals.values() if s.relieves])))
    # A dozen sizes and nineteen programmes, for any number of alerts.
    sentence = cache(partial(_sentence, table=table, on=on))
    rows = [
        _told(_household(known.get(key), warnings.get(key, []), running.get(key, []), signals), sentence)
        for key in alerts["household_key"]
    ]
    schema = pl.Schema({f"benefit_{n + 1}": pl.String() for n in range(BENEFIT_COLUMNS)})
    return alerts.hstack(pl.DataFrame(rows, schema=schema, orient="row"))


def _names(live: pl.DataFrame) -> dict[int, list[str]]:
    grouped = live.group_by("household_key").agg(pl.col("signal").unique().sort())
    return dict(grouped.iter_rows())


def _household(
    facts: dict[str, Any] | None, warnings: list[str], running: list[str], signals: Mapping[str, Signal]
) -> Household:
    """A household that left the registers counts as one person of whom nothing else is known."""
    known: dict[str, Any] = facts or dict.fromkeys(TOLD_FACTS)
    return Household(
        members=max(known["members"] or 1, 1),
        head_age=known["head_age"],
        has_child=bool(known["has_child"]),
        has_senior=bool(known["has_senior"]),
        lives_alone=bool(known["lives_alone"]),
        housing=known["housing"],
        domains=frozenset(signals[name].domain for name in warnings),
        signals=frozenset(warnings),
        running=frozenset(running),
    )


def _told(household: Household, sentence: Callable[[str, HouseholdSize], str]) -> list[str | None]:
    signs = [(code, _sign(code, household)) for code in BENEFITS]
    worth = sorted((told for told in signs if told[1] != "no_sign"), key=lambda told: ORDER[told[1]])
    told = [sentence(code, household.size) for code, _ in worth[:BENEFIT_COLUMNS]]
    return [*told, *[None] * (BENEFIT_COLUMNS - len(told))]


def _sign(code: str, household: Household) -> Sign:
    speaks, _ = BENEFITS[code]
    return "no_sign" if RUNNING.get(code, frozenset()) & household.running else speaks(household)


def _sentence(code: str, size: HouseholdSize, table: BenefitTable, on: date) -> str:
    """긴급복지 생계지원: 1인 가구 월 783,000원 (소득·재산 확인 필요) · 긴급복지지원법"""
    _, amount = BENEFITS[code]
    programme = table.programmes[code]
    edition = programme.edition(on)
    unknown = f"{programme.unknown_ko} 확인 필요"
    if edition.tells_amounts and not edition.valid_from <= on <= edition.valid_to:
        unknown = f"{edition.valid_from.year}년 금액, {unknown}"
    return f"{programme.name_ko}: {amount(size, table, on)} ({unknown}) · {programme.law_ko}"
