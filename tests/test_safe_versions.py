"""No package is locked, or installed, in a version with a known hole that touches what we use it for."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

LOCK = (Path(__file__).parent.parent / "requirements.lock").read_text(encoding="utf-8")
# The first safe version, and why.
SAFE = {
    "prefect": ("3.6.25", "CVE-2026-5366"),
    "starlette": ("1.3.1", "CVE-2026-48710: Host header; Prefect's API is served with it"),
    "h11": ("0.16.0", "CVE-2025-43859: request smuggling"),
    "jinja2": ("3.1.6", "CVE-2025-27516: sandbox"),
    "mako": ("1.2.2", "CVE-2022-40023; Alembic brings it"),
    "pyyaml": ("5.4", "CVE-2020-14343"),
    "cryptography": ("48.0.1", "CVE-2026-39892, and OpenSSL within the wheels"),
    "pyarrow": ("14.0.1", "CVE-2023-47248: code from a Parquet file's metadata"),
    "lightgbm": ("4.6.0", "CVE-2024-43598: code from a model"),
    "fonttools": ("4.60.2", "CVE-2025-66034; matplotlib brings it"),
    "pillow": ("12.2.0", "holes in decoders; matplotlib brings it"),
    "requests": ("2.33.0", "CVE-2026-25645"),
    "urllib3": ("2.7.0", "GHSA-qccp-gfcp-xxvc"),
    "idna": ("3.7", "CVE-2024-3651"),
    "pygments": ("2.20.0", "CVE-2026-4539; rich brings it"),
    "sqlparse": ("0.5.4", "denial of service; MLflow brings it"),
    "werkzeug": ("3.1.6", "tests alone"),
    "distributed": ("2026.1.0", "CVE-2026-23528: code through the dashboard's proxy"),
    "tornado": ("6.5.0", "CVE-2025-47287; distributed brings it"),
}


def parts(told: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", told.split("+")[0]))


@pytest.mark.parametrize("package", SAFE)
def test_no_version_with_a_known_hole(package: str) -> None:
    least, why = SAFE[package]
    locked = re.findall(rf"^{re.escape(package)}==(\S+)", LOCK, re.M)
    try:
        found = [*locked, version(package)]
    except PackageNotFoundError:
        found = locked
    assert all(parts(one) >= parts(least) for one in found), f"{package} {found}: at least {least} ({why})"


def test_the_list_is_of_what_we_lock() -> None:
    assert [package for package in SAFE if not re.search(rf"^{re.escape(package)}==", LOCK, re.M)] == []
