"""Prefect stays outside: steps are plain functions, and it is set up quiet and at home."""

import ast
import os
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.draw import seeded
from flows.engine import ROOM, refuse_full, set_environment, step
from flows.errors import OperatorError
from flows.refusals import as_operator_error, told_to_operator
from models.errors import ScoresRefused, SignatureMismatch, TrainingRefused
from store.faults import StoreError
from tests.flows import letters

FLOWS = Path(__file__).parent.parent.parent / "flows"


def test_outside_a_flow_a_step_is_the_function_itself() -> None:
    def double(number: int) -> int:
        return number * 2

    assert step(double)(4) == 8


def test_prefect_lives_in_the_work_folder_and_reports_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", {})
    set_environment(tmp_path)
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["PREFECT_RESULTS_PERSIST_BY_DEFAULT"] == "false"
    assert (tmp_path / "prefect").stat().st_mode & 0o077 == 0


def test_on_a_full_disk_prefect_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its database could not be made: thousands of lines, and no word of the disk at their end."""
    free = ROOM
    monkeypatch.setattr("flows.engine.shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    refuse_full(tmp_path)
    free -= 1
    config = letters.write_work(tmp_path)
    for command in ("nightly", "retrain"):
        told = CliRunner().invoke(app, [command, "--config", str(config)])
        assert isinstance(told.exception, OperatorError)
        assert (told.exception.exit_code, told.exception.kind) == (50, "disk")
        assert "31 MB free" in told.exception.what
    assert not (tmp_path / "work" / "prefect").exists()


def test_an_operators_own_server_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"PREFECT_HOME": "/srv/prefect"})
    set_environment(tmp_path)
    assert os.environ["PREFECT_HOME"] == "/srv/prefect"


@pytest.mark.parametrize("file", sorted(set(FLOWS.glob("*.py")) - {FLOWS / "cli.py"}), ids=lambda file: file.stem)
def test_no_flow_or_task_keeps_results_or_takes_more_than_days_and_paths(file: Path) -> None:
    """Prefect stores parameters and, with any cache policy but none, pickled results."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("flow", "task"):
            told = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert told["persist_result"] == "False"
            assert told["log_prints"] == "False"
            assert node.func.id == "flow" or told["cache_policy"] == "NO_CACHE"
        if isinstance(node, ast.FunctionDef) and any("flow(" in ast.unparse(d) for d in node.decorator_list):
            kinds = {ast.unparse(argument.annotation) for argument in node.args.args if argument.annotation}
            assert kinds <= {"date", "str", "int", "float", "str | None"}


def test_each_rooms_refusal_is_told_in_one_way() -> None:
    told = {
        "scores": ScoresRefused("all the same", "look"),
        "model": SignatureMismatch("changed", "restore"),
        "training": TrainingRefused("too few", "wait"),
        "busy": StoreError("busy", "another run", "wait"),
    }
    for kind, error in told.items():
        operator = as_operator_error(error)
        assert operator is not None
        assert operator.kind == kind
        with pytest.raises(OperatorError, match="->"), told_to_operator():
            raise error
    assert as_operator_error(ZeroDivisionError()) is None
    with pytest.raises(ZeroDivisionError), told_to_operator():
        raise ZeroDivisionError


def test_a_night_drawn_again_draws_the_same_and_another_night_another() -> None:
    first, again = (seeded(7, date(2026, 11, 2)).random(5).tolist() for _ in range(2))
    assert first == again
    assert seeded(7, date(2026, 11, 3)).random(5).tolist() != first
