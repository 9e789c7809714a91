"""Breaks keys, logs, roles and hygiene one place at a time, in a copy, and sees the tests turn red.

    python tests/store/faults.py [PART OF A NAME ...]

A test that no fault turns red proves nothing. Where the code has moved on and a place is no longer there exactly once,
the fault says so and must be written anew.
"""
# ruff: noqa: E501 - one fault, one line: the places are the code's own words

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RED = 1  # pytest: ran, and failed
ROOMS = (
    "signals",
    "features",
    "models",
    "alerts",
    "synthetic",
    "store",
    "flows",
    "tests",
    "config.yaml",
    "pyproject.toml",
    "requirements.lock",
)


@dataclass(frozen=True, slots=True)
class Fault:
    says: str
    file: str
    old: str
    new: str
    test: str


CHAIN, ROLES, SEAL, IDS, KEYS = (
    "store/chain.py",
    "store/roles.py",
    "store/sealing.py",
    "store/identities.py",
    "store/keys.py",
)
T_CHAIN, T_ROLES, T_TRUST, T_KEYS = (
    "tests/store/test_chain.py",
    "tests/store/test_roles.py",
    "tests/flows/test_trust.py",
    "tests/store/test_files_and_keys.py",
)

FAULTS = (
    # The chain
    Fault("the hash leaves the reason out", "store/access_log.py", "record.reason, record.office, record.subjects,", "record.office, record.subjects,", T_CHAIN),
    Fault("the hash leaves the detail of a deed out", "store/custody.py", "record.what, record.detail]", "record.what]", T_CHAIN),
    Fault("the hash leaves the one before out", CHAIN, "*chain.told(record), record.previous.hex()]", "*chain.told(record)]", "tests/store/test_access_log.py"),
    Fault("a gap is no finding", CHAIN, "if record.seq != expected:", "if record.seq < expected:", T_CHAIN),
    Fault("a log cut off is whole", CHAIN, "            if seq > newest_cut or (seen.first is not None and seq >= seen.first):\n", "            if False:\n", T_CHAIN),
    Fault("an anchor is believed unsigned", CHAIN, "return told if any(", "return told if True or any(", "tests/store/test_access_log.py"),
    Fault("an older key writes on", CHAIN, "for n in range(era, len(eras))", "for n in range(len(eras))", T_CHAIN),
    Fault("trimming takes what is young", CHAIN, "where(table.at >= before)", "where(table.at > before)", T_CHAIN),
    Fault("trimming takes the last record", CHAIN, "delete(table).where(table.seq <= last.seq)", "delete(table).where(table.seq <= last.seq + 1)", T_CHAIN),
    Fault("deleted before the checkpoint stands", CHAIN, '    write_whole(folder / f"trimmed-{chain.name}-{last.seq}.json", _signed(told, keys.log))\n', "", T_CHAIN),
    Fault("a restarted server stops the run", CHAIN, 'if engine.dialect.name != "postgresql" or wait is None:', "if True:", T_CHAIN),
    Fault("what was committed is written twice", CHAIN, "if tried and _is_there(session, chain, tried):", "if False and tried:", T_CHAIN),
    Fault("any word is a purpose", "store/access_log.py", "Purpose(told.purpose).value", "told.purpose", T_CHAIN),
    Fault("730 days are 729", "flows/accesses.py", "timedelta(days=days), time()", "timedelta(days=days - 1), time()", T_TRUST),
    Fault("729 days may be set", "flows/settings.py", "Field(ge=730)", "Field(ge=729)", T_TRUST),
    # The review
    Fault("hours are those of Greenwich", "store/review.py", "record.at.astimezone(SEOUL), record.account", "record.at, record.account", "tests/store/test_review.py"),
    Fault("small exports are not added up", "store/review.py", "(count + record.rows, first)", "(record.rows, first)", "tests/store/test_review.py"),
    Fault("the night's name covers anybody", "store/review.py", "if record.run is not None and who == rules.unattended:", "if who == rules.unattended:", "tests/store/test_review.py"),
    Fault("findings need no word", "flows/accesses.py", "if told.found and not note:", "if False:", T_TRUST),
    Fault("a broken log is reviewed all the same", "flows/accesses.py", "    if told.faults:\n", "    if False:\n", T_TRUST),
    Fault("that somebody asked is not recorded", "flows/accesses.py", '    _log(desk, "log_subject", Purpose.ACCESS, "who saw this household", [key], None)\n', "", T_TRUST),
    # Keys
    Fault("the place is not sealed in", SEAL, '"|".join((table, column, row, key_id)).encode()', "key_id.encode()", "tests/store/test_identities.py"),
    Fault("the key's id is not sealed in", SEAL, '"|".join((table, column, row, key_id)).encode()', '"|".join((table, column, row)).encode()', T_KEYS),
    Fault("keys may be read by others", KEYS, "if mode & 0o077:", "if False:", T_KEYS),
    Fault("rotation makes the token anew", KEYS, '    _write_key(folder / f"{key_id}.key")\n    return key_id', '    _write_key(folder / f"{key_id}.key")\n    _write_key(folder / "token.key")\n    return key_id', T_TRUST),
    Fault("a rotation that was killed makes a third key", "flows/locksmith.py", "if not is_resumed:", "if True:", T_TRUST),
    Fault("raw files stay under the old key", "flows/locksmith.py", 'Archive(desk.work / "archive", keys).reseal()', "0", T_TRUST),
    Fault("rows are sealed again but keep the old id", IDS, "                row.key_id = sealer.key_id\n", "", T_TRUST),
    # Roles
    Fault("an officer sees all alerts", ROLES, '    "alerts": _MINE,', '    "alerts": "true",', T_ROLES),
    Fault("an officer sees all answers", ROLES, '    "answers": _OF_MINE,', '    "answers": "true",', T_ROLES),
    Fault("an officer sees who was drawn", ROLES, '"alerts": "id, office, works_as,', '"alerts": "id, office, lane, works_as,', T_ROLES),
    Fault("anybody's grant counts", ROLES, "WHERE r.account = current_user AND", "WHERE", T_ROLES),
    Fault("the night may change the logs", ROLES, '        f"REVOKE UPDATE, DELETE ON {logs} FROM {name}",\n', "", T_ROLES),
    Fault("the night may give roles", ROLES, "REVOKE INSERT, UPDATE, DELETE ON account_roles, alembic_version", "REVOKE INSERT, UPDATE, DELETE ON alembic_version", T_ROLES),
    Fault("a superuser may be an officer", ROLES, "    if any(found):\n", "    if False:\n", T_ROLES),
    Fault("the last office taken leaves the role", ROLES, "if not held - set(offices or held):", "if False:", T_ROLES),
    Fault("rows are not guarded", ROLES, "ENABLE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY", T_ROLES),
    # Hygiene
    Fault("PostgreSQL's words are passed on", "store/database.py", '    event.listen(engine, "handle_error", _without_values)\n', "", "tests/store/test_errors_name_nobody.py"),
    Fault("parameters are shown", "store/database.py", "hide_parameters=True", "hide_parameters=False", "tests/flows/test_hygiene.py"),
    Fault("Prefect keeps results", "flows/nightly.py", "persist_result=False", "persist_result=True", "tests/flows/test_hygiene.py"),
    Fault("a task is cached by its input", "flows/engine.py", "cache_policy=NO_CACHE", "cache_policy=INPUTS", "tests/flows/test_hygiene.py"),
    Fault("files for everybody", "flows/desk.py", "os.umask(0o077)", "os.umask(0o022)", "tests/flows/test_hygiene.py"),
    Fault("a model is loaded before it is verified", "models/bundle.py", "    except InvalidSignature:\n        raise SignatureMismatch", "    except InvalidSignature:\n        pass\n    if False:\n        raise SignatureMismatch", "tests/models/test_bundle.py"),
    Fault("an old Prefect is locked", "requirements.lock", "prefect==3.8.8", "prefect==3.6.24", "tests/test_safe_versions.py"),
)  # fmt: skip


def is_found(fault: Fault, copy: Path) -> bool:
    """The fault is planted, its tests run, the place restored."""
    file = copy / fault.file
    sound = file.read_text(encoding="utf-8")
    if sound.count(fault.old) != 1:
        sys.stdout.write(f"  {fault.file} holds the place {sound.count(fault.old)} times: write the fault anew\n")
        return False
    file.write_text(sound.replace(fault.old, fault.new), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", fault.test]
        env = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, cwd=copy, env=env, check=False, capture_output=True).returncode == RED
    finally:
        file.write_text(sound, encoding="utf-8")


def main(words: list[str]) -> int:
    chosen = [fault for fault in FAULTS if not words or any(word in fault.says for word in words)]
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ROOMS:
            place = ROOT / name
            if place.is_dir():
                shutil.copytree(place, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(place, copy / name)
        for fault in chosen:
            found = is_found(fault, copy)
            missed += [] if found else [fault.says]
            sys.stdout.write(f"{'red  ' if found else 'GREEN'}  {fault.says}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - len(missed)} of {len(chosen)} faults found\n")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
