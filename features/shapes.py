"""The shapes a kind of signal takes, as literal tables: name, direction, what it is worth when covered and nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import nan
from typing import Literal, assert_never

from features.feeds import HORIZON_DAYS, NEVER_DAYS
from signals.signal import Signal

Sign = Literal[-1, 0, 1]

BILL_LAGS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    sign: Sign  # times Signal.direction: the monotone constraint
    label_ko: str
    description: str
    empty: float = 0.0  # covered, and nothing told within the horizon
    lag: int = 0  # unknown to everybody until the feed has told of more months than these


ARREARS = (
    Shape("months_now", 1, "현재 연체 개월", "months overdue in the feed's latest month; 0 when paid since"),
    Shape("owed_now", 1, "현재 연체 금액", "won owed in the feed's latest month by members overdue; 0 when paid since"),
    Shape("overdue_3m", 1, "최근 3개월 연체 횟수", "months told overdue, of the feed's last 3"),
    Shape("overdue_12m", 1, "최근 12개월 연체 횟수", "months told overdue, of the feed's last 12"),
    Shape("overdue_24m", 1, "최근 24개월 연체 횟수", "months told overdue, of the feed's last 24"),
    Shape("months_max_24m", 1, "최근 24개월 최장 연체", "most months overdue at once in the last 24"),
    Shape("owed_mean_6m", 1, "최근 6개월 평균 연체 금액", "won owed, mean over the told of the last 6 months"),
    Shape("owed_max_12m", 1, "최근 12개월 최대 연체 금액", "most won owed in the last 12 months"),
    Shape("owed_trend", 0, "연체 금액 변화", "won owed now less its mean over the 3 told months before"),
    Shape("streak", 1, "연속 연체 횟수", "told months overdue in a row, up to the latest"),
    Shape("days_since_first", 0, "첫 연체 후 일수", "days since the first month overdue within 24 months", NEVER_DAYS),
    Shape("days_since_last", -1, "마지막 연체 후 일수", "days since the last month overdue", NEVER_DAYS),
    Shape("resolved", 0, "연체 해소", "1: overdue within 24 months, not in the latest"),
    Shape(
        "clear_share_12m", -1, "최근 12개월 정상 비율", "share of the told of the last 12 months without arrears", 1.0
    ),
)

# A feed that also tells of bills that are not overdue: what is not overdue tells nearly as much as what is.
# On real card arrears: months overdue alone AUC 0.734, with every month's bill 0.764.
BILLS = (
    Shape("billed_now", 0, "최근 청구 금액", "won billed or owed in the feed's latest month"),
    Shape("billed_mean_3m", 0, "최근 3개월 평균 청구 금액", "won, mean over the told of the last 3 months"),
    Shape("billed_mean_6m", 0, "최근 6개월 평균 청구 금액", "won, mean over the told of the last 6 months"),
    Shape("billed_min_6m", 0, "최근 6개월 최소 청구 금액", "won, least of the told of the last 6 months"),
    Shape("billed_max_6m", 0, "최근 6개월 최대 청구 금액", "won, most of the told of the last 6 months"),
    Shape("billed_trend", 0, "청구 금액 변화", "won now less its mean over the 3 told months before"),
    Shape("billed_swing_6m", 0, "최근 6개월 청구 금액 변동", "won, mean change from one told month to the next"),
    *(
        Shape(f"months_lag{k}", 1, f"{k}회 전 연체 개월", f"months overdue {k} told months ago", lag=k)
        for k in BILL_LAGS
    ),
    *(Shape(f"billed_lag{k}", 0, f"{k}회 전 청구 금액", f"won billed {k} told months ago", lag=k) for k in BILL_LAGS),
)

EVENT_LIVE_DAYS = 180  # an event neither ends nor is paid: after half a year it no longer speaks for today
# Nearly all events happen once in two years: days_since_last already tells the shorter windows apart.
EVENT_WINDOWS = (EVENT_LIVE_DAYS, HORIZON_DAYS)

EVENT = (
    *(Shape(f"count_{d}d", 1, f"최근 {d}일 발생 횟수", f"times in the last {d} days") for d in EVENT_WINDOWS),
    Shape("days_since_last", -1, "마지막 발생 후 일수", "days since it last happened", NEVER_DAYS),
)

# Silence is not a level of zero: a level that nobody told within the horizon stays unknown.
AMOUNT = (
    Shape("level_now", 1, "최근 금액", "won, the latest level told within 24 months", nan),
    Shape("change_3m", 0, "3개월 변화", "won, latest level less the latest at least 3 months older", nan),
    Shape("change_12m", 0, "12개월 변화", "won, latest level less the latest at least 12 months older", nan),
    Shape("min_12m", 1, "최근 12개월 최소 금액", "won, least level told in the last 12 months", nan),
    Shape("max_12m", 1, "최근 12개월 최대 금액", "won, highest level told in the last 12 months", nan),
)

STATUS = (
    Shape("on_now", 1, "현재 해당", "1: told in the feed's latest month"),
    Shape("months_on", 1, "지속 개월", "told months in a row up to the latest, or the longer spell the agency told"),
    Shape("ended_3m", 0, "최근 3개월 내 종료", "1: told 1 to 3 months before the latest, not in the latest"),
)


def tells_bills(signal: Signal) -> bool:
    """The agency tells of everybody it bills, not only from some months overdue on."""
    return signal.kind == "arrears" and signal.min_months == 0


def shapes_of(signal: Signal) -> tuple[Shape, ...]:
    match signal.kind:
        case "arrears":
            return ARREARS + BILLS if tells_bills(signal) else ARREARS
        case "event":
            return EVENT
        case "amount":
            return AMOUNT
        case "status":
            return STATUS
        case other:
            assert_never(other)


def names(shapes: Iterable[Shape]) -> tuple[str, ...]:
    return tuple(shape.name for shape in shapes)
