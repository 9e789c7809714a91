"""What is locked is what is listed is what is installed: names, versions, digests; and each difference is told."""

import copy
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.security.sbom import OURS, ROOT, Pin, changed_files, current, differences, installed, main, pins

LOCK = pins((ROOT / "requirements.lock").read_text(encoding="utf-8"))
# TRUST's twelfth test, with every file: `SBOM_FILES=1`, a minute.
FILES = "SBOM_FILES" in os.environ


HERE = installed()


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return current()


def test_locked_listed_and_installed_are_the_same(bill: dict[str, Any]) -> None:
    assert len(LOCK) > 100
    assert list(differences(LOCK, HERE, bill)) == []


def test_it_is_cyclonedx_and_the_same_bytes_every_time(bill: dict[str, Any], tmp_path: Path) -> None:
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert main(tmp_path / "dist" / "a.json") == main(tmp_path / "b.json") == 0
    written = (tmp_path / "b.json").read_bytes()
    assert json.loads(written) == bill
    assert (tmp_path / "dist" / "a.json").read_bytes() == written


def test_whatever_is_depended_on_is_there(bill: dict[str, Any]) -> None:
    refs = {one["bom-ref"] for one in bill["components"]}
    told = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert told.keys() == refs | {OURS}
    assert {ref for needs in told.values() for ref in needs} <= refs
    assert any(ref.startswith("pkg:pypi/prefect@") for ref in told[OURS])
    reached, waiting = set[str](), [OURS]
    while waiting:
        reached.add(ref := waiting.pop())
        waiting += [need for need in told[ref] if need not in reached]
    assert len(reached) > 80, "the tree of what runs"


def _another_version(bill: dict[str, Any], lock: dict[str, Pin], here: dict[str, Any]) -> None:
    bill["components"][3]["version"] += ".post9"


def _another_digest(bill: dict[str, Any], lock: dict[str, Pin], here: dict[str, Any]) -> None:
    bill["components"][3]["externalReferences"][0]["hashes"][0]["content"] = "0" * 64


def _left_out(bill: dict[str, Any], lock: dict[str, Pin], here: dict[str, Any]) -> None:
    del bill["components"][3]


def _twice(bill: dict[str, Any], lock: dict[str, Pin], here: dict[str, Any]) -> None:
    bill["components"].append(bill["components"][3])


def _not_locked(bill: dict[str, Any], lock: dict[str, Pin], here: dict[str, Any]) -> None:
    del lock["polars"]


def _locked_and_not_installed(bill: dict[str, Any], lock: dict[str, Pin], here: dict[str, Any]) -> None:
    lock["left-pad"] = Pin("left-pad", "1.0", ("0" * 64,))


def _locked_otherwise(bill: dict[str, Any], lock: dict[str, Pin], here: dict[str, Any]) -> None:
    lock["polars"] = Pin("polars", "0.1", lock["polars"].digests)


def _without_a_digest(bill: dict[str, Any], lock: dict[str, Pin], here: dict[str, Any]) -> None:
    lock["polars"] = Pin("polars", lock["polars"].version, ())


def _installed_otherwise(bill: dict[str, Any], lock: dict[str, Pin], here: dict[str, Any]) -> None:
    here["polars"] = SimpleNamespace(version="0.1")


def _installed_besides(bill: dict[str, Any], lock: dict[str, Pin], here: dict[str, Any]) -> None:
    here["left-pad"] = SimpleNamespace(version="1.0")


@pytest.mark.parametrize(
    "plant",
    [
        _another_version, _another_digest, _left_out, _twice, _not_locked, _locked_and_not_installed, _locked_otherwise,
        _without_a_digest, _installed_otherwise, _installed_besides,
    ],
)  # fmt: skip
def test_every_difference_is_told(bill: dict[str, Any], plant: Any) -> None:
    few = copy.deepcopy([one for one in bill["components"] if one["name"].startswith("p")])
    lock = {one["name"]: LOCK[one["name"]] for one in few}
    here: dict[str, Any] = {one["name"]: HERE[one["name"]] for one in few}
    changed = {"components": few}
    assert list(differences(lock, here, changed)) == []
    plant(changed, lock, here)
    assert list(differences(lock, here, changed))


def test_an_installed_file_that_was_changed_is_told(tmp_path: Path) -> None:
    info = tmp_path / "thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n", encoding="utf-8")
    (tmp_path / "thing.py").write_bytes(b"")
    empty = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    (info / "RECORD").write_text(f"thing.py,sha256={empty},0\nthing-1.0.dist-info/RECORD,,\n", encoding="utf-8")
    assert list(changed_files(installed(tmp_path))) == []
    (tmp_path / "thing.py").write_bytes(b"import os")
    assert list(changed_files(installed(tmp_path))) == ["thing: thing.py"]


@pytest.mark.skipif(not FILES, reason="reads all installed files: make security-test")
@pytest.mark.timeout(1800)
def test_every_installed_file_is_what_its_package_brought() -> None:
    assert list(changed_files(HERE)) == []
