"""Officers' answers to our own alerts, as results come back in the contacts register."""

import polars as pl

from flows.desk import Desk
from store import answers


def told_in_register(desk: Desk, contacts: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """CONTACTS rows of one delivery -> store.answers.BROUGHT, and warnings for its sender.

    Past rounds' case numbers are none of ours. A register may leave the contact's day out: the day of selection stands
    in, as for features. Its words for a benefit are not ours; the lake keeps them.
    """
    told = contacts.drop_nulls("outcome")
    ours = answers.asked(desk.engine, told["alert"].to_list())
    mine = told.join(ours.select("alert_id", told_to="household_key"), left_on="alert", right_on="alert_id")
    is_same = pl.col("household_key") == pl.col("told_to")
    brought = mine.filter(is_same).select(
        "outcome", "office", alert_id="alert", contacted_on=pl.coalesce("contacted_on", "selected_on")
    )
    crossed = mine.height - brought.height
    what = f"관리번호와 세대번호가 서로 다른 집을 가리키는 {crossed:,}건은 알림의 답으로 쓰지 않았습니다."
    return _complete(brought), (what,) if crossed else ()


def _complete(brought: pl.DataFrame) -> pl.DataFrame:
    empty = [pl.lit(None, dtype).alias(name) for name, dtype in answers.BROUGHT.items() if name not in brought.columns]
    return brought.with_columns(empty).select(answers.BROUGHT.names())
