"""The queue's own settings: config.yaml, what offices told in their workbooks, the offices file."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from alerts import criteria
from alerts.settings import QueueSettings
from flows.desk import Glance
from flows.errors import OperatorError
from flows.settings import Criterion, Queue
from store import answers


def told_capacities(seen: Glance, as_of: date) -> Mapping[str, int]:
    """Open alerts that offices say they can hold, in their returned workbooks, as known on `as_of`."""
    return answers.capacities(seen.engine, as_of)


def capacities(queue: Queue, offices: pl.DataFrame, told: Mapping[str, int] | None = None) -> Mapping[str, int]:
    """Open alerts each office can hold: config.yaml by office, else `told` in its workbook, else the offices file, else
    the general figure."""
    listed = dict(offices.select("office", pl.col("capacity").fill_null(queue.capacity)).iter_rows())
    ours = {office: places for office, places in (told or {}).items() if office in listed}
    return listed | ours | dict(queue.capacity_by_office)


def capacity_on(seen: Glance, offices: pl.DataFrame, as_of: date) -> Mapping[str, int]:
    return capacities(seen.settings.queue, offices, told_capacities(seen, as_of))


def queue_settings(queue: Queue, offices: pl.DataFrame, told: Mapping[str, int] | None = None) -> QueueSettings:
    """Raises OperatorError where the criteria do not fit together or name a place that no office is in."""
    chosen = tuple(_criterion(place, rule, offices) for place, rule in enumerate(queue.criteria))
    try:
        return QueueSettings(
            capacity=queue.capacity,
            capacity_by_office=capacities(queue, offices, told),
            explore_share=queue.explore_share,
            reports_share=queue.reports_share,
            very_high=queue.bands.very_high,
            high=queue.bands.high,
            due_days=queue.due_days.model_dump(),
            escalate_after_days=queue.escalate_after_days,
            cool_down_days=queue.cool_down_days,
            need_rest_days=queue.need_rest_days,
            urgent_for_days=queue.urgent_for_days,
            repeat_from=queue.repeat_from,
            trace_from=queue.trace_from,
            criteria=chosen,
        )
    except ValueError as error:
        raise OperatorError("config", f"config.yaml · queue: {error}", "mend the shares or names there") from None


def _criterion(place: int, rule: Criterion, offices: pl.DataFrame) -> criteria.Criterion:
    listed = offices["office"].to_list()
    if rule.district:
        named = offices.filter(pl.col("district") == rule.district)["office"].to_list()
        if not named:
            raise _nowhere(place, rule, f"district {rule.district}: the offices file lists none of its offices")
    else:
        named = list(rule.offices)
        if unlisted := sorted(set(named) - set(listed)):
            raise _nowhere(place, rule, f"offices: {', '.join(unlisted)} not in the offices file")
    wanted = rule.model_dump(exclude={"district", "offices"})
    return criteria.Criterion(offices=frozenset(named), **wanted)


def _nowhere(place: int, rule: Criterion, what: str) -> OperatorError:
    where = f"config.yaml · queue.criteria.{place} ({rule.name_ko})"
    return OperatorError("config", f"{where} · {what}", "mend the code, or list the office in the offices file")
