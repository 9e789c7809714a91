"""The house keeps its shape: rooms, packaging, lock, import rules."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("signals", "features", "models", "alerts", "synthetic", "store", "flows")
PURE = ("signals", "features", "models", "alerts", "synthetic")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def test_required_things_are_at_the_top() -> None:
    wanted = [*ROOMS, "tests", "pyproject.toml", "README.md", "config.yaml", "LICENSE", "CHANGELOG.md", ".ci/run"]
    assert [name for name in wanted if not (ROOT / name).exists()] == []


def test_no_file_in_flows_is_named_after_a_room() -> None:
    # Prefect's loader puts flows/ first on sys.path: flows/alerts.py would hide alerts/.
    assert {f.stem for f in modules("flows")} & set(ROOMS) == set()


def test_a_wheel_puts_no_room_into_site_packages() -> None:
    assert PROJECT["tool"]["setuptools"]["packages"] == []


def test_rooms_have_no_drawer_for_odds_and_ends() -> None:
    names = {f.stem for room in ROOMS for f in modules(room)}
    assert names & {"utils", "util", "common", "core", "helpers", "misc"} == set()


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {a.name.split(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_know_no_clock_file_database_or_network(room: str) -> None:
    outside = {"os", "pathlib", "shutil", "tempfile", "time", "socket", "urllib", "requests", "httpx", "sqlalchemy"}
    outside |= {"deltalake", "prefect", "random", "pickle", "joblib", "cloudpickle", "subprocess"}
    found = {str(f.relative_to(ROOT)): imported(f) & outside for f in modules(room)}
    assert {name: bad for name, bad in found.items() if bad} == {}


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_never_ask_for_today(room: str) -> None:
    asked = re.compile(r"\.(today|now|utcnow)\(|\bopen\(")
    found = [f"{f.name}: {m.group()}" for f in modules(room) for m in asked.finditer(f.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_is_pickled(room: str) -> None:
    assert [f.name for f in modules(room) if imported(f) & {"pickle", "joblib", "cloudpickle", "dill", "shelve"}] == []


def test_import_rules_hold() -> None:
    told = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout


def test_the_lock_is_hashed_complete_and_names_no_registry() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.search(r"https?://|index-url|find-links", lock) is None
    pins = re.findall(r"^([a-z0-9._-]+)==[^\s;]+(?: ;[^\\]*)? \\$", lock, re.M)
    assert len(pins) == len(re.findall(r"^\S+==", lock, re.M)), "a pin without a hash"
    direct = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]
    names = {re.split(r"[\[<>=]", d)[0].lower() for d in direct}
    assert names - set(pins) == set()


def test_version_traps_are_avoided() -> None:
    # Each was seen: see the comments in pyproject.toml.
    def parts(package: str) -> tuple[int, ...]:
        return tuple(int(p) for p in version(package).split(".")[:2])

    assert version("prefect") == "3.8.8"
    assert parts("fastapi") < (0, 151)
    assert parts("sqlalchemy") < (2, 1)
