"""The software bill of materials, CycloneDX 1.6, from the lock and what is installed: `make sbom`.

    python tests/security/sbom.py dist/sbom.cdx.json

The same lock and environment give the same bytes: no clock, no random serial number. Each component carries the digests
of every file that the lock lets in for it.
"""

import hashlib
import json
import re
import sys
import tomllib
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
OURS: Final = "blindspot"
# What makes the environment itself: no lock names it.
TOOLS: Final = frozenset({"pip"})
_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\\n]+?))? ?\\\n", re.M)
_DIGEST: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    name: str
    version: str
    digests: tuple[str, ...]


def pins(lock: str) -> dict[str, Pin]:
    """What the lock asks for on this machine, by canonical name."""
    found = list(_PIN.finditer(lock))
    ends = [one.start() for one in found[1:]] + [len(lock)]
    told: dict[str, Pin] = {}
    for one, end in zip(found, ends, strict=True):
        if one["marker"] is None or Marker(one["marker"]).evaluate():
            name = canonicalize_name(one["name"])
            told[name] = Pin(name, one["version"], tuple(sorted(_DIGEST.findall(lock[one.end() : end]))))
    return told


def installed(place: Path | None = None) -> dict[str, Distribution]:
    """By canonical name; of `place`, a folder of packages, or of this environment."""
    found = distributions(path=[str(place)]) if place else distributions()
    return {canonicalize_name(one.metadata["Name"]): one for one in found}


def differences(lock: Mapping[str, Pin], here: Mapping[str, Distribution], bill: Mapping[str, Any]) -> Iterator[str]:
    """Between what is locked, listed and installed."""
    yield from (f"{name} is locked without a digest" for name, pin in lock.items() if not pin.digests)
    listed = {one["name"]: (one["version"], _digests_of(one)) for one in bill["components"]}
    if len(listed) != len(bill["components"]):
        yield "a component is listed twice"
    for name in sorted(lock.keys() | here.keys() | listed.keys() - {OURS}):
        if name in TOOLS or name == OURS:
            continue
        locked = lock[name].version if name in lock else None
        there = here[name].version if name in here else None
        if not (locked == there == (listed[name][0] if name in listed else None)):
            yield f"{name}: locked {locked}, listed {listed.get(name, (None,))[0]}, installed {there}"
        elif listed[name][1] != lock[name].digests:
            yield f"{name}: other digests are listed than locked"


def changed_files(here: Mapping[str, Distribution]) -> Iterator[str]:
    """Installed files that are not what their package brought."""
    for name, one in here.items():
        for file in one.files or ():
            path = Path(str(file.locate()))
            if file.hash is None or path.suffix == ".pyc":
                continue
            told = urlsafe_b64encode(hashlib.new(file.hash.mode, path.read_bytes()).digest()).rstrip(b"=").decode()
            if told != file.hash.value:
                yield f"{name}: {file}"


def bill_of(lock: str, here: Mapping[str, Distribution], project: Mapping[str, Any]) -> dict[str, Any]:
    """CycloneDX 1.6. Raises KeyError where something locked is not installed."""
    wanted = pins(lock)
    serial = uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(lock.encode()).hexdigest())
    ours = {
        "type": "application", "bom-ref": OURS, "name": OURS, "version": project["version"],
        "licenses": [{"license": {"id": project["license"]}}],
    }  # fmt: skip
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}", "version": 1, "metadata": {"component": ours},
        "components": [_component(wanted[name], here[name]) for name in sorted(wanted)],
        "dependencies": [
            {"ref": OURS, "dependsOn": _refs(wanted, (Requirement(told) for told in project["dependencies"]))},
            *({"ref": _purl(wanted[name]), "dependsOn": _needs(wanted, here[name])} for name in sorted(wanted)),
        ],
    }  # fmt: skip


def _component(pin: Pin, here: Distribution) -> dict[str, Any]:
    files = [
        {"type": "distribution", "url": f"{_purl(pin)}#{digest}", "hashes": [{"alg": "SHA-256", "content": digest}]}
        for digest in pin.digests
    ]
    told = {
        "type": "library", "bom-ref": _purl(pin), "name": pin.name, "version": pin.version, "purl": _purl(pin),
        "externalReferences": files,
    }  # fmt: skip
    # Asked for by name it may raise: so it is where the backport of importlib.metadata is loaded.
    if "License-Expression" in here.metadata:
        return told | {"licenses": [{"expression": here.metadata["License-Expression"]}]}
    classified = [
        text.rpartition(" :: ")[2]
        for text in here.metadata.get_all("Classifier") or []
        if text.startswith("License ::") and text.count(" :: ") > 1
    ]
    return told | ({"licenses": [{"license": {"name": name}} for name in classified]} if classified else {})


def _digests_of(component: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(hash_["content"] for file in component["externalReferences"] for hash_ in file["hashes"]))


def _purl(pin: Pin) -> str:
    return f"pkg:pypi/{pin.name}@{pin.version}"


def _needs(wanted: Mapping[str, Pin], here: Distribution) -> list[str]:
    return _refs(wanted, (Requirement(told) for told in here.requires or ()))


def _refs(wanted: Mapping[str, Pin], requirements: Iterator[Requirement]) -> list[str]:
    """Of those that hold here. What only an extra asks for is told where the extra was chosen: by us, in the lock."""
    names = {
        canonicalize_name(one.name) for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})
    }
    return sorted(_purl(wanted[name]) for name in names & wanted.keys())


def current() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return bill_of((ROOT / "requirements.lock").read_text(encoding="utf-8"), installed(), project)


def main(to: Path) -> int:
    bill = current()
    found = list(differences(pins((ROOT / "requirements.lock").read_text(encoding="utf-8")), installed(), bill))
    if found:
        sys.stderr.write("\n".join(found) + "\n")
        return 1
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(bill['components'])} packages: {to}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
