"""The queue's own settings from config.yaml and the offices file."""

from collections.abc import Mapping

import polars as pl

from alerts.settings import QueueSettings
from flows.settings import Queue


def capacities(queue: Queue, offices: pl.DataFrame) -> Mapping[str, int]:
    """Open alerts each office can hold: config.yaml by office, else the offices file, else the general figure."""
    told = offices.select("office", pl.col("capacity").fill_null(queue.capacity))
    return dict(told.iter_rows()) | dict(queue.capacity_by_office)


def queue_settings(queue: Queue, offices: pl.DataFrame) -> QueueSettings:
    return QueueSettings(
        capacity=queue.capacity,
        capacity_by_office=capacities(queue, offices),
        explore_share=queue.explore_share,
        very_high=queue.bands.very_high,
        high=queue.bands.high,
        due_days=queue.due_days.model_dump(),
        cool_down_days=queue.cool_down_days,
    )
