"""Breaks what guards personal data, one place at a time, in a copy, and sees its test turn red: `make security-faults`.

    python tests/security/faults.py [WORD ...]     all, or those of a number or whose words hold one of these

A test that no fault turns red proves nothing. Each fault is a literal change of one place; where the code has moved on
and the place is no longer there exactly once, the fault says so and must be written anew.
"""
# ruff: noqa: E501 - one fault, one line: the places are the code's own words

import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.security.forks import ROOT, Task, load_libraries, ran, tree

RED: Final = 1  # pytest: ran, and failed


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
TRUST, REVIEWED, HYGIENE = "tests/flows/test_trust.py", "tests/store/test_review.py", "tests/flows/test_hygiene.py"
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
    Fault(1, "PostgreSQL's words are passed on", "store/database.py", '    event.listen(engine, "handle_error", _without_values)\n', "", "tests/store/test_errors_name_nobody.py"),
    Fault(1, "parameters are shown", "store/database.py", "hide_parameters=True", "hide_parameters=False", HYGIENE),
    Fault(1, "Prefect keeps results", "flows/nightly.py", "persist_result=False", "persist_result=True", HYGIENE),
    Fault(1, "a task is cached by its input", "flows/engine.py", "cache_policy=NO_CACHE", "cache_policy=INPUTS", HYGIENE),
    Fault(1, "files for everybody", "flows/desk.py", "os.umask(0o077)", "os.umask(0o022)", HYGIENE),
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
    Fault(7, "the hash leaves the detail of a deed out", "store/custody.py", "record.what, record.detail]", "record.what]", CHAINED),
    Fault(7, "the hash leaves the one before out", CHAIN, "*chain.told(record), record.previous.hex()]", "*chain.told(record)]", LOGGED),
    Fault(7, "a gap is no finding", CHAIN, "if record.seq != expected:", "if record.seq < expected:", CHAINED),
    Fault(7, "trimming takes what is young", CHAIN, "where(table.at >= before)", "where(table.at > before)", CHAINED),
    Fault(7, "trimming takes the last record", CHAIN, "delete(table).where(table.seq <= last.seq)", "delete(table).where(table.seq <= last.seq + 1)", CHAINED),
    Fault(7, "deleted before the checkpoint stands", CHAIN, '    write_whole(folder / f"trimmed-{chain.name}-{last.seq}.json", _signed(told, keys.log))\n', "", CHAINED),
    Fault(7, "any word is a purpose", LOG, "Purpose(told.purpose).value", "told.purpose", CHAINED),
    Fault(7, "730 days are 729", "flows/accesses.py", "timedelta(days=days), time()", "timedelta(days=days - 1), time()", TRUST),
    Fault(7, "729 days may be set", "flows/settings.py", "Field(ge=730)", "Field(ge=729)", TRUST),
    Fault(7, "hours are those of Greenwich", "store/review.py", "record.at.astimezone(SEOUL), record.account", "record.at, record.account", REVIEWED),
    Fault(7, "small exports are not added up", "store/review.py", "(count + record.rows, first)", "(record.rows, first)", REVIEWED),
    Fault(7, "the night's name covers anybody", "store/review.py", "if record.run is not None and who == rules.unattended:", "if who == rules.unattended:", REVIEWED),
    Fault(7, "findings need no word", "flows/accesses.py", "if told.found and not note:", "if False:", TRUST),
    Fault(7, "a broken log is reviewed all the same", "flows/accesses.py", "    if told.faults:\n", "    if False:\n", TRUST),
    Fault(7, "that somebody asked is not recorded", "flows/accesses.py", '    _log(desk, "log_subject", Purpose.ACCESS, "who saw this household", [key], None)\n', "", TRUST),
    # 8 Offices
    Fault(8, "officers see every office", ROLES, 'told.append(_policy(table, "own_office", "ALL", PREFIX + Role.OFFICER, rows))', 'told.append(_policy(table, "own_office", "ALL", PREFIX + Role.OFFICER))', f"{GUARDED} -k pair"),
    Fault(8, "names go out before the log", "flows/door.py", "        access_log.record_all(desk.engine, desk.keys, disclosures, now())\n", "        pass\n", DOOR),
    Fault(8, "whom no disclosure names is told", "flows/door.py", 'if not set(residences["household_key"].to_list()) <= listed:', "if False:", DOOR),
    Fault(8, "an officer sees all alerts", ROLES, '    "alerts": _MINE,', '    "alerts": "true",', GUARDED),
    Fault(8, "an officer sees all answers", ROLES, '    "answers": _OF_MINE,', '    "answers": "true",', GUARDED),
    Fault(8, "an officer sees who was drawn", ROLES, '"alerts": "id, office, works_as,', '"alerts": "id, office, lane, works_as,', GUARDED),
    Fault(8, "officers read everybody's grants", ROLES, '"account_roles": "account = current_user"', '"account_roles": "true"', GUARDED),
    Fault(8, "the night may change the logs", ROLES, '        f"REVOKE UPDATE, DELETE ON {logs} FROM {name}",\n', "", GUARDED),
    Fault(8, "the night may give roles", ROLES, "REVOKE INSERT, UPDATE, DELETE ON account_roles, alembic_version", "REVOKE INSERT, UPDATE, DELETE ON alembic_version", GUARDED),
    Fault(8, "a superuser may be an officer", ROLES, "    if any(found):\n", "    if False:\n", GUARDED),
    Fault(8, "the last office taken leaves the role", ROLES, "if not held - set(offices or held):", "if False:", GUARDED),
    Fault(8, "rows are not guarded", ROLES, "ENABLE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY", GUARDED),
    # 9 Rotation
    Fault(9, "a value opens in any row", SEALS, '"|".join((table, column, row, key_id))', '"|".join((table, column, key_id))', f"{KEYS} {IDENTITIES}"),
    Fault(9, "a value opens in any column", SEALS, '"|".join((table, column, row, key_id))', '"|".join((table, row, key_id))', f"{KEYS} {IDENTITIES}"),
    Fault(9, "resealing stops after one commit", "store/identities.py", "        if not old:\n            return done\n", "        return done\n", IDENTITIES),
    Fault(9, "tokens are not keyed", "store/tokens.py", "inner, outer = _padded(keys.token, 0x36), _padded(keys.token, 0x5C)", 'inner, outer = _padded(b"", 0x36), _padded(b"", 0x5C)', "tests/store/test_tokens.py"),
    Fault(9, "persons and addresses share their tokens", "store/tokens.py", 'hashlib.sha256(inner + domain.encode() + b"\\0").copy', "hashlib.sha256(inner).copy", "tests/store/test_tokens.py"),
    Fault(9, "the key's id is not sealed in", SEALS, '"|".join((table, column, row, key_id)).encode()', '"|".join((table, column, row)).encode()', KEYS),
    Fault(9, "keys may be read by others", "store/keys.py", "if mode & 0o077:", "if False:", KEYS),
    Fault(9, "rotation makes the token anew", "store/keys.py", '    _write_key(folder / f"{key_id}.key")\n    return key_id', '    _write_key(folder / f"{key_id}.key")\n    _write_key(folder / "token.key")\n    return key_id', TRUST),
    Fault(9, "a rotation that was killed makes a third key", "flows/locksmith.py", "if not is_resumed:", "if True:", TRUST),
    Fault(9, "raw files stay under the old key", "flows/locksmith.py", 'Archive(desk.work / "archive", keys).reseal()', "0", TRUST),
    Fault(9, "rows are sealed again but keep the old id", "store/identities.py", "                row.key_id = sealer.key_id\n", "", TRUST),
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
    Fault(12, "an old Prefect is locked", "requirements.lock", "prefect==3.8.8", "prefect==3.6.24", "tests/test_safe_versions.py"),
)  # fmt: skip


def places(fault: Fault) -> int:
    return (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old)


def task_of(fault: Fault) -> Task:
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    return Task(fault.file, text.replace(fault.old, fault.new), fault.test.split(), 900)


def main(words: list[str]) -> int:
    chosen = [one for one in FAULTS if not words or str(one.number) in words or any(w in one.says for w in words)]
    if gone := [fault for fault in chosen if places(fault) != 1]:
        sys.exit("\n".join(f"{one.file} has its place {places(one)} times: write anew: {one.says}" for one in gone))
    load_libraries()
    unseen = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        trees = [tree(Path(folder) / str(number)) for number in range(int(os.environ.get("FAULTS_AT_ONCE", "2")))]
        tasks = {task_of(fault): fault for fault in chosen}
        for task, code, said in ran([*tasks], trees):
            fault, why = tasks[task], re.findall(r"^(?:FAILED|ERROR|E  ).*|^.*Error.*", said, re.M) or said.splitlines()
            verdict = "red" if code == RED else "GREEN" if code == 0 else f"broken ({code})"
            sys.stdout.write(f"{verdict:6} {fault.number:2}  {fault.says}  |  {(why or [''])[-1][-110:]}\n")
            sys.stdout.flush()
            unseen += [fault.says] if code != RED else []
    sys.stdout.write(f"{len(chosen) - len(unseen)} of {len(chosen)} faults seen\n")
    sys.stdout.writelines(f"NOT SEEN: {says}\n" for says in unseen)
    return bool(unseen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
