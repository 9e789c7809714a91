"""What `make security-test` says of itself is true, and every planted fault still finds its place."""

from pathlib import Path

import pytest

from tests.security.faults import FAULTS, places
from tests.security.twelve import GUARDS, ROOT, Guard, table

DOCS = (ROOT / "docs" / "security-tests.md").read_text(encoding="utf-8")


def test_they_are_twelve_and_the_table_in_the_docs_is_theirs() -> None:
    assert [guard.number for guard in GUARDS] == list(range(1, 13))
    assert table() in DOCS, "run: python tests/security/twelve.py table"


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: str(guard.number))
def test_files_are_there_and_read_the_counts_they_are_given(guard: Guard) -> None:
    commands = tuple(words.split()[0] for words in guard.commands)
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in (*guard.files, *commands)]
    for variable in guard.counts:
        assert any(f'environ.get("{variable}"' in text or f'"{variable}" in os.environ' in text for text in texts)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: str(guard.number))
def test_each_has_a_fault_that_turns_it_red(guard: Guard) -> None:
    assert [fault for fault in FAULTS if fault.number == guard.number]


def test_every_fault_still_finds_its_place() -> None:
    """`make security-faults` breaks what stands there; where the code has moved on, the fault is to be written anew."""
    assert not [fault.says for fault in FAULTS if places(fault) != 1]
    tests = {word for fault in FAULTS for word in fault.test.split() if word.endswith(".py")}
    assert not [name for name in tests if not Path(ROOT / name).exists()]
