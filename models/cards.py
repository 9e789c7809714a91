"""Model card, datasheet and transparency record of one training, as JSON and Markdown.

Fields are literal tables: the UK's Algorithmic Transparency Recording Standard (tiers 1 and 2), and what the Korean
AI 기본법 asks of those who use AI that weighs on people (articles 31 to 35; the operator confirms which apply). A field
that cannot be filled from the training, or from what the operator wrote down, is an error: nothing is left blank and
nothing is made up.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models import card_texts as texts
from models.errors import Refused
from models.evidence import CHAMPION
from models.gate_texts import QUESTIONS
from models.groups import TITLES_KO, VALUES_KO, unaudited

UNMEASURED: Final = "측정하지 않음"


class CardRefused(Refused):
    """A required field would stay empty."""


@dataclass(frozen=True)
class Operator:
    """What only the body that runs it can say: settings, never guessed."""

    organisation: str
    contact: str
    responsible: str
    legal_basis: str
    appeals: str
    training: str
    assessment: str


@dataclass(frozen=True)
class Source:
    name_ko: str
    agency_ko: str
    legal_basis: str
    kind: str


@dataclass(frozen=True)
class Facts:
    told: Mapping[str, Any]  # report_facts.tell
    operator: Operator
    sources: Sequence[Source]


@dataclass(frozen=True)
class Field:
    code: str
    title: str
    fill: Callable[[Facts], str]


@dataclass(frozen=True)
class Card:
    name: str
    title: str
    sections: tuple[tuple[str, tuple[Field, ...]], ...]


def fill_card(card: Card, facts: Facts) -> dict[str, str]:
    """Code of each field -> its text. CardRefused when one is empty."""
    filled = {field.code: field.fill(facts).strip() for _, fields in card.sections for field in fields}
    if empty := [code for code, text in filled.items() if not text]:
        raise CardRefused(
            f"the {card.name} would have {len(empty)} empty fields: {', '.join(empty)}",
            "fill the keys of `accountability` in config.yaml; no card is published with a blank",
        )
    return filled


def write_card(card: Card, facts: Facts) -> dict[str, bytes]:
    """File name -> bytes. CardRefused when a field is empty."""
    filled = fill_card(card, facts)
    told = {"card": card.name, "model": facts.told["model"], "as_of": facts.told["as_of"], "fields": filled}
    text = json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    return {f"{card.name}.json": text.encode(), f"{card.name}.md": _markdown(card, facts, filled).encode()}


def _markdown(card: Card, facts: Facts, filled: Mapping[str, str]) -> str:
    lines = [f"# {card.title}", "", f"모형 `{facts.told['model']}`, {facts.told['as_of']} 기준."]
    for title, fields in card.sections:
        lines += ["", f"## {title}"]
        for field in fields:
            lines += ["", f"**{field.title}** (`{field.code}`)", "", filled[field.code]]
    return "\n".join(lines) + "\n"


def _always(text: str) -> Callable[[Facts], str]:
    return lambda _: text


def _operator(name: str) -> Callable[[Facts], str]:
    return lambda facts: str(getattr(facts.operator, name))


def _span(told: Mapping[str, float] | None, digits: int = 3) -> str:
    if told is None:
        return UNMEASURED
    return f"{told['value']:.{digits}f} [{told['low']:.{digits}f}, {told['high']:.{digits}f}]"


def _performance(facts: Facts) -> str:
    metrics = facts.told["metrics"]
    capacity = metrics["model"]["precision_interval"]
    lines = [
        f"배우지 않은 {metrics['rows']:,}가구(어려움 확인 {metrics['needs']:,})에서: ROC-AUC "
        f"{_span(metrics['model']['roc_auc'])}, 평균 정밀도 {_span(metrics['model']['average_precision'])}, "
        f"정원 안 정확도 {_span(capacity)}.",
        *(
            f"- {metrics['rules'].get(code, metrics['contenders'].get(code))['name_ko']} 대비 정원 안 정확도: "
            f"{_span(ratio, 2)}배"
            for code, ratio in metrics["precision_over"].items()
        ),
    ]
    return "\n".join(lines)


def _calibration(facts: Facts) -> str:
    told = facts.told["metrics"]["calibration"]
    how = "각 차수 전에 도착한 결과로 보정" if told["kind"] == "out_of_time" else "같은 자료로 보정해 낙관적일 수 있음"
    return f"보정 오차(ECE) {told['expected_error']:.3f} [{told['low']:.3f}, {told['high']:.3f}], {how}."


def _fairness(facts: Facts) -> str:
    evidence = facts.told["evidence"]
    if evidence is None:
        return UNMEASURED
    told = [g for g in evidence["groups"] if g["ratio"] is not None]
    thin = len(evidence["groups"]) - len(told)
    beside = "이전 모형" if evidence["groups_beside"] == CHAMPION else f"‘{evidence['groups_beside']}’"
    lines = [f"비교 대상: {beside}. 자료가 모자라 말할 수 없는 집단 {thin}개. {_unaudited(facts)}".strip(), ""]
    lines += [
        f"- {TITLES_KO[g['grouping']]} {VALUES_KO.get(g['group'], g['group'])}: 비 {g['ratio']:.2f} "
        f"[{g['low']:.2f}, {g['high']:.2f}], 어려움 확인 {g['needs']:,}가구"
        for g in told
    ]
    return "\n".join(lines)


def _unaudited(facts: Facts) -> str:
    fields = unaudited(facts.told["evidence"])
    return texts.UNAUDITED.format(fields="·".join(fields)) if fields else ""


def _limits(facts: Facts) -> str:
    return f"{texts.LIMITS} {_unaudited(facts)}".strip()


def _decision(facts: Facts) -> str:
    decision = facts.told["decision"]
    if decision is None:
        return UNMEASURED
    if decision["promotes"]:
        return f"심사 {len(decision['verdicts'])}항목: 모두 통과해 배포함"
    failed = [f"- {QUESTIONS[v['gate']].ko}: {v['what_ko']}" for v in decision["verdicts"] if not v["passed"]]
    return "\n".join([f"심사 {len(decision['verdicts'])}항목 가운데 {len(failed)}항목에서 보류", "", *failed])


def _rows(facts: Facts) -> str:
    data = facts.told["data"]
    return (
        f"{len(data['rounds'])}차수, {data['rows']:,}가구(어려움 확인 {data['needs']:,}). "
        f"마지막 결과 {data['last_answer']}. 어려움의 정의 {data['label']}.{_drawn(data.get('boosted'))}"
    )


def _drawn(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return ""
    return (
        f" 모형은 전체를 {told['parts']}개 부분으로 나누어 배웠고, 평가와 확률 보정에는 그 가운데 "
        f"추첨한 {told['drawn_to_judge']:,}건을 썼습니다."
    )


def _coverage(facts: Facts) -> str:
    rounds = facts.told["coverage"]
    selected, matured = (sum(r[name] for r in rounds) for name in ("selected", "matured"))
    if not selected:
        return UNMEASURED
    return (
        f"선정된 {selected:,}건 중 {matured:,}건({matured / selected:.1%})만 배움에 쓰였습니다. 만나지 "
        f"못했거나 판단을 남기지 "
        "않은 가구, 한 번도 선정되지 않은 가구의 어려움은 자료에 없습니다."
    )


def _sources(facts: Facts) -> str:
    return "\n".join(f"- {s.name_ko}: {s.agency_ko}, {s.kind}, {s.legal_basis}" for s in facts.sources)


def _architecture(facts: Facts) -> str:
    data = facts.told["data"]
    told = data["parameters"]
    return (
        f"LightGBM {data['versions']['lightgbm']}, 나무 {data['trees']}그루(잎 {told['leaves']}, 깊이 "
        f"{told['depth']}), "
        f"단조 제약 있음, 로지스틱 보정, 난수 씨앗 {data['seed']}. 같은 자료와 설정이면 같은 모형입니다."
    )


def _columns(facts: Facts) -> str:
    return "\n".join(f"- {g['name_ko']}: {g['share']:.0%}" for g in facts.told["groups"][:10])


def _drift(facts: Facts) -> str:
    evidence = facts.told["evidence"]
    if evidence is None or evidence["score_psi"] is None or evidence["feature_drift"] is None:
        return UNMEASURED
    told = evidence["feature_drift"]
    return f"점수의 PSI {evidence['score_psi']:.3f}; 특성 {told['features']}개 중 {told['drifted']}개가 0.25를 넘음."


def _version(facts: Facts) -> str:
    return f"{facts.told['model']}, 코드 {facts.told['code'][:16]}"


def _high_impact(facts: Facts) -> str:
    if not facts.operator.legal_basis.strip():
        return ""
    return f"공공서비스에 관한 의사결정을 돕는 인공지능으로 보고 다룹니다. 근거: {facts.operator.legal_basis}"


def _explanation(facts: Facts) -> str:
    return f"{texts.EXPLAIN}{_columns(facts)}\n\n{_rows(facts)}"


def _oversight(facts: Facts) -> str:
    if not facts.operator.responsible.strip():
        return ""
    return f"{texts.HUMAN} 책임자: {facts.operator.responsible}"


def _composition(facts: Facts) -> str:
    return f"한 줄은 한 차수에 살펴본 한 가구입니다. {_rows(facts)}"


MODEL_CARD: Final = Card(
    "model_card",
    "모형 카드",
    (
        (
            "모형",
            (
                Field("name_and_version", "이름과 판본", _version),
                Field("owner", "책임 기관", _operator("organisation")),
                Field("architecture", "구조", _architecture),
            ),
        ),
        (
            "쓰임",
            (
                Field("intended_use", "쓰는 곳", _always(texts.PURPOSE)),
                Field("human_oversight", "사람의 판단", _always(texts.HUMAN)),
                Field("limits", "한계", _limits),
            ),
        ),
        (
            "평가",
            (
                Field("training_data", "학습 자료", _rows),
                Field("performance", "성능", _performance),
                Field("calibration", "말한 가능성", _calibration),
                Field("fairness", "집단별 도달", _fairness),
                Field("drift", "자료의 변화", _drift),
                Field("decision", "배포 심사", _decision),
                Field("main_inputs", "점수를 움직인 정보", _columns),
            ),
        ),
    ),
)

DATASHEET: Final = Card(
    "datasheet",
    "자료 설명서",
    (
        (
            "무엇이 들어 있나",
            (
                Field("motivation", "왜 모았나", _always(texts.PURPOSE)),
                Field("composition", "한 줄의 뜻과 양", _composition),
                Field("sources", "출처와 법적 근거", _sources),
                Field("label_coverage", "결과가 없는 가구", _coverage),
                Field("sensitive", "민감한 정보", _always(texts.SENSITIVE)),
            ),
        ),
        (
            "어떻게 다루나",
            (
                Field("collection", "수집의 근거", _operator("legal_basis")),
                Field("cleaning", "검사와 정리", _always(texts.CLEANING)),
                Field("access", "보관과 열람", _always(texts.ACCESS)),
                Field("uses", "해서는 안 되는 쓰임", _always(texts.NEVER)),
                Field("maintenance", "관리와 문의", _operator("contact")),
            ),
        ),
    ),
)

TRANSPARENCY: Final = Card(
    "transparency_record",
    "알고리즘 투명성 기록",
    (
        (
            "ATRS Tier 1",
            (
                Field("atrs_1_name", "Name", _version),
                Field("atrs_1_description", "Description", _always(texts.PURPOSE)),
                Field("atrs_1_contact", "Contact", _operator("contact")),
            ),
        ),
        (
            "ATRS Tier 2 · Owner and responsibility",
            (
                Field("atrs_2_1_organisation", "Organisation or department", _operator("organisation")),
                Field("atrs_2_1_responsible", "Senior responsible owner", _operator("responsible")),
                Field("atrs_2_1_external", "External supplier", _always(texts.SUPPLIER)),
            ),
        ),
        (
            "ATRS Tier 2 · Description and rationale",
            (
                Field("atrs_2_2_description", "Detailed description", _architecture),
                Field("atrs_2_2_scope", "Scope", _always(texts.PURPOSE)),
                Field("atrs_2_2_benefit", "Benefit", _performance),
                Field("atrs_2_2_previous", "Previous process", _always(texts.BEFORE)),
                Field("atrs_2_2_alternatives", "Alternatives considered", _always(texts.OTHERS)),
            ),
        ),
        (
            "ATRS Tier 2 · Decision making",
            (
                Field("atrs_2_3_process", "Process integration", _always(texts.PROCESS)),
                Field("atrs_2_3_information", "Provided information", _always(texts.SHOWN)),
                Field("atrs_2_3_human", "Human decisions and review", _always(texts.HUMAN)),
                Field("atrs_2_3_training", "Required training", _operator("training")),
                Field("atrs_2_3_appeals", "Appeals and review", _operator("appeals")),
            ),
        ),
        (
            "ATRS Tier 2 · Tool and model",
            (
                Field("atrs_2_4_architecture", "Model architecture", _architecture),
                Field("atrs_2_4_performance", "Model performance", _performance),
                Field("atrs_2_4_datasets", "Datasets", _rows),
                Field("atrs_2_4_inputs", "Data sources", _sources),
                Field("atrs_2_4_sensitive", "Sensitive attributes", _always(texts.SENSITIVE)),
                Field("atrs_2_4_completeness", "Completeness and representativeness", _coverage),
                Field("atrs_2_4_cleaning", "Data cleaning", _always(texts.CLEANING)),
                Field("atrs_2_4_access", "Access and storage", _always(texts.ACCESS)),
            ),
        ),
        (
            "ATRS Tier 2 · Risks",
            (
                Field("atrs_2_5_assessment", "Impact assessment", _operator("assessment")),
                Field("atrs_2_5_risks", "Risks and mitigations", _always(texts.RISKS)),
            ),
        ),
        (
            "AI 기본법 (적용 여부는 운영 기관이 확인)",
            (
                Field("ai_31_notice", "제31조 사전 고지", _operator("appeals")),
                Field("ai_33_high_impact", "제33조 고영향 여부", _high_impact),
                Field("ai_34_1_risk", "제34조 위험관리방안", _always(texts.RISKS)),
                Field("ai_34_2_explanation", "제34조 결과·주요 기준·학습용 자료의 설명", _explanation),
                Field("ai_34_3_protection", "제34조 이용자 보호", _always(texts.ACCESS)),
                Field("ai_34_4_oversight", "제34조 사람의 관리·감독", _oversight),
                Field("ai_34_5_documents", "제34조 문서의 작성·보관", _decision),
                Field("ai_35_impact", "제35조 기본권 영향평가", _operator("assessment")),
            ),
        ),
    ),
)

CARDS: Final = (MODEL_CARD, DATASHEET, TRANSPARENCY)
