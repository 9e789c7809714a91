"""The frames that enter and leave this room."""

from collections.abc import Mapping

import polars as pl

from alerts.bands import Band

# What became of every household that was considered, each exactly once. In the order the rules are asked.
DECISIONS: Mapping[str, str] = {
    "removed": "사망 확인",
    "carried": "처리 중",
    "no_office": "관할 미확인",
    "queued_urgent": "신규 긴급",
    "no_signal": "현재 신호 없음",
    "already_relieved": "현재 급여로 지원 중",
    "cooling_down": "최근 상담 완료",
    "not_scored": "점수 없음",
    "queued_risk": "신규 일반",
    "queued_explore": "신규 일반",
    "below_cut": "이번 인원 밖",
}
Decision = pl.Enum(list(DECISIONS))

CONSIDERED = pl.Schema(
    {
        "household_key": pl.Int64(),
        "office": pl.String(),  # null: in no register we hold
        "decision": Decision,
        "band": Band,  # null: not scored
        "is_urgent": pl.Boolean(),  # an urgent signal nobody has answered yet
    }
)

# What must be handed in of the alerts that are still open.
OPEN_ALERTS = pl.Schema(
    {
        "alert_id": pl.String(),
        "household_key": pl.Int64(),
        "office": pl.String(),
        "lane": pl.String(),
        "band": pl.String(),
        "opened_on": pl.Date(),
        "due_on": pl.Date(),
        "inclusion": pl.Float64(),
    }
)

# Facts of the household that travel with its alert to the sheet.
TOLD_FACTS = pl.Schema(
    {
        "housing": pl.String(),
        "address_status": pl.String(),
        "members": pl.Int64(),
        "head_age": pl.Int64(),
        "has_child": pl.Boolean(),
        "has_senior": pl.Boolean(),
        "lives_alone": pl.Boolean(),
        "prior_selections": pl.Int64(),
        "last_outcome": pl.String(),
        "last_contacted_on": pl.Date(),
    }
)

# The queue of all offices: every open alert, new or carried, as it stands on `as_of`.
ALERTS = pl.Schema(
    {
        "alert_id": pl.String(),
        "household_key": pl.Int64(),
        "office": pl.String(),
        "lane": pl.String(),
        "band": Band,  # never falls while the alert is open; null: urgent and not scored
        "opened_on": pl.Date(),
        "due_on": pl.Date(),
        "is_new": pl.Boolean(),
        "is_overdue": pl.Boolean(),
        "as_of": pl.Date(),
        "probability": pl.Float64(),  # today's, calibrated; not shown to officers
        "inclusion": pl.Float64(),  # chance of being queued on the day it was opened; 1 but for explore's draw
        "points": pl.Int64(),
        "signals": pl.List(pl.String()),  # live warning signals of today, by name
        **TOLD_FACTS,
    }
)


def take(frame: pl.DataFrame, schema: pl.Schema, called: str) -> pl.DataFrame:
    """The columns of `schema`, cast; whatever else the frame holds is left behind."""
    if missing := [name for name in schema if name not in frame.columns]:
        raise ValueError(f"{called} lacks {', '.join(missing)}")
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
