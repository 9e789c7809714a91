"""The example notebook, run as Jupyter runs it, on the made-up country; and the walk through retraining, command by
command."""

import os
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from typer.testing import CliRunner

from flows import cli, retrain
from models.evidence import Evidence
from models.gate import Decision
from models.gate import decide as really_decide
from store import models
from store.database import Database, open_database
from tests.whole.conftest import NIGHT, ROOT, Worked


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """This interpreter, whatever kernels the machine has; its files away from home."""
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(
        f'{{"argv": {command!r}, "display_name": "Python 3", "language": "python"}}'.replace("'", '"'), encoding="utf-8"
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    return "python3"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_runs_and_draws(
    worked: Worked, kernel: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    work = worked.again(tmp_path)
    for name, value in {"LAB_WORK": work, "LAB_CONFIG": worked.config, "LAB_AS_OF": NIGHT}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    # tqdm would like Jupyter's widgets.
    monkeypatch.setenv("PYTHONWARNINGS", "ignore:IProgress not found")
    notebook = nbformat.read(ROOT / "docs" / "lab.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert all(not cell.get("outputs") for cell in notebook.cells), (
        "the notebook is kept without outputs: no household in it"
    )
    NotebookClient(notebook, timeout=120, kernel_name=kernel, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert [o for o in outputs if o.get("name") == "stderr"] == []
    tables = [o["data"]["text/plain"] for o in outputs if "text/plain" in o.get("data", {})]
    auc = float(re.findall(r"LightGBM\s+([01]\.\d+)", "\n".join(tables))[0])
    assert 0.5 < auc < 0.9


DOC = (ROOT / "docs" / "retraining.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"```bash\n(.*?)```", DOC, re.S)
    for line in block.splitlines()
    if line.startswith("blindspot ")
]


def held_back(evidence: Evidence) -> Decision:
    """As if one group had been lost: a question of judgement."""
    told = really_decide(evidence)
    verdicts = tuple(replace(v, passed=v.gate != "fair") for v in told.verdicts)
    return Decision(False, True, "fair: a group is lost", verdicts)


def test_the_walk_through_retraining_works_as_it_is_written(
    worked: Worked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In one process, and without the flow engine, which the tests of the command line start."""
    work = worked.again(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(worked.config.read_text(encoding="utf-8").replace("trees: 60", "trees: 40"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_prefect", lambda _: None)
    monkeypatch.setattr(retrain, "retrain", retrain.retrain.fn)
    monkeypatch.setattr("models.gate.decide", held_back)
    engine = open_database(f"sqlite:///{work / 'blindspot.db'}")
    before = champion(engine)
    done = []
    for words in COMMANDS:
        if words[0] == "demo":
            continue  # tests/whole/test_cli.py runs it just so
        model = next((m.id for m in models.listed(engine) if m.state == "candidate"), "")
        told = CliRunner().invoke(cli.app, [*(model if w == "MODEL" else w for w in words), "--config", str(config)])
        assert told.exit_code == 0, (words, told.output, told.exception)
        done.append(words[0])
        if words[0] == "retrain":
            assert champion(engine) == before
        if words[0] == "promote":
            assert champion(engine) == model != before
    assert done == ["matrix", "matrix", "retrain", "status", "promote", "rollback", "track"]
    assert champion(engine) == before
    trained = {m.id: m.state for m in models.listed(engine)}
    assert sorted(trained.values()) == ["champion", "withdrawn"]
    withdrawn = next(name for name, state in trained.items() if state == "withdrawn")
    told_files = {f.name for f in (work / "reports" / withdrawn).iterdir()}
    for name in re.findall(r"`(\w+\.(?:html|json))`", DOC.split("holds")[1].split("## When")[0]):
        assert name in told_files
    engine.dispose()


def champion(engine: Database) -> str:
    found = models.champion(engine)
    assert found is not None
    return found.id
