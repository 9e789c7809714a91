"""Every refusal that the source can raise stands in the table that runbook and notifications are made from."""

import ast
import re
from collections.abc import Iterator

from flows.errors import EXIT_CODES, KINDS
from tests.test_house import ROOMS, ROOT

RAISED = {"OperatorError", "StoreError"}


def kinds_in(source: str) -> Iterator[str]:
    """Kinds that calls of the two errors name, whatever is written around them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def raised() -> set[str]:
    files = (file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))
    told = {kind for file in files for kind in kinds_in(file.read_text(encoding="utf-8"))}
    # Refusals of the models room get their kind here.
    return told | set(re.findall(r'Refused, "(\w+)"', (ROOT / "flows" / "refusals.py").read_text(encoding="utf-8")))


def test_every_kind_that_is_raised_stands_in_the_table() -> None:
    assert list(kinds_in('raise OperatorError(\n    "stale", what, cure)')) == ["stale"], "the finder must find"
    assert raised() - set(EXIT_CODES) == set()


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
