"""Households whose owners asked that their data be not processed (개인정보 보호법 제37조)."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from flows.desk import Desk, Glance, now
from flows.errors import OperatorError
from signals import normalise
from store import access_log, identities, stops
from store.access_log import Disclosure
from store.purposes import Purpose
from store.stops import Stopped
from store.tokens import tokens

# Why a household is left alone. Codes: what moved a person to ask is no business of the log.
REASONS: Final[Mapping[str, str]] = {
    "requested": "정보주체의 처리정지 요구",
    "withdrawn": "동의 철회",
    "protected": "신변 보호(주소 비공개)",
    "court": "법원·감독기관의 명령",
    "other": "그 밖의 사유",
}


def stopped_on(seen: Glance, as_of: date) -> pl.Series:
    """Keys of the households that are in no queue and on no sheet."""
    return stops.stopped_on(seen.engine, as_of)


def stop_household(desk: Desk, number: str, reason: str, from_on: date, until_on: date | None) -> bool:
    """False: it was stopped already for as long. The number becomes a token here and is never told again."""
    return stop_by_key(desk, household_key(desk, number), reason, from_on, until_on)


def stop_by_key(desk: Desk, key: int, reason: str, from_on: date, until_on: date | None) -> bool:
    """As stop_household, of one whose number was asked for before."""
    if reason not in REASONS:
        raise OperatorError("stop", f"{reason} is no reason", f"use one of {', '.join(REASONS)}")
    if until_on is not None and until_on < from_on:
        raise OperatorError("stop", f"{until_on} lies before {from_on}", "name the last day of the stop, or none")
    _log(desk, key, f"stop {reason}")
    account = desk.settings.access.account
    return stops.stop(desk.engine, key, from_on, until_on, reason, source=account, now=now())


def lift_stop(desk: Desk, number: str, day: date) -> bool:
    """False: nothing was stopped."""
    key = household_key(desk, number)
    _log(desk, key, "lift")
    return stops.lift(desk.engine, key, day) > 0


def stops_on(seen: Glance, day: date) -> list[Stopped]:
    return stops.listed(seen.engine, day)


def household_key(desk: Desk, number: str) -> int:
    """A household nobody told us of is a slip of the pen: stopped by mistake, the right one would not be."""
    one_form = pl.select(normalise.household_no(pl.lit(number))).to_series()
    if one_form[0] is None or not identities.is_registered(desk.engine, desk.keys, one_form[0]):
        what = "no register names this household number"
        raise OperatorError("stop", what, "check the number (세대번호), and that the addresses file was taken in")
    return int(tokens(one_form, "household", desk.keys)[0])


def _log(desk: Desk, key: int, reason: str) -> None:
    who = desk.settings.access
    told = Disclosure(
        account=who.account, place=who.place, task="stop", purpose=Purpose.STOP, reason=reason,
        subjects=[key],
    )  # fmt: skip
    access_log.record_access(desk.engine, desk.keys, told, now())
