"""A folder's descriptor as the Data Package standard has it: each file, each column, in Korean and English."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from alerts.considered import HIDDEN
from alerts.described import Column

DESCRIPTOR: Final = "datapackage.json"
_MEDIA: Final[Mapping[str, str]] = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One file. `path`: within the folder; `columns`: of a CSV."""

    name: str
    path: str
    title_ko: str
    title_en: str
    data: bytes | None = None  # None: its size is not told
    columns: Sequence[Column] = ()


def describe(name: str, title_ko: str, title_en: str, as_of: str, resources: Sequence[Resource]) -> bytes:
    """The bytes of datapackage.json. `name`: lower-case letters, digits, hyphens; `as_of`: the day, ISO."""
    told = {
        "name": name,
        "title": title_ko,
        "title_en": title_en,
        "created": f"{as_of}T00:00:00Z",
        "version": as_of,
        "resources": [_resource(one) for one in resources],
    }
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def _resource(one: Resource) -> dict[str, Any]:
    form = one.path.rsplit(".", 1)[-1]
    told: dict[str, Any] = {
        "name": one.name,
        "path": one.path,
        "title": one.title_ko,
        "title_en": one.title_en,
        "format": form,
        "mediatype": _MEDIA[form],
    }
    if one.data is not None:
        told |= {"bytes": len(one.data), "hash": f"sha256:{hashlib.sha256(one.data).hexdigest()}"}
    if not one.columns:
        return told | {"type": "file"}
    keys = [column.header for column in one.columns if column.is_key]
    schema = {
        "fields": [_field(column) for column in one.columns],
        "missingValues": ["", HIDDEN],
        **({"primaryKey": keys} if keys else {}),
    }
    return told | {"type": "table", "encoding": "utf-8", "schema": schema}


def _field(column: Column) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if column.values:
        limits["enum"] = list(column.values)
    if column.pattern:
        limits["pattern"] = column.pattern
    if column.is_key:
        limits["required"] = True
    if column.type == "integer":
        limits["minimum"] = 0
    told: dict[str, Any] = {
        "name": column.header,
        "type": column.type,
        "title": column.header,
        "title_en": column.title_en,
        "description": column.what_ko,
        "description_en": column.what_en,
    }
    if column.unit:
        told["unit"] = column.unit
    if column.values:
        told["categories"] = [{"value": word, "label": meaning} for word, meaning in column.values.items()]
    return told | ({"constraints": limits} if limits else {})
