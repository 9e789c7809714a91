"""Of a thousand planted people nothing is found in what a month leaves behind, but where it belongs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flows import inbox
from tests.security import leak_month
from tests.security.leaks import Identity, Scanner

# TRUST's first test asks for a month and a thousand: `LEAK_NIGHTS=31 pytest tests/security/test_leak_month.py`.
NIGHTS = int(os.environ.get("LEAK_NIGHTS", "0"))
HOUSEHOLDS = int(os.environ.get("LEAK_HOUSEHOLDS", "2000"))
PEOPLE = int(os.environ.get("LEAK_PEOPLE", "1000"))


def is_expected(file: Path, folder: Path) -> bool:
    """The offices' own sheets, files that wait in the inbox as their sender left them, what was handed out by name."""
    work = folder / "work"
    is_sheet = file.is_relative_to(work / "outbox") and re.fullmatch(r"[0-9]{10}", file.parent.name)
    return bool(is_sheet) or file.is_relative_to(work / "inbox") or file.is_relative_to(folder / leak_month.HANDED)


@pytest.mark.skipif(not NIGHTS, reason="a month of nights takes a quarter of an hour: make security-test")
@pytest.mark.timeout(7200)
def test_nobody_is_found_in_what_a_month_leaves(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("home", "tmp", "here")}
    for place in places.values():
        place.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(places["home"]), "TMPDIR": str(places["tmp"])}
    words = [sys.executable, str(leak_month.__file__), str(tmp_path), str(NIGHTS), str(HOUSEHOLDS), str(PEOPLE)]
    with (tmp_path / "terminal").open("wb") as terminal:
        subprocess.run(words, env=environment, cwd=places["here"], stdout=terminal, stderr=terminal, check=True)
    said = (tmp_path / "terminal").read_text(encoding="utf-8")
    people = json.loads((tmp_path / "planted.json").read_bytes())
    (tmp_path / "planted.json").unlink()  # ours
    work = tmp_path / "work"
    assert len(list((work / "outbox").glob("2026-*/manifest.json"))) == NIGHTS, said
    assert "ends with a bug" not in said, said
    assert "ends with 2\n" not in said, "a command that was not understood was not tried"
    assert list((tmp_path / leak_month.HANDED).iterdir())
    scanner = Scanner(Identity(one["person_no"], one["name"], one["phone"] or None, one["address"]) for one in people)
    # The scan is worth something only where the people are: sheets name them, so they went through everything.
    sheets = b"".join(file.read_bytes() for file in work.rglob("queue_*.csv")).decode("utf-8-sig", errors="ignore")
    assert len(people) == PEOPLE
    assert sum(one["name"] in sheets for one in people) >= 5
    looked = scanner.folder(tmp_path, lambda file: is_expected(file, tmp_path))
    assert looked > 100
    assert "\n".join(f"{found.what}: {found.where}" for found in scanner.found()) == ""


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("900101-1234567.csv", "□.csv"), ("홍 010-1234-5678 9001011234567.xlsx", "홍 □ □.xlsx"),
        ("nhis_202608_20261015_r1.csv", None), ("residents_202608_20260910.csv", None),
        ("queue_1111051500_20261102 (1).xlsx", None),
    ],
)  # fmt: skip
def test_numbers_of_persons_in_a_file_s_name_are_not_told(sent: str, shown: str | None) -> None:
    assert inbox._shown(Path(sent)) == (shown or sent)
