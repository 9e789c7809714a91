"""The frames that enter and leave this room."""

from collections.abc import Mapping

import polars as pl

from alerts.bands import Band

# What became of every household that was considered, each exactly once. In the order the rules are asked.
DECISIONS: Mapping[str, str] = {
    "removed": "사망 확인",
    "stopped": "처리정지 요청",
    "carried": "처리 중",
    "no_office": "관할 미확인",
    "queued_urgent": "신규 긴급",
    "no_signal": "현재 신호 없음",
    "already_relieved": "현재 급여로 지원 중",
    "cooling_down": "최근 상담 완료",
    "not_scored": "점수 없음",
    "queued_criterion": "신규 일반",
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
        "works_as": pl.String(),  # as in ALERTS; null: not in the queue
        "escalation": pl.Int64(),  # as in ALERTS; null: not in the queue
    }
)

# What the answers so far say of an alert. The newest answer is the one with the newest contact date.
ANSWERED: Mapping[str, pl.DataType] = {
    "outcome": pl.String(),  # of the answer that stands (alerts.life); null: none yet
    "attempts": pl.Int64(),  # days of which the answer says that nobody was spoken to
    "answered_on": pl.Date(),  # contact date of the newest answer
    "next_on": pl.Date(),  # the next try, where the officer wrote one into the newest answer
}

# What must be handed in of the alerts that are still open, as ALERTS last told it; answers as they are known tonight.
OPEN_ALERTS = pl.Schema(
    {
        "alert_id": pl.String(),
        "household_key": pl.Int64(),
        "office": pl.String(),
        "lane": pl.String(),
        "works_as": pl.String(),
        "criterion": pl.String(),
        "band": pl.String(),
        "true_band": pl.String(),
        "opened_on": pl.Date(),
        "due_on": pl.Date(),
        "inclusion": pl.Float64(),
        "moved_from": pl.String(),
        "moved_on": pl.Date(),
        **ANSWERED,
        "was_visited": pl.Boolean(),  # the answer that stands came of a visit, or nobody said how
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
        "lane": pl.String(),  # how it was chosen; never shown: it would tell which are explore
        "works_as": pl.String(),  # how it is worked, and the word shown: urgent | risk | trace | partial
        "criterion": pl.String(),  # name of the district's own criterion that chose it, else null
        # The only band that is shown. As it was told on the first day: a word that changed later would tell which are
        # explore. Null: not told (see alerts.bands.told), or not scored.
        "band": Band,
        "true_band": Band,  # not shown; never falls while the alert is open; null: not scored
        "opened_on": pl.Date(),
        "due_on": pl.Date(),
        "is_new": pl.Boolean(),
        "is_overdue": pl.Boolean(),
        "escalation": pl.Int64(),  # 0; 1: overdue; 2: for so long that the district is told
        "is_repeat": pl.Boolean(),  # selected again and again, and nobody was spoken to since
        "moved_from": pl.String(),  # office it came from, until an answer is dated after the transfer
        "moved_on": pl.Date(),  # night of the transfer; null with moved_from
        **ANSWERED,
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
