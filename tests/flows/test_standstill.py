"""A night that hangs is ended by itself, and one that goes on is not."""

import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from flows import nightly as night_module
from flows.errors import OperatorError
from flows.progress import track_all
from flows.settings import load_settings
from flows.standstill import ended_if_still, went_on
from tests.flows import letters

ROOT = Path(__file__).parent.parent.parent


def in_a_process(body: str) -> "subprocess.CompletedProcess[str]":
    words = f"import time\nfrom flows.progress import track_all\nfrom flows.standstill import ended_if_still\n{body}"
    return subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_what_stands_still_is_ended_and_shows_where() -> None:
    """Within a lock that no other thread gets, as in a library."""
    ended = in_a_process(
        "import threading\ndef the_library():\n    threading.Semaphore(0).acquire()\n"
        "with ended_if_still(0.3 / 60):\n    the_library()\n"
    )
    assert ended.returncode == -signal.SIGALRM
    assert "in the_library" in ended.stderr


def test_whoever_goes_on_may_take_longer_than_that() -> None:
    ended = in_a_process(
        "with ended_if_still(0.5 / 60):\n    for _ in track_all(range(4), 4, 'x'):\n        time.sleep(0.2)\n"
        "time.sleep(0.6)\n"
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_wait_begins_anew_with_each_step() -> None:
    with ended_if_still(1):
        for step in (went_on, lambda: list(track_all([1], 1, "x"))):
            time.sleep(0.05)
            before = signal.getitimer(signal.ITIMER_REAL)[0]
            step()
            assert before < 60 - 0.04 < signal.getitimer(signal.ITIMER_REAL)[0]
    went_on()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0), "nothing is left of it after a night"


def test_every_night_is_watched_as_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, found = letters.write_work(tmp_path), []

    def look(*_: object) -> None:
        found.append(signal.getitimer(signal.ITIMER_REAL)[1])
        raise OperatorError("paused", "as told", "wait")

    monkeypatch.setattr(night_module, "work_night", look)
    with pytest.raises(OperatorError, match="as told"):
        night_module.nightly.fn(date(2026, 11, 3), str(config), str(tmp_path / "work"))
    assert found == [load_settings(config).engine.standstill_minutes * 60] == [2 * 3600]


@pytest.mark.parametrize("error", [None, ValueError])
def test_a_night_that_ends_takes_it_back(error: type[Exception] | None) -> None:
    try:
        with ended_if_still(1):
            if error:
                raise error
    except ValueError:
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
