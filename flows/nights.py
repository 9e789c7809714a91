"""What a night reads besides lake and history: kept for each, so that it can be worked again after all that has changed
since. Settings and stops by the run's id, the offices file once for all nights that read the same one."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from flows.errors import OperatorError
from flows.run import PLACES, Run
from flows.settings import Settings
from store.files import write_whole


@dataclass(frozen=True, slots=True)
class AsRead:
    settings: Settings
    offices: Path
    stopped: pl.Series  # household keys


def keep_as_read(run: Run) -> None:
    """No name, no address: household keys of those stopped, and what the operator wrote."""
    desk = run.desk
    data = desk.settings.offices.read_bytes()
    offices = f"offices-{hashlib.sha256(data).hexdigest()[:16]}.csv"
    if not (_folder(desk.work) / offices).exists():
        write_whole(_folder(desk.work) / offices, data)
    told = {
        "settings": desk.settings.model_dump(mode="json", exclude=PLACES),
        "offices": offices,
        "stopped": run.stopped.to_list(),
    }
    words = json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
    write_whole(_folder(desk.work) / f"{run.id}.json", words.encode())


def as_read(now: Settings, run: str) -> AsRead:
    """`now`: where things lie today. Raises OperatorError where nothing was kept, or it is no longer understood."""
    file = _folder(now.work) / f"{run}.json"
    try:
        told = json.loads(file.read_bytes())
    except FileNotFoundError:
        cure = "nights before this version kept none; else restore the folder `nights` from its backup"
        raise OperatorError("replay", f"what {run} read was not kept", cure) from None
    offices = file.with_name(told["offices"])
    if not offices.exists():
        raise OperatorError("replay", f"{offices} is missing", "restore the folder `nights` from its backup")
    return AsRead(_settings_then(now, told["settings"]), offices, pl.Series("household_key", told["stopped"], pl.Int64))


def _settings_then(now: Settings, then: dict[str, Any]) -> Settings:
    """Keys that have come since stand as they are now: that night did without them."""
    wanted = now.model_dump(mode="json") | {name: told for name, told in then.items() if name in Settings.model_fields}
    try:
        read = Settings.model_validate(wanted)
    except ValidationError as error:
        where = ", ".join(sorted({".".join(str(part) for part in e["loc"]) for e in error.errors()}))
        cure = "use the version of Blindspot that worked that night"
        raise OperatorError("replay", f"settings of that night are no longer understood: {where}", cure) from None
    # Where things lie today is told by objects that are not to be read a second time.
    return now.model_copy(update={name: getattr(read, name) for name in then if name in Settings.model_fields})


def _folder(work: Path) -> Path:
    return work / "nights"
