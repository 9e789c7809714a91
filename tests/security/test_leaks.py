"""The scanner that the leak scan rests on: it finds every planted leak, and nothing where nothing is."""

import resource
from pathlib import Path

import pytest

from flows.desk import glance
from tests.flows import letters
from tests.security.leaks import Scanner
from tests.security.planted import HARMLESS, NAME, PLANTS, WHO


@pytest.fixture(scope="module")
def finds() -> set[str]:
    scanner = Scanner([WHO])
    for name, make in (PLANTS | HARMLESS).items():
        scanner.data(name, make())
    return {finding.where.partition(" > ")[0] for finding in scanner.found()}


def test_fifty_kinds_of_leaks_are_found(finds: set[str]) -> None:
    assert len(PLANTS) == 50
    assert [name for name in PLANTS if name not in finds] == []


def test_what_looks_alike_is_not_blamed(finds: set[str]) -> None:
    assert [name for name in HARMLESS if name in finds] == []


def test_names_of_files_and_what_links_point_to_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.csv").touch()
    (tmp_path / "link").symlink_to(f"/nowhere/{NAME}")
    scanner = Scanner([WHO])
    assert scanner.folder(tmp_path) == 1
    assert len(scanner.found()) == 2


def test_a_leak_across_two_chunks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.security.leaks._CHUNK", 10)
    scanner = Scanner([WHO])
    scanner.data("a", b"x" * 7 + NAME.encode() + b"x" * 99)
    assert [finding.what for finding in scanner.found()] == ["name"]


def test_no_core_is_dumped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", set_to.__setitem__)
    glance(letters.write_work(tmp_path)).engine.dispose()
    assert set_to[resource.RLIMIT_CORE][0] == 0
