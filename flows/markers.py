"""What a sender puts beside a file: it is whole (.done), its SHA-256 (.sha256), it is taken back (.withdrawn)."""

import os
import re
from pathlib import Path
from typing import Final, assert_never

from flows.desk import Desk, now
from signals.delivery import DeliveryRefused

DONE: Final = ".done"
DIGEST: Final = ".sha256"
WITHDRAWN: Final = ".withdrawn"
MARKERS: Final = (DONE, DIGEST, WITHDRAWN)
_MOST: Final = 4096  # bytes of a digest file
_LONGEST: Final = 255  # bytes of a file's name


def beside(path: Path, *markers: str) -> list[Path]:
    """Where they would stand. A name may be too long to have any."""
    names = (path.name + marker for marker in markers)
    return [path.with_name(name) for name in names if len(os.fsencode(name)) <= _LONGEST]


def clear(path: Path) -> None:
    """The file has left the inbox: what spoke of it goes too."""
    for marker in beside(path, DONE, DIGEST):
        marker.unlink(missing_ok=True)


def is_fresh(desk: Desk, path: Path) -> bool:
    age = now().timestamp() - path.stat().st_mtime
    return age < desk.settings.inbox.quiet_minutes * 60


def not_whole(desk: Desk, path: Path) -> tuple[str, str]:
    """Why a delivery waits, and what helps; two empty words when it need not. A file cut off at the end of a line looks
    like a whole one."""
    if any(marker.exists() for marker in beside(path, DONE, DIGEST)):
        return "", ""
    match desk.settings.inbox.whole_when:
        case "line_end":
            return "", ""
        case "quiet":
            minutes = desk.settings.inbox.quiet_minutes
            wait = (f"changed within the last {minutes:g} minutes", f"wait, or put {path.name}{DONE} beside it")
            return wait if is_fresh(desk, path) else ("", "")
        case "marker":
            return "its sender has not said that it is whole", f"put {path.name}{DONE} or {path.name}{DIGEST} beside it"
        case other:
            assert_never(other)


def refuse_other_bytes(path: Path, digest: str) -> None:
    """Raises DeliveryRefused when the file is not what the digest beside it says."""
    said = [
        marker.read_bytes()[:_MOST].decode("utf-8-sig", "replace") for marker in beside(path, DIGEST) if marker.exists()
    ]
    found = [re.search(r"\b[0-9a-fA-F]{64}\b", words) for words in said]
    if any(one is None or one[0].lower() != digest for one in found):
        raise DeliveryRefused(
            "digest_differs",
            path.name,
            "파일이 함께 온 확인값(.sha256)과 다릅니다. 전송 중에 바뀌었거나 일부가 빠졌습니다.",
            "파일과 확인값을 함께 다시 보내 주십시오.",
        )
