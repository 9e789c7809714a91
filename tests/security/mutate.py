"""Changes the modules that hold keys, names and logs, one small thing at a time, and counts what their tests notice.

    python tests/security/mutate.py [MODULE ...] [--sample 30] [--seed 1] [--least 80] [--jobs 2]

A change (tests/security/mutants.py) is planted in a copy of the checkout. Of the module's own tests those that enter
the changed function run, the quickest first, until the first red or the time limit: a mutant that hangs is noticed too.
What nobody notices is told with file, line and change: a test is missing there, or the code is not needed.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest
from hypothesis import Phase, settings

from tests.security.forks import LATE, ROOT, Task, load_libraries, ran, tree
from tests.security.mutants import Mutant, chosen

UNNOTICED: Final = (0, 5)  # pytest: all green; no test was left
PLAIN: Final = ("-m", "not postgres")
# Module -> its own tests, the quickest first.
TESTS: Final[dict[str, str]] = {
    "store/tokens.py": "tests/store/test_tokens.py tests/store/test_identities.py",
    "store/sealing.py": "tests/store/test_files_and_keys.py tests/store/test_identities.py",
    "store/keys.py": "tests/store/test_files_and_keys.py",
    "store/identities.py": "tests/store/test_identities.py",
    "store/access_log.py": "tests/store/test_access_log.py tests/store/test_chain.py",
    "store/chain.py": "tests/store/test_access_log.py tests/store/test_chain.py",
    "alerts/cells.py": "tests/alerts/test_cells.py",
    "alerts/small_cells.py": "tests/alerts/test_small_cells.py",
    "flows/door.py": "tests/flows/test_door.py",
    "store/retirement.py": "tests/store/test_destruction.py",
    "store/destruction.py": "tests/store/test_destruction.py",
    "features/anonymous.py": "tests/features/test_anonymous.py",
    "store/correction.py": "tests/store/test_correction.py",
    "models/bundle.py": "tests/models/test_bundle.py",
}


@dataclass(slots=True)
class _Seen:
    """Of a test or a fixture: its seconds, and the first lines of the module's functions that it enters."""

    seconds: float = 0.0
    lines: set[int] = field(default_factory=set)


class _Watch:
    """Runs with the unharmed module and notes what each test enters, whichever fixture does it for the test."""

    def __init__(self, file: Path, told: Path) -> None:
        self.file, self.told = str(file), told
        self.now = _Seen()
        self.tests: dict[str, _Seen] = {}
        self.fixtures: dict[str, _Seen] = {}

    def _enter(self, frame: FrameType, event: str, argument: object) -> None:
        if frame.f_code.co_filename == self.file:
            self.now.lines.add(frame.f_code.co_firstlineno)

    def _noting(self, seen: _Seen) -> Iterator[None]:
        before, self.now, begun, tracing = self.now, seen, time.monotonic(), sys.gettrace()
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(tracing)
            self.now = before
            seen.seconds = max(seen.seconds, time.monotonic() - begun)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        yield from self._noting(self.fixtures.setdefault(fixturedef.argname, _Seen()))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        yield from self._noting(self.tests.setdefault(item.nodeid, _Seen()))

    def pytest_runtest_teardown(self, item: pytest.Function) -> None:
        seen = self.tests.get(item.nodeid, _Seen())
        used = [self.fixtures[name] for name in item.fixturenames if name in self.fixtures]
        self.tests[item.nodeid] = _Seen(
            seen.seconds + sum(one.seconds for one in used), seen.lines.union(*(one.lines for one in used))
        )

    def pytest_sessionfinish(self) -> None:
        told = {name: (seen.seconds, sorted(seen.lines)) for name, seen in self.tests.items()}
        self.told.write_text(json.dumps(told), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Order:
    """These tests, in this order, and no others; each for so many seconds at most."""

    seconds: Mapping[str, float]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        there = {item.nodeid: item for item in items}
        items[:] = [there[name] for name in self.seconds if name in there]
        for item in items:
            item.add_marker(pytest.mark.timeout(self.seconds[item.nodeid]))


def watched(place: Path, module: str, source: str, limit: float) -> dict[str, _Seen]:
    """Test -> what it enters of the module, unharmed."""
    told = place / "watched.json"
    task = Task(module, source, [*PLAIN, *TESTS[module].split()], limit, _Watch(place / module, told))
    ((_, code, said),) = ran([task], [place])
    if code:
        sys.exit(f"{module}: its tests are red, or slower than {limit:.0f} s, without any change\n{said[-3000:]}")
    seen = json.loads(told.read_text(encoding="utf-8"))
    return {name: _Seen(seconds, set(lines)) for name, (seconds, lines) in seen.items()}


def needed(mutant: Mutant, seen: dict[str, _Seen]) -> dict[str, float]:
    """Test -> the seconds it may take: those that enter the changed function, quickest first; all where none does, as
    for what runs when the module is imported."""
    names = sorted(seen, key=lambda name: seen[name].seconds)
    entering = [name for name in names if mutant.function in seen[name].lines]
    return {name: 10 + 5 * seen[name].seconds for name in entering or names}


def task_of(module: str, mutant: Mutant, seen: dict[str, _Seen]) -> Task:
    names = needed(mutant, seen)
    files = dict.fromkeys(name.partition("::")[0] for name in names)
    # The tests' own limits come first, but for a hang that no signal ends.
    return Task(module, mutant.text, [*PLAIN, *files], 30 + sum(names.values()), _Order(names))


def report(module: str, tried: int, alive: list[Mutant], late: int, seconds: float) -> None:
    share = 100 * (1 - len(alive) / max(tried, 1))
    hung = f", {late} by the time limit" if late else ""
    sys.stdout.write(f"{share:5.1f} %  {tried - len(alive)} of {tried}{hung}  {seconds:5.0f} s  {module}\n")
    sys.stdout.writelines(f"         {module}:{one.line}  {one.change}\n" for one in alive)
    sys.stdout.flush()


def judge(module: str, sample: int, seed: int, places: list[Path], limit: float) -> tuple[int, int]:
    """How many were tried, and how many of them nobody noticed."""
    begun = time.monotonic()
    source = (ROOT / module).read_text(encoding="utf-8")
    seen = watched(places[0], module, source, limit)
    mutants = {task_of(module, one, seen): one for one in chosen(source, sample, f"{seed} {module}")}
    told = {task: (code, said) for task, code, said in ran([*mutants], places)}
    alive = [one for task, one in mutants.items() if told[task][0] in UNNOTICED]
    late = sum(code == LATE or "from pytest-timeout" in said for code, said in told.values())
    report(module, len(mutants), alive, late, time.monotonic() - begun)
    return len(mutants), len(alive)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(TESTS))
    parser.add_argument("--sample", type=int, default=0, help="so many of each module; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0, help="per cent that must be noticed")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=300, help="seconds for all tests of a module, unharmed")
    wanted = parser.parse_args()
    load_libraries()
    # A hypothesis that fails is not made smaller, and fails again the next time.
    phases = [Phase.explicit, Phase.generate]
    settings.register_profile("mutants", deadline=None, derandomize=True, database=None, phases=phases)
    settings.load_profile("mutants")
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        places = [tree(Path(name) / str(number)) for number in range(wanted.jobs)]
        told = [judge(module, wanted.sample, wanted.seed, places, wanted.limit) for module in wanted.modules]
    tried, alive = (sum(counts) for counts in zip(*told, strict=True))
    share = 100 * (1 - alive / max(tried, 1))
    sys.stdout.write(f"{share:5.1f} %  {tried - alive} of {tried} changes noticed\n")
    return int(share < wanted.least)


if __name__ == "__main__":
    sys.exit(main())
