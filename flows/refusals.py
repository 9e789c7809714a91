"""Each room's own refusals, told to the operator in one way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flows.errors import OperatorError
from store.faults import as_store_error


def as_operator_error(error: BaseException) -> OperatorError | None:
    """None: no refusal but a bug, whose traceback is wanted."""
    if isinstance(error, OperatorError):
        return error
    if found := as_store_error(error):
        return OperatorError(found.kind, found.what, found.cure)
    if type(error).__name__ == "BrokenProcessPool":  # its module is loaded only where there are workers
        cure = "lower night.households_per_part or engine.workers if memory ran out, then run again"
        return OperatorError("engine", "a worker process was killed", cure)
    from models.audit import AuditRefused
    from models.cards import CardRefused
    from models.errors import ExplanationRefused, ModelRefused, Refused, ScoresRefused, TrainingRefused

    if not isinstance(error, Refused):
        return None
    kinds = (
        (TrainingRefused, "training"),
        (CardRefused, "report"),
        (AuditRefused, "audit"),
        (ModelRefused, "model"),
        (ScoresRefused, "scores"),
        (ExplanationRefused, "explanation"),
    )
    kind = next(name for refusal, name in kinds if isinstance(error, refusal))
    return OperatorError(kind, error.what, error.cure)


def end_by(error: BaseException) -> dict[str, Any]:
    """Of a run, for the journal. The text of an unknown error may hold a value: its kind alone is kept."""
    told = as_operator_error(error)
    if told is None:
        return {"state": "failed", "error": type(error).__name__}
    return {"state": "refused", "refusal": told.kind, "exit_code": told.exit_code}


@contextmanager
def told_to_operator() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        told = as_operator_error(error)
        if told is None or told is error:
            raise
        raise told from None
