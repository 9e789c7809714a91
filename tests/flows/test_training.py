"""A training's last steps: nothing is promoted before it can be told, and what is audited is kept nowhere."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select

from flows import gate, retrain
from flows.audit import take_audit, with_audit
from flows.desk import Desk, open_desk
from flows.errors import OperatorError
from flows.gate import latest, settle
from flows.refusals import as_operator_error
from flows.run import Run
from flows.search import lines_of
from flows.settings import load_settings
from models.audit import AuditRefused, read_audit
from models.evidence import Case, Evidence
from models.learner import TrainSettings
from store import models
from store.database import reading
from store.tables import Access, StoredModel
from store.tokens import tokens

ROOT = Path(__file__).parent.parent.parent
DAY = date(2026, 11, 2)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(ROOT / "config.yaml", tmp_path / "work") as opened:
        yield opened


def candidate(desk: Desk, name: str) -> StoredModel:
    at = datetime(2026, 11, 2, tzinfo=UTC)
    return models.save(desk.engine, desk.work / "models", {"x": name.encode()}, as_of=DAY, metrics={}, now=at)


def told(*, promotes: bool) -> dict[str, Any]:
    verdicts = [{"gate": "fair", "passed": promotes, "may_be_overruled": True}]
    decision = {"promotes": promotes, "may_be_overruled": True, "why": "fair: lost", "verdicts": verdicts}
    return {"as_of": "2026-11-02", "champion": None, "decision": decision, "evidence": {}}


def test_a_decision_is_written_down_then_acted_on(desk: Desk) -> None:
    first, second = candidate(desk, "a"), candidate(desk, "b")
    assert settle(desk, first, told(promotes=True)) == (True, "fair: lost")
    is_deployed, why = settle(desk, second, told(promotes=False))
    assert not is_deployed
    assert f"promote {second.id} --approve" in why
    champion = models.champion(desk.engine)
    assert champion is not None
    assert champion.id == first.id
    for model, promotes in ((first, True), (second, False)):
        entry = latest(desk, model.id)
        assert entry is not None
        assert entry["promotes"] is promotes
    before = sorted((desk.work / "models" / "decisions").iterdir())
    assert settle(desk, first, told(promotes=True)) == (True, "the same model as the deployed one")
    assert sorted((desk.work / "models" / "decisions").iterdir()) == before


def test_a_report_that_fails_keeps_the_model_from_being_deployed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stage but the last two is a stand-in; what is learned from holds nothing of the audit."""
    stored, audit = candidate(desk, "a"), pl.DataFrame({"household_key": [1], "audit__sex": ["female"]})
    matrix = pl.DataFrame({"household_key": [1], "label": [1]})
    seen: list[Any] = []

    def fail(*_: Any) -> Path:
        raise RuntimeError("a template names what is not there")

    def judge(*arguments: Any) -> dict[str, Any]:
        seen.append(arguments[-1])
        return told(promotes=True)

    stages: dict[str, Any] = {
        "take_in": lambda *_: (),
        "build_matrix": lambda *_: matrix,
        "take_audit": lambda *_: audit,
        "train_model": lambda _, __, rows, *___: seen.append(rows.columns),
        "keep_model": lambda *_: (stored, {}),
        "contacts_known_on": lambda *_: None,
        "look_at_today": lambda *_: None,
        "judge_challenger": judge,
        "write_reports": fail,
    }
    for name, stage in stages.items():
        stage.__name__ = name
        monkeypatch.setattr(retrain, name, stage)
    with pytest.raises(RuntimeError, match="template"):
        retrain.learn(desk, Run(desk, "retrain", DAY), audit=Path("audit.csv"))
    assert models.champion(desk.engine) is None
    assert latest(desk, stored.id) is None
    assert seen[0] == ["household_key", "label"]
    assert seen[1] is audit
    monkeypatch.setattr(retrain, "write_reports", stages["look_at_today"])
    with pytest.raises((TypeError, KeyError)):  # a summary of nothing
        retrain.learn(desk, Run(desk, "retrain", DAY), audit=Path("audit.csv"))
    champion = models.champion(desk.engine)
    assert champion is not None
    assert champion.id == stored.id


def test_the_gate_sees_the_audit_beside_what_was_learned_from(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = pl.DataFrame({"household_key": [1, 2], "label": [1, 0]})
    audit = pl.DataFrame({"household_key": [2], "audit__sex": ["female"]})
    seen: list[Any] = []
    usual: dict[str, Any] = dict.fromkeys(("judged", "features", "capacity", "recipe", "late"))
    monkeypatch.setattr(gate, "_case", lambda *_: Case(DAY, matrix, **usual))

    def gather(*told: Any) -> Evidence:
        seen.append(told[2])
        return Evidence(DAY, "not read", None)

    monkeypatch.setattr(gate, "gather", gather)
    outlook: Any = SimpleNamespace(sample=None)
    trained: Any = None
    entry = gate.judge_challenger(desk, DAY, candidate(desk, "a"), matrix, trained, outlook, audit)
    assert entry["decision"]["promotes"] is False
    assert seen[0].rows["audit__sex"].to_list() == [None, "female"]
    assert latest(desk, candidate(desk, "a").id) is None, "written down by settle alone"


NUMBERS = ["H10000001", "H10000002", "H10000003"]


def keys(desk: Desk) -> list[int]:
    return tokens(pl.Series(NUMBERS), "household", desk.keys).to_list()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949"])
def test_an_audit_table_is_read_logged_and_kept_nowhere(desk: Desk, tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "audit.csv"
    rows = ["세대번호,성별,장애", "H1000-0001,여,", "H10000002,남성,예", "H99999999,여,아니요"]
    file.write_bytes("\n".join(rows).encode(encoding))
    first, second, third = keys(desk)
    audit = take_audit(desk, file, pl.Series([first, second, third]))
    assert dict(zip(audit["household_key"], audit.drop("household_key").rows(), strict=True)) == {
        first: ("female", None),
        second: ("male", "yes"),
    }
    joined = with_audit(pl.DataFrame({"household_key": [third, first, first]}), audit)
    assert joined["audit__sex"].to_list() == [None, "female", "female"]
    with reading(desk.engine) as session:
        logged = session.scalars(select(Access).where(Access.task == "audit")).one()
    assert sorted(logged.subjects) == sorted([first, second])
    for kept in (f for f in desk.work.rglob("*") if f.is_file()):
        data = kept.read_bytes()
        assert b"female" not in data
        assert b"H10000001" not in data
        assert "여".encode() not in data or kept.suffix == ".db"


def test_a_parquet_of_tokens_is_read_too(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "audit.parquet"
    pl.DataFrame({"household_key": keys(desk), "nationality": ["korean", "foreign", None]}).write_parquet(file)
    audit = take_audit(desk, file, pl.Series(keys(desk)[:2]))
    assert dict(audit.iter_rows()) == dict(zip(keys(desk)[:2], ["korean", "foreign"], strict=True))


REFUSED = {
    "a column nobody knows": "세대번호,성별,소득\nH10000001,여,1",
    "a word nobody knows": "세대번호,성별\nH10000001,여사",
    "no key": "성별\n여",
    "two keys": "세대번호,household_key,성별\nH10000001,1,여",
    "nothing to audit": "세대번호\nH10000001",
    "one field twice": "세대번호,성별,sex\nH10000001,여,F",
    "a household twice": "세대번호,성별\nH10000001,여\nH10000001,남",
    "a household twice, written otherwise": "세대번호,성별\nH10000001,여\nH1000-0001,남",
    "no number": "세대번호,성별\n가나다,여",
    "an empty key": "세대번호,성별\n,여",
    "other households": "세대번호,성별\nH99999999,여",
    "no table": "",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_would_have_to_be_guessed_is_refused(desk: Desk, tmp_path: Path, text: str) -> None:
    file = tmp_path / "audit.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises((AuditRefused, OperatorError)) as refused:
        take_audit(desk, file, pl.Series(keys(desk)))
    error = as_operator_error(refused.value)
    assert error is not None
    assert error.kind == "audit"
    assert "H1000" not in error.what
    with reading(desk.engine) as session:
        assert session.scalars(select(Access)).first() is None


def test_a_word_nobody_knows_is_told_by_its_row() -> None:
    with pytest.raises(AuditRefused, match="row 2: a word of 장애"):
        read_audit(pl.DataFrame({"세대번호": ["a", "b"], "장애": ["유", "심함"]}))


def test_what_a_search_found_is_told_as_lines_that_config_takes(tmp_path: Path) -> None:
    no_recipe = {"seed", "rows_per_part"}
    usual = TrainSettings(**load_settings(ROOT / "config.yaml", tmp_path).model.model_dump(exclude=no_recipe))
    assert usual == TrainSettings()
    found = TrainSettings(leaves=24, learning_rate=0.0312345678, ridge=3.25, leaf_rows=77)
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    for line in lines_of(usual, found):
        name = line.split(":")[0]
        old = next(told for told in text.splitlines() if told.startswith(f"{name}:"))
        text = text.replace(old, line)
    config = tmp_path / "config.yaml"
    config.write_text(text, encoding="utf-8")
    read = load_settings(config, tmp_path).model.model_dump(exclude=no_recipe)
    assert TrainSettings(**read | {"learning_rate": found.learning_rate}) == found
    assert read["learning_rate"] == pytest.approx(found.learning_rate, rel=1e-5)
    assert lines_of(usual, usual) == ()
    assert SimpleNamespace(**read).leaves == 24
