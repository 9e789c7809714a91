"""Where memory runs out a night goes first, and it is said."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from flows import journal
from flows.desk import Glance, glance
from flows.memory import ended_for_memory, offer_to_end_first
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
def test_the_worker_and_the_nights_it_starts_are_offered() -> None:
    look = "import subprocess; input(); subprocess.run(['cat', '/proc/self/oom_score_adj'])"
    with subprocess.Popen([sys.executable, "-c", look], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        offer_to_end_first(worker.pid)
        told, _ = worker.communicate(b"\n", timeout=30)
    assert told == b"500\n"
    offer_to_end_first(worker.pid)  # gone: nothing to do
    assert Path("/proc/self/oom_score_adj").read_text() != "500\n"


def test_serve_offers_its_worker_and_not_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[int] = []
    monkeypatch.setattr("flows.serving.offer_to_end_first", offered.append)
    monkeypatch.setattr("flows.serving._start", lambda *_, **__: SimpleNamespace(pid=4711))
    monkeypatch.setattr("flows.server_talk.crash_unfinished", lambda: 0)
    monkeypatch.setattr("flows.server_talk.skip_superseded", lambda _: 0)
    seen: Glance = glance(letters.write_work(tmp_path), tmp_path / "work")
    Serving(Path("config.yaml"), seen.settings, lambda _: None)._start_worker()
    assert offered == [4711]
    seen.engine.dispose()


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
