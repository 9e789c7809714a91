"""The report of one training as a single page that needs nothing but itself."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from models import plots
from models.contenders import CONTENDERS
from models.gate import UNFAIR
from models.groups import GROUPINGS, INSUFFICIENT
from models.report_facts import Pushes
from models.rules import GENERAL

TEMPLATES: Final = ("report.html", "report.css")
SHOWN_GROUPS: Final = 15

GATES_KO: Final[Mapping[str, str]] = {
    "sealed": "서명과 열이 맞는가",
    "both_answers": "두 가지 결과가 모두 있는가",
    "enough": "충분한 가구로 평가했는가",
    "fresh": "결과가 최근 것인가",
    "ordered": "순서가 있고 어려움을 찾는가",
    "as_judged": "내보낼 모형이 평가한 모형과 같은가",
    "known_in_time": "그날 알던 것만 쓰는가",
    "believable": "지나치게 좋지는 않은가",
    "beats_the_rule": "가장 나은 단순 방식만큼 찾는가",
    "not_worse": "이전 모형만큼 찾는가",
    "fair": "모든 집단에 전처럼 닿는가",
    "calibrated": "말한 가능성이 맞는가",
    "explained": "이유를 설명할 수 있는가",
    "not_slower": "밤사이에 설명할 수 있는가",
    "not_drifted": "오늘의 가구가 배운 가구와 닮았는가",
}
CONTENTS: Final = (
    ("gate", "판정과 근거"),
    ("changes", "달라진 점"),
    ("worth", "정원 안 성과"),
    ("calibration", "가능성"),
    ("pushes", "점수를 움직인 것"),
    ("reach", "집단별 도달"),
    ("drift", "변화"),
    ("data", "자료"),
)
_VALUES_KO: Final[dict[str, str]] = {
    "yes": "예", "no": "아니요", "unknown": "모름", "under_40": "40세 미만", "40_to_64": "40~64세",
    "65_to_74": "65~74세", "75_and_over": "75세 이상", "apartment": "아파트", "row_house": "연립·다세대",
    "detached": "단독", "public_rental": "공공임대", "redevelopment_rental": "재개발임대", "one_room": "원룸·고시원",
    "non_dwelling": "주택 아닌 곳",
}  # fmt: skip
_BETWEEN: Final = re.compile(r"(?<=>)\s*\n+\s*(?=<)")


def write_report_page(
    told: Mapping[str, Any], pushes: Pushes, labels: Mapping[str, str], templates: Mapping[str, str], look: str,
    places: Mapping[str, str] | None = None,
) -> bytes:  # fmt: skip
    """`told`: report_facts.tell; `labels`: Korean name per column; `templates`: texts of TEMPLATES by name; `look`: the
    style all our pages share; `places`: names of offices and regions by code."""
    words = _VALUES_KO | dict(places or {})
    style = look + templates["report.css"]
    metrics = told["metrics"]
    environment = Environment(
        loader=DictLoader({"report.html": templates["report.html"]}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(
        told=told,
        m=metrics,
        style=Markup(style),  # noqa: S704 - our own files, covered by the hash
        policy=_policy(style),
        verdict=_verdict(told["decision"]),
        over_points=metrics["precision_over"].get("points"),
        gates=GATES_KO,
        contents=CONTENTS,
        rules={rule.code: rule.name_ko for rule in GENERAL},
        lines=_lines(metrics),
        labels=labels,
        groups=_groups(told["evidence"], words),
        beside=_beside(told["evidence"]),
        insufficient=INSUFFICIENT,
        pictures={name: _uri(svg) for name, svg in draw(told, pushes, labels, words).items()},
    )
    return (_BETWEEN.sub("\n", page) + "\n").encode()


def draw(
    told: Mapping[str, Any], pushes: Pushes, labels: Mapping[str, str], words: Mapping[str, str] = _VALUES_KO
) -> dict[str, bytes]:
    """Every picture of the page by name, SVG."""
    metrics = told["metrics"]
    drawn = {
        "capacity": plots.draw_capacity(told["capacity_curve"], {rule.code: rule.name_ko for rule in GENERAL}),
        "windows": plots.draw_windows(metrics["windows"], _lines(metrics)),
        "calibration": plots.draw_calibration(metrics["calibration"]["bands"]),
    }
    if told["groups"]:
        columns = list(pushes.columns)
        names = [labels[c["column"]] for c in told["columns"]]
        drawn["groups"] = plots.draw_groups(told["groups"][:SHOWN_GROUPS])
        drawn["beeswarm"] = plots.draw_beeswarm(pushes.values[:, columns], pushes.matrix[:, columns], names)
    for i, dependence in enumerate(told["partial_dependence"]):
        column, name = pushes.columns[i], labels[dependence["column"]]
        drawn[f"dependence{i}"] = plots.draw_dependence(pushes.values[:, column], pushes.matrix[:, column], name)
        if dependence["points"]:
            drawn[f"partial{i}"] = plots.draw_partial(dependence["points"], name)
    bars = [(g["name"], g["ratio"], g["low"], g["high"]) for g in _groups(told["evidence"], words) if g["ratio"]]
    if bars:
        drawn["reach"] = plots.draw_reach(bars, UNFAIR)
    return drawn


def _lines(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Orders drawn round by round: ours, the incumbent's, the best plain one, logistic regression."""
    best = metrics["best_rule"]
    names = {"model": metrics["model"]["name_ko"], "points": metrics["rules"]["points"]["name_ko"]}
    names[best] = metrics["rules"][best]["name_ko"]
    return names | {c.code: c.name_ko for c in CONTENDERS if c.code in metrics["contenders"]}


def _groups(evidence: Mapping[str, Any] | None, words: Mapping[str, str]) -> list[dict[str, Any]]:
    if evidence is None:
        return []
    titles = {grouping.name: grouping.name_ko for grouping in GROUPINGS}
    return [{**g, "name": f"{titles[g['grouping']]}: {words.get(g['group'], g['group'])}"} for g in evidence["groups"]]


def _beside(evidence: Mapping[str, Any] | None) -> str:
    if evidence is None:
        return ""
    beside: str = evidence["groups_beside"]
    return "이전 모형" if beside == "champion" else f"‘{beside}’"


def _verdict(decision: Mapping[str, Any] | None) -> str:
    if decision is None:
        return "심사하지 않음"
    return "통과" if decision["promotes"] else "보류"


def _uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
