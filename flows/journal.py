"""What runs do, as lines of JSON in `logs/<day>.jsonl` of the work folder, for whoever collects logs.

Only fields of an allow-list are written, each with values of its own narrow form: what does not fit is dropped and
counted. The standard library alone, and no logger: those of libraries carry whatever their authors put into a message.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from flows.errors import EXIT_CODES
from signals.agencies import AGENCIES
from signals.registers import REGISTERS
from store.files import OURS_ONLY, make_folder

Event = Literal[
    "started", "stage", "retried", "delivery", "ended", "notified", "backup", "board", "restarted", "out_of_memory"
]  # fmt: skip
# No count of ours is larger; a phone number, a person number or a token is.
_MOST: Final = 10**9


def _one_of(*words: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in words


def _like(form: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(form, value, re.ASCII) is not None


def _is_count(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < _MOST


def _are_counts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_is_word(name) and _is_count(count) for name, count in value.items())


_is_word = _like("[a-z][a-z_]{0,39}")

FIELDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "run": _like("(nightly|retrain|demo)-[0-9]{8}-[0-9a-f]{12}"),
    "kind": _one_of("nightly", "retrain", "demo"),
    "as_of": lambda value: type(value) is date,
    "model": _like("[0-9]{8}-[0-9a-f]{12}"),
    "stage": _like("[a-z]+( [a-z]+){0,4}"),  # the name of a function of ours
    "seconds": _is_count,
    "state": _one_of("done", "refused", "failed", "taken", "again", "waiting", "future", "warnings", "late"),
    "refusal": _one_of(*EXIT_CODES),
    "exit_code": lambda value: value in EXIT_CODES.values(),
    "error": _like("[A-Za-z]{1,60}(Error|Exception|Interrupt|Exit|Refused|Mismatch)"),  # a class, never its text
    "source": _one_of(*AGENCIES, *REGISTERS, "sheets"),
    "counts": _are_counts,
    "received": _is_count,
    "accepted": _is_count,
    "set_aside": _is_count,
    "revision": _is_count,
    "process": _one_of("server", "worker", "serve", "night"),
    "told": _is_count,
}


def kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Of `fields`, what may be written; `dropped`: how many may not."""
    fit = {name: value for name, value in fields.items() if name in FIELDS and FIELDS[name](value)}
    told = {name: value.isoformat() if isinstance(value, date) else value for name, value in fit.items()}
    return told if len(told) == len(fields) else {**told, "dropped": len(fields) - len(told)}


def note(work: Path, at: datetime, event: Event, **fields: Any) -> None:
    """One line. A log that cannot be written stops no run: the ledger and the access log are what must hold."""
    day = at.astimezone(ZoneInfo("Asia/Seoul")).date()
    line = json.dumps({"at": at.isoformat(timespec="milliseconds"), "event": event, **kept(fields)})
    try:
        folder = make_folder(work / "logs")
        handle = os.open(folder / f"{day}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, OURS_ONLY)
        try:
            os.write(handle, f"{line}\n".encode())
        finally:
            os.close(handle)
    except OSError:
        return


def last(work: Path, event: Event, days: int = 14, **like: str) -> dict[str, Any] | None:
    """The newest line of that event, with those values, in the newest `days` files; None: none, or not readable."""
    return next((told for told in _newest_first(work, days) if {"event": event, **like}.items() <= told.items()), None)


def lines(work: Path, days: int = 14) -> list[dict[str, Any]]:
    """All lines of the newest `days` files, oldest first."""
    return list(_newest_first(work, days))[::-1]


def _newest_first(work: Path, days: int) -> Iterator[dict[str, Any]]:
    for file in sorted((work / "logs").glob("????-??-??.jsonl"), reverse=True)[:days]:
        for line in reversed(file.read_text(encoding="utf-8", errors="replace").splitlines()):
            try:
                told = json.loads(line)
            except ValueError:
                continue  # cut off by a power cut
            if isinstance(told, dict) and "event" in told:
                yield told
