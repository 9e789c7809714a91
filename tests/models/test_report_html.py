"""The report of a training: it says what was measured, needs nothing but itself, and comes out the same."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from models.bundle import Origin, pack, public_key_of, read_passport
from models.drift import arrival_rates
from models.explain import explain
from models.gate_texts import QUESTIONS, say
from models.plots import draw_beeswarm
from models.report_facts import SHARES, Pushes, Subject, sample_pushes, tell
from models.report_html import TEMPLATES, write_report_page
from models.report_watch import Watch
from models.score import score
from models.train import Trained, train
from tests.models.made_up import CAPACITY, FEATURES, QUICK

ROOT = Path(__file__).parent.parent.parent
SEED = bytes(range(32))
TEXTS = {name: (ROOT / "models" / "pages" / name).read_text(encoding="utf-8") for name in TEMPLATES}
LOOK = (ROOT / "alerts" / "pages" / "page.css").read_text(encoding="utf-8")
LABELS = {f.name: f"{f.label_ko} {f.name}" for f in FEATURES}
NAMES = {f.group: f.group for f in FEATURES}
PLACES = {"1111051500": "청운효자동", "11": "서울특별시"}


def passport_of(trained: Trained) -> dict[str, Any]:
    files = pack(trained, Origin("2026-01-02", "code", "settings", {"observations": 3}), SEED)
    return read_passport(files, public_key_of(SEED))


def decision(*, promotes: bool) -> dict[str, Any]:
    verdict = {"what": "measured", "measured": {}, "bound": {}, "may_be_overruled": True}
    words = {name: f"<b>잰 것</b> {name}" for name in QUESTIONS} | {"fair": "1111051500의 한 집단을 잃었습니다."}
    verdicts = [{"gate": n, "passed": promotes or n != "fair", "what_ko": words[n], **verdict} for n in QUESTIONS]
    group = {"grouping": "head_age", "group": "under_40", "rows": 90, "needs": 40, "ours": 0.3, "theirs": 0.4}
    group |= {"ours_low": 0.21, "ours_high": 0.42}
    thin = {"grouping": "region", "group": "11", "rows": 9, "needs": 3, "ours": None, "theirs": None}
    thin |= {"ours_low": None, "ours_high": None}
    groups = [group | {"ratio": 0.75, "low": 0.5, "high": 0.98}, thin | {"ratio": None, "low": None, "high": None}]
    worst = [{"name": FEATURES[0].name, "psi": 0.3, "then_unknown": 0.0, "now_unknown": 0.1}]
    told = {
        "groups": groups, "groups_beside": "champion", "score_psi": 0.02, "no_champion": say("no_champion")._asdict(),
        "feature_drift": {"features": 10, "watch": 2, "drifted": 1, "worst": worst},
    }  # fmt: skip
    return {
        "decision": {"promotes": promotes, "may_be_overruled": True, "why": "fair: lost", "verdicts": verdicts},
        "champion": None, "evidence": {"measured": told},
    }  # fmt: skip


def watch(rows: pl.DataFrame) -> Watch:
    """Two agencies; the second one's newest file holds nothing of what it told before, and its next one is overdue."""
    told = [
        (signal, agency, area, date(2025, month, 1), 90 if (agency, month) != ("nts", 12) else 5)
        for signal, agency in (("power_arrears", "kepco"), ("tax", "nts"))
        for area in ("11", "26")
        for month in range(1, 13)
    ]
    arrived = pl.DataFrame(told, schema=["signal", "agency", "area", "month", "notices"], orient="row")
    sources = pl.DataFrame({
        "agency": ["kepco", "nts"], "newest": [date(2025, 12, 1)] * 2, "last_received": [date(2026, 1, 1)] * 2,
        "is_late": [False, True],
    })  # fmt: skip
    estimate = {"value": 0.2, "low": 0.1, "high": 0.3, "drawn": 40, "answered": 30, "effective": 27.4}
    reach = {"base_rate": estimate, "precision": estimate, "reach": estimate, "first": "2025-01-01"}
    return Watch(
        arrival_rates(arrived, ()), arrival_rates(arrived, ("area",)), sources, rows, reach, CAPACITY,
        {"kepco": "한국전력공사", "nts": "국세청"},
    )  # fmt: skip


def subject_of(rows: pl.DataFrame, trained: Trained, told: dict[str, Any] | None) -> Subject:
    days = rows["selected_on"].unique().sort()
    counts = {"selected": 10, "tried": 9, "answered": 8, "reached": 7, "matured": 5, "needs": 2}
    coverage = pl.DataFrame({"selected_on": days, "lane": "risk"}).with_columns(
        **{k: pl.lit(v) for k, v in counts.items()}, is_open=pl.col("selected_on") == days[-1]
    )
    return Subject(
        passport_of(trained), trained.model, "20260102-abc", rows, trained.judged, told, None, None,
        coverage, FEATURES, NAMES, watch(rows),
    )  # fmt: skip


@pytest.fixture(scope="module")
def subject(rows: pl.DataFrame, trained: Trained) -> Subject:
    return subject_of(rows, trained, decision(promotes=True))


@pytest.fixture(scope="module")
def pushes(subject: Subject) -> Pushes:
    return sample_pushes(subject)


@pytest.fixture(scope="module")
def told(subject: Subject, pushes: Pushes) -> dict[str, Any]:
    return tell(subject, pushes, np.random.default_rng(1))


@pytest.fixture(scope="module")
def page(told: dict[str, Any], pushes: Pushes) -> str:
    return write_report_page(told, pushes, LABELS, TEXTS, LOOK, PLACES).decode()


def test_figures_are_those_that_were_measured(told: dict[str, Any], subject: Subject, page: str) -> None:
    metrics = subject.passport["training"]["metrics"]
    assert told["metrics"] == metrics
    shown = re.sub(r"<[^>]+>", "", page)
    assert f"{metrics['model']['roc_auc']['value']:.3f} [{metrics['model']['roc_auc']['low']:.3f}" in shown
    for other in (*metrics["rules"].values(), *metrics["contenders"].values()):
        assert f"{other['name_ko']}" in shown
        assert f"{other['roc_auc']['value']:.3f} [" in shown
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_a_curve_of_places_ends_at_the_truth(told: dict[str, Any], subject: Subject) -> None:
    """By a plain loop: so many of each round from the top, the needs among them."""
    judged = subject.judged
    rounds = judged["selected_on"].unique().sort()
    for point, share in zip(told["capacity_curve"], SHARES, strict=True):
        places, taken, found = max(1, round(share * judged.height / len(rounds))), 0, 0
        for day in rounds:
            best = judged.filter(pl.col("selected_on") == day).sort("margin", descending=True).head(places)
            taken, found = taken + best.height, found + int(best["label"].sum())
        assert point["places"] == taken
        assert point["precision"] == pytest.approx(found / taken)
        assert point["recall"] == pytest.approx(found / judged["label"].sum())
        assert point["low"] <= point["precision"] <= point["high"]


def test_pushes_of_groups_are_those_that_officers_are_told(told: dict[str, Any], subject: Subject) -> None:
    rows = subject.rows.sort("selected_on", "household_key")
    sampled = rows.gather_every(-(-rows.height // 500))
    theirs = explain(subject.model, sampled)
    for group in told["groups"]:
        assert group["mean_push"] == pytest.approx(float(theirs[group["group"]].abs().mean()), abs=1e-9)
    assert sum(g["share"] for g in told["groups"]) == pytest.approx(1)


def test_dependence_is_the_mean_chance_when_all_have_the_value(told: dict[str, Any], subject: Subject) -> None:
    rows = subject.rows.sort("selected_on", "household_key")
    sampled = rows.gather_every(-(-rows.height // 500))
    for dependence in told["partial_dependence"]:
        for point in dependence["points"][:: max(1, len(dependence["points"]) // 3)]:
            changed = sampled.with_columns(pl.lit(point["value"], pl.Float32).alias(dependence["column"]))
            chance = score(subject.model, changed)["probability"].mean()
            assert point["chance"] == pytest.approx(chance)


def test_dependence_keeps_the_catalogues_direction(told: dict[str, Any]) -> None:
    directed = [d for d in told["partial_dependence"] if d["monotone"] and len(d["points"]) > 1]
    assert directed
    for dependence in directed:
        steps = np.diff([p["chance"] for p in dependence["points"]]) * dependence["monotone"]
        assert (steps >= -1e-9).all()


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)[0]
    assert policy.startswith("default-src &#39;none&#39;") or policy.startswith("default-src 'none'")
    assert not re.findall(r"<script|<link|<iframe|https?://|style=\"|\son\w+=", page)
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)"', page)
    assert len(pictures) >= 10
    for data, words in pictures:
        svg = base64.b64decode(data)
        assert svg.startswith(b"<?xml")
        assert words.strip()
    assert re.findall(r'src="(?!data:)', page) == []


def test_what_others_wrote_is_escaped(page: str) -> None:
    assert "<b>잰 것</b>" not in page
    assert "&lt;b&gt;잰 것&lt;/b&gt;" in page


class Tags(HTMLParser):
    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids += [str(told["id"])] if "id" in told else []
        self.targets += [str(told["href"])[1:]] if "href" in told else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_tags_close_and_the_contents_lead_somewhere(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert set(tags.targets) <= set(tags.ids)


def test_same_training_same_bytes_also_in_another_process(told: dict[str, Any], pushes: Pushes, page: str) -> None:
    np.random.seed(77)
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    assert write_report_page(told, pushes, LABELS, TEXTS, LOOK, PLACES).decode() == page
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], before)
    program = (
        "import sys, hashlib, numpy as np, flows.reports; from models.plots import draw_beeswarm\n"
        "assert not {'matplotlib', 'shap', 'mlflow'} & set(sys.modules), 'drawing is loaded before anything is drawn'\n"
        "r = np.random.default_rng(1); v = r.normal(size=(60, 3)); m = v.astype(np.float32)\n"
        "sys.stdout.write(hashlib.sha256(draw_beeswarm(v, m, ['가', '나', '다'])).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    values = np.random.default_rng(1).normal(size=(60, 3))
    ours = draw_beeswarm(values, values.astype(np.float32), ["가", "나", "다"])
    assert other.stdout == hashlib.sha256(ours).hexdigest()


@pytest.fixture
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.report_html.draw", lambda *_: {})


@pytest.mark.usefixtures("_no_pictures")
def test_what_was_not_measured_is_said(subject: Subject, pushes: Pushes) -> None:
    told = tell(replace(subject, decision=None), pushes, np.random.default_rng(1))
    assert told["decision"] is told["evidence"] is told["changes"] is None
    page = write_report_page(told, pushes, LABELS, TEXTS, LOOK, PLACES).decode()
    assert "심사하지 않음" in page
    assert page.count("측정하지 않음") >= 2


@pytest.mark.usefixtures("_no_pictures")
def test_a_model_held_back_says_why_first(subject: Subject, pushes: Pushes) -> None:
    told = tell(replace(subject, decision=decision(promotes=False)), pushes, np.random.default_rng(1))
    page = write_report_page(told, pushes, LABELS, TEXTS, LOOK, PLACES).decode()
    assert page.index("✗ 보류") < page.index("청운효자동의 한 집단을 잃었습니다.") < page.index("✗ 미달")
    assert page.count("✗ 미달") == 1


def test_small_groups_are_not_given_a_share(page: str) -> None:
    row = re.findall(r"<tr class=\"thin\">.*?</tr>", page, re.S)
    assert len(row) == 1
    assert "자료 부족 1개 집단" in page
    assert "%" not in row[0]


def test_what_changed_since_the_champion_is_told(subject: Subject, pushes: Pushes, rows: pl.DataFrame) -> None:
    earlier = rows.filter(pl.col("selected_on") < rows["selected_on"].max())
    before = train(earlier, FEATURES, replace(QUICK, leaves=8), 5, CAPACITY)
    told = tell(
        replace(subject, champion=before.model, champion_passport=passport_of(before)), pushes, np.random.default_rng(1)
    )
    changes = told["changes"]
    assert changes["rows"] == [earlier.height, rows.height]
    assert changes["parameters"] == {"leaves": [8, QUICK.leaves]}
    assert not changes["label_changed"]
    assert 0.5 < changes["agreement"] <= 1
    for group in changes["groups"]:
        now = {g["group"]: g["mean_push"] for g in told["groups"]}.get(group["group"], 0.0)
        assert group["mean_push"][1] == pytest.approx(now)


def test_a_look_at_every_household_twice_is_one_sample(subject: Subject) -> None:
    """Whatever order the rows come in."""
    again = sample_pushes(replace(subject, rows=subject.rows.sample(fraction=1.0, shuffle=True, seed=3)))
    first = sample_pushes(subject)
    np.testing.assert_array_equal(again.matrix, first.matrix)
    assert again.columns == first.columns


def text_of(page: str, section: str) -> str:
    found = re.search(rf'<section class="panel" id="{section}">(.*?)</section>', page, re.S)
    assert found is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1]))


def test_what_today_tells_without_answers_is_shown(told: dict[str, Any], page: str, subject: Subject) -> None:
    expected = told["watch"]["expected"]
    queue = score(subject.model, subject.watch.queue)
    frame = queue.join(subject.rows.select("household_key", "office"), on="household_key")
    best = [
        frame.filter(office=office).sort("probability", descending=True).head(places)["probability"]
        for office, places in CAPACITY.items()
    ]
    assert expected["places"] == sum(CAPACITY.values())
    assert expected["value"] == pytest.approx(pl.concat(best).mean())
    assert expected["low"] < expected["value"] < expected["high"]
    worth = text_of(page, "worth")
    assert f"{100 * expected['value']:.1f} %" in worth
    assert "20.0 % [10.0 %, 30.0 %] 40 30 27 " in worth


def test_a_source_that_falls_silent_stands_first(told: dict[str, Any], page: str) -> None:
    arrivals = told["watch"]["arrivals"]
    assert [s["signal"] for s in arrivals["signals"] if s["is_unusual"]] == ["tax"]
    assert [(r["area"], r["notices"], r["usual"]) for r in arrivals["regions"]] == [("11", 5, 90.0), ("26", 5, 90.0)]
    factors = {a["agency"]: a["factors"][-1] for a in arrivals["agencies"]}
    assert factors == {"kepco": 1.0, "nts": pytest.approx(10 / 180)}
    drift = text_of(page, "drift")
    assert "위기정보 1개: tax(국세청) 10건, 평소 180건" in drift
    assert "때가 지난 기관 1곳 : 국세청(마지막 도착 2026-01-01)" in drift.replace("1곳:", "1곳 :")
    assert "서울특별시 국세청 tax 2025-12 5 90" in drift


def test_reasons_reach_and_open_rounds_are_told_with_their_numbers(page: str, subject: Subject) -> None:
    training = subject.passport["training"]
    assert f"순위 상관 {training['stability']['rank_correlation']:.2f}" in text_of(page, "pushes")
    assert f"10,000쌍 가운데 {training['violations']['found']}쌍" in text_of(page, "pushes")
    assert "세대주 나이: 40세 미만 90 40 30.0 % [21.0 %, 42.0 %] 40.0 % 0.75 [0.50, 0.98]" in text_of(page, "reach")
    assert "성별·장애·국적별 도달은 재지 않았습니다" in text_of(page, "reach")
    assert text_of(page, "data").count("답변 기간 중") == 1


def test_an_audited_group_is_told_and_no_more_said_to_be_unmeasured(subject: Subject, pushes: Pushes) -> None:
    """Said of those that were handed in; of the others it still stands."""
    audited = decision(promotes=True)
    first = audited["evidence"]["measured"]["groups"][0]
    audited["evidence"]["measured"]["groups"].append(first | {"grouping": "disability", "group": "yes"})
    told = tell(replace(subject, decision=audited), pushes, np.random.default_rng(1))
    reach = text_of(write_report_page(told, pushes, LABELS, TEXTS, LOOK, PLACES).decode(), "reach")
    assert "장애인 있는 가구: 예 90 40" in reach
    assert "성별·국적별 도달은 재지 않았습니다" in reach
