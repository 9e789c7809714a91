"""The mirror in MLflow: figures and aliases as our registry has them, again and again, with nothing said to anybody."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.desk import Glance
from flows.settings import load_settings
from flows.tracking import EXPERIMENT, KEY, metrics_of, track
from models.bundle import Origin, pack
from models.train import Trained, train
from store import models
from store.database import open_database
from tests.models.made_up import CAPACITY, FEATURES, QUICK, draw_rows

pytest.importorskip("mlflow", reason="MLflow's client is not installed (extra `lab`: make install)")

ROOT = Path(__file__).parent.parent.parent
SEED = bytes(range(32))


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(draw_rows(1_500, seed=3), FEATURES, QUICK, seed=5, capacity=CAPACITY)


@pytest.fixture
def seen(tmp_path: Path) -> Glance:
    settings = load_settings(ROOT / "config.yaml", tmp_path)
    return Glance(settings, open_database(settings.database_url))


def keep(seen: Glance, trained: Trained, n: int) -> str:
    files = pack(trained, Origin("2026-01-02", f"code {n}", "settings", {}), SEED)
    folder, at = seen.settings.work / "models", datetime(2026, 1, n, tzinfo=UTC)
    metrics = trained.facts["metrics"]
    name = models.save(seen.engine, folder, files, as_of=date(2026, 1, 2), metrics=metrics, now=at).id
    report = seen.settings.work / "reports" / name / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text(f'report {n} <img data-name="capacity" src="data:image/svg+xml;base64,PHN2Zy8+" alt="">')
    verdicts = [{"gate": "fair", "passed": n != 2}, {"gate": "fresh", "passed": True}]
    report.with_suffix(".json").write_text(json.dumps({"decision": {"verdicts": verdicts}}))
    return name


def client_of(database: Path) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{database}", registry_uri=f"sqlite:///{database}")


def holders(client: Any) -> dict[str, str]:
    aliases = client.get_registered_model(EXPERIMENT).aliases
    return {a: client.get_model_version(EXPERIMENT, v).tags[KEY] for a, v in aliases.items()}


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_models_figures_and_aliases_are_those_of_our_registry(seen: Glance, trained: Trained) -> None:
    first, second = keep(seen, trained, 1), keep(seen, trained, 2)
    models.promote(seen.engine, first, datetime(2026, 1, 3, tzinfo=UTC))
    database, fresh, count = track(seen)
    assert (fresh, count) == (2, 2)
    client = client_of(database)
    assert holders(client) == {"champion": first, "challenger": second}
    runs = {run.data.tags[KEY]: run for run in client.search_runs(["1"])}
    assert set(runs) == {first, second}
    for name, value, step in metrics_of(trained.facts["metrics"]):
        history = {m.step: m.value for m in client.get_metric_history(runs[first].info.run_id, name)}
        assert history[step] == pytest.approx(value)
    assert runs[first].data.params["leaves"] == str(QUICK.leaves)
    run = runs[first].info.run_id
    assert [a.path for a in client.list_artifacts(run)] == ["plots", "report.html", "report.json"]
    assert [a.path for a in client.list_artifacts(run, "plots")] == ["plots/capacity.svg"]
    drawn = seen.settings.work / "tracking" / "artifacts" / run / "artifacts" / "plots" / "capacity.svg"
    assert drawn.read_text() == "<svg/>"
    assert [runs[name].data.tags["gate"] for name in (first, second)] == ["passed", "held back: fair"]

    # Promoted here, it is promoted there; nothing is mirrored twice.
    models.promote(seen.engine, second, datetime(2026, 1, 4, tzinfo=UTC))
    assert track(seen)[1:] == (0, 2)
    assert holders(client) == {"champion": second}
    states = {v.tags[KEY]: v.tags["state"] for v in client.search_model_versions("")}
    assert states == {first: "retired", second: "champion"}
    third = keep(seen, trained, 5)
    assert track(seen)[1:] == (1, 3)
    assert holders(client) == {"champion": second, "challenger": third}


def test_every_round_of_every_order_is_told(trained: Trained) -> None:
    metrics = trained.facts["metrics"]
    told = list(metrics_of(metrics))
    assert len({(name, step) for name, _, step in told}) == len(told)
    rounds = pl.DataFrame(told, schema=["name", "value", "step"], orient="row").filter(
        pl.col("name").str.starts_with("window_precision/")
    )
    orders = 1 + len(metrics["rules"]) + len(metrics["contenders"])
    assert rounds.height == orders * len(metrics["windows"])


def test_telemetry_is_off_before_it_could_speak(tmp_path: Path) -> None:
    program = f"""
import socket, sys
def refuse(*_): raise AssertionError("reached out")
socket.socket.connect = refuse
from pathlib import Path
import flows.tracking as tracking
assert "mlflow" not in sys.modules
tracking._client(Path({str(tmp_path)!r}))
from mlflow.telemetry.utils import is_telemetry_disabled
assert is_telemetry_disabled()
"""
    # Bare: MLflow also keeps quiet where it sees pytest's or a CI's variables.
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False, env=bare
    )
    assert told.returncode == 0, told.stderr
