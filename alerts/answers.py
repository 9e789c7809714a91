"""What an officer writes into the answer columns: the words to choose from, and the row that comes back."""

from collections.abc import Mapping

import polars as pl

CHANNELS: Mapping[str, str] = {
    "phone": "전화",
    "visit": "가정방문",
    "office": "내방",
    "letter": "우편",
    "text": "문자",
}
RESULTS: Mapping[str, str] = {
    "talked": "상담함",
    "absent": "부재",
    "no_answer": "전화 안 받음",
    "wrong_number": "없는 번호",
    "wrong_address": "주소 불일치",
    "declined": "상담 거절",
}
NEED_CONFIRMED: Mapping[str, str] = {"yes": "예", "no": "아니요", "unknown": "확인 못 함"}
RIGHT_OR_WRONG: Mapping[str, str] = {"right": "맞음", "wrong": "틀림"}
DISMISSALS: Mapping[str, str] = {
    "paid_off": "체납·연체를 이미 갚음",
    "family_helps": "가족·지인이 돕고 있음",
    "enough_means": "소득·재산이 충분함",
    "not_theirs": "다른 사람·다른 집의 정보",
    "wants_no_help": "도움을 원하지 않음",
    "distrust": "상담·개인정보 제공을 꺼림",
    "other": "그 밖의 사유",
}
REASON_COLUMNS = tuple(f"reason_{n}_right" for n in range(1, 5))  # beside reason_1..4 of the sheet

# One answered row. Codes, never the words of the sheet; null: the cell was left empty.
ANSWERS = pl.Schema(
    {
        "alert_id": pl.String(),
        "contacted_on": pl.Date(),  # never null: the newest contact date wins
        "channel": pl.String(),  # CHANNELS
        "result": pl.String(),  # RESULTS
        "need_confirmed": pl.String(),  # NEED_CONFIRMED
        "outcome": pl.String(),  # signals.outcomes.OUTCOMES; null: a try was noted, nothing decided yet
        "benefit": pl.String(),  # alerts.benefits.BENEFITS, or other
        **dict.fromkeys(REASON_COLUMNS, pl.String()),  # RIGHT_OR_WRONG
        "dismissal": pl.String(),  # DISMISSALS
        "next_on": pl.Date(),
    }
)
