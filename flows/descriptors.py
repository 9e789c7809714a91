"""datapackage.json beside the files of a folder: of offices, districts, the board and the replies."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from alerts.benefits import load_benefits
from alerts.datapackage import DESCRIPTOR, Resource, describe
from alerts.described import CONSIDERED_COLUMNS, REPLY_COLUMNS, WORKLOAD_COLUMNS, Column, queue_columns
from store.files import write_whole

ALERTS: Final = Path(__file__).parent.parent / "alerts"
# By the end of a file's name: resource, Korean title, English title.
TITLES: Final[Mapping[str, tuple[str, str, str]]] = {
    "considered.csv": ("considered", "명단에 올리지 않은 가구의 수", "Households in no queue, and why"),
    "workload.csv": ("workload", "읍면동별 업무량", "Work of each office"),
    "index.html": ("page", "읽는 화면", "Page to read"),
    "board.json": ("board", "발굴 현황판의 모든 수치", "All figures of the board"),
    "board.html": ("page", "발굴 현황판", "The board"),
    ".xlsx": ("workbook", "업무용 통합 문서", "Workbook to work in"),
    ".reply.csv": ("reply", "보내신 파일에 대한 회신", "Reply about a file that was sent"),
    ".csv": ("queue", "발굴 대상자 명단", "The office's queue"),
}


@cache
def _columns() -> Mapping[str, tuple[Column, ...]]:
    table = load_benefits((ALERTS / "benefits.yaml").read_text(encoding="utf-8"))
    return {
        "queue": queue_columns(table),
        "considered": CONSIDERED_COLUMNS,
        "workload": WORKLOAD_COLUMNS,
        "reply": REPLY_COLUMNS,
    }


def with_descriptor(files: Mapping[str, bytes], place_ko: str, as_of: date) -> dict[str, bytes]:
    """The files of one folder, by path, and the one that describes them."""
    folder = next(iter(files)).rpartition("/")[0]
    name = f"{folder}-{as_of:%Y%m%d}".strip("-")
    resources = [_resource(path.rpartition("/")[2], data) for path, data in files.items()]
    title = f"{place_ko} {as_of.isoformat()}"
    told = describe(name, title, f"Blindspot, {folder or 'board'}, {as_of}", as_of.isoformat(), resources)
    return {**files, f"{folder}/{DESCRIPTOR}".lstrip("/"): told}


def _resource(file: str, data: bytes | None, number: int = 0) -> Resource:
    name, title_ko, title_en = next(told for end, told in TITLES.items() if file.endswith(end))
    return Resource(f"{name}-{number}" if number else name, file, title_ko, title_en, data, _columns().get(name, ()))


def describe_replies(folder: Path, as_of: date) -> None:
    """Of all replies that lie there, whoever they are for."""
    files = sorted(folder.glob("*.reply.csv"))
    if files:
        resources = [_resource(file.name, None, number) for number, file in enumerate(files, 1)]
        told = describe("replies", "회신", "Replies", as_of.isoformat(), resources)
        write_whole(folder / DESCRIPTOR, told)
