"""What Prefect keeps, what errors say, who may read what is written: rules that every file of the house must keep."""

import ast
import os
import stat
from functools import cache
from pathlib import Path

import pytest

from flows.cli import app
from flows.desk import glance, open_desk
from tests.flows import letters

ROOT = Path(__file__).parents[2]
ROOMS = ("signals", "features", "models", "alerts", "synthetic", "store", "flows")
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
# What Prefect would keep of a flow or a task, and the only value we give.
KEEPS = {"persist_result": "False", "cache_policy": "NO_CACHE", "log_prints": "False"}
NEVER = {
    "cache_key_fn",
    "result_storage",
    "result_storage_key",
    "result_serializer",
    "cache_result_in_memory",
    "refresh_cache",
}
# Names of what is told of a person. None may be put into the text of an error.
PERSONAL = {
    "person_no", "phone", "contact", "contacts", "identifier", "identifiers", "head_name", "household_no", "plain",
    "residence", "address_text", "cell", "cells",
}  # fmt: skip


def names(file: Path) -> str:
    return str(file.relative_to(ROOT))


@cache
def trees() -> tuple[tuple[str, ast.Module], ...]:
    return tuple((names(file), ast.parse(file.read_text(encoding="utf-8"))) for file in FILES)


def faults_of_prefect(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            told = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg}
            found += [f"{key}={told[key]}" for key, only in KEEPS.items() if key in told and told[key] != only]
            found += sorted(NEVER & told.keys())
            called = ast.unparse(node.func)
            # flow(day, ...) with arguments in place runs one that was made elsewhere.
            if called in ("task", "prefect.task") or (called in ("flow", "prefect.flow") and not node.args):
                wanted = {"persist_result", "log_prints"} | ({"cache_policy"} if called.endswith("task") else set())
                found += [f"{called}() without {key}" for key in sorted(wanted - told.keys())]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            bare = {ast.unparse(one) for one in node.decorator_list} & {"flow", "task", "prefect.flow", "prefect.task"}
            found += [f"@{one} without its settings" for one in sorted(bare)]
        if isinstance(node, ast.Attribute) and node.attr in ("with_options", "submit_task"):
            found.append(node.attr)
    return found


def faults_of_errors(tree: ast.Module) -> list[str]:
    """Names of personal data within the text of what is raised, printed or logged."""
    found = []
    for node in ast.walk(tree):
        raised = node.exc if isinstance(node, ast.Raise) else None
        logged = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in (
            "debug", "info", "warning", "error", "exception", "critical"
        )  # fmt: skip
        for part in ast.walk(raised or (node if logged else ast.Pass())):
            if isinstance(part, ast.FormattedValue):
                told = {n.id for n in ast.walk(part.value) if isinstance(n, ast.Name)}
                told |= {n.attr for n in ast.walk(part.value) if isinstance(n, ast.Attribute)}
                counted = ast.unparse(part.value).startswith(("len(", "sum(", "type("))
                found += [] if counted else sorted(told & PERSONAL)
    return found


def faults_of_engines(tree: ast.Module) -> list[str]:
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "create_engine"
    ]
    told = [{keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords} for node in calls]
    return ["parameters are shown" for one in told if one.get("hide_parameters") != "True" or "echo" in one]


def test_prefect_keeps_no_result_and_no_argument() -> None:
    assert {name: found for name, tree in trees() if (found := faults_of_prefect(tree))} == {}


def test_no_error_carries_what_is_told_of_a_person() -> None:
    assert {name: found for name, tree in trees() if (found := faults_of_errors(tree))} == {}


def test_the_database_shows_no_parameters() -> None:
    assert {name: found for name, tree in trees() if (found := faults_of_engines(tree))} == {}
    assert any("hide_parameters" in file.read_text(encoding="utf-8") for file in FILES)


@pytest.mark.parametrize(
    ("rule", "planted"),
    [
        (faults_of_prefect, "@flow\ndef f(): ..."),
        (faults_of_prefect, "@task(log_prints=False, persist_result=False)\ndef f(): ..."),
        (faults_of_prefect, "@prefect.flow(name='x', log_prints=False)\ndef f(): ..."),
        (faults_of_prefect, "t = task(cache_policy=INPUTS, persist_result=False, log_prints=False)"),
        (faults_of_prefect, "t = task(cache_policy=NO_CACHE, persist_result=True, log_prints=False)"),
        (faults_of_prefect, "nightly.with_options(name='x')"),
        (faults_of_prefect, "f(result_storage=here)"),
        (faults_of_errors, "raise OperatorError('stop', f'no household {person_no}', '')"),
        (faults_of_errors, "raise ValueError(f'{row.phone} is no phone')"),
        (faults_of_errors, "log.warning(f'cannot read {cells[0]}')"),
        (faults_of_engines, "create_engine(url)"),
        (faults_of_engines, "create_engine(url, hide_parameters=True, echo=True)"),
    ],
)
def test_each_rule_finds_what_breaks_it(rule: object, planted: str) -> None:
    assert callable(rule)
    assert rule(ast.parse(planted))


def test_a_traceback_shows_no_variables() -> None:
    assert app.pretty_exceptions_enable is False


def test_nobody_else_can_read_what_is_written_whatever_the_umask(tmp_path: Path) -> None:
    config = letters.write_work(tmp_path)
    work = tmp_path / "work"
    for file in work.rglob("*"):  # what the test itself put there
        file.chmod(0o700 if file.is_dir() else 0o600)
    before = os.umask(0)
    try:
        glance(config).engine.dispose()
        with open_desk(config) as desk:
            desk.archive.keep(b"x")
            desk.lake.versions()
    finally:
        os.umask(before)
    wide = [str(file) for file in [*work.rglob("*")] if stat.S_IMODE(file.stat().st_mode) & 0o077]
    assert wide == []
