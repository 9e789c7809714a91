"""Settings and the offices file: every key explained, every mistake told by place and cure."""

import re
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
import yaml

from alerts.settings import QueueSettings
from flows.errors import EXIT_CODES, OperatorError
from flows.offices import read_offices
from flows.queue_settings import capacities, queue_settings
from flows.settings import load_settings
from store.faults import Kind

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / "config.yaml"
OFFICES = "office,name_ko,district,district_ko,region_ko,capacity\n1111051500,가상동,11110,종로구,서울특별시,5\n"


RULE: dict[str, Any] = {"name_ko": "중장년 1인 가구", "district": "11110", "share": 0.2}


def changed(tmp_path: Path, path: str, value: Any) -> Path:
    told = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    *parents, last = path.split(".")
    part = told
    for name in parents:
        part = part[name]
    part[last] = value
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    return file


def test_every_key_of_the_shipped_settings_has_a_comment_above_it() -> None:
    lines = CONFIG.read_text(encoding="utf-8").splitlines()
    bare = []
    for number, line in enumerate(lines):
        is_key = re.match(r"\s*[a-z_]+:", line)
        opens_a_part = is_key and line.rstrip().endswith(":")
        explained = number and (lines[number - 1].strip().startswith("#") or lines[number - 1].rstrip().endswith(":"))
        if is_key and not opens_a_part and not explained and not re.match(GROUPED, line):
            bare.append(line)
    assert bare == []


# Keys that one comment explains together, with the line above.
GROUPED = r"\s*(high|risk|trace|partial|leaves|depth|learning_rate|place|purpose|months|end|seed|as_of):"


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = load_settings(changed(tmp_path, "work", "here"))
    assert settings.work == tmp_path / "here"
    assert settings.offices == tmp_path / "here" / "offices.csv"
    assert settings.database_url == f"sqlite:///{tmp_path / 'here' / 'blindspot.db'}"
    assert settings.keys_folder == tmp_path / "here" / "keys"
    assert load_settings(CONFIG, tmp_path / "other").work == tmp_path / "other"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("queue.capacity", 0),
        ("queue.explore_share", 1.5),
        ("queue.capacity_by_office", {"강남": 3}),
        ("queue.bands", {"very_high": 0.2, "high": 0.4}),
        ("queue.reports_share", -0.1),
        ("queue.repeat_from", 0),
        ("queue.criteria", [RULE | {"share": 0}]),
        ("queue.criteria", [RULE | {"housing": ["castle"]}]),
        ("queue.criteria", [RULE | {"unknown": 1}]),
        ("model.learning_rate", "fast"),
        ("night.stale_after_days", -1),
        ("unknown_key", 1),
    ],
)
def test_a_mistake_is_told_by_its_key(tmp_path: Path, path: str, value: Any) -> None:
    with pytest.raises(OperatorError) as refused:
        load_settings(changed(tmp_path, path, value))
    assert refused.value.kind == "config"
    assert f"config.yaml · {path}" in refused.value.what
    assert refused.value.cure


@pytest.mark.parametrize("text", ["", "work: [", "- 1\n- 2\n"], ids=["empty", "no yaml", "no mapping"])
def test_no_settings_at_all(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(OperatorError, match="config"):
        load_settings(file)
    with pytest.raises(OperatorError, match="does not exist"):
        load_settings(tmp_path / "none.yaml")


def test_every_kind_of_refusal_has_an_exit_code_of_its_own() -> None:
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)
    assert min(EXIT_CODES.values()) > 2, "1 is a bug, 2 a wrong command line"
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "flows").glob("*.py"))
    kinds = {*re.findall(r'OperatorError\(\s*"(\w+)"', code), *get_args(Kind)}
    assert kinds - set(EXIT_CODES) == set()


def test_offices_are_read_with_codes_as_text(tmp_path: Path) -> None:
    file = tmp_path / "offices.csv"
    file.write_text("\ufeff" + OFFICES, encoding="utf-8")
    assert read_offices(file).row(0) == ("1111051500", "가상동", "11110", "종로구", "서울특별시", 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("office,name_ko\n1,2\n", "lacks"),
        (OFFICES.replace("1111051500", "../../etc"), "row 2 · office"),
        (OFFICES.replace("1111051500", "１１１１０５１５００"), "row 2 · office"),
        (OFFICES.replace("11110,", "1111,"), "row 2 · district"),
        (OFFICES.replace(",5\n", ",-5\n"), "row 2 · capacity"),
        (OFFICES + OFFICES.splitlines()[1] + "\n", "office (twice)"),
    ],
)
def test_an_offices_file_that_cannot_be_used_is_told_by_row_and_column(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "offices.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(OperatorError) as refused:
        read_offices(file)
    assert refused.value.kind == "offices"
    assert words in refused.value.what


def test_capacity_comes_from_config_by_office_then_the_file_then_the_general_figure(tmp_path: Path) -> None:
    file = tmp_path / "offices.csv"
    rows = ["1111051600,나동,11110,종로구,서울특별시,7", "1111051700,다동,11110,종로구,서울특별시,"]
    file.write_text(OFFICES + "\n".join(rows) + "\n", encoding="utf-8")
    queue = load_settings(changed(tmp_path, "queue.capacity_by_office", {"1111051500": 30})).queue
    offices = read_offices(file)
    assert capacities(queue, offices) == {"1111051500": 30, "1111051600": 7, "1111051700": 12}
    told = {"1111051500": 99, "1111051600": 9, "2611051000": 8}
    assert capacities(queue, offices, told) == {"1111051500": 30, "1111051600": 9, "1111051700": 12}
    made = queue_settings(queue, offices, told)
    assert isinstance(made, QueueSettings)
    assert made.days_until_due("urgent") == 3
    assert made.capacity_by_office["1111051600"] == 9


def test_a_districts_rule_reaches_all_its_listed_offices(tmp_path: Path) -> None:
    offices = two_districts(tmp_path)
    rules = [
        RULE | {"any_signal": ["health_arrears"], "lives_alone": True, "housing": ["one_room"], "least_head_age": 40},
        {"name_ko": "나동 아동 가구", "offices": ["1111051600"], "share": 0.3, "has_child": True},
    ]
    made = queue_settings(load_settings(changed(tmp_path, "queue.criteria", rules)).queue, offices).criteria
    assert [(c.name_ko, sorted(c.offices), c.share) for c in made] == [
        ("중장년 1인 가구", ["1111051500", "1111051600"], 0.2), ("나동 아동 가구", ["1111051600"], 0.3),
    ]  # fmt: skip
    first = made[0]
    assert (first.any_signal, first.lives_alone, first.housing, first.least_head_age) == (
        ("health_arrears",), True, ("one_room",), 40,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([RULE | {"any_signal": ["health_arears"]}], "did you mean health_arrears"),
        ([RULE | {"offices": ["1111051500"]}], "one of the two"),
        ([{"name_ko": "이름", "share": 0.1}], "one of the two"),
        ([RULE | {"district": "99999"}], "queue.criteria.0 (중장년 1인 가구) · district 99999"),
        ([RULE, {"name_ko": "가", "offices": ["9999999999"], "share": 0.1}], "queue.criteria.1 (가) · offices"),
        ([RULE | {"share": 0.97}], "more than all"),
        ([RULE, RULE], "share a name"),
    ],
)
def test_a_rule_that_cannot_hold_is_told_to_the_operator(tmp_path: Path, rules: list[Any], words: str) -> None:
    offices = two_districts(tmp_path)
    with pytest.raises(OperatorError) as refused:
        queue_settings(load_settings(changed(tmp_path, "queue.criteria", rules)).queue, offices)
    assert refused.value.kind == "config"
    assert words in refused.value.what
    assert "queue" in refused.value.what


def two_districts(tmp_path: Path) -> pl.DataFrame:
    file = tmp_path / "offices.csv"
    rows = ["1111051600,나동,11110,종로구,서울특별시,7", "2611051000,라동,26110,중구,부산광역시,"]
    file.write_text(OFFICES + "\n".join(rows) + "\n", encoding="utf-8")
    return read_offices(file)


def test_the_example_in_the_shipped_settings_is_a_rule(tmp_path: Path) -> None:
    text = CONFIG.read_text(encoding="utf-8")
    start = text.index("  #   criteria:\n")
    lines = [line[6:] for line in text[start:].splitlines() if line.startswith("  #   ")]
    rules = yaml.safe_load("\n".join(lines))["criteria"]
    made = queue_settings(load_settings(changed(tmp_path, "queue.criteria", rules)).queue, two_districts(tmp_path))
    assert [criterion.name_ko for criterion in made.criteria] == ["중장년 1인 가구"]
