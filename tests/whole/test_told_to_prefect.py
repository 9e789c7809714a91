"""What Prefect is told of steps that fail, and which are begun again; with its real engine and database.

A dozen seconds of CPU for its server: `make schedule-test`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.whole.conftest import ROOT

pytestmark = pytest.mark.skipif("SERVE" not in os.environ, reason="starts Prefect's server: make schedule-test")
NEEDLES = ("900101-1234567", "홍길동")
PROGRAM = """
import sys
from pathlib import Path
from flows import engine
from flows.errors import OperatorError

work = Path(sys.argv[1])
engine.prepare_process(work)
engine.set_environment(work)
engine.RETRY_SECONDS = (0.1, 0.1, 0.1)
from prefect import flow

tried = {"take_in": 0, "load_model": 0, "publish": 0}

def take_in():
    tried["take_in"] += 1
    if tried["take_in"] < 3:
        raise ConnectionError("900101-1234567")
    return "홍길동"

def load_model():
    tried["load_model"] += 1
    raise OperatorError("stale", "kepco is stale", "call them")

def publish():
    tried["publish"] += 1
    raise ConnectionError("900101-1234567 홍길동")

@flow(name="nightly", persist_result=False, log_prints=False)
@engine.hushed()
def nightly():
    assert engine.step(take_in)() == "홍길동"
    try:
        engine.step(load_model)()
    except OperatorError as refused:
        assert refused.kind == "stale"
    engine.step(publish)()

try:
    nightly()
except engine.Broken as broken:
    assert isinstance(broken.__cause__, ConnectionError), broken.__cause__
    assert str(broken) == "ConnectionError"
print(tried)
"""


@pytest.mark.timeout(300)
def test_of_a_bug_prefect_keeps_the_kind_and_repeats_only_what_may_be_repeated(tmp_path: Path) -> None:
    environment = {name: told for name, told in os.environ.items() if not name.startswith("PREFECT")}
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT, env=environment, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    # A fault that passes: again. A refusal, and a step that may not be repeated: once.
    assert told.stdout.strip() == "{'take_in': 3, 'load_model': 1, 'publish': 1}"
    kept = b"".join(file.read_bytes() for file in (tmp_path / "prefect").rglob("*") if file.is_file())
    assert b"kepco is stale" in kept, "the scan must find what is there"
    assert b"ConnectionError" in kept
    assert [needle for needle in NEEDLES if needle.encode() in kept] == []
