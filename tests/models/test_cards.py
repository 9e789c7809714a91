"""Cards say what was measured and what the operator wrote down; a blank is refused."""

import json
from dataclasses import fields, replace

import numpy as np
import polars as pl
import pytest

from models.cards import CARDS, TRANSPARENCY, UNMEASURED, Card, CardRefused, Facts, Field, Operator, Source, write_card
from models.report_facts import Subject, sample_pushes, tell
from models.train import Trained
from tests.models.made_up import FEATURES
from tests.models.test_report_html import NAMES, decision, passport_of, watch

OPERATOR = Operator(**{f.name: f"운영 기관의 말 {f.name}" for f in fields(Operator)})
SOURCES = (Source("전기요금 체납", "한국전력공사", "사회보장급여법 제12조", "arrears"),)


@pytest.fixture(scope="module")
def facts(rows: pl.DataFrame, trained: Trained) -> Facts:
    counts = {"selected": 200, "tried": 9, "answered": 8, "reached": 7, "matured": 50, "needs": 2}
    coverage = pl.DataFrame({"selected_on": rows["selected_on"].unique().sort()[:1]}).with_columns(
        **{k: pl.lit(v) for k, v in counts.items()}, is_open=pl.lit(False)
    )
    subject = Subject(
        passport_of(trained), trained.model, "20260102-abc", rows, trained.judged, decision(promotes=True), None, None,
        coverage, FEATURES, NAMES, watch(rows),
    )  # fmt: skip
    return Facts(tell(subject, sample_pushes(subject), np.random.default_rng(1)), OPERATOR, SOURCES)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_field_is_filled_in_both_forms(card: Card, facts: Facts) -> None:
    files = write_card(card, facts)
    told = json.loads(files[f"{card.name}.json"])
    text = files[f"{card.name}.md"].decode()
    codes = [field.code for _, section in card.sections for field in section]
    assert list(told["fields"]) == codes
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert told["fields"][code].strip()
        assert told["fields"][code] in text
    assert write_card(card, facts) == files


@pytest.mark.parametrize("name", [f.name for f in fields(Operator)])
def test_an_empty_word_of_the_operator_fails_every_card_that_quotes_it(name: str, facts: Facts) -> None:
    without = replace(facts, operator=replace(OPERATOR, **{name: "  "}))
    refused = []
    for card in CARDS:
        try:
            write_card(card, without)
        except CardRefused as error:
            refused.append(card.name)
            assert "accountability" in error.cure
    assert TRANSPARENCY.name in refused


def test_any_field_left_empty_is_named(facts: Facts) -> None:
    card = Card("made_up", "", (("", (Field("filled", "", lambda _: "x"), Field("hole", "", lambda _: "\n"))),))
    with pytest.raises(CardRefused, match="hole"):
        write_card(card, facts)


def test_figures_are_the_reports(facts: Facts) -> None:
    told = json.loads(write_card(CARDS[0], facts)["model_card.json"])["fields"]
    metrics = facts.told["metrics"]
    assert f"{metrics['model']['roc_auc']['value']:.3f}" in told["performance"]
    assert f"{metrics['calibration']['expected_error']:.3f}" in told["calibration"]
    assert f"{facts.told['data']['rows']:,}" in told["training_data"]
    assert "추첨" not in told["training_data"]
    drawn = {"parts": 3, "drawn_to_judge": 1_500}
    apart = replace(facts, told={**facts.told, "data": {**facts.told["data"], "boosted": drawn}})
    said = json.loads(write_card(CARDS[0], apart)["model_card.json"])["fields"]["training_data"]
    assert "3개 부분으로 나누어 배웠고" in said
    assert "추첨한 1,500건을" in said
    assert "세대주 나이 40세 미만: 비 0.75 [0.50, 0.98], 어려움 확인 40가구" in told["fairness"]


def test_what_no_audit_table_told_of_is_said_with_the_way_to_measure_it(facts: Facts) -> None:
    told = json.loads(write_card(CARDS[0], facts)["model_card.json"])["fields"]
    for field in ("fairness", "limits"):
        assert "성별·장애·국적별 도달은 재지 않았습니다" in told[field]
        assert "--audit" in told[field]
    groups = facts.told["evidence"]["groups"]
    audited = [groups[0] | {"grouping": name, "group": "unknown"} for name in ("sex", "disability", "nationality")]
    evidence = facts.told["evidence"] | {"groups": [*groups, *audited]}
    told = json.loads(
        write_card(CARDS[0], replace(facts, told={**facts.told, "evidence": evidence}))["model_card.json"]
    )
    assert "재지 않았습니다" not in told["fields"]["fairness"] + told["fields"]["limits"]


def test_a_model_held_back_is_told_in_korean(facts: Facts) -> None:
    held = replace(facts, told={**facts.told, "decision": decision(promotes=False)["decision"]})
    told = json.loads(write_card(CARDS[0], held)["model_card.json"])["fields"]["decision"]
    assert "1항목에서 보류" in told
    assert "- 모든 집단에 전처럼 닿는가: 1111051500의 한 집단을 잃었습니다." in told


def test_what_was_not_measured_is_said_not_made_up(facts: Facts) -> None:
    bare = replace(facts, told={**facts.told, "evidence": None, "decision": None, "coverage": []})
    model_card = json.loads(write_card(CARDS[0], bare)["model_card.json"])["fields"]
    assert model_card["fairness"] == model_card["drift"] == model_card["decision"] == UNMEASURED
    datasheet = json.loads(write_card(CARDS[1], bare)["datasheet.json"])["fields"]
    assert datasheet["label_coverage"] == UNMEASURED


def test_the_record_has_the_fields_of_both_laws() -> None:
    codes = {field.code for _, section in TRANSPARENCY.sections for field in section}
    assert {f"ai_{n}" for n in ("31_notice", "33_high_impact", "34_1_risk", "34_2_explanation", "35_impact")} <= codes
    assert {"atrs_1_name", "atrs_2_1_responsible", "atrs_2_3_appeals", "atrs_2_5_risks"} <= codes
