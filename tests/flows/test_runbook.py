"""Every message the source can give stands in the tables that the runbook and notifications are made from."""

import ast
import re
from collections.abc import Iterator

from alerts.answer_reply import ANSWER_RULES
from flows.errors import EXIT_CODES
from flows.kinds import KINDS
from flows.notify import TITLES, WARNINGS, warnings_of
from flows.runbook import REFUSED_FILES, write_runbook
from signals.rules import RULES
from tests.test_house import ROOMS, ROOT

REFUSALS = {"OperatorError", "StoreError"}


def named_in(source: str, errors: set[str]) -> Iterator[str]:
    """Kinds that calls of these errors name first, whatever is written around them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in errors and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def named(errors: set[str]) -> set[str]:
    files = (file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))
    return {kind for file in files for kind in named_in(file.read_text(encoding="utf-8"), errors)}


def test_every_kind_that_is_raised_stands_in_the_table_and_the_other_way_round() -> None:
    assert list(named_in('raise OperatorError(\n    "stale", what, cure)', REFUSALS)) == ["stale"], "it must find"
    # Refusals of the models room get their kind here.
    text = (ROOT / "flows" / "refusals.py").read_text(encoding="utf-8")
    raised = named(REFUSALS) | set(re.findall(r'Refused, "(\w+)"', text))
    assert raised - set(EXIT_CODES) == set()
    assert set(EXIT_CODES) - raised == set(), "in the table, and raised nowhere"


def test_every_code_of_a_refused_file_stands_in_the_table_and_the_other_way_round() -> None:
    assert named({"DeliveryRefused"}) == set(REFUSED_FILES)


def test_exit_codes_tell_kinds_apart_from_each_other_from_bugs_and_from_signals() -> None:
    codes = [kind.exit_code for kind in KINDS]
    assert len(set(codes)) == len(codes) == len(EXIT_CODES)
    assert all(2 < code < 126 for code in codes)


def test_every_kind_says_what_it_means_and_what_to_do_in_both_languages() -> None:
    for kind in KINDS:
        for text in (kind.meaning, kind.cure, kind.meaning_ko, kind.cure_ko):
            assert text.endswith((".", "다.", "오.")), kind.name
        assert re.search("[가-힣]", kind.meaning_ko), kind.name
        assert re.search("[가-힣]", kind.cure_ko), kind.name
        assert not re.search("[가-힣]", kind.meaning), kind.name


def test_the_runbook_is_what_the_tables_say_and_tells_of_all_of_them() -> None:
    told = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert told == write_runbook(), "write it again: blindspot runbook > docs/runbook.md"
    for kind in KINDS:
        assert f"| {kind.exit_code} | `{kind.name}` |" in told
    for name in (*WARNINGS, *TITLES, *REFUSED_FILES, *RULES, *ANSWER_RULES):
        assert f"`{name}`" in told
    assert {*warnings_of(()), "sources_late"} == set(WARNINGS)


def test_every_command_that_a_message_names_is_one() -> None:
    from typer.main import get_command

    from flows.cli import app

    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    text = write_runbook() + "".join(file.read_text("utf-8") for file in sorted((ROOT / "flows").glob("*.py")))
    assert set(re.findall(r"`blindspot ([a-z]+)", text)) - commands == set()
