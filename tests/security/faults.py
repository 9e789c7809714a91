"""Breaks what guards personal data, one place at a time, in a copy, and sees its test turn red: `make security-faults`.

    python tests/security/faults.py [WORD ...]     all, or those of a number or whose words hold one of these

A test that no fault turns red proves nothing. Each fault is a literal change of one place; where the code has moved on
and the place is no longer there exactly once, the fault says so and must be written anew.
"""
# ruff: noqa: E501 - one fault, one line: the places are the code's own words

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
RED: Final = 1  # pytest: ran, and failed
COPIED: Final = (
    "signals",
    "features",
    "models",
    "alerts",
    "synthetic",
    "store",
    "flows",
    "tests",
    "benchmarks",
    "docs",
    "deploy",
)
FILES: Final = ("config.yaml", "prefect.yaml", "pyproject.toml", "requirements.lock", "Makefile", "README.md")


@dataclass(frozen=True, slots=True)
class Fault:
    number: int  # of the guard in tests/security/twelve.py
    says: str
    file: str
    old: str
    new: str
    test: str


LEAKS, PLANTED = "tests/security/leaks.py", "tests/security/test_leaks.py"
SEALS, KEYS, IDENTITIES = "store/sealing.py", "tests/store/test_files_and_keys.py", "tests/store/test_identities.py"
CELLS, CHAIN, CHAINED = "alerts/cells.py", "store/chain.py", "tests/store/test_chain.py"
LOG, LOGGED = "store/access_log.py", "tests/store/test_access_log.py"
BUNDLE, BUNDLED = "models/bundle.py", "tests/models/test_bundle.py"
ROLES, GUARDED, DOOR = "store/roles.py", "tests/store/test_roles.py", "tests/flows/test_door.py"
FUZZED, BLOCKS, KEPT = "tests/signals/test_fuzz.py", "signals/blocks.py", "tests/flows/test_keeping.py"
SBOM, LISTED = "tests/security/sbom.py", "tests/security/test_sbom.py"

FAULTS: Final = (
    # 1 Leak scan
    Fault(1, "the night leaves raw files unsealed", "store/archive.py", "self._sealer = Sealer(keys)", "self._sealer = Sealer(keys); self._sealer.seal = lambda plain, *_: plain", "tests/whole/test_cli.py -k identifiers"),
    Fault(1, "values are not sealed", SEALS, "nonce + self._ciphers[self.key_id].encrypt(nonce, plain, _place(table, column, row, self.key_id))", "nonce + plain", f"{IDENTITIES} -k clear"),
    Fault(1, "one name goes into the journal", "flows/journal.py", "if name in FIELDS and FIELDS[name](value)", "if name in FIELDS", "tests/flows/test_journal.py"),
    Fault(1, "the scanner knows one offset of base64", LEAKS, "for gap in range(3)", "for gap in range(1)", PLANTED),
    Fault(1, "the scanner reads no cp949", LEAKS, '    yield text.encode("cp949")\n', "", PLANTED),
    Fault(1, "the scanner reads no utf-16", LEAKS, '    yield text.encode("utf-16-le")\n', "", PLANTED),
    Fault(1, "the scanner opens no gzip", LEAKS, '    b"\\x1f\\x8b": ("gzip", gzip.decompress),\n', "", PLANTED),
    Fault(1, "the scanner opens no zip", LEAKS, "elif zipfile.is_zipfile(io.BytesIO(data)):", "elif False:", PLANTED),
    Fault(1, "the scanner reads no columns", LEAKS, '        if data.startswith(b"PAR1"):', "        if False:", PLANTED),
    Fault(1, "the scanner stops at the chunk's end", LEAKS, "start + _CHUNK + _LONGEST", "start + _CHUNK", PLANTED),
    Fault(1, "the scanner blames longer numbers", LEAKS, 'return re.search(rf"(?<![0-9])', 'return True or re.search(rf"(?<![0-9])', PLANTED),
    # 2 Formulas
    Fault(2, "full-width twins start formulas", CELLS, 'unicodedata.normalize("NFKC", _SKIPPED.sub("", line)[:1])', '_SKIPPED.sub("", line)[:1]', "tests/alerts/test_cells.py"),
    Fault(2, "spaces before a formula hide it", CELLS, '_SKIPPED.sub("", line)[:1]', "line[:1]", "tests/alerts/test_cells.py"),
    Fault(2, "line breaks shift columns", CELLS, '_CONTROL.sub(" ", text)', "text", "tests/alerts/test_cells.py"),
    # 3 Intake
    Fault(3, "a row set aside is lost", BLOCKS, "pl.concat([block.bad, bad]), reader.layout)\n    accepted", "pl.concat([block.bad[1:], bad]), reader.layout)\n    accepted", FUZZED),
    Fault(3, "a row set aside is taken in as well", BLOCKS, 'accepted = block.good.join(bad, on="row_no", how="anti", maintain_order="left")', "accepted = block.good", f"{FUZZED} tests/signals/test_rules.py"),
    # 4 Killed
    Fault(4, "files are written in place", "store/files.py", "    place = beside(path)\n    try:\n        with _new(place", "    place = path\n    try:\n        with _new(place", KEYS),
    Fault(4, "what was killed between two renames is not mended", "store/files.py", "if before(path).exists() and not path.exists():", "if False:", "tests/flows/test_repair.py tests/store/test_files_and_keys.py"),
    # 5 PostgreSQL
    Fault(5, "a commit that was not told is made twice", CHAIN, "if tried and _is_there(session, chain, tried):", "if False:", CHAINED),
    Fault(5, "a server that comes back is not waited for", CHAIN, 'engine.dialect.name != "postgresql" or wait is None', "True", CHAINED),
    # 6 Models
    Fault(6, "signatures are not looked at", BUNDLE, "        key.verify(files[SIGNATURE], _signed(files[MODEL], files[PASSPORT]))", "        pass", BUNDLED),
    Fault(6, "the signature covers the passport alone", BUNDLE, 'hashlib.sha256(text).digest() + hashlib.sha256(passport)', 'hashlib.sha256(passport)', BUNDLED),
    Fault(6, "files beside the three are let in", BUNDLE, "if set(files) != {MODEL, PASSPORT, SIGNATURE}:", "if set(files) < {MODEL, PASSPORT, SIGNATURE}:", BUNDLED),
    # 7 Logs
    Fault(7, "the hash leaves the reason out", LOG, "record.purpose, record.reason, record.office", "record.purpose, record.office", LOGGED),
    Fault(7, "a record is not tied to the one before", CHAIN, "elif record.previous != previous:", "elif False:", f"{CHAINED} {LOGGED}"),
    Fault(7, "an end cut off is not seen", CHAIN, "if seq > newest_cut or (seen.first is not None and seq >= seen.first):", "if False:", f"{CHAINED} {LOGGED}"),
    Fault(7, "anybody's anchor is good", CHAIN, "return told if any(hmac.compare_digest", "return told if True or any(hmac.compare_digest", f"{CHAINED} {LOGGED}"),
    Fault(7, "an older key is accepted again", CHAIN, "range(era, len(eras))", "range(len(eras))", CHAINED),
    # 8 Offices
    Fault(8, "officers see every office", ROLES, 'told.append(_policy(table, "own_office", "ALL", PREFIX + Role.OFFICER, rows))', 'told.append(_policy(table, "own_office", "ALL", PREFIX + Role.OFFICER))', f"{GUARDED} -k pair"),
    Fault(8, "names go out before the log", "flows/door.py", "        access_log.record_all(desk.engine, desk.keys, disclosures, now())\n", "        pass\n", DOOR),
    Fault(8, "whom no disclosure names is told", "flows/door.py", 'if not set(residences["household_key"].to_list()) <= listed:', "if False:", DOOR),
    # 9 Rotation
    Fault(9, "a value opens in any row", SEALS, '"|".join((table, column, row, key_id))', '"|".join((table, column, key_id))', f"{KEYS} {IDENTITIES}"),
    Fault(9, "a value opens in any column", SEALS, '"|".join((table, column, row, key_id))', '"|".join((table, row, key_id))', f"{KEYS} {IDENTITIES}"),
    Fault(9, "resealing stops after one commit", "store/identities.py", "        if not old:\n            return done\n", "        return done\n", IDENTITIES),
    Fault(9, "tokens are not keyed", "store/tokens.py", "inner, outer = _padded(keys.token, 0x36), _padded(keys.token, 0x5C)", 'inner, outer = _padded(b"", 0x36), _padded(b"", 0x5C)', "tests/store/test_tokens.py"),
    Fault(9, "persons and addresses share their tokens", "store/tokens.py", 'hashlib.sha256(inner + domain.encode() + b"\\0").copy', "hashlib.sha256(inner).copy", "tests/store/test_tokens.py"),
    # 10 Retention
    Fault(10, "everything goes a day early", "flows/keeping.py", "as_of - timedelta(days=getattr(desk.settings.retention, one.setting))", "as_of - timedelta(days=getattr(desk.settings.retention, one.setting) - 1)", KEPT),
    Fault(10, "everything goes a day late", "flows/keeping.py", "as_of - timedelta(days=getattr(desk.settings.retention, one.setting))", "as_of - timedelta(days=getattr(desk.settings.retention, one.setting) + 1)", KEPT),
    # 11 Scores
    Fault(11, "constraints are not learned with", "models/learner.py", '"monotone_constraints": [c.monotone for c in self.columns],', '"monotone_constraints": [0 for c in self.columns],', "tests/models/test_leaks.py tests/models/test_train.py"),
    Fault(11, "women are told a year younger", "signals/normalise.py", "return (century + number.str.slice(0, 2).cast(pl.Int16)).cast(pl.Int16)", 'return (century + number.str.slice(0, 2).cast(pl.Int16) + digit.is_in(["2", "4", "6", "8"])).cast(pl.Int16)', "tests/security/test_protected.py"),
    Fault(11, "foreigners are told a year younger", "signals/normalise.py", "return (century + number.str.slice(0, 2).cast(pl.Int16)).cast(pl.Int16)", 'return (century + number.str.slice(0, 2).cast(pl.Int16) + (digit > "4")).cast(pl.Int16)', "tests/security/test_protected.py"),
    # 12 Bill of materials
    Fault(12, "other versions pass", SBOM, "if not (locked == there == ", "if not (locked == locked == ", LISTED),
    Fault(12, "other digests pass", SBOM, "elif listed[name][1] != lock[name].digests:", "elif False:", LISTED),
)  # fmt: skip


def places(fault: Fault) -> int:
    return (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old)


def tree_with(fault: Fault, tree: Path) -> Path:
    for room in COPIED:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
    for file in FILES:
        shutil.copy(ROOT / file, tree / file)
    broken = tree / fault.file
    broken.write_text(broken.read_text(encoding="utf-8").replace(fault.old, fault.new), encoding="utf-8")
    return tree


def run(fault: Fault) -> tuple[int | None, float, str]:
    """(pytest's code, seconds, why)"""
    if places(fault) != 1:
        return None, 0.0, f"{fault.file} has its place {places(fault)} times: write the fault anew"
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        tree, started = tree_with(fault, Path(folder) / "tree"), time.monotonic()
        told = {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "POLARS_MAX_THREADS": "1"}
        words = [sys.executable, "-m", "pytest", "-x", "--tb=line", "-p", "no:cacheprovider", *fault.test.split()]
        ran = subprocess.run(words, cwd=tree, env=os.environ | told, capture_output=True, text=True, check=False)
        lines = ran.stdout.splitlines() or ran.stderr.splitlines() or ["said nothing"]
        why = [line for line in lines if "Error" in line or line.startswith("FAILED")] or lines[-1:]
        return ran.returncode, time.monotonic() - started, why[-1]


def main(words: list[str]) -> int:
    chosen = [one for one in FAULTS if not words or str(one.number) in words or any(w in one.says for w in words)]
    unseen = []
    with ThreadPoolExecutor(int(os.environ.get("FAULTS_AT_ONCE", "2"))) as pool:
        for fault, (code, seconds, why) in zip(chosen, pool.map(run, chosen), strict=True):
            verdict = "red" if code == RED else "GREEN" if code == 0 else "broken"
            sys.stdout.write(f"{verdict:6} {seconds:5.1f} s  {fault.number:2}  {fault.says}  |  {why[-110:]}\n")
            sys.stdout.flush()
            unseen += [fault.says] if code != RED else []
    sys.stdout.write(f"{len(chosen) - len(unseen)} of {len(chosen)} faults seen\n")
    sys.stdout.writelines(f"NOT SEEN: {says}\n" for says in unseen)
    return bool(unseen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
