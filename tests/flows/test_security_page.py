"""docs/security.md names commands and settings that are there."""

import re
from typing import Any

import pytest
import yaml
from typer.main import get_command

from flows.cli import app
from flows.keeping import KEPT
from tests.test_house import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


COMMANDS = get_command(app)


def commands(text: str) -> set[tuple[str, ...]]:
    """`blindspot a b --option` -> ("a", "b", "--option")."""
    told = re.findall(r"`blindspot ([^`]+)`", text)
    return {tuple(re.findall(r"^[a-z]+|(?<= )[a-z]+(?= |$)|--[a-z-]+", words)) for words in told}


def is_there(words: tuple[str, ...]) -> bool:
    found: Any = COMMANDS
    for word in words:
        below = getattr(found, "commands", {})
        if not word.startswith("--"):
            if below and word not in below:
                return False
            found = below.get(word, found)
            continue
        # Of a group any of its commands may take it.
        options = {name for one in (found, *below.values()) for param in one.params for name in param.opts}
        if word not in options:
            return False
    return True


def test_every_command_on_the_page_is_there() -> None:
    told = commands(PAGE)
    assert len(told) > 20
    assert [words for words in sorted(told) if not is_there(words)] == []


@pytest.mark.parametrize("planted", ["`blindspot erase X`", "`blindspot retain --prove`", "`blindspot request undo R`"])
def test_the_check_finds_what_is_not_there(planted: str) -> None:
    assert not all(is_there(words) for words in commands(planted))


def test_every_class_has_a_period_that_config_explains() -> None:
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["retention"]
    assert {one.setting for one in KEPT if one.setting} == set(settings)
