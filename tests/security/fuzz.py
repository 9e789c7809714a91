"""Coverage-guided fuzzing of every parser with atheris: `make fuzz MINUTES=10`.

    python tests/security/fuzz.py [--minutes 10] [--only NAME] [--found FOLDER]

Each parser has a process of its own, that long. The first byte string that makes one fail is kept in FOLDER; told is
how many were tried. atheris stands apart from the environment (requirements-fuzz.lock): nothing else needs it.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
_LONGEST: Final = 8_192  # bytes; no row is as long, and shorter files are tried more often
_MEMORY: Final = 4_096  # MB: a file of 8 kB that needs more is a finding


def fuzz(name: str, options: list[str]) -> None:
    """Does not return. Branches of our own code guide it, and those of the standard library it reads with."""
    import atheris

    with atheris.instrument_imports(include=["signals", "alerts", "csv", "zipfile", "xml"]):
        from tests.security.fuzz_targets import TARGETS

    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


def run(name: str, minutes: float, found: Path) -> tuple[int, int, str]:
    """pytest-like code, files tried, the last words."""
    from tests.security.fuzz_targets import seeds

    with tempfile.TemporaryDirectory(prefix="fuzz-") as corpus:
        for seed in seeds(name):
            (Path(corpus) / sha256(seed).hexdigest()).write_bytes(seed)
        limits: dict[str, Any] = {
            "max_total_time": int(minutes * 60), "max_len": _LONGEST, "rss_limit_mb": _MEMORY, "timeout": 60,
            "artifact_prefix": f"{found}/{name.replace(' ', '-')}-", "print_final_stats": 1, "verbosity": 1,
        }  # fmt: skip
        words = [sys.executable, __file__, "--target", name, "--", corpus]
        words += [f"-{key}={value}" for key, value in limits.items()]
        told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    tried = re.findall(r"number_of_executed_units:\s*(\d+)|^Done (\d+) runs", told.stderr, re.M)
    count = max((int(one or two) for one, two in tried), default=0)
    lines = (told.stdout + told.stderr).splitlines()
    faults = [line for line in lines if "Exception" in line or "Error" in line or line.startswith("SUMMARY")]
    return told.returncode, count, (faults or lines or ["said nothing"])[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", default="")
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"))
    parser.add_argument("--target", help=argparse.SUPPRESS)
    wanted, rest = parser.parse_known_args()
    if wanted.target:
        fuzz(wanted.target, [word for word in rest if word != "--"])
    from tests.security.fuzz_targets import TARGETS

    found = wanted.found.resolve()
    found.mkdir(parents=True, exist_ok=True)
    faults = 0
    for name in [name for name in TARGETS if wanted.only in name]:
        code, count, last = run(name, wanted.minutes, found)
        faults += code != 0 or not count
        verdict = "ok" if code == 0 and count else "FOUND"
        sys.stdout.write(f"{verdict:6} {count:9,} files  {name}{'' if verdict == 'ok' else ': ' + last}\n")
        sys.stdout.flush()
    if not any(found.iterdir()):
        found.rmdir()
    return bool(faults)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
