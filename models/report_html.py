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
from models.drift import ARRIVAL_FACTOR, DRIFTED, WATCH
from models.evidence import CHAMPION
from models.gate import UNFAIR
from models.gate_texts import QUESTIONS
from models.groups import INSUFFICIENT, TITLES_KO, VALUES_KO, unaudited
from models.report_facts import Pushes
from models.rules import GENERAL

TEMPLATES: Final = ("report.html", "report.css")
SHOWN_GROUPS: Final = 15

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
_OFFICE: Final = re.compile(r"(?<!\d)\d{10}(?!\d)")
_BETWEEN: Final = re.compile(r"(?<=>)\s*\n+\s*(?=<)")


def write_report_page(
    told: Mapping[str, Any], pushes: Pushes, labels: Mapping[str, str], templates: Mapping[str, str], look: str,
    places: Mapping[str, str] | None = None,
) -> bytes:  # fmt: skip
    """`told`: report_facts.tell; `labels`: Korean name per column; `templates`: texts of TEMPLATES by name; `look`: the
    style all our pages share; `places`: names of offices and regions by code."""
    words = {**VALUES_KO, **(places or {})}
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
        gates={name: question.ko for name, question in QUESTIONS.items()},
        named=lambda text: _OFFICE.sub(lambda found: words.get(found[0], found[0]), text),
        words=words,
        unaudited=unaudited(told["evidence"]),
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
    told: Mapping[str, Any], pushes: Pushes, labels: Mapping[str, str], words: Mapping[str, str] = VALUES_KO
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
    bars = [
        (f"{g['name']} ({g['needs']:,})", g["ratio"], g["low"], g["high"])
        for g in _groups(told["evidence"], words)
        if g["ratio"]
    ]
    if bars:
        drawn["reach"] = plots.draw_reach(bars, UNFAIR)
    if told["evidence"] and told["evidence"]["feature_drift"]:
        worst = [(labels.get(d["name"], d["name"]), d["psi"]) for d in told["evidence"]["feature_drift"]["worst"]]
        drawn["drift"] = plots.draw_drift(worst, (WATCH, DRIFTED))
    if told["watch"]["arrivals"]:
        arrivals = told["watch"]["arrivals"]
        rows = [(a["name_ko"], a["factors"]) for a in arrivals["agencies"]]
        drawn["arrivals"] = plots.draw_arrivals(rows, arrivals["months"], ARRIVAL_FACTOR)
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
    return [
        {**g, "name": f"{TITLES_KO[g['grouping']]}: {words.get(g['group'], g['group'])}"} for g in evidence["groups"]
    ]


def _beside(evidence: Mapping[str, Any] | None) -> str:
    if evidence is None:
        return ""
    beside: str = evidence["groups_beside"]
    return "이전 모형" if beside == CHAMPION else f"‘{beside}’"


def _verdict(decision: Mapping[str, Any] | None) -> str:
    if decision is None:
        return "심사하지 않음"
    return "통과" if decision["promotes"] else "보류"


def _uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
