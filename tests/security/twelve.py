"""The twelve tests of what is promised about personal data, with all their counts: `make security-test`.

    python tests/security/twelve.py [NUMBER ...]     all, or those named; hours, most of it spent on killing nights
    python tests/security/twelve.py table            the table of docs/security-tests.md

Each runs in a short form in `make test`; environment variables give it its counts. What one of them misses when the
code is broken on purpose is the work of tests/security/faults.py.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Guard:
    number: int
    what: str
    files: tuple[str, ...]  # of pytest
    short: str  # in `make test`
    full: str
    counts: Mapping[str, str] = field(default_factory=dict)  # environment variable -> value of the full form
    commands: tuple[str, ...] = ()  # more of the full form, run by Python


GUARDS: Final = (
    Guard(
        1, "Leak scan: nobody is found outside the sealed table of identities and the offices' own sheets",
        ("tests/security/test_leaks.py", "tests/whole/test_cli.py", "tests/security/test_leak_month.py"),
        "one night, 300 people; the scanner finds 50 of 50 planted", "31 nights, 1,000 planted people, every command",
        {"LEAK_NIGHTS": "31"},
    ),
    Guard(
        2, "No cell of a sheet starts a formula, no column shifts",
        ("tests/alerts/test_cells.py", "tests/alerts/test_workbook.py", "tests/alerts/test_returned.py"),
        "10,000 cells as CSV, 200 as a workbook", "10,000 of both, 1,000 sheets sent back",
        {"FORMULAS": "10000", "SHEETS": "1000"},
    ),
    Guard(
        3, "Whatever arrives: nothing uncaught; accepted + set aside = received",
        ("tests/signals/test_fuzz.py", "tests/security/test_fuzz_targets.py"),
        "260 files", "10,000 files; and `make fuzz`: ten minutes of atheris on each parser",
        {"INTAKE_FILES": "10000"},
    ),
    Guard(
        4, "Killed at any moment and run again: the same bytes, nothing lost, nothing doubled",
        ("tests/whole/test_night.py", "tests/flows/test_repair.py"),
        "every stage", "every commit point, 100 random moments, all faults of disk, memory and database",
        commands=("benchmarks/crashes.py",),
    ),
    Guard(
        5, "PostgreSQL stopped and started: no gap in the access log, the run completes or resumes",
        ("tests/store/test_chain.py", "tests/whole/test_postgres.py"),
        "connections cut while many write", "three stops while many write, ten nights stopped",
        {"LOG_STOPS": "3"}, ("benchmarks/crashes.py --only postgresql",),
    ),
    Guard(
        6, "A model that was touched is refused before it is loaded", ("tests/models/test_bundle.py",),
        "100 mutations", "500 mutations", {"MODEL_MUTATIONS": "500"},
    ),
    Guard(
        7, "Every edit of the logs is found, no honest log is blamed",
        ("tests/store/test_chain.py", "tests/store/test_access_log.py"), "60 edits", "1,000 edits",
        {"LOG_EDITS": "1000"},
    ),
    Guard(
        8, "Of another office: no row, in all pairs tried", ("tests/store/test_roles.py", "tests/flows/test_door.py"),
        "4 offices, 12 pairs", "12 offices, 132 pairs", {"ROLE_OFFICES": "12"},
    ),
    Guard(
        9, "Keys rotate: every join holds, swapped ciphertexts do not open",
        ("tests/store/test_identities.py", "tests/store/test_tokens.py", "tests/flows/test_trust.py"),
        "stopped half way", "and 20 times killed half way", {"ROTATION_KILLS": "20"},
    ),
    Guard(
        10, "Retention: the day before, on, after: nothing early, nothing late",
        ("tests/store/test_retention.py", "tests/flows/test_keeping.py", "tests/flows/test_retention.py"),
        "every class", "the same",
    ),
    Guard(
        11, "Re-runs are equal to the byte; a protected attribute changes no score; more hardship never lowers one",
        ("tests/whole/test_night.py", "tests/security/test_protected.py", "tests/models/test_leaks.py"),
        "one night again; 10,000 pairs", "the same",
    ),
    Guard(
        12, "Locked = listed in the SBOM = installed",
        ("tests/security/test_sbom.py", "tests/test_safe_versions.py", "tests/test_house.py"),
        "names, versions, hashes", "and every installed file against its digest", {"SBOM_FILES": "1"},
    ),
)  # fmt: skip


def table() -> str:
    lines = ["| | what | in `make test` | in `make security-test` | where |", "|---|---|---|---|---|"]
    for guard in GUARDS:
        named = "<br>".join(f"`{name}`" for name in (*guard.files, *guard.commands))
        lines.append(f"| {guard.number} | {guard.what} | {guard.short} | {guard.full} | {named} |")
    return "\n".join(lines) + "\n"


def run(guard: Guard) -> tuple[bool, float]:
    begun, is_green = time.monotonic(), True
    tests = [sys.executable, "-m", "pytest", "--timeout=7200", *guard.files]
    commands: list[Sequence[str]] = [tests, *([sys.executable, *words.split()] for words in guard.commands)]
    for command in commands:
        is_green &= subprocess.run(command, cwd=ROOT, env=os.environ | guard.counts, check=False).returncode == 0
    return is_green, time.monotonic() - begun


def main(words: list[str]) -> int:
    if words == ["table"]:
        sys.stdout.write(table())
        return 0
    chosen = [guard for guard in GUARDS if not words or str(guard.number) in words]
    told = []
    for guard in chosen:
        is_green, seconds = run(guard)
        told.append((is_green, f"{'green' if is_green else 'RED':6} {seconds:7.0f} s  {guard.number:2}  {guard.what}"))
    sys.stdout.write("\n".join(line for _, line in told) + "\n")
    return not all(is_green for is_green, _ in told)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
