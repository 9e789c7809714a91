"""The features benchmark, pandas side: the shapes of each kind of signal, and across signals."""

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.features_tables import AS_OF
from features import FEATURES
from signals.catalogue import SIGNALS
from signals.signal import Signal

TODAY = pd.Timestamp(AS_OF)
HORIZON, NEVER = 730, 731
EMPTY = {feature.name: feature.empty for feature in FEATURES}
WARNING = [s.name for s in SIGNALS.values() if s.kind != "amount" and s.direction == 1]
Frame = pd.DataFrame


def together_of(told: Frame) -> Frame:
    order = ["signal", "household_key", "bucket", "key", "received_on", "months", "amount_won"]
    latest = told.sort_values(order).drop_duplicates(order[:4], keep="last")
    latest["owed"] = latest["amount_won"].where(latest["months"] > 0, 0)
    return (
        latest.groupby(["signal", "household_key", "bucket"], observed=True)
        .agg(
            months=("months", "max"),
            amount=("amount_won", "sum"),
            owed=("owed", "sum"),
            times=("key", "size"),
            observed=("observed_on", "max"),
            received=("received_on", "max"),
        )
        .reset_index()
    )


def spread(signal: Signal, block: Frame, index: "pd.Index[int]", housing: "pd.Series[str]") -> Frame:
    """Every household: its values; what covered and nothing is worth; NaN where not covered."""
    block = block.add_prefix(f"{signal.name}__")
    full = block.reindex(index)
    silent = ~index.isin(block.index)
    if signal.covers_housing is not None:
        silent &= housing.isin(list(signal.covers_housing)).to_numpy()
    full.loc[silent] = [EMPTY[column] for column in block.columns]
    return full


def measure(signal: Signal, figures: Frame, months: list[int]) -> tuple[Frame, Frame]:
    """Values by household, and live, now, before, spell, newest, first received for the shapes across signals."""
    if signal.kind == "event":
        return events(figures)
    lags = [months[0] - m for m in months if months[0] - m < 24]
    cells = figures.set_index(["household_key", "bucket"])
    grid = {c: cells[c].unstack("bucket").reindex(columns=range(24)) for c in ("months", "amount", "owed")}
    if signal.kind == "arrears":
        values, rest = arrears(signal, {c: grid[c].fillna(0) for c in grid}, lags, months[0])
    elif signal.kind == "status":
        values, rest = status(grid["months"], lags)
    else:
        values, rest = levels(grid["amount"])
    rest["newest"] = figures.groupby("household_key")["observed"].max()
    rest["first"] = figures.groupby("household_key")["received"].min()
    return values, rest


def month_end(month: int) -> pd.Timestamp:
    return pd.Timestamp(year=month // 12, month=month % 12 + 1, day=1) + pd.offsets.MonthEnd(0)


def within(lags: list[int], months: int) -> list[int]:
    return [lag for lag in lags if lag < months]


def trend(won: Frame, lags: list[int]) -> "pd.Series[float]":
    return won[0] - won[lags[1:4]].mean(axis=1).fillna(won[0])


def arrears(signal: Signal, grid: dict[str, Frame], lags: list[int], latest: int) -> tuple[Frame, Frame]:
    months, owed = grid["months"], grid["owed"]
    over = months > 0
    ago = np.array([min((TODAY - month_end(latest - lag)).days, HORIZON) for lag in range(24)])
    ever, streak = over.any(axis=1), over[lags].cumprod(axis=1).sum(axis=1)
    values = Frame(
        {
            "months_now": months[0],
            "owed_now": owed[0],
            "overdue_3m": over.loc[:, :2].sum(axis=1),
            "overdue_12m": over.loc[:, :11].sum(axis=1),
            "overdue_24m": over.sum(axis=1),
            "months_max_24m": months.max(axis=1),
            "owed_mean_6m": owed[within(lags, 6)].mean(axis=1),
            "owed_max_12m": owed.loc[:, :11].max(axis=1),
            "owed_trend": trend(owed, lags),
            "streak": streak,
            "days_since_first": np.where(ever, ago[23 - over.to_numpy()[:, ::-1].argmax(axis=1)], NEVER),
            "days_since_last": np.where(ever, ago[over.to_numpy().argmax(axis=1)], NEVER),
            "resolved": ever & ~over[0],
            "clear_share_12m": (~over[within(lags, 12)]).mean(axis=1),
        }
    )
    if signal.min_months == 0:
        values = pd.concat([values, bills(months, grid["amount"], lags)], axis=1)
    spell = streak.clip(lower=months[0]).where(over[0], 0)
    return values, Frame({"live": over[0], "now": months[0], "before": months[3], "spell": spell})


def bills(months: Frame, won: Frame, lags: list[int]) -> Frame:
    half = won[within(lags, 6)]
    values = {
        "billed_now": won[0],
        "billed_mean_3m": won[within(lags, 3)].mean(axis=1),
        "billed_mean_6m": half.mean(axis=1),
        "billed_min_6m": half.min(axis=1),
        "billed_max_6m": half.max(axis=1),
        "billed_trend": trend(won, lags),
        "billed_swing_6m": half.diff(axis=1).abs().mean(axis=1).fillna(0),
    }
    for k in range(1, 6):
        values[f"months_lag{k}"] = months[lags[k]] if k < len(lags) else months[0] * np.nan
        values[f"billed_lag{k}"] = won[lags[k]] if k < len(lags) else won[0] * np.nan
    return Frame(values)


def status(months: Frame, lags: list[int]) -> tuple[Frame, Frame]:
    on = months.notna()
    spell = on[lags].cumprod(axis=1).sum(axis=1).clip(lower=months[0].fillna(0)).where(on[0], 0)
    ended = on.loc[:, 1:3].any(axis=1) & ~on[0]
    values = Frame({"on_now": on[0], "months_on": spell, "ended_3m": ended})
    return values, Frame({"live": on[0], "now": 0, "before": 0, "spell": spell})


def levels(amount: Frame) -> tuple[Frame, Frame]:
    latest = {lag: amount.loc[:, lag:].bfill(axis=1)[lag] for lag in (0, 3, 12)}
    year = amount.loc[:, :11]
    values = Frame(
        {
            "level_now": latest[0],
            "change_3m": latest[0] - latest[3],
            "change_12m": latest[0] - latest[12],
            "min_12m": year.min(axis=1),
            "max_12m": year.max(axis=1),
        }
    )
    return values, Frame({"live": amount[0].notna(), "now": 0, "before": 0, "spell": 0})


def events(figures: Frame) -> tuple[Frame, Frame]:
    recent = figures[figures["bucket"] <= 180].groupby("household_key")["times"].sum()
    of = figures.groupby("household_key")
    values = Frame({"count_730d": of["times"].sum(), "days_since_last": of["bucket"].min()})
    values["count_180d"] = recent.reindex(values.index, fill_value=0)
    rest = Frame({"live": values["days_since_last"] <= 180, "now": 0, "before": 0, "spell": 0})
    rest["newest"], rest["first"] = of["observed"].max(), of["received"].min()
    return values[["count_180d", "count_730d", "days_since_last"]], rest


def across(first_received: "pd.Series[Any]", index: "pd.Index[int]", live: dict[str, Frame]) -> Frame:
    rest = pd.concat(live, names=["signal"]).reset_index()
    rest["points"] = rest["signal"].map({n: s.points for n, s in SIGNALS.items()}) * rest["live"]
    rest["escalation"] = rest["now"] - rest["before"]
    sums = rest.groupby("household_key")[["points", "escalation"]].sum()
    warning = rest[rest["live"] & rest["signal"].isin(WARNING)]
    warning = warning.assign(
        agency=warning["signal"].map({n: s.agency for n, s in SIGNALS.items()}),
        domain=warning["signal"].map({n: s.domain for n, s in SIGNALS.items()}),
    )
    of = warning.groupby("household_key")
    feed_age = (TODAY - warning["signal"].map(first_received)).dt.days
    is_new = ((TODAY - warning["first"]).dt.days <= 60) & (feed_age > 60)
    values = Frame(
        {
            "live_kinds": of.size(),
            "live_agencies": of["agency"].nunique(),
            "live_domains": of["domain"].nunique(),
            "new_kinds_60d": is_new.groupby(warning["household_key"]).sum(),
            "newest_days": (TODAY - of["newest"].max()).dt.days.clip(upper=HORIZON),
            "longest_months": of["spell"].max(),
        }
    )
    values = values.join(sums, how="outer").reindex(index).add_prefix("across__")
    return values.fillna({column: EMPTY[str(column)] for column in values})
