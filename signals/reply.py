"""What an agency gets back: a CSV in Korean (UTF-8 with BOM) that says which lines were set aside, why, and the cure.

It repeats no cell of the delivery: a line number is enough for the sender, and names nobody.
"""

import polars as pl

from signals.delivery import DeliveryName, DeliveryRefused
from signals.intake import Split
from signals.rules import RULES

_HEADER = ("구분", "줄", "칸", "내용", "고치는 방법")


def write_reply(split: Split, name: DeliveryName) -> bytes:
    summary = reply_summary(name, split.received, split.set_aside.height, split.leftover, split.warnings)
    return summary + reply_lines(split.set_aside)


def reply_summary(
    name: DeliveryName, received: int, bad: int, leftover: tuple[str, ...], warnings: tuple[str, ...]
) -> bytes:
    """How the reply begins. `reply_lines` of the rows set aside follow, at once or piece by piece."""
    taken = received - bad
    counts = f"{name.filename}: 받은 {received:,}줄 가운데 {taken:,}줄을 받아들이고 {bad:,}줄을 제외했습니다."
    notes = [
        ("요약", counts, "제외한 줄은 고쳐서 정정본(_r1, _r2, …)에 전체 자료와 함께 보내 주십시오." if bad else "")
    ]
    notes += [
        ("안내", f"약속되지 않은 칸은 읽지 않았습니다: {column}", "필요 없는 칸은 빼 주십시오.") for column in leftover
    ]
    notes += [("주의", warning, "") for warning in warnings]
    return _csv(_notes(notes))


def write_refusal(refused: DeliveryRefused) -> bytes:
    """The whole file was refused: nothing of it was taken in."""
    return _csv(_notes([("파일 전체 거절", f"파일 {refused.file}: {refused.what_ko}", refused.cure_ko)]))


def _notes(notes: list[tuple[str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame([(kind, "", "", what, cure) for kind, what, cure in notes], schema=_HEADER, orient="row")


def reply_lines(set_aside: pl.DataFrame) -> bytes:
    what = {name: rule.what_ko for name, rule in RULES.items()}
    cure = {name: rule.cure_ko for name, rule in RULES.items()}
    lines = set_aside.select(
        pl.lit("제외").alias("구분"),
        pl.col("row_no").cast(pl.String).alias("줄"),
        pl.col("column").alias("칸"),
        pl.col("rule").replace_strict(what, return_dtype=pl.String).alias("내용"),
        pl.col("rule").replace_strict(cure, return_dtype=pl.String).alias("고치는 방법"),
    )
    return lines.write_csv(include_header=False, line_terminator="\r\n").encode()


def _csv(notes: pl.DataFrame) -> bytes:
    return notes.write_csv(include_bom=True, line_terminator="\r\n").encode()
