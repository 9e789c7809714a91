"""Where memory runs out a night goes first, and it is said."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows import journal
from flows.desk import Glance, glance
from flows.memory import ended_for_memory
from flows.serving import Serving
from tests.flows import letters

GROUP = "system.slice/blindspot.service"
ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("lines", "file", "text"),
    [
        (f"0::/{GROUP}\n", f"{GROUP}/memory.events", "low 0\noom 9\noom_kill 3\noom_group_kill 8\n"),
        (
            f"9:name=systemd:/{GROUP}\n4:cpu,memory:/{GROUP}\n0::/\n",
            f"memory/{GROUP}/memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_what_the_kernel_ended_is_counted(tmp_path: Path, lines: str, file: str, text: str) -> None:
    ours, counter = tmp_path / "cgroup", tmp_path / "groups" / file
    ours.write_text(lines)
    assert ended_for_memory(ours, tmp_path / "groups") == 0, "no such file: another system"
    counter.parent.mkdir(parents=True)
    counter.write_text(text)
    assert ended_for_memory(ours, tmp_path / "groups") == 3
    assert ended_for_memory(tmp_path / "none", tmp_path / "groups") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who is ended first")
def test_a_night_offers_itself() -> None:
    code = "from flows.memory import offer_to_end_first as o; o(); print(open('/proc/self/oom_score_adj').read())"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "500"


def test_serve_says_once_that_memory_ran_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 2
    monkeypatch.setattr("flows.serving.ended_for_memory", lambda: count)
    seen: Glance = glance(letters.write_work(tmp_path), tmp_path / "work")
    said: list[str] = []
    serving = Serving(Path("config.yaml"), seen.settings, said.append, starved=count)
    serving._say_starved()
    assert said == []
    count = 4
    serving._say_starved()
    serving._say_starved()
    assert len(said) == 1
    assert "ended 2 of this service" in said[0]
    assert [line["event"] for line in journal.lines(seen.settings.work)] == ["out_of_memory"]
    seen.engine.dispose()


def test_the_unit_goes_on_where_its_night_is_ended() -> None:
    """systemd's own policy stops all of it: begun again, `serve` begins the night at once, and it is ended again."""
    unit = (ROOT / "deploy" / "blindspot.service").read_text(encoding="utf-8").splitlines()
    assert "OOMPolicy=continue" in unit
