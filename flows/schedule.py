"""When the night is due, and whether it was done. Read from prefect.yaml and our own ledger: no Prefect is needed."""

import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import yaml

from flows.desk import Glance
from flows.errors import OperatorError
from store import ledger

SEOUL: Final = ZoneInfo("Asia/Seoul")
FILE: Final = Path(__file__).parent.parent / "prefect.yaml"
NIGHTLY: Final = "nightly"
_DAILY: Final = re.compile(r"([0-5]?[0-9]) ([01]?[0-9]|2[0-3]) \* \* \*")


def nightly_time(file: Path = FILE) -> time:
    """Of the night's schedule: every day at this time in Seoul."""
    cure = 'give the deployment `nightly` one schedule, cron "minute hour * * *", timezone Asia/Seoul'
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]
        schedules = [deployed["schedules"] for deployed in told if deployed["name"] == NIGHTLY]
        ((schedule,),) = schedules
        cron, zone = schedule["cron"], schedule["timezone"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise OperatorError("serve", f"{file.name} tells no nightly schedule ({type(error).__name__})", cure) from None
    if not (daily := _DAILY.fullmatch(str(cron))) or zone != SEOUL.key:
        raise OperatorError("serve", f"{file.name}: the nightly schedule is {cron} in {zone}", cure)
    return time(int(daily[2]), int(daily[1]), tzinfo=SEOUL)


def last_due(now: datetime, at: time) -> datetime:
    """The newest start of a night that is not in the future."""
    today = now.astimezone(SEOUL).date()
    due = datetime.combine(today, at)
    return due if due <= now else datetime.combine(today - timedelta(days=1), at)


def last_to_be_done(now: datetime, at: time, done_by: str) -> date:
    """The day of the newest night whose time is over, by the clock of the settings."""
    due = last_due(now, at)
    limit = datetime.combine(due.date(), time.fromisoformat(done_by), tzinfo=SEOUL)
    if limit <= due:  # a night that begins before midnight ends on the next day
        limit += timedelta(days=1)
    return due.date() if limit <= now else due.date() - timedelta(days=1)


def check_done(seen: Glance, now: datetime) -> date:
    """The last night that had to be done, and was. Asked by a timer of the system's own: whoever was to run the night
    cannot tell that it did not run."""
    day = last_to_be_done(now, nightly_time(), seen.settings.schedule.done_by)
    last = ledger.last_done_night(seen.engine)
    if last is not None and last.as_of >= day:
        return last.as_of
    newest = next((run for run in ledger.recent(seen.engine, 20, "nightly") if run.as_of == day), None)
    if newest is None:
        told, cure = "it never began", "see that `blindspot serve` runs (systemctl status blindspot)"
    else:
        told, cure = f"{newest.state}: {newest.message or newest.id}", "see `blindspot status` and docs/runbook.md"
    since = f"the last one done is of {last.as_of}" if last else "none was ever done"
    cure = f"{cure}; then `blindspot nightly`"
    raise OperatorError(
        "overdue", f"the night of {day} is not done by {seen.settings.schedule.done_by}: {told}; {since}", cure
    )
